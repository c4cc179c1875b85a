"""Depth as 16-bit codes of its logarithm, which is how depth is kept in images and shards."""

from __future__ import annotations

import math

import numpy as np

CODES = 65535  # code 0 is "not valid", 1 ... 65535 are depths


def encode_log_depth(depth: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Codes (uint16, 0 where not valid) of depth in metres, and the nearest and farthest valid depth, which they span.

    The relative error is at most ln(far / near) / 131068, half a step: 5.3e-5 for 0.1 to 100 m. It is 0 at both ends.
    Without a valid pixel near and far are 1.
    """
    depth = depth.astype(np.float64)
    near, far = (float(depth[valid].min()), float(depth[valid].max())) if valid.any() else (1.0, 1.0)
    scale = math.log(far / near) / (CODES - 1)
    steps = np.log(np.where(valid, depth, near) / near) / (scale or 1.0)
    return np.where(valid, 1 + np.rint(steps), 0).astype(np.uint16), near, far


def decode_log_depth(codes: np.ndarray, near: float, far: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth (float32 metres, 0 where not valid) and validity: metres = near * (far / near) ** ((code - 1) / 65534)."""
    valid = codes > 0
    scale = math.log(far / near) / (CODES - 1)
    # Rounding may leave the range, whose ends may be the ends of what a Geometry allows.
    depth = np.clip(near * np.exp(scale * (codes.astype(np.float64) - 1)), near, far)
    return np.where(valid, depth, 0).astype(np.float32), valid
