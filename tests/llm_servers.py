"""Servers of language models on this machine: one that answers a chat, and the many that do not."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def server(answer):
    """An HTTP server whose POST does what `answer(handler)` does; gives its address and what it was sent."""
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, dict(self.headers), json.loads(body)))
            try:
                answer(self)
            except OSError:
                pass  # the other side has gone

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}", sent
    finally:
        made.shutdown()
        made.server_close()


def head(handler, kind="text/event-stream", status=200):
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.end_headers()


def say(handler, text):
    piece = {"id": "1", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}
    handler.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
    handler.wfile.flush()


def chat(text):
    def answer(handler):
        head(handler)
        for word in text.splitlines(keepends=True):
            say(handler, word)
        handler.wfile.write(b"data: [DONE]\n\n")

    return answer


def html(handler):
    head(handler, "text/html")
    handler.wfile.write(b"<!DOCTYPE html><html><body>Welcome to the router</body></html>")


def not_found(handler):
    head(handler, "application/json", 404)
    handler.wfile.write(b'{"error": "model is required"}')


def moved(handler):
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere")
    handler.end_headers()


def garbage(handler):
    """No HTTP."""
    handler.wfile.write(bytes(range(256)) * 40)


def broken_off(handler):
    head(handler)
    say(handler, "dog")
    handler.wfile.write(b'data: {"choices": [{"del')


def stopped(handler):
    """As a server that ends between two pieces: what is there can be read, and is not all."""
    head(handler)
    say(handler, "dog\n")


def endless(handler):
    head(handler)
    while True:
        say(handler, "dog\n" * 500)


def endless_line(handler):
    head(handler)
    handler.wfile.write(b"data: ")
    while True:
        handler.wfile.write(b"x" * (1 << 20))


def silent(handler):
    time.sleep(600)


def drop(handler):
    """A letter now and then, and no end of a line."""
    head(handler)
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)
