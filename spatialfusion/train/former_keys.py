"""Successors of the keys, stages and presets of older versions, for the message to who still uses one."""

from __future__ import annotations

from collections.abc import Collection

STAGES = ("vae", "language", "source", "grounding", "diffusion", "stage1", "adapter", "stage2", "controlnet", "judge")
MIX = (
    "caption_dropout",
    "source_dropout",
    "plain_fraction",
    "egocentric_fraction",
    "pose_fraction",
)
OF_THE_RUN = ("checkpoint_every", "validate_every", "log_every", "weight_decay", "clip")
RESEARCH = "python -m research.train in a clone of the repository"
# Of a stage and its group of keys, of a key in any group, or of a preset.
SUCCESSORS = {
    "edit_repeats": "data.edit_fraction, the share of the scenes that are pairs",
    "still_fraction": "stage1.source_weight",
    "rare_order_fraction": "data.mix.answer_fraction",
    "grounding": "stage1, which trains the spatial side alone",
    "source": "stage1.source_weight",
    "freeze_source": "stage1.source_weight",
    "adapter": RESEARCH,
    "controlnet": RESEARCH,
    "foundation": "all, or one stage after the other",
    "evidence": RESEARCH,
    "qwen-image": "published base=qwen-image",
    "qwen-image-edit": "published base=qwen-image-edit",
    "qwen-image-2.1": "published base=qwen-image-2.1",
    "omnigen2": "published base=omnigen2",
}
FIXED = {
    "floor": "0.05",
    "validity_weight": "0.3",
    "fov_weight": "0.1",
    "detail_weight": "1",
    "z_dim": "16",
    "dim_mult": "1, 2, 4, 4",
    "vision_patch": "16",
    "rope_theta": "100",
    "head_dim": "64",
    "axes": "8, 28, 28",
}


def say_successor(key: str, groups: Collection[str] = ()) -> str | None:
    """The end of a sentence that says what replaces a former key, stage or preset; None for a name that never was one.

    groups: the names of today's groups of keys.
    """
    group, _, name = key.rpartition(".")
    for former in (key, group, name):
        if former in SUCCESSORS and former not in groups:
            return f"is no more: expected {SUCCESSORS[former]}"
    if group in STAGES and name in MIX:
        return f"is no more: expected data.mix.{name}, which all stages read"
    if group in STAGES and name in OF_THE_RUN:
        return f"is no more: expected {name}, which all stages read"
    if name in FIXED and (group in STAGES or group.startswith("model.")):
        return f"is no more: it is always {FIXED[name]}"
    return None
