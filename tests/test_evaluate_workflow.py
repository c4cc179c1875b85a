"""Images of a ComfyUI: what is filled into a workflow, and what is said when something is wrong with it.

A server that answers as ComfyUI does stands in for one; where there is a real one, see host_server.py, it is asked too.
"""

from __future__ import annotations

import copy
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from host_server import Host, NoHostError
from PIL import Image

from spatialfusion.errors import InputError
from spatialfusion.evaluate.image_sources import Request
from spatialfusion.evaluate.questions import make_question
from spatialfusion.evaluate.workflow_images import WorkflowImages, fill, read_workflow

API = Path(__file__).parents[1] / "workflows" / "api"
ASKED, EDIT = make_question("t2i", "egocentric", 0), make_question("edit", "move_object", 0)
WORKFLOW = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "a photo of {prompt}, sharp", "clip": ["9", 0]}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["9", 0]}},
    "3": {"class_type": "KSampler", "inputs": {"seed": 5, "noise_seed": ["8", 0], "steps": 20, "positive": ["1", 0]}},
    "4": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


def write(path: Path, workflow: object) -> Path:
    path.write_text(json.dumps(workflow))
    return path


class Answers(BaseHTTPRequestHandler):
    """ComfyUI's routes. The image that comes out is grey, as bright as the seed's last digit says."""

    def do_GET(self):
        server, path = self.server, self.path.partition("?")[0]
        if path == "/view":
            value = int(self.path.partition("filename=")[2].partition(".png")[0]) * 20
            return self.say(image_file(value))
        number = path.rpartition("/")[2]
        if path == "/queue":
            return self.say({"queue_running": [], "queue_pending": [[0, n] for n in server.prompts if server.keeps]})
        if path.startswith("/history") and server.keeps:
            return self.say({number: entry(server.prompts[number])} if number in server.prompts else {})
        self.say({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/upload/image":
            self.server.uploads.append(body)
            return self.say({"name": "source.png", "subfolder": "sent", "type": "input"})
        prompt = json.loads(body)["prompt"]
        if prompt["3"]["inputs"]["steps"] < 1:
            details = {
                "errors": [{"message": "Value 0 smaller than min of 1", "details": "steps"}],
                "class_type": "KSampler",
            }
            return self.say({"error": {"message": "invalid"}, "node_errors": {"3": details}}, 400)
        number = f"p{len(self.server.prompts)}"
        self.server.prompts[number] = prompt
        self.say({"prompt_id": number, "node_errors": {}})

    def say(self, answer, status=200):
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def image_file(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value,) * 3).save(file, "PNG")
    return file.getvalue()


def entry(prompt: dict) -> dict:
    inputs = prompt["3"]["inputs"]
    if inputs["steps"] > 99:
        failed = {"exception_message": "out of memory\n", "node_type": "KSampler"}
        return {"status": {"status_str": "error", "messages": [["execution_error", failed]]}, "outputs": {}}
    name = f"{inputs['seed'] % 10}.png"
    outputs = {"7": {"images": [{"filename": "0.png", "subfolder": "", "type": "temp"}]}}
    outputs["5"] = {
        "images": [{"filename": name, "subfolder": "", "type": "output"}] * (2 if inputs["steps"] == 98 else 1)
    }
    return {"status": {"status_str": "success", "messages": []}, "outputs": outputs}


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.prompts, server.uploads, server.keeps = {}, [], True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def source(server, tmp_path, **inputs) -> WorkflowImages:
    workflow = copy.deepcopy(WORKFLOW)
    workflow["3"]["inputs"] |= inputs
    return WorkflowImages(write(tmp_path / "w.json", workflow), f"http://127.0.0.1:{server.server_port}/", (32, 32))


def test_what_is_filled_in():
    filled = fill(WORKFLOW, "a red car", 77, "sent/source.png")
    assert filled["1"]["inputs"]["text"] == "a photo of a red car, sharp" and filled["2"] == WORKFLOW["2"]
    assert filled["3"]["inputs"] == {"seed": 77, "noise_seed": ["8", 0], "steps": 20, "positive": ["1", 0]}
    assert filled["4"]["inputs"]["image"] == "sent/source.png"
    assert fill(WORKFLOW, "x", 1, None)["4"] == WORKFLOW["4"]
    assert WORKFLOW["1"]["inputs"]["text"] == "a photo of {prompt}, sharp"


def test_images_come_back_in_order(server, tmp_path):
    images = source(server, tmp_path).draw([Request(ASKED, seed) for seed in (3, 1)])
    assert [round(one.image.mean().item() * 255) for one in images] == [60, 20]
    assert [prompt["3"]["inputs"]["seed"] for prompt in server.prompts.values()] == [
        ASKED.seed * 1000 + s for s in (3, 1)
    ]
    assert server.prompts["p0"]["1"]["inputs"]["text"] == f"a photo of {ASKED.prompt}, sharp"


def test_the_source_of_an_edit_is_sent(server, tmp_path):
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None].expand(3, 6, 4)
    source(server, tmp_path).draw([Request(EDIT, 0, red)])
    (body,) = server.uploads
    start = body.index(b"\x89PNG")
    with Image.open(io.BytesIO(body[start:])) as sent:
        assert sent.size == (4, 6) and sent.getpixel((0, 0)) == (255, 0, 0)
    assert f'filename="spatialfusion-{EDIT.id}.png"'.encode() in body
    assert server.prompts["p0"]["4"]["inputs"]["image"] == "sent/source.png"


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"steps": 0}, "refuses /prompt .*node 3: Value 0 smaller than min of 1"),
        ({"steps": 100}, "failed in ComfyUI at t2i-egocentric-0000-0: out of memory"),
        ({"steps": 98}, "gives 2 images"),
    ],
)
def test_what_the_server_says_is_said(server, tmp_path, inputs, sentence):
    with pytest.raises(InputError, match=sentence):
        source(server, tmp_path, **inputs).draw([Request(ASKED, 0)])


def test_a_prompt_that_was_dropped_is_not_waited_for(server, tmp_path):
    images = source(server, tmp_path)
    server.keeps = False
    with pytest.raises(InputError, match="was taken off the queue"):
        images.draw([Request(ASKED, 0)])


def test_an_edit_needs_a_node_for_its_source(server, tmp_path):
    workflow = {number: node for number, node in WORKFLOW.items() if number != "4"}
    path = write(tmp_path / "w.json", workflow)
    images = WorkflowImages(path, f"http://127.0.0.1:{server.server_port}", (32, 32))
    with pytest.raises(InputError, match="has no node LoadImage"):
        images.draw([Request(EDIT, 0, torch.zeros(3, 4, 4))])


def test_no_server(tmp_path):
    with pytest.raises(InputError, match="no ComfyUI answers at"):
        WorkflowImages(write(tmp_path / "w.json", WORKFLOW), "http://127.0.0.1:9", (32, 32))


def test_files_that_are_no_workflow(tmp_path):
    for content, sentence in (
        ({"nodes": [], "version": 0.4}, r"Export \(API\)"),
        ([], r"Export \(API\)"),
        ({"1": {"class_type": "X", "inputs": {"text": "a car"}}}, "has no {prompt} in any text"),
    ):
        with pytest.raises(InputError, match=sentence):
            read_workflow(write(tmp_path / "w.json", content))
    (tmp_path / "w.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_workflow(tmp_path / "w.json")


def with_prompt(name: str) -> dict:
    """One of our workflows, quick, with a place for the prompt."""
    workflow = json.loads((API / f"{name}.json").read_text(encoding="utf-8"))
    for node in workflow.values():
        if node["class_type"] == "SpatialFusionPredictDepth":
            node["inputs"] |= {"prompt": "{prompt}", "depth_steps": 1}
        if node["class_type"] == "KSampler":
            node["inputs"]["steps"] = 1
        if node["class_type"] == "SpatialFusionComposeScene":
            node |= {"class_type": "LoadImage", "inputs": {"image": "x.png"}}
    return workflow


@pytest.mark.host
def test_a_real_comfyui_draws_and_edits(tmp_path):
    try:
        host = Host(tmp_path / "host")
    except NoHostError as missing:
        pytest.skip(str(missing))
    host.start()
    try:
        for name, request in (
            ("SpatialFusion-Text-to-Image", Request(ASKED, 0)),
            ("SpatialFusion-Image-Edit", Request(EDIT, 0, torch.rand(3, 128, 128))),
        ):
            workflow = with_prompt(name)
            if name == "SpatialFusion-Image-Edit":
                # LoadImage has its image at output 0, where Compose Scene Depth has its own at 1.
                text = json.dumps(workflow).replace('["4", 1]', '["4", 0]')
                workflow = json.loads(text)
            images = WorkflowImages(write(tmp_path / f"{name}.json", workflow), host.address, (128, 128))
            first, again = images.draw([request, request])
            assert first.image.shape == (3, 128, 128) and torch.equal(first.image, again.image)
            assert first.image.std() > 0.02
            (other,) = images.draw([Request(request.question, 1, request.source)])
            assert not torch.equal(first.image, other.image)
    finally:
        host.stop()
