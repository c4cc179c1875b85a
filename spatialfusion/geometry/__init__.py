"""Metric depth: the Geometry, its files, images of it, import, editing and measuring."""

from .geometry import Geometry as Geometry
