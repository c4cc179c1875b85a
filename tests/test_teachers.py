"""Teachers: what they make of a network's output, whose weights they take, and what is said when they cannot."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import socket

import pytest
import torch
from tiny_teachers import INVERSE_DEPTH, MAX_DEPTH, save_depth_anything

from spatialfusion.data import hub
from spatialfusion.data.teachers import NAMES, find_teacher, open_teacher, teacher_class
from spatialfusion.data.teachers.teacher import sound_geometry
from spatialfusion.data.teachers.vggt import Rescaled, rescale
from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry, focal_length


@pytest.fixture
def images():
    return torch.rand(3, 3, 40, 56, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def depth_pro(teacher_folders):
    return open_teacher("depth_pro", teacher_folders["depth_pro"], "x", "cpu")


@pytest.fixture
def depth_anything(teacher_folders):
    return open_teacher("depth_anything", teacher_folders["depth_anything"], "x", "cpu")


# What they return


def test_depth_pro_gives_metres_and_field_of_view(depth_pro, images):
    geometry = depth_pro(images)
    assert geometry.depth.shape == (3, 40, 56) and depth_pro.gives_fov and depth_pro.is_metric
    assert geometry.valid.float().mean() > 0.9
    # Another image, another answer; the same image alone, the same answer.
    assert not torch.equal(geometry.depth[0], geometry.depth[1]) and geometry.hfov[0] != geometry.hfov[1]
    alone = depth_pro(images[1:2])
    torch.testing.assert_close(alone.depth[0], geometry.depth[1], rtol=1e-4, atol=0)


@pytest.mark.parametrize("fov", [30.0, 90.0])
def test_depth_pro_takes_canonical_depth_to_metres(depth_pro, images, fov):
    with torch.no_grad():
        for layer, value in ((depth_pro.model.fov_model.head.layers[-1], fov), (depth_pro.model.head.layers[-2], 0.2)):
            layer.weight.zero_()
            layer.bias.fill_(value)
    geometry = depth_pro(images)
    torch.testing.assert_close(geometry.hfov, torch.full((3,), fov), rtol=1e-5, atol=0)
    # Canonical inverse depth is times the image's width over the focal length.
    metres = 1 / (0.2 * 2 * math.tan(math.radians(fov) / 2))
    torch.testing.assert_close(geometry.depth, torch.full((3, 40, 56), metres), rtol=1e-4, atol=0)
    assert geometry.valid.all()


def test_depth_pro_calls_sky_and_nonsense_not_valid(depth_pro, images):
    with torch.no_grad():
        depth_pro.model.head.layers[-2].weight.zero_()
        depth_pro.model.head.layers[-2].bias.fill_(-1)  # no inverse depth at all: infinitely far
        assert not depth_pro(images).valid.any()
        depth_pro.model.head.layers[-2].bias.fill_(INVERSE_DEPTH)
        assert depth_pro(images).valid.any()
        depth_pro.model.fov_model.head.layers[-1].weight.zero_()
        for angle in (-5.0, 0.0, 200.0, math.nan):
            depth_pro.model.fov_model.head.layers[-1].bias.fill_(angle)
            assert not depth_pro(images).valid.any()


def test_depth_pro_equals_its_processor(depth_pro, images):
    pytest.importorskip("torchvision")
    from transformers import DepthProImageProcessor

    processor = DepthProImageProcessor(size={"height": 64, "width": 64})
    pixels = (images * 255).round().to(torch.uint8)
    with torch.no_grad():
        output = depth_pro.model(**processor(images=list(pixels), return_tensors="pt"))
    expected = processor.post_process_depth_estimation(output, target_sizes=[(40, 56)] * 3)
    geometry = depth_pro(pixels.float() / 255)
    for i, each in enumerate(expected):
        known = geometry.valid[i]
        torch.testing.assert_close(geometry.depth[i][known], each["predicted_depth"][known], rtol=1e-4, atol=0)
        torch.testing.assert_close(geometry.hfov[i], each["field_of_view"].squeeze(), rtol=1e-5, atol=0)


def test_depth_anything_equals_its_processor(depth_anything, images):
    hfov = torch.tensor([40.0, 50.0, 60.0])
    geometry = depth_anything(images, hfov)
    torch.testing.assert_close(geometry.hfov, hfov, rtol=1e-5, atol=0)
    assert not depth_anything.gives_fov and geometry.valid.all()
    pixels = list((images * 255).round().to(torch.uint8).numpy())
    inputs = depth_anything.processor(images=pixels, return_tensors="pt", input_data_format="channels_first")
    assert inputs["pixel_values"].shape == (3, 3, 42, 56)  # whole patches, the aspect ratio nearly kept
    with torch.no_grad():
        output = depth_anything.model(**inputs)
    expected = depth_anything.processor.post_process_depth_estimation(output, target_sizes=[(40, 56)] * 3)
    assert geometry.depth.std() > 0.01
    for i, each in enumerate(expected):
        torch.testing.assert_close(geometry.depth[i], each["predicted_depth"])


def test_depth_anything_does_not_know_what_is_at_its_end(depth_anything, images):
    last = depth_anything.model.head.conv3
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(0.0)
        geometry = depth_anything(images, torch.full((3,), 60.0))
        torch.testing.assert_close(geometry.depth, torch.full((3, 40, 56), MAX_DEPTH / 2))
        last.bias.fill_(9.0)
        assert not depth_anything(images, torch.full((3,), 60.0)).valid.any()
    with pytest.raises(InputError, match="no field of view"):
        depth_anything(images)


def test_depth_up_to_a_factor_becomes_metric():
    depth = torch.rand(2, 20, 30, generator=torch.Generator().manual_seed(1)) * 5 + 1
    metric = Geometry.from_depth(depth, focal_length(60.0))
    off = depth / torch.tensor([3.7, 0.2])[:, None, None]
    off[:, :4] *= 10  # a fifth of it is wrong
    off[:, 5, 5] = torch.inf
    relative = Geometry.from_depth(off, focal_length(45.0))
    scaled = rescale(relative, metric)
    torch.testing.assert_close(scaled.depth[:, 6:], depth[:, 6:])
    torch.testing.assert_close(scaled.hfov, torch.full((2,), 45.0), rtol=1e-5, atol=0)
    assert not scaled.valid[:, 5, 5].any() and scaled.valid.sum() == 2 * 599
    nothing = Geometry(depth, torch.zeros(2, 20, 30, dtype=torch.bool), metric.intrinsics)
    assert not rescale(relative, nothing).valid.any()


def test_a_rescaled_teacher_says_who_it_is(depth_pro, depth_anything, images):
    both = Rescaled(depth_pro, depth_anything)
    geometry, metric = both(images), depth_anything(images, depth_pro(images).hfov)
    assert (both.name, both.licence, both.is_metric) == ("depth_pro+depth_anything", "x + x", True)
    torch.testing.assert_close(geometry.hfov, depth_pro(images).hfov)
    for i in range(3):
        known = geometry.valid[i]
        assert (metric.depth[i][known] / geometry.depth[i][known]).median().item() == pytest.approx(1, abs=0.05)


def test_what_makes_no_sense_is_not_valid():
    depth = torch.tensor([[[1.0, -1.0, torch.inf, torch.nan, 0.0, 1e7]]]).expand(4, 1, 6)
    hfov = torch.tensor([60.0, 0.0, 179.0, math.nan])
    geometry = sound_geometry(depth, torch.ones(4, 1, 6, dtype=torch.bool), hfov)
    assert geometry.valid.tolist() == [[[True] + [False] * 5]] + [[[False] * 6]] * 3


def test_moge_gives_metres_mask_and_field_of_view(tmp_path, images):
    pytest.importorskip("moge.model.v2")
    from moge.model.v2 import MoGeModel
    from safetensors.torch import save_file

    def stack(dim_in, dim_out):
        sizes = {"dim_res_blocks": [16, 8, 8, 8, 8], "num_res_blocks": [0, 1, 1, 1, 0]}
        norms = {"res_block_in_norm": "none", "res_block_hidden_norm": "none"}
        resamplers = ["conv_transpose"] * 3 + ["bilinear"]
        return {"dim_in": dim_in, "dim_out": dim_out, **sizes, **norms, "resamplers": resamplers}

    config = {
        "encoder": {"backbone": "dinov2_vits14", "intermediate_layers": [5, 11], "dim_out": 16},
        "neck": stack([18, 2, 2, 2, 2], None),
        "points_head": stack([16, 8, 8, 8, 8], [None] * 4 + [3]),
        "mask_head": stack([16, 8, 8, 8, 8], [None] * 4 + [1]),
        "scale_head": {"dims": [384, 16, 1]},
        "remap_output": "exp",
        "num_tokens_range": [12, 24],
    }
    model = MoGeModel(**config).eval()
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    geometry = open_teacher("moge", tmp_path, "mit", "cpu")(images)
    expected = model.infer(images, use_fp16=False)
    known = geometry.valid
    torch.testing.assert_close(geometry.depth[known], expected["depth"][known])
    assert not (known & ~expected["mask"]).any()


# Weights and licences


def test_weights_that_are_not_open_have_to_be_accepted(teacher_folders, tmp_path):
    folder = str(teacher_folders["depth_pro"])
    with pytest.raises(InputError, match=r"is unknown, which is not an open one.*--accept-licence unknown"):
        find_teacher("depth_pro", folder, [])
    assert find_teacher("depth_pro", folder, ["Unknown"]) == (teacher_folders["depth_pro"], "unknown")
    # Known by name, so nothing is fetched first.
    with pytest.raises(InputError, match="--accept-licence apple-amlr"):
        find_teacher("depth_pro", None, [])
    with pytest.raises(InputError, match=r"--accept-licence cc-by-nc-4\.0"):
        find_teacher("depth_anything", "depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf", ["mit"])
    shutil.copytree(folder, tmp_path / "open")
    card = tmp_path / "open" / "README.md"
    card.write_text("---\nlicense: apache-2.0\npipeline_tag: depth-estimation\n---\n# A model\nlicense: other\n")
    assert find_teacher("depth_pro", str(tmp_path / "open"), [])[1] == "apache-2.0"
    card.write_text("---\nlicense: other\nlicense_name: apple-amlr\n---\n")
    with pytest.raises(InputError, match="is apple-amlr"):
        find_teacher("depth_pro", str(tmp_path / "open"), [])


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"cannot be reached.*place its config.json and .safetensors files"):
        find_teacher("depth_pro", "nobody/nothing", ["unknown"])


def test_a_hub_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(hub, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(InputError, match="cannot be reached"):
            hub.check_reachable("nobody/nothing", "model", "do without")


@pytest.mark.parametrize("name", ["moge", "vggt"])
def test_a_missing_package_is_one_sentence(name):
    if importlib.util.find_spec(name):
        pytest.skip(f"{name} is installed")
    with pytest.raises(InputError, match=f"the package {name} is not installed: pip install git"):
        find_teacher(name, None, [])


def test_wrong_weights_are_one_sentence(teacher_folders, tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        find_teacher("depth_pro", str(tmp_path / "nowhere"), ["unknown"])
    (tmp_path / "pickle").mkdir()
    (tmp_path / "pickle" / "config.json").write_text("{}")
    (tmp_path / "pickle" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"no .safetensors file"):
        find_teacher("depth_pro", str(tmp_path / "pickle"), ["unknown"])
    for name, other in (("depth_pro", "depth_anything"), ("depth_anything", "depth_pro")):
        with pytest.raises(InputError, match="is not"):
            open_teacher(name, teacher_folders[other], "x", "cpu")
    save_depth_anything(tmp_path / "relative", "relative")
    with pytest.raises(InputError, match="not a metric Depth Anything"):
        open_teacher("depth_anything", tmp_path / "relative", "x", "cpu")
    broken = shutil.copytree(teacher_folders["depth_anything"], tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be loaded"):
        open_teacher("depth_anything", broken, "x", "cpu")


def test_weights_with_missing_tensors_are_refused(teacher_folders, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(teacher_folders["depth_anything"], tmp_path / "less")
    tensors = load_file(folder / "model.safetensors")
    del tensors["head.conv3.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 tensors \(head.conv3.weight"):
        open_teacher("depth_anything", folder, "x", "cpu")


def test_teachers_are_named():
    assert [teacher_class(name).name for name in NAMES] == list(NAMES)
    with pytest.raises(InputError, match="did you mean 'depth_pro'"):
        teacher_class("depthpro")
