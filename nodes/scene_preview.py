"""The route behind the floor plan of the page: scene text in, plan and small image out."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import torch
from aiohttp import web
from server import PromptServer

from ..spatialfusion.scenes.floor_plan import floor_plan

MAX_BYTES = 4 << 20  # of a request: a scene text has at most a million characters
MAX_WAITING = 8  # requests; the page has one under way for each floor plan

# One at a time, beside the server's own thread, which must stay free.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spatialfusion-floor-plan")
_waiting = 0


async def preview(request: web.Request) -> web.Response:
    """Answer what `floor_plan` does, as JSON; what is wrong with a text is an answer, not a failure."""
    global _waiting
    body = await _body(request)
    if body is None:
        return web.json_response(
            {"error": f"the request is longer than {MAX_BYTES >> 20} MB.", "line": None}, status=413
        )
    if _waiting >= MAX_WAITING:
        return web.json_response({"error": "the server is busy with other floor plans.", "line": None}, status=503)
    _waiting += 1
    try:
        return web.Response(
            body=await asyncio.get_running_loop().run_in_executor(_worker, _answer, body),
            content_type="application/json",
        )
    finally:
        _waiting -= 1


async def _body(request: web.Request) -> bytes | None:
    """The request's body, None if it is too long; not more of it is read than allowed."""
    parts, length = [], 0
    async for part in request.content.iter_chunked(1 << 16):
        length += len(part)
        if length > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(body: bytes) -> bytes:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return json.dumps({"error": "the request is not JSON.", "line": None}).encode()
    with torch.inference_mode():
        return json.dumps(floor_plan(request)).encode()


# A program that reads the nodes without starting a server has no page either.
if getattr(PromptServer, "instance", None) is not None:
    PromptServer.instance.routes.post("/spatialfusion/scene/preview")(preview)
