"""ComfyUI's entry point."""

import importlib.util

# Not inside ComfyUI, the checkout is a folder with a library in it; test tools import it all the same.
if importlib.util.find_spec("comfy_api") is not None:
    from .nodes import comfy_entrypoint

    WEB_DIRECTORY = "./web"
    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
