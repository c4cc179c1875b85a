"""Files of a geometry, read back from ComfyUI's input or output folder."""

from __future__ import annotations

import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.files import depth_sidecar, load_geometry
from .depth_preview import show
from .progress import image_progress
from .types import GeometryType, to_packet

NOTHING = "no depth files yet"
WHOLE = (".npz", ".exr")  # formats of one file


class SpatialFusionLoadDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionLoadDepth",
            display_name="Load Metric Depth",
            category="SpatialFusion",
            description="Read metric depth from a file: of Save Metric Depth, of Python's save_geometry, or an EXR in "
            "metres of any program.",
            search_aliases=[
                "spatialfusion",
                "load geometry",
                "open depth",
                "upload depth",
                "npz",
                "exr",
                "16 bit depth",
                "32 bit depth",
                "import depth file",
            ],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=_files() or [NOTHING],
                    tooltip="An .npz, an .exr in metres, or a 16-bit .png with its .json beside it, in ComfyUI's input "
                    "folder or, marked [output], in its output folder. The button below puts files into the input "
                    "folder, and so does dropping them on the node. For other depth images use Load Image and Import "
                    "Depth.",
                )
            ],
            outputs=[
                GeometryType.Output(
                    display_name="geometry",
                    tooltip="Depth in metres with validity and camera, of the size in the file.",
                )
            ],
            has_intermediate_output=True,
        )

    @classmethod
    def validate_inputs(cls, file: str) -> bool | str:
        try:
            _path(file)
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str) -> tuple:
        # Files get replaced under their names.
        try:
            state = _path(file).stat()
        except (InputError, OSError):
            return (file,)
        return file, state.st_mtime, state.st_size

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        geometry = load_geometry(_path(file))
        packet = to_packet(geometry, progress=image_progress(len(geometry)))
        return io.NodeOutput(packet, ui=show(cls, geometry))


def _files() -> list[str]:
    """Names of the depth files of both folders, as the host's loaders write them."""
    found = []
    for folder, mark in ((folder_paths.get_input_directory(), ""), (folder_paths.get_output_directory(), " [output]")):
        for place, _, names in os.walk(folder):
            # A .png is depth only if its description stands beside it. The folder may hold many thousand others.
            known = {name.lower() for name in names}
            lower = [(name, name.lower()) for name in names]
            ours = [n for n, m in lower if m.endswith(WHOLE) or (m.endswith(".png") and m[:-4] + ".json" in known)]
            found += [Path(place, name).relative_to(folder).as_posix() + mark for name in sorted(ours)]
    return found


def _path(file: str) -> Path:
    inputs, outputs = folder_paths.get_input_directory(), folder_paths.get_output_directory()
    name, folder = folder_paths.annotated_filepath(file)
    path = Path(os.path.abspath(Path(folder or inputs, name)))
    inside = any(path.is_relative_to(os.path.abspath(place)) for place in (inputs, outputs))
    ending = path.suffix.lower()
    is_depth = ending in WHOLE or (ending == ".png" and depth_sidecar(path) is not None)
    if not (inside and is_depth and os.path.isfile(path)):
        raise InputError(
            f"file {file!r} is not a depth file of {inputs} or, marked [output], of {outputs}: put an .npz, an "
            ".exr, or a 16-bit .png with its .json, there."
        )
    return path
