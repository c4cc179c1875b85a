"""SpatialFusion: a metric depth map of the image to come, predicted from the prompt and fed to the generator."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import InputError
    from .geometry.files import load_geometry, save_geometry
    from .geometry.geometry import Geometry
    from .model.model import SpatialFusionModel
    from .pipeline import SpatialFusionOutput, SpatialFusionPipeline
    from .scenes.compose import compose
    from .scenes.scene import Scene

__version__ = "0.1.0"
__all__ = [
    "Geometry",
    "InputError",
    "Scene",
    "SpatialFusionModel",
    "SpatialFusionOutput",
    "SpatialFusionPipeline",
    "compose",
    "load_geometry",
    "save_geometry",
]

# Imported when first asked for: the pipeline brings diffusers and transformers with it, seconds of import time.
_MODULES = {
    "Geometry": "geometry.geometry",
    "InputError": "errors",
    "Scene": "scenes.scene",
    "compose": "scenes.compose",
    "load_geometry": "geometry.files",
    "save_geometry": "geometry.files",
    "SpatialFusionModel": "model.model",
    "SpatialFusionOutput": "pipeline",
    "SpatialFusionPipeline": "pipeline",
}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
