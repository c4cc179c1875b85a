"""The nodes of SpatialFusion: thin, and with `host/` the only code that imports ComfyUI."""

from __future__ import annotations

import importlib
import logging

import comfyui_version
from comfy_api.latest import ComfyExtension, io

MINIMUM_HOST = (0, 33, 0)
MODULES = (
    "load_model",
    "load_base",
    "predict_depth",
    "encode_prompt",
    "apply_depth",
    "sample",
    "render_depth",
    "import_depth",
    "edit_depth",
    "measure_depth",
    "compose_scene",
    "plan_scene",
    "scene_preview",
    "scene_mask",
    "scene_regions",
    "limit_control",
    "edit_scene",
    "orbit_camera",
    "compare_scene",
    "pick_best",
    "select_depth",
    "save_depth",
    "load_depth",
)


def _check_host() -> None:
    found = tuple(int(part) for part in comfyui_version.__version__.split(".")[:3] if part.isdigit())
    if found < MINIMUM_HOST:
        needed = ".".join(map(str, MINIMUM_HOST))
        raise ImportError(
            f"SpatialFusion needs ComfyUI {needed} or newer, and this is {comfyui_version.__version__}: update it."
        )


_check_host()


def _load() -> list[type[io.ComfyNode]]:
    """The node classes: in each module, those that it defines, if any. A module that fails leaves the others alone."""
    nodes: list[type[io.ComfyNode]] = []
    for name in MODULES:
        try:
            module = importlib.import_module(f".{name}", __name__)
        except Exception:
            logging.exception("SpatialFusion: the nodes of nodes/%s.py cannot be loaded; the others can.", name)
            continue
        nodes += [
            member
            for member in vars(module).values()
            if isinstance(member, type) and issubclass(member, io.ComfyNode) and member.__module__ == module.__name__
        ]
    return nodes


NODES = _load()


class SpatialFusionExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES


async def comfy_entrypoint() -> SpatialFusionExtension:
    return SpatialFusionExtension()
