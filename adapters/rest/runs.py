"""Runs: list, read, and their files behind links that expire."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from adapters.render import csv
from adapters.rest import compatible, problems, targets
from adapters.rest.batches import TAG
from adapters.rest.chats import Chat, Chats
from adapters.rest.compatible import ChatsQuery
from adapters.rest.desk import Desk
from adapters.rest.endpoint import Answer, Call, Endpoint, Told
from core import chats, filelinks, views
from core.entries import Attached, Charted, Record, Returned
from core.errors import Fault
from core.filelinks import Link
from core.keys import Permission
from core.messages import Document
from core.runs import Run
from core.store import runs as run_rows
from core.turns import Turn
from core.wording import documents

_log = logging.getLogger(__name__)

_GONE = "There is no such file, or its link is over."


class RunFile(Told):
    """A file of a run. `url` opens without a key until `expires_at`: give it to nobody who may not see it."""

    id: str
    name: str
    media_type: str
    kind: str = Field(description="pdf, table, chart, file")
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
    """Links to the tables (CSV), charts (PNG) and files of a run's last attempt, and to all of it (PDF)."""
    view, run = await targets.run(call, call.path["run"])
    signed = _Signed(call.desk, run, call.turn.now)
    found = []
    if run.status.ended:
        name = documents.file_name(view, run)
        found.append(signed.file(documents.WHOLE, name, documents.MEDIA_TYPE, "pdf"))
    for record in view.latest(run):
        name = file_name(view.job.name, run, record)
        if name:
            found.append(signed.file(record.sequence, name, _media_type(record), _kind(record)))
    return Answer(RunFiles(files=found))


@dataclass(frozen=True, slots=True)
class _Signed:
    """Makes links to what a run has."""

    desk: Desk
    run: Run
    now: datetime

    def file(self, sequence: int, name: str, media_type: str, kind: str) -> RunFile:
        until = self.now + filelinks.LASTS
        link = Link(self.run.id, sequence, int(until.timestamp()))
        address = filelinks.address(self.desk.signing, link, name)
        return RunFile(
            id=f"{self.run.id}.{sequence}",
            name=name,
            media_type=media_type,
            kind=kind,
            url=f"{self.desk.public_url.rstrip('/')}{address}",
            expires_at=until,
        )


async def fetch(request: web.Request, desk: Desk) -> web.StreamResponse:
    """The file behind a signed link."""

    async def look(turn: Turn) -> tuple[Link, Record | Document] | None:
        link = filelinks.read(desk.signing, request.match_info["file"], turn.now)
        if link is None:
            return None
        pk = await run_rows.pk_of(turn.connection, link.run)
        if pk is None:
            return None
        if link.sequence == documents.WHOLE:
            paper = await _paper(turn, pk, desk)
            return (link, paper) if paper is not None else None
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


async def _paper(turn: Turn, pk: int, desk: Desk) -> Document | None:
    """A run as a document; None where it is not over."""
    [row] = await run_rows.get(turn.connection, [pk])
    view = await views.of_batch(turn, row.batch)
    run = next(one for one in view.runs if one.pk == pk)
    if not run.status.ended:
        return None
    view = await views.compared(turn, view, run)
    return documents.of_run(view, run, desk.zone)


def _media_type(found: Record | Document) -> str:
    if isinstance(found, Document):
        return documents.MEDIA_TYPE
    match found.entry:
        case Charted():
            return "image/png"
        case Attached():
            given = found.entry.media_type
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


async def _content(found: Record | Document, data: Path, *, small: bool) -> bytes | None:
    """The bytes; None where they cannot be had."""
    from adapters.render import charts, pages  # only where there is something to draw

    try:
        if isinstance(found, Document):
            return await pages.pdf(found, folder=data / "charts")
        match found.entry:
            case Returned():
                return b"".join(csv.of_result(found.entry))
            case Charted():
                return await charts.png(found.entry.chart, folder=data / "charts", small=small)
            case Attached():
                return await asyncio.to_thread(_kept, data, found.entry.path)
            case _:
                return None
    except Fault as fault:
        _log.warning("rest.no_file", extra={"error": str(fault)})
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
        description=(
            "All of a run that is over as a PDF, tables as CSV, charts as PNG, kept files as they are; each "
            "link lasts 15 minutes."
        ),
        refusals=(404,),
    ),
)
