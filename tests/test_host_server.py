"""The nodes and the workflows in a real ComfyUI, over HTTP. Skipped where there is none; see host_server.py."""

from __future__ import annotations

import copy
import io
import json
import os
import time
from pathlib import Path

import llm_servers
import numpy as np
import psutil
import pytest
from host_server import Host, NoHostError
from PIL import Image

from spatialfusion.evaluate.comfyui import RefusedError, error_of
from spatialfusion.planner.plan import plan

pytestmark = pytest.mark.host

WORKFLOWS = Path(__file__).parents[1] / "workflows"
GOLDEN = Path(__file__).parent / "golden" / "object_info.json"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
PAGES = {name: json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}
# An app posts the prompt of the workflow that it is made of.
PROMPTS = {
    name: json.loads((WORKFLOWS / "api" / f"{name.removesuffix('.app')}.json").read_text(encoding="utf-8"))
    for name in NAMES
}
# The network predicts the depth, which is applied, and KSampler draws.
PREDICTED = "predicted depth"
PROMPTS[PREDICTED] = json.loads((Path(__file__).parent / "data" / "predicted_depth.json").read_text(encoding="utf-8"))
WEIGHTS = {
    name: [model for node in page["nodes"] for model in node["properties"].get("models", ())]
    for name, page in PAGES.items()
}
TINY = [name for name in NAMES if not WEIGHTS[name] and not name.endswith(".app")]
PUBLIC = [name for name in NAMES if WEIGHTS[name] and not name.endswith(".app")]
# Its text encoder, which is to be downloaded, plans.
PLANNED_BY_ITS_MODEL = ["SpatialFusion-Z-Image-Turbo"]
PROMPTS_IN_A_ROW = int(os.environ.get("SPATIALFUSION_HOST_PROMPTS", 8))


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """A running server, with an empty file for every public file that a workflow names."""
    try:
        host = Host(tmp_path_factory.mktemp("comfyui"))
    except NoHostError as missing:
        pytest.skip(str(missing))
    for model in (model for models in WEIGHTS.values() for model in models):
        file = host.base / "models" / model["directory"] / model["name"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def infos(host) -> dict:
    return host.get("/object_info")


def find(prompt: dict, class_type: str) -> str:
    """The id of the first node of a class."""
    return next(number for number, node in prompt.items() if node["class_type"] == class_type)


def changed(prompt: dict | str, class_type: str, /, without: str = "", **inputs) -> dict:
    """A prompt, or the workflow of a name, with other inputs of one of its nodes, and maybe without one."""
    prompt = copy.deepcopy(PROMPTS[prompt] if isinstance(prompt, str) else prompt)
    node = prompt[find(prompt, class_type)]
    node["inputs"] = {name: value for name, value in (node["inputs"] | inputs).items() if name != without}
    return prompt


def quick(**inputs) -> dict:
    """Text to image in few steps."""
    prompt = changed(PREDICTED, "KSampler", steps=2)
    return changed(prompt, "SpatialFusionPredictDepth", **({"depth_steps": 2} | inputs))


def any_seed() -> int:
    """One for which the server has nothing cached."""
    return time.time_ns() % 1_000_000_007


def check_works(host: Host) -> None:
    prompt = quick(seed=any_seed())
    check_image(host.file(host.run(prompt)[find(prompt, "SaveImage")]["images"][0]))


# The contract ---------------------------------------------------------------------------------------------------------


def contract(infos: dict) -> dict:
    """What saved workflows rely on: ids, inputs with their order, types and defaults, outputs.

    Not the options of lists that are the host's own: samplers, schedulers and files.
    """
    hosts_own = ("sampler_name", "scheduler", "checkpoint", "file")
    found = {}
    for node_id, info in sorted(infos.items()):
        if not node_id.startswith("SpatialFusion"):
            continue
        inputs = {}
        for section in ("required", "optional"):
            for name, (kind, options) in info["input"].get(section, {}).items():
                kept = ("default", "min", "max", "step", "round", "multiline", "control_after_generate", "advanced")
                kept += () if name in hosts_own else ("options",)
                inputs[name] = {"type": kind, "section": section} | {k: options[k] for k in kept if k in options}
        assert list(inputs) == [
            n for section in info["input_order"] for n in info["input_order"][section] if n in inputs
        ]
        found[node_id] = {
            "display_name": info["display_name"],
            "category": info["category"],
            "output_node": info["output_node"],
            "inputs": inputs,
            "outputs": [
                {"name": name, "type": kind, "list": is_list}
                for name, kind, is_list in zip(info["output_name"], info["output"], info["output_is_list"])
            ],
        }
    return found


def test_the_nodes_are_those_that_saved_workflows_know(infos):
    """SPATIALFUSION_REWRITE_GOLDEN=1 writes the file anew; a change of what was released breaks users' workflows."""
    found = json.dumps(contract(infos), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("SPATIALFUSION_REWRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found, encoding="utf-8")
    expected, found = json.loads(GOLDEN.read_text(encoding="utf-8")), json.loads(found)
    differing = [node for node in sorted(expected.keys() | found.keys()) if expected.get(node) != found.get(node)]
    assert not differing, (
        f"{', '.join(differing)}: ids, inputs or outputs are not those of {GOLDEN.name}. If they were never released, "
        "or something was only added at the end, run this test with SPATIALFUSION_REWRITE_GOLDEN=1 and commit the file."
    )
    # The order, which dicts do not compare.
    for node in expected:
        assert list(expected[node]["inputs"]) == list(found[node]["inputs"]), f"{node}: the order of inputs has changed"


def test_every_input_and_output_is_explained(infos):
    for node_id, info in infos.items():
        if node_id.startswith("SpatialFusion"):
            for section in ("required", "optional"):
                for name, (_, options) in info["input"].get(section, {}).items():
                    assert options.get("tooltip"), f"{node_id}.{name} has no tooltip"
            assert all(info["output_tooltips"]), node_id
            assert info["description"] and info["search_aliases"], node_id


@pytest.mark.parametrize(
    ("words", "nodes"),
    [
        ("3d layout", {"PlanScene", "ComposeScene", "OrbitCamera", "EditScene"}),
        ("blockout", {"PlanScene", "ComposeScene", "OrbitCamera", "SceneRegions", "LimitControl"}),
        ("camera", {"PlanScene", "ComposeScene", "OrbitCamera"}),
        ("regional prompt", {"PlanScene", "ComposeScene", "SceneRegions", "SceneMask"}),
    ],
)
def test_nodes_are_found_by_what_people_look_for(words, nodes, infos):
    """The page searches names and these words; tests/test_host_page.py types them."""
    found = {name for name, info in infos.items() if words in [alias.lower() for alias in info["search_aliases"] or ()]}
    assert {f"SpatialFusion{name}" for name in nodes} <= found


# Workflows ------------------------------------------------------------------------------------------------------------


def to_prompt(page: dict, infos: dict) -> dict:
    """A graph of the page as the page posts it: widgets by their places, links by their ends."""
    sources = {link[0]: [str(link[1]), link[2]] for link in page["links"]}
    prompt = {}
    for node in page["nodes"]:
        if node["type"] == "MarkdownNote":
            continue
        info, values, inputs = infos[node["type"]], list(node["widgets_values"]), {}
        sockets = {socket["name"]: socket for socket in node["inputs"]}
        for section in ("required", "optional"):
            for name, spec in info["input"].get(section, {}).items():
                options = spec[1] if len(spec) > 1 else {}
                kind = "COMBO" if isinstance(spec[0], list) else options.get("widgetType", spec[0])
                assert sockets.pop(name)["type"] == ("COMBO" if isinstance(spec[0], list) else spec[0])
                socket = next(s for s in node["inputs"] if s["name"] == name)
                value = None
                if kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "LOAD_3D") and not options.get("forceInput"):
                    value = values.pop(0)
                    numbers = {"INT": int, "FLOAT": (int, float), "BOOLEAN": bool}
                    expected = (numbers | {"LOAD_3D": dict}).get(kind, str)
                    assert isinstance(value, expected), f"{node['type']}.{name} is {value!r}"
                    if options.get("control_after_generate"):
                        assert values.pop(0) in ("fixed", "randomize", "increment", "decrement")
                if socket["link"] is not None:
                    value = sources[socket["link"]]
                if value is not None:
                    inputs[name] = value
        assert not values and not sockets, f"{node['type']} has more values or sockets than inputs"
        assert [o["type"] for o in node["outputs"]] == info["output"]
        title = node.get("title", info["display_name"])
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": {"title": title}}
    return prompt


@pytest.mark.parametrize("name", NAMES)
def test_the_page_posts_the_prompt_of_the_api_folder(name, infos):
    assert to_prompt(PAGES[name], infos) == PROMPTS[name]


def check_image(data: bytes) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=float)
    assert pixels.std() > 2, "the picture is all of one colour"
    return pixels


def check_outputs(host: Host, prompt: dict, outputs: dict, infos: dict) -> None:
    """Every node that shows something has done so, and every file is there and is what its name says."""
    ours = "MeasureDepth ComposeScene PlanScene SceneRegions EditScene OrbitCamera CompareScene PickBest".split()
    texts = {f"SpatialFusion{name}" for name in (*ours, "EncodePrompt")}
    pictures = {f"SpatialFusion{name}Depth" for name in ("Import", "Predict", "Edit", "Load", "Save")}
    kinds = {node["class_type"] for node in prompt.values()}
    showing = {kind for kind in kinds if kind in texts | pictures or infos[kind]["output_node"]}
    assert showing <= {prompt[number]["class_type"] for number in outputs}
    for number, shown in outputs.items():
        kind = prompt[number]["class_type"]
        for image in shown.get("images", ()):
            check_image(host.file(image))
        for model in shown.get("3d", ()):
            data = host.file(model)
            start = {"glb": b"glTF", "ply": b"ply\n"}[model["filename"].rsplit(".", 1)[1]]
            assert data.startswith(start) and len(data) > 1000
        expected = dict.fromkeys(texts, "text")
        expected |= {"SaveGLB": "3d", "Preview3D": "result", "Preview3DAdvanced": "result", "PreviewAny": "text"}
        assert shown[expected.get(kind, "images")], f"{kind} shows nothing"
        if kind == "SpatialFusionMeasureDepth":
            assert " m " in shown["text"][0]
        if kind == "SaveImage":
            assert shown["images"][0]["type"] == "output"


@pytest.mark.parametrize("name", TINY)
def test_a_workflow_of_the_tiny_model_runs(name, host, infos):
    outputs = host.run(PROMPTS[name])
    check_outputs(host, PROMPTS[name], outputs, infos)
    # A page that was loaded anew shows it all too, although nothing runs any more.
    assert host.run(PROMPTS[name]).keys() == outputs.keys()


@pytest.fixture(scope="session")
def text_to_image(host) -> np.ndarray:
    """The picture from predicted depth."""
    prompt = PROMPTS[PREDICTED]
    return check_image(host.file(host.run(prompt)[find(prompt, "SaveImage")]["images"][0]))


@pytest.mark.parametrize(("format", "tolerance"), [("npz", 0.0), ("png 16 bit", 1e-3), ("exr 32 bit", 0.0)])
def test_saved_depth_is_loaded_again(format, tolerance, host):
    def measure(geometry: list) -> dict:
        inputs = {"geometry": geometry, "x": 0.5, "y": 0.7, "radius": 3}
        return {"class_type": "SpatialFusionMeasureDepth", "inputs": inputs}

    scene = {"text": "car red at 0 6\n", "width": 96, "height": 64, "supersampling": 1}
    save = {"geometry": ["1", 0], "filename_prefix": f"kept/{any_seed()}", "format": format}
    outputs = host.run(
        {
            "1": {"class_type": "SpatialFusionComposeScene", "inputs": scene},
            "2": {"class_type": "SpatialFusionSaveDepth", "inputs": save},
            "3": measure(["1", 0]),
        }
    )
    ending = {"npz": ".npz", "png 16 bit": ".png", "exr 32 bit": ".exr"}[format]
    (file,) = host.base.glob(f"output/{save['filename_prefix']}*{ending}")
    name = f"{file.relative_to(host.base / 'output').as_posix()} [output]"
    assert name in host.get("/object_info")["SpatialFusionLoadDepth"]["input"]["required"]["file"][1]["options"]
    load = {"class_type": "SpatialFusionLoadDepth", "inputs": {"file": name}}
    again = host.run({"1": load, "2": measure(["1", 0])})
    before, after = (float(text.split(" m ")[0]) for text in (outputs["3"]["text"][0], again["2"]["text"][0]))
    assert after == pytest.approx(before, rel=tolerance)
    for wrong in ("gone.npz [output]", "../" + name, "/etc/passwd"):
        with pytest.raises(RefusedError, match="is not a depth file"):
            host.queue({"1": {**load, "inputs": {"file": wrong}}, "2": measure(["1", 0])})


def test_the_one_node_draws_what_ksampler_draws(host, text_to_image):
    plain = PROMPTS[PREDICTED]
    depth, drawn = (plain[find(plain, kind)]["inputs"] for kind in ("SpatialFusionPredictDepth", "KSampler"))
    prompt = changed("SpatialFusion-One-Node", "SpatialFusionSampler", seed=drawn["seed"], strength=1.0)
    prompt = changed(prompt, "SpatialFusionPredictDepth", prompt=depth["prompt"], seed=depth["seed"])
    image = check_image(host.file(host.run(prompt)[find(prompt, "SaveImage")]["images"][0]))
    assert np.abs(image - text_to_image).max() <= 1


def test_depth_changes_the_image_and_strength_0_does_not(host, text_to_image):
    none = changed(PREDICTED, "SpatialFusionApplyDepth", strength=0.0)
    bare = copy.deepcopy(none)
    bare[find(bare, "KSampler")]["inputs"]["model"] = [find(bare, "SpatialFusionLoadBase"), 0]
    save = find(bare, "SaveImage")
    images = [check_image(host.file(host.run(prompt)[save]["images"][0])) for prompt in (none, bare)]
    assert np.array_equal(*images)
    assert np.abs(images[0] - text_to_image).max() > 2


class Busy:
    """Keeps the server at a long prompt; what is queued meanwhile does not start."""

    def __init__(self, host: Host):
        self.host = host

    def __enter__(self):
        self.id = self.host.queue(changed(PREDICTED, "KSampler", steps=5000, seed=any_seed()))
        wait_until_running(self.host, self.id)

    def __exit__(self, *_):
        self.host.fetch("/queue", {"clear": True})
        self.host.fetch("/interrupt", {"prompt_id": self.id})
        self.host.wait(self.id)


def wait_until_running(host: Host, prompt_id: str) -> None:
    end = time.monotonic() + 60
    while prompt_id not in [item[1] for item in host.get("/queue")["queue_running"]]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_workflows_with_public_weights_are_valid_and_need_just_these_files(host):
    """The files are empty, so nothing of it is run."""
    with Busy(host):
        for name in PUBLIC:
            host.queue(PROMPTS[name])  # raises if the server finds anything wrong
            for model in WEIGHTS[name]:
                missing = json.loads(json.dumps(PROMPTS[name]).replace(model["name"], f"no-{model['name']}"))
                with pytest.raises(RefusedError, match=f"no-{model['name']}"):
                    host.queue(missing)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in PLANNED_BY_ITS_MODEL])
def test_the_part_of_it_that_needs_no_weights_runs(name, host):
    prompt = PROMPTS[name]
    previews = [number for number, node in prompt.items() if node["class_type"] == "PreviewImage"]
    # Those that no loader of public weights stands before.
    loaders = {str(node["id"]) for node in PAGES[name]["nodes"] if node["properties"].get("models")}
    shown = [number for number in previews if not needed(prompt, number) & loaders]
    assert shown
    outputs = host.run(prompt, partial_execution_targets=shown)
    for number in shown:
        check_image(host.file(outputs[number]["images"][0]))


def needed(prompt: dict, number: str) -> set[str]:
    """The ids of a node and of all nodes before it."""
    found = {number}
    for value in prompt[number]["inputs"].values():
        if isinstance(value, list):
            found |= needed(prompt, value[0])
    return found


# Bad input ------------------------------------------------------------------------------------------------------------


def nan_depth(part: bool = False) -> dict:
    """Depth is read off a picture of which nothing is a number; with `part`, of which the right half is one."""
    return {
        "1": {"class_type": "SolidMask", "inputs": {"value": float("nan"), "width": 64, "height": 64}},
        "2": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 32, "height": 64}},
        "3": {
            "class_type": "MaskComposite",
            "inputs": {"destination": ["1", 0], "source": ["2", 0], "x": 32, "y": 0, "operation": "and"},
        },
        "4": {"class_type": "MaskToImage", "inputs": {"mask": ["3" if part else "1", 0]}},
        "5": {
            "class_type": "SpatialFusionImportDepth",
            "inputs": {
                "image": ["4", 0],
                "convention": "disparity",
                "near": 1.0,
                "far": 20.0,
                "hfov": 55.0,
                "zero_is_sky": True,
            },
        },
        "6": {
            "class_type": "SpatialFusionMeasureDepth",
            "inputs": {"geometry": ["5", 0], "x": 0.75, "y": 0.5, "radius": 2},
        },
    }


def rewired(name: str, class_type: str, **inputs: tuple[str, int]) -> dict:
    """A workflow with inputs of one node wired to outputs of others, which are named by class."""
    prompt = copy.deepcopy(PROMPTS[name])
    for key, (source, slot) in inputs.items():
        prompt[find(prompt, class_type)]["inputs"][key] = [find(prompt, source), slot]
    return prompt


REFUSED = {
    "strength above its range": (
        changed(PREDICTED, "SpatialFusionApplyDepth", strength=11.0),
        "SpatialFusionApplyDepth",
        "bigger than max",
    ),
    "strength below its range": (
        changed("SpatialFusion-One-Node", "SpatialFusionSampler", strength=-1.0),
        "SpatialFusionSampler",
        "smaller than min",
    ),
    "a VAE where a model belongs": (
        rewired(PREDICTED, "SpatialFusionApplyDepth", model=("SpatialFusionLoadBase", 1)),
        "SpatialFusionApplyDepth",
        "mismatch",
    ),
    "a model where the checkpoint belongs": (
        rewired(PREDICTED, "SpatialFusionPredictDepth", spatialfusion=("SpatialFusionLoadBase", 0)),
        "SpatialFusionPredictDepth",
        "mismatch",
    ),
    "a checkpoint that is not there": (
        changed(PREDICTED, "SpatialFusionLoader", checkpoint="gone.safetensors"),
        "SpatialFusionLoader",
        "gone.safetensors is missing: put the file to",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_wiring_and_values_are_refused_at_their_node(case, host):
    prompt, class_type, words = REFUSED[case]
    with pytest.raises(RefusedError) as refused:
        host.queue(prompt)
    ((number, report),) = refused.value.answer["node_errors"].items()
    assert prompt[number]["class_type"] == report["class_type"] == class_type
    said = " ".join(f"{e['message']} {e['details']}" for e in report["errors"])
    assert words in said
    assert len(report["errors"]) == 1


PREDICT = "SpatialFusionPredictDepth"
FAILING = {
    "an empty prompt": (changed(PREDICTED, PREDICT, prompt="  "), PREDICT, "prompt is empty"),
    "a width that is no multiple of 16": (
        changed(PREDICTED, PREDICT, width=120),
        PREDICT,
        "width is 120, but must be a multiple of 16",
    ),
    "three latents for two depths": (
        changed(quick(batch_size=2), "EmptySD3LatentImage", batch_size=3),
        "KSampler",
        "geometry has 2 images and the latent 3",
    ),
    "an image to edit without a VAE": (
        changed("SpatialFusion-Image-Edit", "SpatialFusionEncodePrompt", without="vae"),
        "SpatialFusionEncodePrompt",
        "vae is not connected",
    ),
    "depth that is not a number": (nan_depth(), "SpatialFusionMeasureDepth", "there is no valid depth"),
    "nothing to import": (
        changed(nan_depth(), "SpatialFusionImportDepth", without="image"),
        "SpatialFusionImportDepth",
        "connected to nothing",
    ),
    "a scene with an unknown thing": (
        changed("SpatialFusion-Image-Edit", "SpatialFusionComposeScene", text="zorply red at 0 5"),
        "SpatialFusionComposeScene",
        "zorply",
    ),
    "lines that cannot hold at once": (
        changed("SpatialFusion-Image-Edit", "SpatialFusionComposeScene", text="car left of house\nhouse left of car"),
        "SpatialFusionComposeScene",
        "line",
    ),
    "a sentence that names no thing": (
        changed("SpatialFusion-Sentence-to-Depth", "SpatialFusionPlanScene", sentence="zorply zorply"),
        "SpatialFusionPlanScene",
        "names no thing",
    ),
    "a mask of what is not in the scene": (
        changed("SpatialFusion-Sentence-to-Depth", "SpatialFusionSceneMask", objects="unicorn"),
        "SpatialFusionSceneMask",
        'no object is called "unicorn"',
    ),
    "names of another scene": (
        changed("SpatialFusion-Sentence-to-Depth", "SpatialFusionSceneMask", names="a\nb"),
        "SpatialFusionSceneMask",
        "there are 3 masks and 2 names",
    ),
    "a range from far to near": (
        changed(PREDICTED, "SpatialFusionApplyDepth", start=0.8, end=0.2),
        "SpatialFusionApplyDepth",
        "start is 0.8 and end 0.2",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_bad_input_is_one_sentence_on_its_node_and_the_queue_goes_on(case, host):
    prompt, class_type, words = FAILING[case]
    check_sentence(host.wait(host.queue(prompt)), class_type, words)
    check_works(host)


def check_sentence(entry: dict, class_type: str, *words: str) -> None:
    """A prompt has failed with one sentence, with these words in it, on a node of this class."""
    error = error_of(entry)
    assert entry["status"]["status_str"] == "error" and error["event"] == "execution_error"
    assert (error["node_type"], error["exception_type"].rsplit(".", 1)[-1]) == (class_type, "InputError")
    sentence = error["exception_message"].strip()
    assert all(each in sentence for each in words), sentence
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 300


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "gave no answer ("),
        (llm_servers.html, "answered nothing that is a chat's answer"),
        (llm_servers.not_found, "gave no answer (status 404"),
        (llm_servers.garbage, "gave no answer ("),
        (llm_servers.chat("zorply of the 7 ((\n"), "has written no scene that can be drawn"),
        (llm_servers.stopped, "broke off in the middle"),
        (llm_servers.endless, "does not stop writing"),
        (llm_servers.endless_line, "does not stop writing"),
        pytest.param(llm_servers.silent, "timed out", marks=pytest.mark.slow),  # a minute
        pytest.param(llm_servers.drop, "was not done after 300 seconds", marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "__name__", "away" if value is None else None),
)
def test_a_faulty_language_model_is_one_sentence_on_its_node_and_the_queue_goes_on(answer, words, host):
    """The prompt that waits behind it is planned."""
    with llm_servers.server(answer or llm_servers.html) as (address, _):
        address = address if answer else "http://127.0.0.1:1"
        prompt_id = host.queue(with_server(address))
        good = host.queue(with_server(""))
        entry = host.wait(prompt_id, 400)
    check_sentence(entry, "SpatialFusionPlanScene", f"the language model at {address} ", words)
    check_image(host.file(host.wait(good)["outputs"]["2"]["images"][0]))


def with_server(address: str) -> dict:
    inputs = {"sentence": "a red car", "seed": any_seed(), "width": 96, "height": 64, "server": address}
    return {"1": {"class_type": "SpatialFusionPlanScene", "inputs": inputs}, "2": preview(["1", 2])}


def test_a_language_model_that_answers_plans(host):
    with llm_servers.server(llm_servers.chat("cat\nball green left of cat\ncamera auto\n")) as (address, sent):
        outputs = host.run({**with_server(address), "3": {"class_type": "PreviewAny", "inputs": {"source": ["1", 4]}}})
    assert len(sent) == 1 and "green ball" in outputs["3"]["text"][0].splitlines()


def test_waiting_for_a_language_model_is_cancelled(host):
    with llm_servers.server(llm_servers.silent) as (address, sent):
        prompt_id = host.queue(with_server(address))
        end = time.monotonic() + 60
        while not sent:
            assert time.monotonic() < end
            time.sleep(0.1)
        host.fetch("/interrupt", {"prompt_id": prompt_id})
        began = time.monotonic()
        error = error_of(host.wait(prompt_id))
    assert time.monotonic() - began < 10
    assert (error["event"], error["node_type"]) == ("execution_interrupted", "SpatialFusionPlanScene")


def test_depth_that_is_a_number_in_part_is_taken_for_that_part(host):
    outputs = host.run(nan_depth(part=True))
    assert " m " in outputs["6"]["text"][0]


def test_a_mask_of_another_size_works(host):
    prompt = quick()
    prompt["100"] = {"class_type": "SolidMask", "inputs": {"value": 0.7, "width": 77, "height": 300}}
    prompt[find(prompt, "SpatialFusionApplyDepth")]["inputs"]["mask"] = ["100", 0]
    prompt["101"] = {
        "class_type": "SpatialFusionMeasureDepth",
        "inputs": {
            "geometry": [find(prompt, "SpatialFusionPredictDepth"), 0],
            "x": 0.5,
            "y": 0.5,
            "radius": 2,
            "mask_a": ["100", 0],
        },
    }
    outputs = host.run(prompt)
    check_image(host.file(outputs[find(prompt, "SaveImage")]["images"][0]))
    assert " m " in outputs["101"]["text"][0]


# Scenes ---------------------------------------------------------------------------------------------------------------


def preview(source: list) -> dict:
    return {"class_type": "PreviewImage", "inputs": {"images": source}}


def test_a_plan_is_that_of_the_library_and_its_text_draws_it_again(host):
    sentence, size = "a red car in front of a blue house, a tree to the left of the house", {"width": 96, "height": 64}
    outputs = host.run(
        {
            "1": {"class_type": "SpatialFusionPlanScene", "inputs": {"sentence": sentence, "seed": 7, **size}},
            "2": {
                "class_type": "SpatialFusionComposeScene",
                "inputs": {"text": ["1", 0], **size, "supersampling": 2, "seed": 7},
            },
            "3": preview(["1", 2]),
            "4": preview(["2", 1]),
            "5": {
                "class_type": "SpatialFusionSceneMask",
                "inputs": {"masks": ["1", 3], "names": ["1", 4], "objects": "all but house"},
            },
            "6": {"class_type": "MaskPreview", "inputs": {"mask": ["5", 0]}},
            "7": {"class_type": "DrawBBoxes", "inputs": {"image": ["1", 2], "bboxes": ["1", 5]}},
            "8": preview(["7", 0]),
            "9": {"class_type": "PreviewAny", "inputs": {"source": ["1", 5]}},
        }
    )
    made = plan(sentence, 7, (96, 64))
    picture, again, mask, boxes = (check_image(host.file(outputs[n]["images"][0])) for n in ("3", "4", "6", "8"))
    assert np.abs(picture - 255 * made.image[0].permute(1, 2, 0).numpy()).max() <= 1
    assert np.array_equal(picture, again)
    assert np.array_equal(mask[:, :, 0] > 127, (made.masks[0] | made.masks[2]).numpy())
    assert not np.array_equal(boxes, picture)
    (found,) = json.loads(outputs["9"]["text"][0])
    assert [(box["label"], box["x"], box["y"], box["width"], box["height"]) for box in found] == [
        (box.name, *box.box) for box in made.boxes
    ]
    assert outputs["1"]["text"] == ["All of it is understood and in view."]


def test_a_prompt_from_before_the_seed_draws_as_it_did(host):
    inputs = {"text": "car red at 0 6\n", "width": 96, "height": 64, "supersampling": 1}
    with_seed = {"class_type": "SpatialFusionComposeScene", "inputs": {**inputs, "seed": 5}}
    without = {"class_type": "SpatialFusionComposeScene", "inputs": inputs}
    outputs = host.run({"1": without, "2": with_seed, "3": preview(["1", 1]), "4": preview(["2", 1])})
    before, after = (check_image(host.file(outputs[n]["images"][0])) for n in "34")
    assert np.array_equal(before, after)


def test_warnings_of_a_scene_are_on_its_node(host):
    inputs = {"text": "car at 0 6\nball at 0 -4", "width": 64, "height": 64, "supersampling": 1, "seed": any_seed()}
    outputs = host.run({"1": {"class_type": "SpatialFusionComposeScene", "inputs": inputs}, "2": preview(["1", 1])})
    assert outputs["1"]["text"] == ["white ball cannot be seen: it is behind the camera."]


# Cancelling, and memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_type", "values"),
    [("SpatialFusionPredictDepth", {"depth_steps": 200}), ("KSampler", {"steps": 5000})],
)
def test_cancel_in_the_middle_leaves_the_server_working(class_type, values, host):
    prompt = quick(seed=any_seed())
    host.run(prompt)  # so that all before the node to be cancelled is cached
    prompt_id = host.queue(changed(prompt, class_type, **values))
    wait_until_running(host, prompt_id)
    time.sleep(1)
    assert not host.get(f"/history/{prompt_id}"), "the prompt was over before it could be cancelled"
    host.fetch("/interrupt", {"prompt_id": prompt_id})
    began = time.monotonic()
    entry = host.wait(prompt_id)
    assert time.monotonic() - began < 10
    error = error_of(entry)
    assert (error["event"], error["node_type"]) == ("execution_interrupted", class_type)
    check_works(host)


def test_a_drawing_is_cancelled(host):
    inputs = {"text": "car at 0 6", "width": 2048, "height": 2048, "supersampling": 4, "seed": any_seed()}
    scene = {"class_type": "SpatialFusionComposeScene", "inputs": inputs}
    prompt_id = host.queue({"1": scene, "2": preview(["1", 1])})
    wait_until_running(host, prompt_id)
    time.sleep(1)
    assert not host.get(f"/history/{prompt_id}"), "the scene was drawn before it could be cancelled"
    host.fetch("/interrupt", {"prompt_id": prompt_id})
    began = time.monotonic()
    error = error_of(host.wait(prompt_id))
    assert time.monotonic() - began < 10
    assert (error["event"], error["node_type"]) == ("execution_interrupted", "SpatialFusionComposeScene")


def test_memory_after_many_prompts_is_that_after_the_fifth(host):
    process, resident = psutil.Process(host.process.pid), []
    for seed in range(PROMPTS_IN_A_ROW):
        prompt = quick(seed=1000 + seed)
        prompt[find(prompt, "KSampler")]["inputs"]["seed"] = seed
        host.run(prompt)
        resident.append(process.memory_info().rss / 2**20)
    print("MiB after each prompt:", *(f"{r:.0f}" for r in resident))
    assert PROMPTS_IN_A_ROW > 5
    assert resident[-1] < 1.05 * resident[4]
