"""The scene judge: finds and measures objects of the rendered world in an image, for the tiny model's images.

It knows only the kinds and colours of that world. It was trained on renders (`tiny/judge.py`); how far it can be
trusted is measured by `accuracy.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ...devices import channels_last
from ...errors import InputError
from ...files import atomic_file
from ...scenes.scene import COLORS, KINDS
from .judge import Asked, Seen, SeenObject
from .scene_network import MASK_SIDE, SIDE, JudgeNetwork
from .scene_numbers import View, decode

EMBEDDED = Path(__file__).parents[2] / "assets" / "judge"
FILE_NAME = "scene_judge.safetensors"
KIND_NAMES, COLOR_NAMES = tuple(KINDS), tuple(COLORS)
MIN_CONFIDENCE = 0.5
MIN_SHARE = 0.006  # the least share of the image that a patch must cover to be an object
# Votes for one centre lie within this, as a part of the image's side, or of the root of the area of one colour.
RADIUS, RELATIVE_RADIUS = 0.12, 0.35
BATCH = 32


class SceneJudge:
    """A judge (see `judge.Judge`) of images of the rendered world.

    An object is found where a patch of one colour agrees on a centre and is taken for the asked kind and colour with a
    confidence of at least MIN_CONFIDENCE. Several objects of the same name are given to those who ask for it by size,
    the largest first; what is left of the name counts as surplus. "car" without a colour gets what "red car" leaves.
    """

    name = "scene"

    def __init__(self, network: JudgeNetwork):
        self.network = network

    @classmethod
    def load(cls, folder: str | Path | None = None, device: str | torch.device = "cpu") -> SceneJudge:
        """From a folder that `save` wrote; the embedded judge without one."""
        path = Path(EMBEDDED if folder is None else folder) / FILE_NAME
        if not path.is_file():
            raise InputError(f"{path.parent} has no scene judge (no {FILE_NAME}); train it with the stage `judge`.")
        with safe_open(path, framework="pt") as file:
            network = JudgeNetwork(**json.loads(file.metadata()["sizes"]))
            network.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})
        network.eval().requires_grad_(False)
        return cls(channels_last(network, device))

    def save(self, folder: str | Path, dtype: torch.dtype = torch.bfloat16) -> None:
        """Write the weights as safetensors."""
        tensors = {name: tensor.to("cpu", dtype).contiguous() for name, tensor in self.network.state_dict().items()}
        with atomic_file(Path(folder) / FILE_NAME) as temporary:
            save_file(tensors, temporary, metadata={"sizes": json.dumps(self.network.sizes)})

    @torch.no_grad()
    def look(self, images: Sequence[Tensor], asked: Sequence[Sequence[Asked]]) -> list[Seen]:
        """See `judge.Judge.look`."""
        if len(images) != len(asked):
            raise InputError(f"the judge was given {len(images)} images and {len(asked)} lists of what was asked for.")
        for each in (each for one in asked for each in one):
            if each.kind not in KINDS or each.color not in (None, *COLORS):
                raise InputError(
                    f"the scene judge was asked for {each}; it knows the kinds {', '.join(KINDS)} "
                    f"and the colours {', '.join(COLORS)}."
                )
        seen: list[Seen] = []
        for start in range(0, len(images), BATCH):
            seen += self._look(images[start : start + BATCH], asked[start : start + BATCH])
        return seen

    def _look(self, images: Sequence[Tensor], asked: Sequence[Sequence[Asked]]) -> list[Seen]:
        network, device = self.network, self.network.position.device
        features = network.features(torch.stack([to_square(image.to(device).float()) for image in images]))
        dense = network.dense(features)
        patches = [find_patches(*maps) for maps in zip(dense.logits.cpu(), dense.centers.cpu())]
        # Room for one at least: pooling takes no empty tensor.
        masks = nn.utils.rnn.pad_sequence([*patches, torch.zeros(1, MASK_SIDE, MASK_SIDE)], batch_first=True)[:-1]
        masks = masks.to(device)
        vectors, kinds, colors = network.objects(features, masks)
        kinds, colors = kinds.softmax(-1).cpu(), colors.softmax(-1).cpu()
        seen = []
        for i, (names, camera) in enumerate(zip(asked, network.camera(features).tolist())):
            (height, width), count = images[i].shape[-2:], len(patches[i])
            confidence = _confidence(names, kinds[i, :count], colors[i, :count])
            places, surplus = assign(confidence, patches[i].sum(dim=(1, 2)), [one.color is not None for one in names])
            view = View(math.exp(camera[0]), camera[1])
            objects: list[SeenObject | None] = []
            for number, (one, place) in enumerate(zip(names, places)):
                if place is None:
                    objects.append(None)
                    continue
                kind = torch.tensor([[KIND_NAMES.index(one.kind)]], device=device)
                of_patch = slice(i, i + 1), slice(place, place + 1)
                numbers = network.measure(vectors[of_patch], kind, masks[of_patch], dense.centers[i : i + 1])[0, 0]
                color = one.color or COLOR_NAMES[int(colors[i, place].argmax())]
                observed = decode(numbers.tolist(), one.kind, color, view)
                mask = from_square(patches[i][place], (height, width))
                objects.append(SeenObject(mask, observed, float(confidence[number, place])))
            hfov = 2 * math.degrees(math.atan(view.half_tangent * width / max(height, width)))
            seen.append(Seen(tuple(objects), surplus, hfov))
        return seen


def find_patches(logits: Tensor, centers: Tensor) -> Tensor:
    """Masks [N, 64, 64] of the objects in one image, largest first: pixels of one colour that vote for one centre.

    Args:
        logits: [1 + colours, 64, 64], the first of no object.
        centers: [2, 64, 64], x and y of the centre of each pixel's object in the image (0 to 1).
    """
    # A pixel's neighbours have a say: single pixels of another colour split nothing.
    label = F.avg_pool2d(logits.softmax(0)[None], 3, 1, 1)[0].argmax(0)
    least = MIN_SHARE * label.numel()
    patches = []
    for color in label.unique().tolist():
        if color == 0:
            continue
        free = label == color
        radius = max(RADIUS, RELATIVE_RADIUS * float(free.float().mean().sqrt()))
        while free.sum() >= least:
            votes = centers[:, free].T
            # The vote that most others are near to, at half the radius, starts a patch.
            near = torch.cdist(votes, votes) < radius / 2
            middle = votes[near[near.sum(1).argmax()]].mean(0)
            patch = free & ((centers - middle[:, None, None]).norm(dim=0) < radius)
            free = free & ~patch
            if patch.sum() >= least:
                patches.append(patch)
    patches.sort(key=lambda patch: -int(patch.sum()))
    return torch.stack(patches).float() if patches else torch.zeros(0, *label.shape)


def assign(confidence: Tensor, areas: Tensor, colored: Sequence[bool]) -> tuple[list[int | None], int]:
    """Which patch each of those asked for gets, and how many patches of the asked names are left.

    Args:
        confidence: [asked, patches].
        areas: of the patches.
        colored: whether each was asked for with a colour; these choose first.
    """
    places: list[int | None] = [None] * len(colored)
    if not colored or not len(areas):
        return places, 0
    fits = confidence >= MIN_CONFIDENCE
    free = torch.ones(len(areas), dtype=torch.bool)
    for number in sorted(range(len(colored)), key=lambda i: not colored[i]):
        candidates = torch.where(fits[number] & free, areas, -1.0)
        if candidates.max() > 0:
            places[number] = int(candidates.argmax())
            free[places[number]] = False
    return places, int((fits.any(0) & free).sum())


def _confidence(names: Sequence[Asked], kinds: Tensor, colors: Tensor) -> Tensor:
    """[asked, patches], of probabilities [patches, kinds] and [patches, colours]."""
    colors = torch.cat([colors, torch.ones(len(colors), 1)], dim=1)  # any colour is of "no colour asked for"
    kind = [KIND_NAMES.index(one.kind) for one in names]
    color = [-1 if one.color is None else COLOR_NAMES.index(one.color) for one in names]
    return (kinds[:, kind] * colors[:, color]).T


def to_square(image: Tensor) -> Tensor:
    """[3, H, W] to [3, 128, 128]: the shorter side is filled up with the edge's pixels, so that shapes stay."""
    height, width = image.shape[-2:]
    side = max(height, width)
    if height != width:
        left, top = (side - width) // 2, (side - height) // 2
        padding = (left, side - width - left, top, side - height - top)
        image = F.pad(image[None], padding, mode="replicate")[0]
    if side != SIDE:
        image = F.interpolate(image[None], (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)[0]
    return image


def from_square(mask: Tensor, shape: tuple[int, int]) -> Tensor:
    """A mask [64, 64] of the square as a bool mask [H, W] of the image."""
    height, width = shape
    side = max(shape)
    whole = F.interpolate(mask[None, None], (side, side), mode="bilinear", align_corners=False)[0, 0] > 0.5
    left, top = (side - width) // 2, (side - height) // 2
    return whole[top : top + height, left : left + width]
