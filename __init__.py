"""Where ComfyUI looks for nodes. This version has none: it is the library in spatialfusion/ alone."""
