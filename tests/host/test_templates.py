"""The workflow templates for large models, from sentence to image, on small random networks of the host's own classes.

The loaders of a template give these networks; every other node is the host's or ours, called as its executor calls it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import comfy.cldm.cldm
import comfy.controlnet
import comfy.latent_formats
import comfy.ldm.flux.controlnet
import comfy.ldm.lumina.controlnet
import comfy.ldm.qwen_image.controlnet
import comfy.model_base
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.sdxl_clip
import comfy.supported_models
import comfy.supported_models_base
import comfy.text_encoders.flux
import pytest
import test_clip_llm
import torch
from conftest import CLASSES, HOST, PACK, InputError, pack
from test_scene_nodes import patcher, random_weights

import nodes as host_nodes

ClipLlm = pack("nodes.host.clip_llm").ClipLlm
SIZE, STEPS = 64, 2
API = Path(PACK) / "workflows" / "api"
CPU = torch.device("cpu")
SMALL_CLIP = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
CONTROLS = ("ControlNetApplyAdvanced", "ZImageFunControlnet")
EXTRAS = ("model_patch", "model_advanced", "sd3", "flux", "primitive", "cond")


@pytest.fixture(scope="module")
def core() -> dict:
    """The host's classes by their ids, with those of comfy_extras that the templates use."""
    for name in EXTRAS:
        asyncio.run(
            host_nodes.load_custom_node(str(HOST / "comfy_extras" / f"nodes_{name}.py"), module_parent="comfy_extras")
        )
    return host_nodes.NODE_CLASS_MAPPINGS


def call(kind: str, inputs: dict, core: dict) -> tuple:
    if kind in CLASSES:
        return CLASSES[kind].execute(**inputs).result
    cls = core[kind]
    made = getattr(cls if hasattr(cls, "define_schema") else cls(), cls.FUNCTION)(**inputs)
    return made if isinstance(made, tuple) else made.result


def draw(name: str, given: dict[str, tuple], core: dict, strength: float | None = None, **changed) -> torch.Tensor:
    """The picture that a template saves.

    given: what its loaders give; strength: of its control, None for the template's own; changed: inputs of Plan Scene.
    """
    prompt = json.loads((API / f"{name}.json").read_text(encoding="utf-8"))
    results, saved = {}, []
    waiting = dict(prompt)
    while waiting:
        for number, node in list(waiting.items()):
            kind, inputs = node["class_type"], dict(node["inputs"])
            if any(isinstance(v, list) and v[0] not in results for v in inputs.values()):
                continue
            del waiting[number]
            inputs = {k: results[v[0]][v[1]] if isinstance(v, list) else v for k, v in inputs.items()}
            inputs |= {k: SIZE for k in ("width", "height") if k in inputs}
            if kind == "SpatialFusionPlanScene":
                inputs |= changed
            if kind == "KSampler":
                inputs["steps"] = STEPS
            if kind in CONTROLS and strength is not None:
                inputs["strength"] = strength
            if kind == "SaveImage":
                saved.append(inputs["images"])
                results[number] = ()
            elif kind == "PreviewImage":
                results[number] = ()
            else:
                results[number] = given[kind] if kind in given else call(kind, inputs, core)
    (image,) = saved
    return image


def check(name: str, given: dict[str, tuple], core: dict, **changed) -> None:
    """A picture of the right size, that the depth has changed: at strength 0 it is another."""
    image, without = (draw(name, given, core, strength, **changed) for strength in (None, 0.0))
    assert image.shape == (1, SIZE, SIZE, 3) and torch.isfinite(image).all()
    assert image.std() > 0 and not torch.equal(image, without)


def autoencoder(channels: int) -> comfy.sd.VAE:
    """The host's AutoencoderKL with few and narrow layers."""
    sizes = {"double_z": True, "z_channels": channels, "resolution": 64, "in_channels": 3, "out_ch": 3, "ch": 32,
        "ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0}  # fmt: skip
    network = {"params": {"ddconfig": sizes, "embed_dim": channels}}
    vae = comfy.sd.VAE(sd={}, config=network, device=CPU, dtype=torch.float32)
    random_weights(vae.first_stage_model)
    vae.latent_channels = channels
    return vae


def model_of(config) -> comfy.model_patcher.ModelPatcher:
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({})
    random_weights(model.diffusion_model)
    return comfy.model_patcher.ModelPatcher(model, load_device=CPU, offload_device=CPU)


def clip_of(tokenizer, encoder, **sizes) -> comfy.sd.CLIP:
    target = comfy.supported_models_base.ClipTarget(tokenizer, encoder)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32, **sizes})
    random_weights(clip.cond_stage_model, 1)
    return clip


def control_of(network, **options) -> comfy.controlnet.ControlNet:
    random_weights(network, 2)
    return comfy.controlnet.ControlNet(network, load_device=CPU, manual_cast_dtype=None, **options)


def test_z_image_is_planned_by_its_own_text_encoder(core, monkeypatch):
    # Random weights would write on to the end of what they may.
    monkeypatch.setattr(pack("nodes.plan_scene"), "ClipLlm", lambda clip: ClipLlm(clip, max_tokens=30))
    sizes = {"dim": 256, "n_heads": 4, "n_kv_heads": 4, "multiple_of": 32}
    model = model_of(comfy.supported_models.ZImage({"image_model": "lumina2", "patch_size": 2, "in_channels": 16,
        "n_layers": 10, "n_refiner_layers": 2, "ffn_dim_multiplier": 8 / 3, "qk_norm": True, "cap_feat_dim": 64,
        "axes_dims": [16, 24, 24], "axes_lens": [256, 64, 64], "rope_theta": 256.0, "z_image_modulation": True,
        "time_scale": 1000.0, "pad_tokens_multiple": 32, **sizes}))  # fmt: skip
    control = comfy.ldm.lumina.controlnet.ZImage_Control(**sizes, operations=comfy.ops.manual_cast)
    given = {
        "UNETLoader": (model,),
        "CLIPLoader": (test_clip_llm.CLASSES["qwen3"](),),
        "VAELoader": (autoencoder(16),),
        "ModelPatchLoader": (patcher(random_weights(control, 1)),),
    }
    for seed in range(6):  # random weights write valid scene text, but not always one that can be drawn
        try:
            check("SpatialFusion-Z-Image-Turbo", given, core, seed=seed)
        except InputError as error:
            assert "has written no scene that can be drawn" in str(error)
        else:
            return
    pytest.fail("none of the scenes could be drawn")


def test_qwen_image_with_its_controlnet(core, tiny, monkeypatch):
    config = dict(tiny.model.model.model_config.unet_config)
    monkeypatch.setattr(test_clip_llm, "SMALL", test_clip_llm.SMALL | {"hidden_size": config["joint_attention_dim"]})
    clip = test_clip_llm.CLASSES["qwen2.5-vl"]()
    config = {k: v for k, v in config.items() if k not in ("image_model", "dtype")} | {"num_layers": 1}
    control = control_of(
        comfy.ldm.qwen_image.controlnet.QwenImageControlNetModel(
            **config, dtype=torch.float32, device=CPU, operations=comfy.ops.manual_cast
        ),
        compression_ratio=1,
        latent_format=comfy.latent_formats.Wan21(),
        extra_conds=[],
    )
    given = {"UNETLoader": (tiny.model,), "CLIPLoader": (clip,), "VAELoader": (tiny.vae,)}
    given |= {"ControlNetLoader": (control,)}
    check("SpatialFusion-Qwen-Image", given, core)


def test_flux_with_union_pro(core):
    sizes = {"in_channels": 16, "out_channels": 16, "vec_in_dim": 32, "context_in_dim": 32, "hidden_size": 64,
        "mlp_ratio": 2.0, "num_heads": 4, "depth": 2, "depth_single_blocks": 2, "axes_dim": [4, 6, 6], "theta": 10000,
        "patch_size": 2, "qkv_bias": True, "guidance_embed": True, "txt_ids_dims": []}  # fmt: skip
    model = model_of(comfy.supported_models.Flux({"image_model": "flux", **sizes}))
    # Union Pro 2 has no embedding of the kind of control.
    control = control_of(
        comfy.ldm.flux.controlnet.ControlNetFlux(
            latent_input=True,
            num_union_modes=0,
            control_latent_channels=16,
            image_model="flux",
            dtype=torch.float32,
            device=CPU,
            operations=comfy.ops.manual_cast,
            **sizes | {"depth": 1, "depth_single_blocks": 1},
        ),
        compression_ratio=1,
        latent_format=comfy.latent_formats.Flux(),
        extra_conds=["y", "guidance"],
    )
    t5 = {"d_ff": 64, "d_kv": 16, "d_model": 32, "num_heads": 2, "num_layers": 2}
    clip = clip_of(
        comfy.text_encoders.flux.FluxTokenizer,
        comfy.text_encoders.flux.flux_clip(),
        clip_l_model_config=SMALL_CLIP,
        t5xxl_model_config=t5,
    )
    given = {"CheckpointLoaderSimple": (model, clip, autoencoder(16)), "ControlNetLoader": (control,)}
    check("SpatialFusion-FLUX.1-dev", given, core)


def test_sdxl_with_a_depth_controlnet(core):
    unet = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "num_res_blocks": [1, 1, 1],
        "channel_mult": [1, 2, 4], "transformer_depth": [0, 1, 1], "transformer_depth_middle": 1,
        "transformer_depth_output": [0, 0, 1, 1, 1, 1], "num_head_channels": 16, "num_heads": -1, "context_dim": 64,
        "num_classes": "sequential", "adm_in_channels": 6 * 256 + 32, "use_linear_in_transformer": True,
        "use_spatial_transformer": True, "legacy": False, "use_temporal_attention": False}  # fmt: skip
    model = model_of(comfy.supported_models.SDXL(unet))
    hint = {k: v for k, v in unet.items() if k not in ("out_channels", "transformer_depth_output")}
    control = control_of(
        comfy.cldm.cldm.ControlNet(
            **hint, hint_channels=3, dtype=torch.float32, device=CPU, operations=comfy.ops.manual_cast
        )
    )
    clip = clip_of(
        comfy.sdxl_clip.SDXLTokenizer,
        comfy.sdxl_clip.SDXLClipModel,
        clip_l_model_config=SMALL_CLIP,
        clip_g_model_config=SMALL_CLIP,
    )
    given = {"CheckpointLoaderSimple": (model, clip, autoencoder(4)), "ControlNetLoader": (control,)}
    check("SpatialFusion-SDXL", given, core)
