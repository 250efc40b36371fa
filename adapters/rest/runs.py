"""Runs: list, read, and their files behind links that expire."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from adapters.render import csv
from adapters.rest import compatible, problems, targets
from adapters.rest.batches import TAG
from adapters.rest.chats import Chat, Chats, entry_id
from adapters.rest.compatible import ChatsQuery
from adapters.rest.desk import Desk
from adapters.rest.endpoint import Answer, Call, Endpoint, Told
from core import chats, filelinks
from core.entries import Attached, Charted, Record, Returned
from core.errors import Fault
from core.filelinks import Link
from core.keys import Permission
from core.runs import Run
from core.store import runs as run_rows
from core.turns import Turn

_GONE = "There is no such file, or its link is over."


class RunFile(Told):
    """A file of a run. `url` opens without a key until `expires_at`: give it to nobody who may not see it."""

    id: str
    name: str
    media_type: str
    kind: str = Field(description="table, chart, file")
    url: str
    expires_at: datetime


class RunFiles(Told):
    """The files of a run."""

    files: list[RunFile]


async def read(call: Call[None, None]) -> Answer:
    """One run with its whole record: its chat."""
    path = {"chat_id": call.path["run"]}
    return await compatible.chat(
        Call(turn=call.turn, key=call.key, path=path, query=None, body=None, desk=call.desk)
    )


async def files(call: Call[None, None]) -> Answer:
    """Links to the tables (CSV), charts (PNG) and files of a run's last attempt."""
    view, run = await targets.run(call, call.path["run"])
    now = call.turn.now
    found = []
    for record in view.latest(run):
        name = file_name(view.job.name, run, record)
        if not name:
            continue
        until = now + filelinks.LASTS
        link = Link(run.id, record.sequence, int(until.timestamp()))
        address = filelinks.address(call.desk.signing, link, name)
        found.append(
            RunFile(
                id=entry_id(run, record),
                name=name,
                media_type=_media_type(record),
                kind=_kind(record),
                url=f"{call.desk.public_url.rstrip('/')}{address}",
                expires_at=until,
            )
        )
    return Answer(RunFiles(files=found))


async def fetch(request: web.Request, desk: Desk) -> web.StreamResponse:
    """The file behind a signed link."""

    async def look(turn: Turn) -> tuple[Link, Record] | None:
        link = filelinks.read(desk.signing, request.match_info["file"], turn.now)
        if link is None:
            return None
        pk = await run_rows.pk_of(turn.connection, link.run)
        if pk is None:
            return None
        records = await chats.of_run(turn, pk)
        return next(((link, one) for one in records if one.sequence == link.sequence), None)

    found = await desk.turns.look(look)
    data = await _content(found[1], desk.data, small=found[0].small) if found is not None else None
    if found is None or data is None:
        return problems.response(problems.problem("not-found", _GONE, hint="Ask for the files anew."))
    name = re.sub(r"[^\w.-]+", "_", request.match_info["name"])[:120] or "file"
    return web.Response(
        body=data,
        headers={
            "Content-Type": _media_type(found[1]),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )


def file_name(job: str, run: Run, record: Record) -> str:
    """What a file of an entry is called; empty where the entry has none."""
    stem = f"{job}-{run.batch}-{run.index}"
    match record.entry:
        case Returned():
            return f"{stem}-{record.entry.name}.csv"
        case Charted():
            return f"{stem}-{record.entry.name}.png"
        case Attached():
            return record.entry.name
        case _:
            return ""


def _media_type(record: Record) -> str:
    match record.entry:
        case Charted():
            return "image/png"
        case Attached():
            given = record.entry.media_type
            return given if re.fullmatch(r"[\w.+-]+/[\w.+-]+", given) else "application/octet-stream"
        case _:
            return "text/csv; charset=utf-8"


def _kind(record: Record) -> str:
    match record.entry:
        case Charted():
            return "chart"
        case Attached():
            return "file"
        case _:
            return "table"


async def _content(record: Record, data: Path, *, small: bool) -> bytes | None:
    """The bytes; None where they cannot be had."""
    match record.entry:
        case Returned():
            return b"".join(csv.of_result(record.entry))
        case Charted():
            from adapters.render import charts  # heavy: only where there is a chart

            try:
                return await charts.png(record.entry.chart, folder=data / "charts", small=small)
            except Fault:
                return None
        case Attached():
            return await asyncio.to_thread(_kept, data, record.entry.path)
        case _:
            return None


def _kept(data: Path, name: str) -> bytes | None:
    path = (data / name).resolve()
    inside = path.is_relative_to(data.resolve()) and path.is_file()
    return path.read_bytes() if inside else None


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/runs",
        "listRuns",
        "List runs, newest first",
        TAG,
        Permission.READ,
        Chats,
        compatible.chats,
        description="As listChats: a chat is the record of a run, and has its id.",
        query=ChatsQuery,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/runs/{run}",
        "getRun",
        "Read a run with its whole record",
        TAG,
        Permission.READ,
        Chat,
        read,
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/api/v1/runs/{run}/files",
        "listRunFiles",
        "Get links to the files of a run",
        TAG,
        Permission.READ,
        RunFiles,
        files,
        description="Tables as CSV, charts as PNG, kept files as they are; each link lasts 15 minutes.",
        refusals=(404,),
    ),
)
