"""The settings of a generation unless the user says otherwise: one place for pipeline, command line and nodes."""

from __future__ import annotations

STEPS = 20
GUIDANCE = 4.0
IMAGE_GUIDANCE = 1.0
DEPTH_STEPS = 16
DEPTH_GUIDANCE = 2.0
# A source image leaves little to chance: the mean is nearer to the right depth than a sample, and guidance away from
# the empty prompt with the same source takes it farther off (research/LOG.md).
EDIT_DEPTH_STEPS = 1
EDIT_DEPTH_GUIDANCE = 1.0
STRENGTH = 1.0
DEPTH_STEPS_HELP = f"steps of the depth (default: {DEPTH_STEPS}; {EDIT_DEPTH_STEPS} when editing)"
DEPTH_GUIDANCE_HELP = f"let depth follow the prompt (default: {DEPTH_GUIDANCE:g}; {EDIT_DEPTH_GUIDANCE:g} when editing)"
START, END = 0.0, 1.0  # part of the image's steps that are given depth


def depth_settings(steps: int | None, guidance: float | None, is_edit: bool) -> tuple[int, float]:
    """Steps and guidance of the depth: those given, or the usual ones in place of None."""
    usual = (EDIT_DEPTH_STEPS, EDIT_DEPTH_GUIDANCE) if is_edit else (DEPTH_STEPS, DEPTH_GUIDANCE)
    return usual[0] if steps is None else steps, usual[1] if guidance is None else guidance
