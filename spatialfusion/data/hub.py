"""The Hugging Face Hub, asked with a time limit: whether it can be reached, and weights from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..errors import InputError

SECONDS = 10
# No pickles and no code.
_FILES = ("*.json", "*.safetensors", "README.md")


def check_reachable(name: str, kind: str, advice: str) -> None:
    """InputError with `advice` unless the Hub answers within SECONDS that it has this model or dataset (`kind`)."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        HfApi().repo_info(name, repo_type=kind, timeout=SECONDS)
    except (HfHubHTTPError, HFValidationError) as error:
        raise InputError(f"the Hugging Face Hub gives no {kind} {name} ({_first_line(error)}): {advice}.") from None
    # httpx's own errors, whose package is not ours to name; and what is below it.
    except Exception as error:
        raise InputError(f"the Hugging Face Hub cannot be reached ({_first_line(error)}): {advice}.") from None


def find_weights(name: str) -> Path:
    """The folder of a model's weights: the one named, or what the Hub has under this name.

    Only .safetensors and .json files count; a folder without them is an InputError that says what to place there.
    """
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            raise InputError(f"there is no folder {name}: expected one with config.json and model.safetensors.")
        folder = _download(name)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise InputError(
            f"{name} has no config.json or no .safetensors file: expected both (weights in other formats are not read; "
            "docs/data.md and docs/evaluation.md say how to convert them)."
        )
    return folder


def card_licence(folder: Path) -> str | None:
    """The licence that the README.md of a folder from the Hub states, or None."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    header = re.match(r"\s*---\s*\n(.*?)\n---", text, re.DOTALL)
    fields = dict(re.findall(r"^(license|license_name):\s*(\S+)\s*$", header[1], re.MULTILINE)) if header else {}
    licence = fields.get("license")
    return fields.get("license_name", licence) if licence == "other" else licence


def read_json(path: Path) -> dict:
    """A JSON object from a file; InputError if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a JSON object: expected the file that belongs to the weights beside it.")
    return content


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
        if list(folder.glob("*.safetensors")):
            return folder
    except LocalEntryNotFoundError:
        pass
    advice = f"place its config.json and .safetensors files in a folder and give that folder instead of {name}"
    check_reachable(name, "model", advice)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), etag_timeout=SECONDS))
    except OSError as error:
        raise InputError(f"{name} cannot be downloaded ({_first_line(error)}): {advice}.") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
