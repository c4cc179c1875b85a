"""Loading a SpatialFusion checkpoint: the built-in tiny model, or a file that the user put into a model folder."""

from __future__ import annotations

import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from .inputs import dtype_input
from .types import ModelType

FOLDER = "spatialfusion"
CORE_FOLDER = "model_patches"  # where the core keeps networks of this kind
ENDINGS = (".safetensors", ".sft")
BUILT_IN = "built-in tiny"
TINY = Path(__file__).parents[1] / "spatialfusion" / "assets" / "tiny"

# Nothing is created: the folder need not exist. A user's extra_model_paths.yaml may have named others already.
folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))
_paths, _ = folder_paths.folder_names_and_paths[FOLDER]
folder_paths.folder_names_and_paths[FOLDER] = (_paths, set(ENDINGS))


class SpatialFusionLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionLoader",
            display_name="Load SpatialFusion Model",
            category="SpatialFusion",
            description="Load the networks that predict metric depth from a prompt and give it to a diffusion model.",
            search_aliases=["spatialfusion", "depth predictor", "depth adapter", "spatial model", "load depth model"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=[BUILT_IN, *_files()],
                    default=BUILT_IN,
                    tooltip="The built-in tiny model needs no download and runs on a CPU; use it with Load Tiny Base "
                    "Model. Others are .safetensors files in models/spatialfusion, or in models/model_patches with "
                    "spatialfusion in their name.",
                ),
                dtype_input(),
            ],
            outputs=[
                ModelType.Output(
                    display_name="spatialfusion",
                    tooltip="For Predict Metric Depth, Encode Prompt and Apply Depth to Model.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str) -> bool | str:
        try:
            _path(checkpoint)
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str, dtype: str) -> tuple:
        # Files get replaced under their names.
        try:
            state = _path(checkpoint).stat()
        except (InputError, OSError):
            return checkpoint, dtype
        return checkpoint, dtype, state.st_mtime, state.st_size

    @classmethod
    def execute(cls, checkpoint: str, dtype: str) -> io.NodeOutput:
        from .host.loaded import load_model

        return io.NodeOutput(load_model(_path(checkpoint), checkpoint, dtype, TINY))


def _files() -> list[str]:
    """Files of both folders, each once; those of the core's folder only if they are named after us."""
    files = list(folder_paths.get_filename_list(FOLDER))
    if CORE_FOLDER in folder_paths.folder_names_and_paths:
        ours = [f for f in folder_paths.get_filename_list(CORE_FOLDER) if "spatialfusion" in f.lower()]
        files += [f for f in ours if f.lower().endswith(ENDINGS)]
    return list(dict.fromkeys(files))


def _path(checkpoint: str) -> Path:
    if checkpoint == BUILT_IN:
        return TINY / "spatialfusion.safetensors"
    for folder in (FOLDER, CORE_FOLDER):
        if folder in folder_paths.folder_names_and_paths:
            found = folder_paths.get_full_path(folder, checkpoint)
            if found is not None:
                return Path(found)
    target = Path(folder_paths.models_dir) / FOLDER / checkpoint
    raise InputError(
        f"checkpoint {checkpoint} is missing: put the file to {target} (trained with `python -m spatialfusion.train`, "
        f"or fetched from where its workflow says), or choose {BUILT_IN!r}."
    )
