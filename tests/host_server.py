"""A real ComfyUI in a process of its own, with this pack in its custom_nodes, for tests to talk to over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from spatialfusion.evaluate.comfyui import ComfyUI, error_of

PACK = Path(__file__).parents[1]
BOOT, RUN = 300, 300  # seconds that a busy machine may need


class NoHostError(Exception):
    """There is no ComfyUI to test in; the message says what is missing."""


def find_host() -> tuple[Path, str]:
    """ComfyUI's folder and a Python that has its packages. Raises NoHostError."""
    if not os.environ.get("COMFYUI_PATH"):
        raise NoHostError("COMFYUI_PATH is not set: it names the ComfyUI to test the nodes in")
    folder = Path(os.environ["COMFYUI_PATH"]).expanduser()
    if not (folder / "main.py").is_file():
        raise NoHostError(f"no ComfyUI at {folder}, which COMFYUI_PATH names: it has no main.py")
    named = os.environ.get("COMFYUI_PYTHON")
    places = (
        [Path(named)]
        if named
        else [folder / v / b for v in (".venv", "venv") for b in ("bin/python", "Scripts/python.exe")]
    )
    for python in places:
        if python.is_file():
            return folder, str(python)
    raise NoHostError(f"no Python with ComfyUI's packages at {' or '.join(map(str, places))}: set COMFYUI_PYTHON")


class Host(ComfyUI):
    """A server on a free port, with all that it reads and writes in `base`."""

    def __init__(self, base: Path, pack: Path = PACK):
        self.folder, self.python = find_host()
        self.base, self.log = base, base / "log.txt"
        for name in ("custom_nodes", "models", "input", "output"):
            (base / name).mkdir(parents=True, exist_ok=True)
        # Not the checkout's own name: nothing may depend on the folder's.
        (base / "custom_nodes" / "installed-pack").symlink_to(pack, target_is_directory=True)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        super().__init__(f"http://127.0.0.1:{port}")
        command = [
            self.python,
            str(self.folder / "main.py"),
            "--cpu",
            "--listen",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        # API nodes would talk to the internet, and the database of an installed ComfyUI is not ours.
        command += ["--base-directory", str(self.base), "--disable-auto-launch", "--disable-api-nodes"]
        command += ["--database-url", "sqlite:///:memory:"]
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=self.base, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + BOOT
        while True:
            try:
                return self.get("/system_stats")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise RuntimeError(f"ComfyUI has not started:\n{self.log.read_text()[-4000:]}") from None
                time.sleep(1)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait(self, prompt_id: str, seconds: float = RUN) -> dict[str, Any]:
        """As ComfyUI.wait; the end of the server's log is part of what goes wrong."""
        try:
            return super().wait(prompt_id, seconds)
        except OSError as error:  # also a timeout
            raise RuntimeError(f"{error}:\n{self.log.read_text()[-4000:]}") from None

    def run(self, prompt: dict[str, Any], **extra: Any) -> dict[str, Any]:
        """The outputs of a prompt by node id. Fails with the node's error if there is one."""
        entry = self.wait(self.queue(prompt, **extra))
        assert entry["status"]["status_str"] == "success", error_of(entry)
        return entry["outputs"]
