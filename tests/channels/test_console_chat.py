from __future__ import annotations

import asyncio
import io
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from adapters.console.chat import chat
from adapters.console.conversation import JUST_NOW, Conversation
from adapters.console.look import Look
from adapters.console.prompt import Prompt
from core.errors import Busy
from core.messages import Button, Field, Form, Message, Tone
from tests.store.rig import LIMIT

CANCEL = Button("Cancel", "cancel #128", "danger", confirm="Cancel #128?")
STARTED = Message(text="Ana started weekly-report · #128", tone=Tone.PROGRESS, buttons=(CANCEL,))
DONE = Message(
    text="Succeeded: #128",
    title="weekly-report · #128 succeeded",
    tone=Tone.SUCCESS,
    buttons=(Button("Run again", "run #128"), Button("View", "show #128")),
)
FORM = Message(
    text="weekly-report needs a token.",
    form=Form(
        "Run", "run weekly-report", (Field("token", "Token", "secret"), Field("region", "R", value="EU"))
    ),
)


class Remembering:
    """A session that remembers what was said and posts what the test gives it."""

    def __init__(self, **replies: Message) -> None:
        self.replies = replies
        self.said: list[str] = []
        self.channel: asyncio.Queue[tuple[str, Message, bool] | Exception] = asyncio.Queue()
        self.asked: list[str] = []
        self.waited = False
        self.at_the_end: list[tuple[str, Message, bool]] = []

    async def answer(self, line: str) -> Message:
        self.said.append(line)
        if line == "down":
            raise Busy("The bot cannot be reached now.")
        return self.replies.get(line.split()[0], Message(text=f"answer to {line}"))

    async def completions(self, text: str) -> list[str]:
        self.asked.append(text)
        return ["weekly-report"]

    async def posts(self) -> AsyncIterator[tuple[str, Message, bool]]:
        while True:
            post = await self.channel.get()
            try:
                if isinstance(post, Exception):
                    raise post
                yield post
            finally:
                self.channel.task_done()

    async def settled(self) -> None:
        self.waited = True
        for post in self.at_the_end:
            self.channel.put_nowait(post)
        await self.channel.join()


class Typing:
    """A prompt whose keyboard and screen are the test's."""

    def __init__(self, session: Remembering, keys: PipeInput, history: FileHistory | None = None) -> None:
        self.screen = io.StringIO()
        sink = Vt100_Output(self.screen, lambda: Size(rows=24, columns=80), term="xterm")
        look = Look(width=80, bar=True)
        self.prompt = Prompt(
            session, look, history or InMemoryHistory(), lambda: 100.0, source=keys, sink=sink
        )

    async def run(self) -> str:
        await asyncio.wait_for(self.prompt.run(), timeout=LIMIT)
        return self.screen.getvalue()


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe:
        yield pipe


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.002)


async def _piped(session: Remembering, typed: str, greeting: Message | None = None) -> str:
    sink = io.StringIO()
    await asyncio.wait_for(
        chat(session, source=io.StringIO(typed), sink=sink, greeting=greeting, clock=lambda: 0.0),
        timeout=LIMIT,
    )
    return sink.getvalue()


async def test_lines_from_a_pipe_are_answered_in_order_and_read_as_a_conversation() -> None:
    session = Remembering()
    output = await _piped(session, "list\n\n/job status\n", Message(text="Welcome."))
    assert session.said == ["list", "/job status"]
    assert output == "\nWelcome.\n\n> list\n\nanswer to list\n\n> /job status\n\nanswer to /job status\n\n"


async def test_what_was_started_through_a_pipe_is_waited_for() -> None:
    session = Remembering(run=STARTED)
    session.at_the_end = [("m", STARTED, True), ("m", DONE, True)]
    output = await _piped(session, "run weekly-report")
    assert session.waited
    assert output.count("weekly-report · #128 succeeded") == 1
    assert output.count("Ana started") == 1


async def test_a_number_presses_a_button_after_its_question() -> None:
    session = Remembering(run=STARTED)
    output = await _piped(session, "run x\n1\nn\n1\ny\n")
    assert session.said == ["run x", "cancel #128"]
    assert "→ /job cancel #128\nCancel #128? [y/N] n\nNothing was done.\n" in output


async def test_a_question_that_nobody_answers_is_a_no() -> None:
    session = Remembering(run=STARTED)
    await _piped(session, "run x\n1\n")
    assert session.said == ["run x"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("7\n", "There is no button to press."),
        ("run x\n7\n", "There is no button 7: the last message has 1."),
        ("run x\n0\n", "There is no button 0: the last message has 1."),
    ],
)
async def test_a_number_without_a_button_is_not_sent(typed: str, said: str) -> None:
    session = Remembering(run=STARTED)
    assert said in await _piped(session, typed)
    assert session.said in ([], ["run x"])


async def test_a_bot_that_cannot_be_reached_is_a_sentence() -> None:
    assert "✗ The bot cannot be reached now." in await _piped(Remembering(), "down\n")


async def test_exit_leaves_the_rest_unread() -> None:
    session = Remembering()
    await _piped(session, "list\nexit\nstatus\n")
    assert session.said == ["list"]


async def test_escape_sequences_in_what_is_typed_are_not_echoed() -> None:
    assert "\x1b" not in await _piped(Remembering(), "list \x1b[2J\n")


async def test_a_fault_of_the_channel_ends_the_talk_although_the_pipe_stays_open() -> None:
    session = Remembering()
    session.channel.put_nowait(ConnectionError("gone"))

    reading, writing = os.pipe()
    with os.fdopen(reading) as source, os.fdopen(writing, "w"), pytest.raises(ConnectionError, match="gone"):
        await asyncio.wait_for(chat(session, source=source, sink=io.StringIO()), timeout=LIMIT)


async def test_what_a_sink_cannot_write_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    sink = io.TextIOWrapper(raw, encoding="ascii")
    await chat(Remembering(run=STARTED), source=io.StringIO("run x"), sink=sink)
    assert b"? Ana started weekly-report ? #128" in raw.getvalue()


async def test_input_that_is_no_utf8_is_still_a_line() -> None:
    session = Remembering()
    source = io.TextIOWrapper(io.BytesIO(b"list \xff\nstatus\n"), encoding="utf-8")
    await chat(session, source=source, sink=io.StringIO())
    assert session.said == ["list \ufffd", "status"]


async def test_the_prompt_answers_and_ctrl_d_leaves(keys: PipeInput) -> None:
    session = Remembering(run=STARTED)
    keys.send_text("run weekly-report\r1\ry\r\x04")
    screen = await Typing(session, keys).run()
    assert session.said == ["run weekly-report", "cancel #128"]
    assert "Ana started weekly-report" in screen
    assert "Cancel #128? [y/N]" in screen


async def test_ctrl_c_clears_the_line_and_is_a_no(keys: PipeInput) -> None:
    session = Remembering(run=STARTED)
    keys.send_text("cancel ever\x03run x\r1\r\x03list\rexit\r")
    await Typing(session, keys).run()
    assert session.said == ["run x", "list"]


async def test_tab_completes_the_last_word(keys: PipeInput) -> None:
    session = Remembering()
    typing = Typing(session, keys)
    typed = asyncio.ensure_future(typing.run())
    keys.send_text("run week\t")
    await _until(lambda: typing.prompt._prompt.default_buffer.text == "run weekly-report")
    keys.send_text("\r\x04")
    await typed
    assert session.asked == ["run week"]
    assert session.said == ["run weekly-report"]


async def test_progress_is_a_live_line_and_the_end_is_printed_once(keys: PipeInput) -> None:
    session = Remembering()
    typing = Typing(session, keys)
    typed = asyncio.ensure_future(typing.run())
    step = Message(text="Running #128 · 2 of 3", title="weekly-report · #128 is running", tone=Tone.PROGRESS)
    session.channel.put_nowait(("m", step, True))
    keys.send_text("\x1b[1;1R")  # where the cursor is: the line below the prompt is drawn once that is known
    await _until(lambda: "2 of 3" in typing.screen.getvalue())
    assert "#128 is running" not in typing.screen.getvalue()
    session.channel.put_nowait(("m", DONE, True))
    await _until(lambda: "#128 succeeded" in typing.screen.getvalue())
    keys.send_text("\x04")
    await typed
    assert typing.prompt.talk.conversation.live == {}


async def test_a_form_is_prefilled_up_to_what_is_missing_and_its_secret_is_not_kept(
    keys: PipeInput, tmp_path: Path
) -> None:
    session = Remembering(run=FORM)
    history = FileHistory(str(tmp_path / "history"))
    keys.send_text("run weekly-report\r")
    typing = Typing(session, keys, history)
    typed = asyncio.ensure_future(typing.run())
    await _until(lambda: typing.prompt._prompt.default_buffer.text == "run weekly-report region=EU token=")
    session.channel.put_nowait(("other", DONE, False))  # an arriving message does not end the secrecy
    async with asyncio.timeout(LIMIT):
        await session.channel.join()
    keys.send_text("s3cret\r1\r\x04")
    await typed
    assert "run weekly-report region=EU token=s3cret" in session.said
    assert list(history.load_history_strings()) == ["run weekly-report"]


async def test_a_history_that_cannot_be_written_does_not_end_the_talk(
    keys: PipeInput, tmp_path: Path
) -> None:
    session = Remembering()
    keys.send_text("list\rstatus\r\x04")
    await Typing(session, keys, FileHistory(str(tmp_path / "missing" / "history"))).run()
    assert session.said == ["list", "status"]


def test_a_history_file_is_for_its_owner_only(tmp_path: Path) -> None:
    from adapters.console.chat import _own

    path = tmp_path / "deep" / "history"
    assert _own(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "file").touch()
    assert not _own(tmp_path / "file" / "history")


def test_an_edit_of_what_had_ended_is_one_line() -> None:
    conversation = Conversation(lambda: 0.0)
    assert conversation.posted("m", STARTED, edited=False) is True
    assert conversation.posted("m", STARTED, edited=True) is None
    assert conversation.posted("m", DONE, edited=True) is True
    assert conversation.posted("m", DONE, edited=True) is False
    assert conversation.posted("n", DONE, edited=False) is True


def test_buttons_that_have_just_come_ask_before_they_are_pressed() -> None:
    now = [0.0]
    conversation = Conversation(lambda: now[0])
    conversation.said(STARTED)
    now[0] = 50.0
    conversation.said(DONE)
    now[0] += JUST_NOW / 2
    early = conversation.pressed("1")
    now[0] += JUST_NOW
    late = conversation.pressed(" [1] ")
    assert early is not None
    assert late is not None
    assert early.button == late.button == DONE.buttons[0]
    assert early.question == "These buttons have just come. Run again (/job run #128)?"
    assert late.question == ""
