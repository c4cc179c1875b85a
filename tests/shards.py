"""Shards of records, read whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spatialfusion.data.records import open_shard


def read_shard(path: Path) -> list[dict[str, Any]]:
    return open_shard(path).read().to_pylist()
