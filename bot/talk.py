"""The console's two ways of talking: a chat, and one line for scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from adapters.console.chat import chat
from adapters.console.look import Look, look_of
from adapters.console.render import compact, write
from bot.app import Bot
from bot.attachments import Attachments
from bot.session import Session
from core import messages
from core.desk.visit import Outcome, Reply
from core.lifecycles import BatchState
from core.messages import Message, Paragraph
from core.views import BatchView

REFUSED, FAILED = 2, 1


async def talk(bot: Bot, session: Session, attachments: Attachments) -> int:
    """Chat until the end of the input."""
    home = "this process executes" if bot.executing else "another process executes"
    greeting = Message(
        text="slashjob console",
        title="slashjob console",
        blocks=(Paragraph(f"Say help, or run NAME. Ctrl-D leaves ({home})."),),
    )
    look = _look(attachments)
    await chat(session, history=Path.home() / ".slashjob_history", look=look, greeting=greeting)
    return 0


async def say(session: Session, line: str, attachments: Attachments, *, wait: bool, as_json: bool) -> int:
    """Say one line; with `wait`, until what it started has ended. Returns the exit code."""
    reply = await session.ask(line)
    if reply.posted and not wait and not await session.executed():
        click.echo("Nobody executes runs just now: it begins with the next `slashjob serve`.", err=True)
    view = None
    if wait and reply.batch is not None and reply.outcome is Outcome.DONE:
        view = await session.ended(reply.batch)
    if as_json:
        posted = await session.posted(reply.batch) if reply.batch is not None else []
        click.echo(json.dumps(answer(reply, view, posted), ensure_ascii=False))
    else:
        look = _look(attachments)
        if view is None:
            click.echo(write(reply.message, look))
            return REFUSED if reply.outcome is not Outcome.DONE else 0
        click.echo(compact(reply.message, look))
        for message in await session.results(view.batch.number):
            click.echo("\n" + write(message, look))
    if reply.outcome is not Outcome.DONE:
        return REFUSED
    return FAILED if view is not None and view.batch.state is not BatchState.SUCCEEDED else 0


def answer(reply: Reply, view: BatchView | None, posted: list[tuple[Any, Message]]) -> dict[str, Any]:
    """What `say --json` prints (DESIGN.md, section 8)."""
    message = reply.message
    made: dict[str, Any] = {
        "reply": {
            "title": message.title,
            "text": message.text,
            "outcome": reply.outcome,
            "buttons": [{"label": one.label, "command": one.command} for one in message.buttons],
        },
        "batch": None,
        "posted": [
            {"channel": str(one.channel), "kind": one.kind, "text": said.text} for one, said in posted
        ],
    }
    if message.form is not None:
        made["reply"]["fields"] = [
            {"name": one.name, "required": one.required, "value": one.value, "error": one.error}
            for one in message.form.fields
        ]
    if view is not None:
        made["batch"] = {
            "id": view.batch.id,
            "number": view.batch.number,
            "status": view.batch.state,
            "runs": [_run(view, index) for index in range(len(view.runs))],
        }
    elif reply.batch is not None:
        made["batch"] = {"number": reply.batch}
    return made


def _look(attachments: Attachments) -> Look:
    return look_of(sys.stdout, image_link=attachments.image, file_link=attachments.file)


def _run(view: BatchView, index: int) -> dict[str, Any]:
    run = view.runs[index]
    said = view.answer(run)
    text = None if said is None else (messages.literal(said.text) if said.marked else said.text)
    return {
        "id": run.id,
        "status": run.status,
        "parameters": view.values(run),
        "answer": text,
        "error": run.reason or None,
    }
