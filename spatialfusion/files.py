"""Files that are either whole or absent (write under a temporary name, then rename), and what tells them apart."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any error nothing is left behind."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _default_mode(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the name `path`, replacing a folder of that name."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        set_default_modes(temporary)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            os.replace(path, old / path.name)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def weights_digest(*paths: Path) -> str:
    """A short name for the content of a network's weights files."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as file:
            while part := file.read(2**24):
                digest.update(part)
    return digest.hexdigest()[:12]


def could_be_safetensors(start: bytes) -> bool:
    """Whether a file that begins with these 8 bytes may be safetensors; a pickle or a zip archive may not."""
    # It begins with the length of its header, of which 100 MB are allowed.
    return len(start) == 8 and int.from_bytes(start, "little") <= 100_000_000 and not start.startswith(b"PK\x03\x04")


def set_default_modes(folder: Path) -> None:
    """Give every file of a folder the mode that open() would have given it; some writers make private ones."""
    for path in folder.rglob("*"):
        if path.is_file():
            _default_mode(path)


def _default_mode(path: Path) -> None:
    # mkstemp makes private files; a result should have the mode that open() would have given it.
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
