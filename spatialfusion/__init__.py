"""SpatialFusion: a metric depth map of the image to be generated, predicted from the prompt and fed to the generator."""

__version__ = "0.1.0"
