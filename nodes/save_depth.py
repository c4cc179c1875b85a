"""Files of a geometry in ComfyUI's output folder."""

from __future__ import annotations

import errno
import os
from itertools import count
from pathlib import Path

import folder_paths
from comfy_api.latest import Types, io, ui
from comfy_execution.graph_utils import ExecutionBlocker
from einops import rearrange

from ..spatialfusion.errors import InputError
from ..spatialfusion.geometry.files import save_geometry, save_glb, save_ply
from ..spatialfusion.geometry.geometry import Geometry
from .depth_preview import show
from .progress import image_progress
from .types import GeometryType, from_packet, source_image_of

# The first is the file that is named to the user; the others stand beside it.
ENDINGS = {
    "npz": (".npz",),
    "png 16 bit": (".png", ".json"),
    "ply": (".ply",),
    "glb": (".glb",),
    "exr 32 bit": (".exr",),
}
# What the core's 3D nodes take: a point cloud, or a mesh.
File3DType = io.Custom("FILE_3D_PLY,FILE_3D_GLB")


class SpatialFusionSaveDepth(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SpatialFusionSaveDepth",
            display_name="Save Metric Depth",
            category="SpatialFusion",
            description="Save metric depth to ComfyUI's output folder, one file for each image of the batch.",
            search_aliases=[
                "spatialfusion",
                "export depth",
                "save depth",
                "point cloud",
                "mesh",
                "3d",
                "save geometry",
                "npz",
                "ply",
                "glb",
                "exr",
                "16 bit",
                "32 bit",
            ],
            is_output_node=True,
            inputs=[
                GeometryType.Input("geometry", tooltip="Metric depth from a SpatialFusion or MoGe node."),
                io.String.Input(
                    "filename_prefix",
                    default="depth/SpatialFusion",
                    tooltip="Folder and beginning of the names within the output folder; a number follows, and no file "
                    "is ever overwritten. May hold %year%, %month%, %day%, %width%, %height%, %batch_num%.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(ENDINGS),
                    default="npz",
                    tooltip="- npz: NumPy arrays depth (metres), valid, intrinsics; exact.\n"
                    "- png 16 bit: log depth, with a .json beside it that says how to get metres.\n"
                    "- ply: point cloud in metres, with colours.\n"
                    "- glb: mesh in metres, textured, cut where depth jumps.\n"
                    "- exr 32 bit: metres as floating point, 0 where unknown, with the camera.\n"
                    "Colours are those of the image that the geometry belongs to, else a colour map of the depth.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="files",
                    is_output_list=True,
                    tooltip="Names within the output folder, one for each image. Connect it to Preview 3D to see "
                    "a .glb.",
                ),
                File3DType.Output(
                    "model_3d",
                    is_output_list=True,
                    tooltip="The files of formats ply and glb, for the core's 3D nodes: a .ply for Preview Point "
                    "Cloud, a .glb for Preview 3D.",
                ),
            ],
        )

    @classmethod
    def execute(cls, geometry, filename_prefix, format) -> io.NodeOutput:
        packet, geometry = geometry, from_packet(geometry)
        source = source_image_of(packet)
        folder, name, counter, subfolder = _place(filename_prefix, geometry)
        saved, step = [], image_progress(len(geometry))
        for number in range(len(geometry)):
            stem, counter = _free(Path(folder), name.replace("%batch_num%", str(number)), counter, ENDINGS[format])
            path = Path(folder, stem + ENDINGS[format][0])
            image = None if source is None else rearrange(source[number % len(source), ..., :3], "h w c -> c h w")
            try:
                if format == "ply":
                    save_ply(path, geometry[number], image)
                elif format == "glb":
                    save_glb(path, geometry[number], image)
                else:
                    save_geometry(path, geometry[number])
            except InputError as error:
                raise InputError(f"image {number + 1} of {len(geometry)}: {error}") from None
            saved.append(ui.SavedResult(path.name, subfolder, io.FolderType.output))
            step()
        names = [Path(item.subfolder, item.filename).as_posix() for item in saved]
        more = f" to {saved[-1].filename}" if len(saved) > 1 else ""
        shown = show(cls, geometry, [f"Saved as {Path(folder, saved[0].filename)}{more}"])
        if format in ("ply", "glb"):
            # The interface draws 3D on the core's own nodes only; this lists the files among the results.
            shown["3d"] = saved
            files = [Types.File3D(str(Path(folder, item.filename))) for item in saved]
        else:
            files = [
                ExecutionBlocker(
                    f"model_3d of Save Metric Depth is connected, and its format is {format}: choose ply or glb."
                )
            ]
        return io.NodeOutput(names, files, ui=shown)


def _place(prefix: str, geometry: Geometry) -> tuple[str, str, int, str]:
    """The folder, the name, the next number and the subfolder that the host gives files of this prefix."""
    output = folder_paths.get_output_directory()
    try:
        return folder_paths.get_save_image_path(prefix, output, geometry.width, geometry.height)[:4]
    except Exception as error:
        # What the operating system says of the folder itself, such as that the disk is full, is not about the prefix.
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            raise
        raise InputError(
            f"filename_prefix is {prefix[:60]!a}: expected a name that files can have, in a folder of {output}."
        ) from None


def _free(folder: Path, name: str, counter: int, endings: tuple[str, ...]) -> tuple[str, int]:
    """The first stem, from this number on, that no file has, and the number after it.

    The core's number does not see names that hold %batch_num%.
    """
    for number in count(counter):
        stem = f"{name}_{number:05}_"
        if not any(os.path.exists(folder / (stem + ending)) for ending in endings):
            return stem, number + 1
