"""Metric depth: the Geometry, its files, pictures of it, import, editing and measuring."""

from .geometry import Geometry as Geometry
