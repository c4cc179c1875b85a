"""The Hugging Face Hub: the folder of what is there, or lies on this machine, under a name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import InputError

HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "revision", "token")


def find_folder(
    name: str | os.PathLike, holds: str, files: Sequence[str], without: Sequence[str] = (), **options: Any
) -> Path:
    """The folder named, or a copy of what the Hub has under this name; a folder never touches the network.

    Args:
        holds: the file that such a folder has, for messages.
        files, without: patterns of what is fetched and of what is left out of it.
        options: those of HUB_OPTIONS, as huggingface_hub has them.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(name)) or folder.exists():
        raise InputError(f"{name} is not a model folder: expected a folder with {holds}, or a model of the Hub.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(str(name), allow_patterns=list(files), ignore_patterns=list(without), **options)
        return Path(found)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"there is no folder {name}, and the Hub gives no model of that name ({reason}).") from None
