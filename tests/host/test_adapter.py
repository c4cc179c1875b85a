"""Depth in the host's native models: what is added, where, when, and what stays as it was."""

from __future__ import annotations

from types import SimpleNamespace

import comfy.model_patcher
import comfy.patcher_extension
import comfy.samplers
import comfy.supported_models
import node_helpers
import pytest
import torch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_custom_sampler import Guider_DualCFG
from comfy_extras.nodes_model_merging import ModelMergeSimple, ModelSave
from comfy_extras.nodes_perpneg import Guider_PerpNeg
from comfy_extras.nodes_torch_compile import skip_torch_compile_dict
from conftest import SIZE, InputError, apply, pack, predict, run, sample
from safetensors.torch import load_file

import nodes as host_nodes

DIFFUSION_MODEL = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL


class Recorder:
    """What the network of a clone sees: its input, the references and the (un)conditional chunks of each call."""

    def __init__(self, model):
        self.inputs, self.references, self.chunks = [], [], []
        self.model = model.clone()
        # Under a key that comes after ours: the innermost wrapper.
        self.model.add_wrapper_with_key(DIFFUSION_MODEL, "recorder", self)

    def __call__(self, executor, x, *args, **kwargs):
        options = next(value for value in args if isinstance(value, dict))
        self.inputs.append(x.clone())
        self.references.append(args[3])
        self.chunks.append(list(options["cond_or_uncond"]))
        return executor(x, *args, **kwargs)


def difference(a, b):
    return (a - b).abs().max().item()


def test_depth_changes_the_image_and_clones_stay_clean(tiny):
    before = sample(tiny.model, tiny.positive, tiny.negative)
    patched = apply(tiny)
    first = sample(patched, tiny.positive, tiny.negative)
    assert difference(first, before) > 1e-2
    assert torch.equal(sample(patched, tiny.positive, tiny.negative), first)  # queued again
    assert torch.equal(sample(tiny.model, tiny.positive, tiny.negative), before)
    assert not any(module._forward_hooks for module in tiny.model.model.diffusion_model.modules())


def test_patched_weights_are_what_hooks_add(tiny):
    """A mask that covers everything takes the way of the hooks, no mask that of the weights."""
    for strength in (1.0, 0.4):
        weights = apply(tiny, strength=strength)
        assert "diffusion_model.img_in.weight" in weights.patches
        hooks = apply(tiny, strength=strength, mask=torch.ones(1, 8, 8))
        assert not hooks.patches
        a, b = (sample(model, tiny.positive, tiny.negative) for model in (weights, hooks))
        assert difference(a, b) < 1e-4 * a.abs().max()
    assert not tiny.model.patches


@pytest.mark.parametrize("changes", [{"strength": 0.0}, {"end": 0.0}, {"start": 1.0}, {"mask": torch.zeros(1, 8, 8)}])
def test_no_depth_is_the_model_to_the_bit(tiny, changes):
    base = sample(tiny.model, tiny.positive, tiny.negative)
    assert torch.equal(sample(apply(tiny, **changes), tiny.positive, tiny.negative), base)


def test_the_window_is_that_of_the_pipeline(added):
    """Step i of n has depth where start <= i / n < end."""
    recorder = Recorder(added.model)
    sample(recorder.model, added.positive, added.positive, cfg=1.0, steps=4)
    plain = recorder.inputs
    recorder = Recorder(apply(added, start=0.25, end=0.75))
    sample(recorder.model, added.positive, added.positive, cfg=1.0, steps=4)
    assert torch.equal(recorder.inputs[0], plain[0])
    shift = recorder.inputs[1] - plain[1]
    assert shift.abs().max() > 1e-3
    full = Recorder(apply(added))
    sample(full.model, added.positive, added.positive, cfg=1.0, steps=4)
    torch.testing.assert_close(full.inputs[0] - plain[0], shift, atol=1e-5, rtol=1e-4)
    # Steps 2 and 3: with and without. What the sampler holds between them is the same in a run that stops at step 2.
    late = Recorder(apply(added, start=0.25, end=0.5))
    sample(late.model, added.positive, added.positive, cfg=1.0, steps=4)
    torch.testing.assert_close(recorder.inputs[2] - late.inputs[2], shift, atol=1e-4, rtol=1e-3)


def test_two_depths_add_up(tiny):
    twice = apply(tiny, model=apply(tiny, strength=0.25), strength=0.5)
    torch.testing.assert_close(
        sample(twice, tiny.positive, tiny.negative),
        sample(apply(tiny, strength=0.75), tiny.positive, tiny.negative),
        atol=2e-3,
        rtol=1e-3,
    )


def test_masks_that_complete_each_other_are_the_whole(tiny):
    """Per place: two halves at full strength are depth everywhere, not twice the LoRA."""
    left = torch.zeros(1, SIZE, SIZE)
    left[:, :, : SIZE // 2] = 1
    halves = apply(tiny, model=apply(tiny, mask=left), mask=1 - left)
    # The resized edge of a mask is soft; both edges together are 1.
    torch.testing.assert_close(
        sample(halves, tiny.positive, tiny.negative),
        sample(apply(tiny), tiny.positive, tiny.negative),
        atol=2e-3,
        rtol=1e-3,
    )


def test_a_mask_keeps_the_input_elsewhere(added):
    mask = torch.zeros(1, 40, 40)
    mask[:, :, :20] = 1
    recorders = [Recorder(added.model), Recorder(apply(added)), Recorder(apply(added, mask=mask))]
    for recorder in recorders:
        sample(recorder.model, added.positive, added.positive, cfg=1.0, steps=1)
    plain, whole, half = (recorder.inputs[0] for recorder in recorders)
    assert torch.equal(half[..., 9:], plain[..., 9:])
    torch.testing.assert_close(half[..., :7], whole[..., :7])


def test_with_a_core_lora_before_or_after(tiny):
    weight = "diffusion_model.transformer_blocks.0.attn.to_q.weight"
    generator = torch.Generator().manual_seed(0)
    patch = {weight: ("diff", (0.1 * torch.randn(192, 192, generator=generator),))}

    def with_lora(model):
        model = model.clone()
        assert model.add_patches(patch, 1.0)
        return model

    before = sample(apply(tiny, model=with_lora(tiny.model)), tiny.positive, tiny.negative)
    after = sample(with_lora(apply(tiny)), tiny.positive, tiny.negative)
    # Both are added to the weights, in another order.
    assert difference(before, after) < 1e-5 * before.abs().max()
    assert difference(before, sample(apply(tiny), tiny.positive, tiny.negative)) > 1e-3
    base = sample(tiny.model, tiny.positive, tiny.negative)
    assert torch.equal(base, sample(tiny.model, tiny.positive, tiny.negative))


def test_a_batch_has_a_depth_for_each_image(tiny):
    geometry, positive = predict(tiny.spatialfusion, batch=2)
    together = sample(apply(tiny, geometry=geometry), positive, tiny.negative, batch=2)
    for i in range(2):
        # Everything of a packet that goes by pictures.
        own = {k: v[i : i + 1] if isinstance(v, torch.Tensor) else v for k, v in geometry.items()}
        alone = sample(apply(tiny, geometry=own), positive, tiny.negative, batch_index=[i])
        torch.testing.assert_close(together[i : i + 1], alone, atol=2e-3, rtol=1e-3)


def test_a_latent_from_a_batch_has_the_depth_of_its_place(tiny):
    """As drawn together: `batch_index` chooses the depth, and the mask, as it chooses the noise."""
    geometry, positive = predict(tiny.spatialfusion, batch=3)
    masks = torch.zeros(3, 8, 8)
    masks[0], masks[1, :4], masks[2, :, :4] = 1, 1, 1
    empty = {"samples": torch.zeros(3, 16, SIZE // 8, SIZE // 8)}
    for mask in (None, masks):
        model = apply(tiny, geometry=geometry, mask=mask)
        together = sample(model, positive, tiny.negative, batch=3, steps=2)
        for place, length in ((0, 1), (1, 1), (2, 1), (1, 2)):
            (latent,) = host_nodes.LatentFromBatch().frombatch(empty, place, length)
            (one,) = host_nodes.common_ksampler(model, 0, 2, 4.0, "euler", "simple", positive, tiny.negative, latent)
            torch.testing.assert_close(one["samples"], together[place : place + length], atol=2e-3, rtol=1e-3)
    swapped = sample(model, positive, tiny.negative, batch=3, steps=2, batch_index=[2, 1, 0])
    torch.testing.assert_close(swapped, together.flip(0), atol=2e-3, rtol=1e-3)
    one = run(
        "Sampler", model=tiny.model, spatialfusion=tiny.spatialfusion, positive=positive, negative=tiny.negative,
        latent=latent, seed=0, preset="tiny", steps=2, cfg=4.0, sampler_name="euler", scheduler="simple",
        denoise=1.0, strength=1.0, geometry=geometry,
    )["samples"]  # fmt: skip
    whole = sample(apply(tiny, geometry=geometry), positive, tiny.negative, batch=3, steps=2)
    torch.testing.assert_close(one, whole[1:3], atol=2e-3, rtol=1e-3)


NAN = float("nan")


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_what_is_no_number_is_refused_in_one_sentence(tiny, value):
    mask, picture = torch.ones(1, 8, 8), torch.zeros(1, SIZE, SIZE, 3)
    mask[0, 3, 3] = picture[0, 5, 5, 1] = value
    draw = {
        "model": tiny.model, "spatialfusion": tiny.spatialfusion, "positive": tiny.positive, "negative": tiny.negative,
        "latent": {"samples": torch.zeros(1, 16, 16, 16)}, "seed": 0, "preset": "tiny", "steps": 1, "cfg": 1.0,
        "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0, "strength": 1.0,
    }  # fmt: skip
    edit = {"geometry": tiny.geometry, "operation": "move", "amount": 1.0, "feather": 0.0}
    words = {"spatialfusion": tiny.spatialfusion, "prompt": "move it", "width": SIZE, "height": SIZE}
    calls = {
        "strength": lambda: apply(tiny, strength=value),
        "start": lambda: apply(tiny, start=value),
        "end": lambda: apply(tiny, end=value),
        "mask": lambda: apply(tiny, mask=mask),
        "strength of the sampler": lambda: run("Sampler", **draw | {"strength": value}),
        "cfg": lambda: run("Sampler", **draw | {"cfg": value}),
        "denoise": lambda: run("Sampler", **draw | {"denoise": value}),
        "depth_guidance": lambda: predict(tiny.spatialfusion, guidance=value),
        "image": lambda: run("EncodePrompt", **words, image=picture, vae=tiny.vae),
        "amount": lambda: run("EditDepth", **edit | {"amount": value}),
        "feather": lambda: run("EditDepth", **edit | {"feather": value}, mask=torch.ones(1, 8, 8)),
    }
    if value != value:
        calls["mask of an edit"] = lambda: run("EditDepth", **edit, mask=mask)
        calls["mask_a"] = lambda: run("MeasureDepth", geometry=tiny.geometry, x=0.5, y=0.5, radius=1, mask_a=mask)
        calls["x"] = lambda: run("MeasureDepth", geometry=tiny.geometry, x=value, y=0.5, radius=1)
    for name, call in calls.items():
        with pytest.raises(InputError, match=r"expected|cannot move") as error:
            call()
        assert "\n" not in str(error.value) and len(str(error.value)) < 250, name


def test_depth_that_is_unknown_everywhere_is_refused(tiny):
    geometry, _ = predict(tiny.spatialfusion, batch=2)
    unknown = dict(geometry)
    unknown["mask"] = geometry["mask"].clone()
    unknown["mask"][1] = False
    with pytest.raises(InputError, match="image 2 of 2 of geometry is unknown everywhere: expected depth in metres"):
        apply(tiny, geometry=unknown)
    unknown["mask"][0] = False
    one = {name: part[:1] if isinstance(part, torch.Tensor) else part for name, part in unknown.items()}
    with pytest.raises(InputError, match=r"^geometry is unknown everywhere"):
        apply(tiny, geometry=one)


def merged(first, second, ratio=0.5):
    return ModelMergeSimple().merge(first, second, ratio)[0]


@pytest.mark.parametrize("changes", [{}, {"end": 0.5}])
def test_a_merge_leaves_out_the_depth_of_the_second_model_and_says_so(tiny, changes, caplog):
    other = apply(tiny, geometry=predict(tiny.spatialfusion, seed=5)[0], **changes)
    base = sample(tiny.model, tiny.positive, tiny.negative, steps=2)
    with caplog.at_level("WARNING"):
        mixed = merged(tiny.model, other)
    assert "a model with the depth of built-in tiny is merged into another: its depth is left out" in caplog.text
    # Halves of one model are the model.
    torch.testing.assert_close(sample(mixed, tiny.positive, tiny.negative, steps=2), base, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_a_merge_leaves_the_depth_of_the_first_model_whole(tiny, ratio, caplog):
    """Also that of two depths, and of clones of what was merged."""
    ours = apply(tiny, model=apply(tiny, strength=0.5), strength=0.25)
    expected = sample(ours, tiny.positive, tiny.negative, steps=2)
    with caplog.at_level("WARNING"):
        mixed = merged(ours, tiny.model, ratio)
        assert "SpatialFusion" not in caplog.text
        again = merged(mixed.clone(), ours.clone(), ratio).clone()
    assert caplog.text.count("a model with the depth of built-in tiny and built-in tiny is merged") == 1
    for model in (mixed, again):
        torch.testing.assert_close(sample(model, tiny.positive, tiny.negative, steps=2), expected, atol=2e-3, rtol=1e-3)
    assert difference(expected, sample(tiny.model, tiny.positive, tiny.negative, steps=2)) > 1e-2


def test_a_saved_model_is_the_model_without_depth_and_the_log_says_so(tiny, tmp_path, caplog):
    patched = apply(tiny, model=apply(tiny, strength=0.5))
    expected = sample(patched, tiny.positive, tiny.negative, steps=2)
    files = {}
    for name, model in (("plain", tiny.model), ("patched", patched)):
        node = ModelSave()
        node.output_dir = str(tmp_path)
        with caplog.at_level("WARNING"):
            node.save(model, name)
        files[name] = load_file(next(tmp_path.glob(f"{name}*.safetensors")))
    assert (
        "a model with the depth of built-in tiny and built-in tiny is saved: the file is the model without"
        in caplog.text
    )
    assert files["plain"].keys() == files["patched"].keys()
    changed = [name for name, tensor in files["plain"].items() if difference(tensor, files["patched"][name]) > 1e-6]
    assert not changed
    # And the model that was saved has its depth as before.
    assert torch.equal(sample(patched, tiny.positive, tiny.negative, steps=2), expected)


COMPILED = {"added": {}, "concatenated": {}, "window": {"start": 0.5}}


@pytest.mark.parametrize("way", COMPILED)
def test_a_compiled_model_is_in_one_piece_with_depth(added, concatenated, way):
    """No graph break that the model without depth has not, and the same latents, also after runs without depth."""
    one = concatenated if way != "added" else added
    torch._dynamo.reset()

    def compiled(model):
        model = model.clone()
        set_torch_compile_wrapper(model=model, backend="eager", options={"guard_filter_fn": skip_torch_compile_dict})
        return model

    def pieces(model):
        """What is drawn, why dynamo broke the network's graph, and how many graphs it made."""
        torch._dynamo.utils.counters.clear()
        latents = sample(model, one.positive, one.positive, steps=2, cfg=2.0)
        counters = torch._dynamo.utils.counters
        return latents, set(counters["graph_break"]), counters["stats"]["unique_graphs"]

    base, breaks, _ = pieces(compiled(one.model))
    patched = apply(one, **COMPILED[way])
    latents, found, graphs = pieces(compiled(patched))
    # The host's own: on a CPU its attention asks how much memory there is.
    assert found <= breaks and all("builtin operator `open`" in reason for reason in breaks), found
    expected = sample(patched, one.positive, one.positive, steps=2, cfg=2.0)
    torch.testing.assert_close(latents, expected, atol=1e-4, rtol=1e-4)
    assert difference(latents, base) > 1e-2
    torch.testing.assert_close(pieces(compiled(one.model))[0], base)
    # Another depth, as of another prompt, is no reason to compile again.
    again = 0
    for seed in range(2):
        geometry, _ = predict(one.spatialfusion, seed=seed + 1)
        model = compiled(apply(one, geometry=geometry, strength=0.5 + seed / 10, **COMPILED[way]))
        again += pieces(model)[2]
    assert again <= graphs, (again, graphs)


def test_batches_that_do_not_fit_are_refused(tiny):
    geometry, positive = predict(tiny.spatialfusion, batch=2)
    with pytest.raises(InputError, match="geometry has 2 images and the latent 3"):
        sample(apply(tiny, geometry=geometry), positive, tiny.negative, batch=3)
    with pytest.raises(InputError, match="mask has 3 images and geometry 2"):
        apply(tiny, geometry=geometry, mask=torch.ones(3, 8, 8))


@pytest.mark.parametrize("size", [(10, 14), (13, 13), (24, 16), (16, 24)])
def test_another_latent_size_at_run_time(tiny, size):
    """Also with a mask, and with a side that is no whole number of tokens."""
    base = sample(tiny.model, tiny.positive, tiny.negative, size)
    for mask in (None, torch.ones(1, 8, 8)):
        result = sample(apply(tiny, mask=mask), tiny.positive, tiny.negative, size)
        assert result.shape == base.shape and result.isfinite().all()
        assert difference(result, base) > 1e-2


def test_a_view_of_another_shape_is_cut_not_squeezed(added):
    """A wide latent sees the middle of a square depth, and so does the residual."""
    recorders = [Recorder(added.model), Recorder(apply(added))]
    for recorder in recorders:
        sample(recorder.model, added.positive, added.positive, (8, 16), cfg=1.0, steps=1)
    shift = recorders[1].inputs[0] - recorders[0].inputs[0]
    from_packet = pack("nodes.types").from_packet
    middle = from_packet(added.geometry).crop(SIZE // 4, 0, SIZE // 2, SIZE)
    adapter = added.spatialfusion.depth_patch.adapter
    torch.testing.assert_close(shift[:, :, 0], adapter.residual(middle, (8, 16)), atol=1e-5, rtol=1e-4)


def test_a_mask_drawn_on_the_depth_is_cut_as_the_depth_is(added):
    """The lower half of a square depth is the lower half of what a wide latent sees of its middle."""
    below = torch.zeros(1, SIZE, SIZE)
    below[:, SIZE // 2 :] = 1
    recorders = [Recorder(added.model), Recorder(apply(added)), Recorder(apply(added, mask=below))]
    quarter = torch.zeros(1, SIZE, SIZE)
    quarter[:, 5 * SIZE // 8 :] = 1  # in the middle's lower quarter
    recorders.append(Recorder(apply(added, mask=quarter)))
    for recorder in recorders:
        sample(recorder.model, added.positive, added.positive, (8, 16), cfg=1.0, steps=1)
    plain, whole, half, part = (recorder.inputs[0][:, :, 0] for recorder in recorders)
    torch.testing.assert_close(half[..., 5:, :], whole[..., 5:, :])
    assert torch.equal(half[..., :3, :], plain[..., :3, :])
    torch.testing.assert_close(part[..., 7:, :], whole[..., 7:, :])
    assert torch.equal(part[..., :5, :], plain[..., :5, :])


def test_references_are_left_alone(added):
    picture = torch.rand(1, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    geometry, positive = predict(added.spatialfusion, prompt="make the car red", image=picture, vae=added.vae)
    assert positive[0][1]["reference_latents"][0].shape == (1, 16, 1, SIZE // 8, SIZE // 8)
    recorders = [Recorder(added.model), Recorder(apply(added, geometry=geometry))]
    for recorder in recorders:
        sample(recorder.model, positive, positive, cfg=1.0, steps=1)
    assert difference(recorders[0].inputs[0], recorders[1].inputs[0]) > 1e-3
    for reference in zip(recorders[0].references[0], recorders[1].references[0], strict=True):
        assert torch.equal(*reference)


def test_cond_only_leaves_the_negative_prompt_alone(added):
    seen = {}
    for name, model in (("plain", added.model), ("cond", apply(added, cond_only=True)), ("both", apply(added))):
        recorder = Recorder(model)
        sample(recorder.model, added.positive, added.negative, steps=1)
        # 0 is the positive prompt, 1 the negative one; they may come in one batch or in two.
        rows = [
            (chunk, part)
            for x, chunks in zip(recorder.inputs, recorder.chunks)
            for chunk, part in zip(chunks, x.chunk(len(chunks)))
        ]
        seen[name] = dict(rows)
    assert torch.equal(seen["cond"][1], seen["plain"][1]) and torch.equal(seen["cond"][0], seen["both"][0])
    assert difference(seen["both"][1], seen["plain"][1]) > 1e-3


@pytest.mark.parametrize("kind", ["dual", "perpendicular"])
def test_cond_only_is_by_prompt_whatever_the_guiders_order(added, kind):
    """These ask for negative, middle, positive, and for positive, negative, empty."""
    seen = []
    for model in (added.model, apply(added, cond_only=True)):
        recorder = Recorder(model)
        if kind == "dual":
            guider, place = Guider_DualCFG(recorder.model), 2
            guider.set_conds(added.positive, added.positive, added.negative)
            guider.set_cfg(2.0, 2.0)
        else:
            guider, place = Guider_PerpNeg(recorder.model), 0
            guider.set_conds(added.positive, added.positive, added.negative)
            guider.set_cfg(2.0, 2.0)
        noise = torch.randn(1, 16, 1, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(0))
        sampler = comfy.samplers.sampler_object("euler")
        guider.sample(noise, torch.zeros_like(noise), sampler, torch.tensor([1.0, 0.0]))
        seen.append(
            {
                chunk: part
                for x, chunks in zip(recorder.inputs, recorder.chunks)
                for chunk, part in zip(chunks, x.chunk(len(chunks)))
            }
        )
    assert sorted(seen[0]) == sorted(seen[1]) == [0, 1, 2]
    assert [chunk for chunk in range(3) if difference(seen[0][chunk], seen[1][chunk]) > 1e-3] == [place]


def test_positive_and_negative_in_one_batch(added):
    """Prompts of one length share a call of the network; both get their own scale."""
    other = run(
        "EncodePrompt", spatialfusion=added.spatialfusion, prompt=PROMPT_OF_THE_SAME_LENGTH, width=SIZE, height=SIZE
    )
    assert other[0][0].shape == added.positive[0][0].shape
    recorder = Recorder(apply(added, cond_only=True))
    sample(recorder.model, added.positive, other, steps=1)
    assert recorder.chunks == [[1, 0]] or recorder.chunks == [[0, 1]]
    plain = Recorder(added.model)
    sample(plain.model, added.positive, other, steps=1)
    changed = [difference(a, b) > 1e-3 for a, b in zip(recorder.inputs[0], plain.inputs[0])]
    assert changed == [chunk == 0 for chunk in recorder.chunks[0]]


PROMPT_OF_THE_SAME_LENGTH = "a blue car in front of a red house"


def test_the_host_can_load_the_model_again(tiny):
    """It does so where prompts have hooks and memory is dynamic."""
    load, arguments = tiny.model.cached_patcher_init
    again = load(*arguments, disable_dynamic=True)
    assert type(again) is comfy.model_patcher.ModelPatcher and not again.is_dynamic()
    assert torch.equal(again.model.diffusion_model.img_in.weight, tiny.projection)


def test_the_automatic_preset_is_that_of_the_checkpoints_backbone(tiny):
    def drawn(preset, backbone):
        checkpoint = SimpleNamespace(encoder=None, config=SimpleNamespace(backbone=backbone))
        latent = {"samples": torch.zeros(1, 16, SIZE // 8, SIZE // 8)}
        return run(
            "Sampler", model=tiny.model, spatialfusion=checkpoint, positive=tiny.positive, negative=tiny.negative,
            latent=latent, seed=0, preset=preset, steps=2, cfg=0.0, sampler_name="euler", scheduler="simple",
            denoise=1.0, strength=1.0,
        )["samples"]  # fmt: skip

    named = {name: drawn(name, "qwen-image") for name in ("Qwen-Image", "OmniGen2")}
    assert difference(*named.values()) > 1e-2
    assert torch.equal(drawn("automatic", "qwen-image"), named["Qwen-Image"])
    assert torch.equal(drawn("automatic", "omnigen2"), named["OmniGen2"])


def test_an_area_of_the_image_is_refused_in_one_sentence(tiny):
    area = node_helpers.conditioning_set_values(tiny.positive, {"area": (8, 8, 0, 0), "strength": 1.0})
    with pytest.raises(InputError, match="64 x 64 pixels in it: remove the conditioning's area"):
        sample(apply(tiny), area, tiny.negative)
    # And the next run is a clean one.
    sample(apply(tiny), tiny.positive, tiny.negative)


def test_other_architectures_are_refused_by_name(tiny):
    flux = comfy.supported_models.Lumina2({"image_model": "lumina2", "dim": 64, "n_layers": 1, "n_refiner_layers": 1,
        "n_heads": 2, "n_kv_heads": 2, "axes_dims": [8, 12, 12], "axes_lens": [32, 32, 32], "cap_feat_dim": 32,
        "in_channels": 16, "qk_norm": True, "rope_theta": 10000.0, "patch_size": 2})  # fmt: skip
    flux.set_inference_dtype(torch.float32, None)
    patcher = comfy.model_patcher.ModelPatcher(flux.get_model({}), torch.device("cpu"), torch.device("cpu"))
    with pytest.raises(InputError, match=r"model is Lumina 2 \(NextDiT\), which depth .*: Render Metric Depth"):
        apply(tiny, model=patcher)


def test_a_diffusion_model_of_other_sizes_is_refused(tiny):
    config = comfy.supported_models.QwenImage({"image_model": "qwen_image", "num_layers": 1, "attention_head_dim": 16,
        "num_attention_heads": 2, "joint_attention_dim": 32, "axes_dims_rope": (4, 6, 6)})  # fmt: skip
    config.set_inference_dtype(torch.float32, None)
    patcher = comfy.model_patcher.ModelPatcher(config.get_model({}), torch.device("cpu"), torch.device("cpu"))
    with pytest.raises(InputError, match=r"checkpoint built-in tiny: .*: Render Metric Depth"):
        apply(tiny, model=patcher)


def test_omnigen2_has_the_shift_inside_its_step_alone(added):
    """No wrapper around its network: the model's call is shifted, and the shift taken off the result.

    The denoised result is then x - sigma v(x + F), with v from the network at the shifted input.
    """
    config = comfy.supported_models.Omnigen2({"image_model": "omnigen2", "hidden_size": 64, "num_layers": 1,
        "num_refiner_layers": 1, "num_attention_heads": 2, "num_kv_heads": 2, "text_feat_dim": 32,
        "axes_dim_rope": (8, 12, 12), "multiple_of": 16})  # fmt: skip
    config.set_inference_dtype(torch.float32, None)
    torch.manual_seed(0)
    model = config.get_model({})
    for parameter in model.diffusion_model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    patcher = comfy.model_patcher.ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))
    module = pack("nodes.host.injection")
    stirred = Omnigen2Checkpoint(added.spatialfusion)
    found = module.backbone_of(patcher, stirred)
    from_packet = pack("nodes.types").from_packet
    depth = module.Injection(stirred, found, from_packet(added.geometry), 1.0, 0.0, 1.0, None, False)
    patched = depth.apply(patcher)

    x, sigma = torch.randn(1, 16, 16, 16), torch.tensor([0.7])
    text = {"c_crossattn": torch.randn(1, 5, 32), "num_tokens": 5}
    shift = stirred.depth_patch.adapter.residual(from_packet(added.geometry), (16, 16))
    base = patcher.model.apply_model(x + shift, sigma, transformer_options={}, **text)
    velocity = (x + shift - base) / 0.7
    options = {
        "sigmas": sigma,
        "cond_or_uncond": [0],
        "wrappers": patched.wrappers,
    }
    denoised = patched.model.apply_model(x, sigma, transformer_options=options, **text)
    assert shift.abs().max() > 1e-3
    torch.testing.assert_close(denoised, x - 0.7 * velocity, atol=1e-4, rtol=1e-4)


class Omnigen2Checkpoint:
    """The tiny checkpoint's adapter under OmniGen2's name, without what belongs to Qwen-Image's modules."""

    def __init__(self, loaded):
        import copy

        self.name = "tiny adapter"
        self.config = copy.deepcopy(loaded.config)
        self.config.backbone = "omnigen2"
        held = copy.deepcopy(loaded.patch.model)
        held.network.names = {}
        self.patch = comfy.model_patcher.ModelPatcher(held, torch.device("cpu"), torch.device("cpu"))

    @property
    def depth_patch(self):
        return self.patch.model.network


def test_a_checkpoint_without_injection_is_only_its_lora(added, monkeypatch):
    monkeypatch.setattr(added.spatialfusion.depth_patch.adapter.config, "injection", "none")
    plain, patched = Recorder(added.model), Recorder(apply(added))
    images = [sample(recorder.model, added.positive, added.positive, cfg=1.0, steps=1) for recorder in (plain, patched)]
    assert torch.equal(plain.inputs[0], patched.inputs[0])
    assert difference(*images) > 1e-3


WAYS = {
    "everywhere": {},
    "window": {"start": 0.25, "end": 0.75},
    # Of all: where a mask is half, what is added passes the scaled delta, and is scaled twice.
    "mask": {"mask": torch.ones(1, SIZE, SIZE)},
    "cond only": {"cond_only": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [(16, 16), (13, 11)])
def test_to_concatenate_with_the_projections_own_columns_is_to_add(added, concatenated, way, size):
    """Also with sides that are no whole number of tokens."""
    base = sample(added.model, added.positive, added.negative, size)
    results = [sample(apply(one, **WAYS[way]), one.positive, one.negative, size) for one in (added, concatenated)]
    assert difference(results[0], base) > 1e-2
    assert difference(*results) < 2e-4 * base.abs().max()
    assert not concatenated.model.model.diffusion_model.img_in._forward_hooks


def test_concatenated_depth_keeps_to_the_target_and_its_own_picture(added, concatenated):
    """With the tokens of a reference picture behind the target's, and two depths in a batch."""
    picture = torch.rand(1, SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0))
    options = {"prompt": "make the car red", "image": picture, "vae": added.vae, "batch": 2}
    geometry, positive = predict(added.spatialfusion, **options)
    results = [
        sample(apply(one, geometry=geometry), positive, positive, batch=2, cfg=1.0, steps=2)
        for one in (added, concatenated)
    ]
    assert difference(*results) < 2e-4 * results[0].abs().max()
    assert difference(results[0][0], results[0][1]) > 1e-2


def test_strength_scales_what_is_concatenated(concatenated):
    hidden = []
    first = concatenated.model.model.diffusion_model.transformer_blocks[0]
    hook = first.register_forward_pre_hook(
        lambda _module, _args, kwargs: hidden.append(kwargs["hidden_states"].clone()), with_kwargs=True
    )
    try:
        for strength in (0.0, 0.5, 1.0):
            model = apply(concatenated, strength=strength)
            sample(model, concatenated.positive, concatenated.positive, cfg=1.0, steps=1)
    finally:
        hook.remove()
    nothing, half, whole = hidden
    assert difference(half, nothing) > 1e-3
    torch.testing.assert_close(2 * (half - nothing), whole - nothing, atol=1e-4, rtol=1e-3)


SCENE = "camera height 1.6 pitch 8\noutdoor\ncar red at -0.8 6 facing left\ncar blue at 1.2 4\n"


def composed(text=SCENE, size=SIZE):
    """Geometry and scene of a text."""
    geometry, _, _, _, scene = run("ComposeScene", text=text, width=size, height=size, supersampling=1)
    return geometry, scene


def test_a_scene_tells_which_of_two_shapes_is_the_red_one(tiny):
    geometry, scene = composed()
    swapped = composed(SCENE.replace("red", "x").replace("blue", "red").replace("x", "blue"))[1]
    depth, told, other = (
        sample(apply(tiny, geometry=geometry, **given), tiny.positive, tiny.negative)
        for given in ({}, {"scene": scene}, {"scene": swapped})
    )
    assert difference(told, depth) > 1e-2 and difference(told, other) > 1e-2
    none = apply(tiny, geometry=geometry, scene=scene, strength=0.0)
    assert torch.equal(sample(none, tiny.positive, tiny.negative), sample(tiny.model, tiny.positive, tiny.negative))


def test_a_scene_of_another_shape_and_a_checkpoint_without_region_words(tiny, added):
    geometry, scene = composed()
    wide = run("ComposeScene", text=SCENE, width=2 * SIZE, height=SIZE, supersampling=1)[4]
    with pytest.raises(InputError, match="expected the scene that the geometry is of"):
        apply(tiny, geometry=geometry, scene=wide)
    with pytest.raises(InputError, match="expected the scene of Plan Scene"):
        apply(tiny, geometry=geometry, scene="car red at 0 6")
    names = ("model", "spatialfusion", "positive", "negative")
    draw = {"seed": 0, "preset": "automatic", "steps": 1, "cfg": 0.0, "sampler_name": "euler", "scheduler": "simple"}
    with pytest.raises(InputError, match="geometry is not"):
        latent = {"samples": torch.zeros(1, 16, SIZE // 8, SIZE // 8)}
        given = {name: getattr(tiny, name) for name in names}
        run("Sampler", **given, latent=latent, **draw, denoise=1.0, strength=1.0, scene=scene)
    # It leaves the scene aside.
    a, b = (
        sample(apply(added, geometry=geometry, **given), tiny.positive, tiny.negative)
        for given in ({}, {"scene": scene})
    )
    assert torch.equal(a, b)
