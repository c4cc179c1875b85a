"""Files that are either whole or absent (write under a temporary name, then rename), and what tells them apart."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

_PARTIAL = ".partial-"  # stands in the names of files that are not whole yet


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any error nothing is left behind."""
    path = Path(path)
    _check_name(path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Pillow and others go by the ending.
    suffix = path.suffix if len(path.suffix) < 16 else ""
    handle, name = tempfile.mkstemp(prefix=_prefix(path.stem), suffix=suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _system_errors(path):
            yield temporary
        _default_mode(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all. Undecodable bytes of file names become their escapes."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the name `path`, replacing a folder of that name."""
    path = Path(path)
    _check_name(path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(path.name), dir=path.parent))
    try:
        with _system_errors(path):
            yield temporary
        temporary.chmod(0o755)
        set_default_modes(temporary)
        if path.exists():
            # Not a name that `remove_leftovers` knows: a kill between the two renames must not lose what was there.
            old = Path(tempfile.mkdtemp(prefix=f".{path.name[:32]}.old-", dir=path.parent))
            os.replace(path, old / path.name)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def slug(prompt: str) -> str:
    """The name of a folder for a prompt. A long prompt gives its beginning and a digest."""
    name = re.sub(r"[\W_]+", "-", prompt.lower()).strip("-")
    if len(name) > 60 or len(name.encode()) > 180:
        # Names have a limit in bytes, and some letters have four.
        start = name[:53].encode()[:160].decode(errors="ignore")
        name = f"{start.strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return name or "image"


def check_writable(out: Path) -> None:
    """Before a minute of work, not after it."""
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"--out is {out}, but {existing} is a file: expected a folder.")
    if not os.access(existing, os.W_OK):
        raise InputError(f"--out is {out}, but {existing} cannot be written to: choose another folder.")


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


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """Inside the block a full disk raises OSError, also where safetensors would raise an error of its own."""
    try:
        yield
    except Exception as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        if type(error).__name__ != "SafetensorError" or found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from None


def _check_name(name: str) -> None:
    # Checked before the work, and not when the file is renamed.
    if (size := len(os.fsencode(name))) > 255:
        raise InputError(f"the name {name[:20]!r} and on has {size} bytes: expected up to 255.")


def _prefix(name: str) -> str:
    # The prefix is short, as `name` may be as long as the file system allows, and the temporary name is longer.
    return f".{name[:32]}{_PARTIAL}"


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a hidden folder in `parent`, for files on the way to their places there; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=_prefix(parent.name), dir=parent) as name:
        with _system_errors(parent):
            yield Path(name)


@contextmanager
def run_folder(out: Path, record: str, replaced: Sequence[str]) -> Iterator[Path]:
    """Yield a temporary folder; on success its files take their places in `out`, on any error none does.

    record: the file that is removed first and written last, so that a folder that has it holds one whole run, whenever
    the process is killed. replaced: patterns of files that an earlier run may have left and that could be taken for
    this run's. They are deleted if `out` is known to be the folder of such a run. All other files in `out` stay.
    """
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        # What a killed run has left says that the files beside it are ours, even without the record.
        is_ours = remove_leftovers(out) or (out / record).is_file()
        with temporary_folder(out) as folder:
            yield folder
            set_default_modes(folder)
            names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
            (out / record).unlink(missing_ok=True)
            if is_ours:
                for path in [path for pattern in replaced for path in out.glob(pattern)]:
                    if path.relative_to(out) not in names:
                        path.unlink()
            for name in sorted(names, key=lambda name: (name == Path(record), name)):
                (out / name).parent.mkdir(exist_ok=True)
                os.replace(folder / name, out / name)
    except BaseException:
        if is_new:
            with suppress(OSError):
                out.rmdir()
        raise


def remove_leftovers(folder: Path) -> bool:
    """Delete what processes that were killed while they wrote have left in a folder, but not in its subfolders; returns
    whether there was something."""
    leftovers = list(folder.glob(f".*{_PARTIAL}*"))
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return bool(leftovers)


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
