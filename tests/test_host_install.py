"""The pack installed by ComfyUI-Manager's command line and by comfy-cli, from a local git address into a fresh host.

Skipped without a host, or where its Python has no `cm-cli` (package comfyui-manager) or `comfy` (comfy-cli).
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from host_server import PACK, Host, NoHostError, find_host

pytestmark = pytest.mark.host

NAME = "SpatialFusionPack"
LATE = 600  # seconds
LEFT_OUT = {".git", ".venv", "venv", "custom_nodes", "models", "user", "input", "output", "temp"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A git address of this repository as it was last committed."""
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "clone", "-q", "--bare", PACK, folder / f"{NAME}.git"], check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder / f"{NAME}.git", check=True)
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{NAME}.git"
        server.shutdown()


@pytest.fixture
def fresh(tmp_path):
    """A copy of the host, with no other packs, models or settings in it; and its Python."""
    try:
        folder, python = find_host()
    except NoHostError as missing:
        pytest.skip(str(missing))
    fresh = tmp_path / "ComfyUI"
    # A copy: behind links the installers would find the installed host.
    shutil.copytree(
        folder, fresh, ignore=lambda path, names: LEFT_OUT.intersection(names) if path == str(folder) else ()
    )
    for name in ("custom_nodes", "models", "user"):
        (fresh / name).mkdir()
    return fresh, python


def command(installer: str, python: str, folder: Path, *words: str) -> None:
    """Run `install` or `uninstall` of an installer."""
    program = Path(python).parent / installer
    if not program.exists():
        pytest.skip(f"no {installer} beside {python}")
    before = ["--skip-prompt", "--no-enable-telemetry", "--workspace", str(folder), "node"]
    line = [program, *(before if installer == "comfy" else ()), *words]
    environment = {**os.environ, "COMFYUI_PATH": str(folder)}
    environment.pop("PYTHONPATH", None)
    result = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=LATE)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if "__pycache__" not in p.parts}


@pytest.mark.parametrize("installer", ["cm-cli", "comfy"])
def test_the_pack_is_installed_loads_and_leaves_nothing_behind(installer, fresh, address, tmp_path):
    folder, python = fresh
    before = files(folder)
    command(installer, python, folder, "install", "--exit-on-fail", address)
    installed = folder / "custom_nodes" / NAME
    tracked = subprocess.run(["git", "ls-files"], cwd=PACK, capture_output=True, text=True, check=True).stdout.split()
    assert {p for p in files(installed) if not p.startswith(".git/") and p != ".git"} >= set(tracked)
    host = Host(tmp_path / "base", pack=installed)
    host.start()
    try:
        nodes = [name for name in host.get("/object_info") if name.startswith("SpatialFusion")]
    finally:
        host.stop()
    assert len(nodes) == 13
    command(installer, python, folder, "uninstall", NAME)
    # What the Manager keeps for itself, and a folder that every host makes.
    assert {p for p in files(folder) - before if not p.startswith("user/__manager")} <= {"input"}
