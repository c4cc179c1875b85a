"""Depth Pro and Depth Anything with random weights, of the real classes at a ten-thousandth of their size."""

from __future__ import annotations

import json
from pathlib import Path

import torch

# Without such biases random weights see neither a field of view nor any depth.
FOV, INVERSE_DEPTH = 55.0, 0.5
MAX_DEPTH = 20


def save_depth_pro(folder: Path) -> Path:
    from transformers import DepthProConfig, DepthProForDepthEstimation, Dinov2Config

    vit = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=16, patch_size=4
    ).to_dict()
    config = DepthProConfig(
        fusion_hidden_size=8,
        patch_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_feature_dims=[8, 8, 8],
        merge_padding_value=0,
        use_fov_model=True,
        num_fov_head_layers=1,
        image_model_config=vit,
        patch_model_config=vit,
        fov_model_config=vit,
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = DepthProForDepthEstimation(config)
        model.fov_model.head.layers[-1].bias.fill_(FOV)
        model.head.layers[-2].bias.fill_(INVERSE_DEPTH)
    return _save(model, folder)


def save_depth_anything(folder: Path, kind: str = "metric") -> Path:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation

    vit = {
        "model_type": "dinov2",
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "mlp_ratio": 2,
        "image_size": 56,
        "patch_size": 14,
        "out_indices": [1, 2, 3, 4],
        "reshape_hidden_states": False,
    }
    config = DepthAnythingConfig(
        backbone_config=vit,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[4, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        depth_estimation_type=kind,
        max_depth=MAX_DEPTH,
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = DepthAnythingForDepthEstimation(config)
        for parameter in (*model.neck.parameters(), *model.head.parameters()):
            parameter.normal_(std=0.2)
    return _save(model, folder)


def _save(model: torch.nn.Module, folder: Path) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())
    return folder
