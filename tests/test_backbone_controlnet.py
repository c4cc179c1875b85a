"""A ControlNet of Qwen-Image: what it is a copy of, where its condition goes, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch
from test_backbone_qwen_image import SHAPE, call, make_latents, make_transformer
from tiny import tiny_components, tiny_omnigen2_components
from torch import nn

from spatialfusion.backbones import qwen_image as qi
from spatialfusion.backbones.controlnet import ControlNetInjection, depth_condition, new_controlnet
from spatialfusion.errors import InputError
from spatialfusion.pipeline import SpatialFusionPipeline


def make_controlnet(transformer: nn.Module, stirred: bool = True) -> nn.Module:
    controlnet = new_controlnet(transformer, 1).eval()
    if stirred:
        for layer in (controlnet.controlnet_x_embedder, *controlnet.controlnet_blocks):
            nn.init.normal_(layer.weight, std=0.1)
    return controlnet


def test_it_is_a_copy_whose_outputs_are_zero():
    transformer, latents, reference = make_transformer(), make_latents(), make_latents(seed=5)
    nn.init.normal_(transformer.txt_norm.weight)
    controlnet = make_controlnet(transformer, stirred=False)
    theirs = transformer.state_dict()
    own = {name: tensor for name, tensor in controlnet.state_dict().items() if not name.startswith("controlnet_")}
    assert own and all(torch.equal(tensor, theirs[name]) for name, tensor in own.items())
    assert len(controlnet.transformer_blocks) == 1
    base = call(transformer, latents, [reference])
    with ControlNetInjection(transformer, controlnet, make_latents(seed=2)):
        assert torch.equal(call(transformer, latents, [reference]), base)
    with pytest.raises(InputError, match="a ControlNet of 3 layers does not fit a diffusion model of 2: 1 to 2"):
        new_controlnet(transformer, 3)


def test_the_condition_is_the_targets_and_it_is_as_diffusers_calls_it():
    transformer, latents, reference = make_transformer(), make_latents(), make_latents(seed=5)
    controlnet, condition = make_controlnet(transformer), make_latents(1, seed=2)
    base = call(transformer, latents, [reference])
    seen = []
    controlnet.register_forward_pre_hook(lambda _, _args, kwargs: seen.append(kwargs), with_kwargs=True)
    injection = ControlNetInjection(transformer, controlnet, condition, 0.7)
    with injection:
        result = call(transformer, latents, [reference])
        injection.active = False
        assert torch.equal(call(transformer, latents, [reference]), base)
    assert torch.equal(call(transformer, latents, [reference]), base) and len(seen) == 1
    tokens = torch.cat([qi.pack(latents), qi.pack(reference)], dim=1)
    assert torch.equal(seen[0]["hidden_states"], tokens)
    told = seen[0]["controlnet_cond"]
    assert torch.equal(told[:, :6], qi.pack(condition).expand(2, -1, -1)) and not told[:, 6:].any()
    given = {name: seen[0][name] for name in ("encoder_hidden_states", "encoder_hidden_states_mask", "timestep")}
    given |= {"hidden_states": tokens, "img_shapes": seen[0]["img_shapes"], "return_dict": False}
    samples = controlnet(controlnet_cond=told, conditioning_scale=0.7, **given)
    expected = transformer(controlnet_block_samples=samples, **given)[0]
    assert torch.equal(result, qi.unpack(expected[:, :6], *SHAPE[1:]))
    assert not torch.allclose(result, base, atol=1e-3)
    with ControlNetInjection(transformer, controlnet, condition, 0.0):
        assert torch.equal(call(transformer, latents, [reference]), base)
    with ControlNetInjection(transformer, controlnet, condition), pytest.raises(InputError, match="same image size"):
        call(transformer, make_latents(1, (16, 2, 2)), lengths=(3,))


def test_the_condition_is_the_latent_of_a_grey_picture():
    vae = tiny_components()["vae"]
    disparity = torch.rand(2, 32, 48, generator=torch.Generator().manual_seed(0))
    picture = disparity[:, None, None].expand(-1, 3, 1, -1, -1)  # as diffusers' pipelines have it: one frame
    with torch.no_grad():
        latents = vae.encode(2 * picture - 1).latent_dist.mode()[:, :, 0]
    mean, std = (torch.tensor(x).view(1, -1, 1, 1) for x in (vae.config.latents_mean, vae.config.latents_std))
    torch.testing.assert_close(depth_condition(vae, disparity), (latents - mean) / std)


def test_other_backbones_have_none():
    controlnet = make_controlnet(tiny_components()["transformer"])
    with pytest.raises(InputError, match="a ControlNet was given, but the diffusion model is omnigen2"):
        SpatialFusionPipeline(**tiny_omnigen2_components(), controlnet=controlnet)
