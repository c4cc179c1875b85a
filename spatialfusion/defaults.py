"""The settings of a generation unless the user says otherwise: one place for pipeline, command line and nodes."""

STEPS = 20
GUIDANCE = 4.0
IMAGE_GUIDANCE = 1.0
DEPTH_STEPS = 16
DEPTH_GUIDANCE = 2.0
STRENGTH = 1.0
START, END = 0.0, 1.0  # part of the image's steps that are given depth
