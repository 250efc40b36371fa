"""A message as JSON for machines: what it tells of, and all that it says."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, assert_never

from core.messages import (
    Block,
    Code,
    Facts,
    File,
    Headlines,
    Image,
    Message,
    Paragraph,
    Table,
    unmarked,
)
from core.ports import Post

LIMIT = 256 << 10  # bytes of a body; a receiver that takes megabytes is rare


def body(post: Post) -> bytes:
    """The body: `{"type", "timestamp", "data": {"delivery", "job", "batch", "message"}}`.

    What is too long is left out, and `message.cut` says so.
    """
    made = _encoded(post, [_block(block) for block in post.message.blocks], cut=False)
    return made if len(made) <= LIMIT else _encoded(post, [], cut=True)


def made_at(delivery_id: str) -> datetime:
    """When a delivery came to be owed: its id begins with the milliseconds (UUIDv7)."""
    return datetime.fromtimestamp((uuid.UUID(delivery_id).int >> 80) / 1000, UTC)


def _encoded(post: Post, blocks: list[dict[str, Any]], *, cut: bool) -> bytes:
    about = post.about
    shown: dict[str, Any] = {
        "type": f"message.{about.kind or 'status'}",
        "timestamp": made_at(post.delivery_id).isoformat().replace("+00:00", "Z"),
        "data": {
            "delivery": post.delivery_id,
            "job": {"id": about.job_id, "name": about.job} if about.job_id else None,
            "batch": {"id": about.batch_id, "number": about.batch, "state": about.state}
            if about.batch_id
            else None,
            "message": _message(post.message, blocks, cut=cut),
        },
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _message(message: Message, blocks: list[dict[str, Any]], *, cut: bool) -> dict[str, Any]:
    return {
        "title": message.title,
        "text": message.text[:10_000],
        "tone": str(message.tone),
        "blocks": blocks,
        "commands": [{"label": one.label, "command": one.command} for one in message.buttons],
        "cut": cut or len(message.text) > 10_000,
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"type": "paragraph", "text": unmarked(block.text) if block.marked else block.text}
        case Facts():
            return {
                "type": "facts",
                "items": [{"label": label, "value": value} for label, value in block.items],
            }
        case Headlines():
            items = [{"label": one.label, "value": one.value, "change": one.change} for one in block.items]
            return {"type": "headlines", "items": items}
        case Table():
            return {"type": "table", "title": block.title, **_rows(block)}
        case Code():
            return {"type": "code", "text": block.text}
        case Image():
            chart = block.chart
            return {
                "type": "chart",
                "title": block.title or chart.title,
                "alt": block.alt,
                "kind": chart.type,
                "columns": list(chart.columns),
                "rows": [list(row) for row in chart.rows],
            }
        case File():
            made: dict[str, Any] = {"type": "file", "name": block.name, "media_type": block.media_type}
            return made | (_rows(block.table) if block.table is not None else {})
        case _:
            assert_never(block)


def _rows(table: Table) -> dict[str, Any]:
    total = table.total_rows if table.total_rows is not None else len(table.rows)
    return {
        "columns": [column.title for column in table.columns],
        "rows": [list(row) for row in table.rows],
        "total_rows": total,
    }
