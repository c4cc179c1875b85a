"""Which versions a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from . import __version__


def versions(*libraries: str) -> dict[str, str]:
    """Versions of spatialfusion, Python, torch and of the `libraries` that are installed, none of which is imported."""
    found = {"spatialfusion": __version__, "python": platform.python_version()}
    for name in ("torch", *libraries):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
