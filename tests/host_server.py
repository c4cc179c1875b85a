"""A real ComfyUI in a process of its own, with this pack in its custom_nodes, for tests to talk to over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

PACK = Path(__file__).parents[1]
BOOT, RUN = 300, 300  # seconds that a busy machine may need


class NoHostError(Exception):
    """There is no ComfyUI to test in; the message says what is missing."""


class RefusedError(Exception):
    """The server has not queued a prompt: `answer` is what it said instead."""

    def __init__(self, answer: dict[str, Any]):
        super().__init__(json.dumps(answer, indent=1))
        self.answer = answer


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


class Host:
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
            self.port = free.getsockname()[1]
        command = [
            self.python,
            str(self.folder / "main.py"),
            "--cpu",
            "--listen",
            "127.0.0.1",
            "--port",
            str(self.port),
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

    def fetch(self, path: str, data: Any = None) -> bytes:
        body = None if data is None else json.dumps(data).encode()
        with urllib.request.urlopen(urllib.request.Request(self.address + path, body), timeout=60) as answer:
            return answer.read()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return json.loads(self.fetch(path))

    def queue(self, prompt: dict[str, Any], **extra: Any) -> str:
        """Post a prompt and return its id. Raises RefusedError unless every part of it is valid.

        The server runs the valid part of a prompt, and says what is wrong with the rest: here that is a refusal too.
        """
        try:
            answer = json.loads(self.fetch("/prompt", {"prompt": prompt, **extra}))
        except urllib.error.HTTPError as error:
            raise RefusedError(json.load(error)) from None
        if answer["node_errors"]:
            self.fetch("/queue", {"delete": [answer["prompt_id"]]})
            raise RefusedError(answer)
        return answer["prompt_id"]

    def wait(self, prompt_id: str, seconds: float = RUN) -> dict[str, Any]:
        """What /history says of a prompt when it is done, failed or interrupted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if entry := self.get(f"/history/{prompt_id}"):
                return entry[prompt_id]
            if self.process.poll() is not None:
                raise RuntimeError(f"ComfyUI has ended:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)
        raise TimeoutError(f"prompt {prompt_id} is not done after {seconds:g} s:\n{self.log.read_text()[-2000:]}")

    def run(self, prompt: dict[str, Any], **extra: Any) -> dict[str, Any]:
        """The outputs of a prompt by node id. Fails with the node's error if there is one."""
        entry = self.wait(self.queue(prompt, **extra))
        assert entry["status"]["status_str"] == "success", error_of(entry)
        return entry["outputs"]

    def file(self, result: dict[str, Any]) -> bytes:
        """The content of a file that a node has named among its outputs."""
        names = {name: result[name] for name in ("filename", "subfolder", "type")}
        return self.fetch(f"/view?{urllib.parse.urlencode(names)}")


def error_of(entry: dict[str, Any]) -> dict[str, Any]:
    """What a failed prompt's history says: node_id, node_type, exception_message ...; or {} if it says nothing."""
    for event, content in entry["status"]["messages"]:
        if event in ("execution_error", "execution_interrupted"):
            return {"event": event, **content}
    return {}
