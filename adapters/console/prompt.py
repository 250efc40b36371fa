"""A talk at a prompt: messages are printed above it, what is under way stands below it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style

from adapters.console.look import LEAST_WIDTH, Look
from adapters.console.render import compact
from adapters.console.talk import LEAVING, YES, Session, Talk
from core.errors import SlashjobError
from core.messages import Form, Message

LIVE_LIMIT = 4  # lines about work under way, below the prompt
ASKED = "/job "
HINT = "help · Tab completes · a number presses a button · Ctrl-D leaves"

_STYLE = Style.from_dict(
    {"asked": "bold", "bottom-toolbar": "noreverse", "live": "ansicyan", "hint": "ansibrightblack"}
)


class Prompt:
    """Reads at a prompt with history and completion; `source` and `sink` stand for the terminal in tests."""

    def __init__(
        self,
        session: Session,
        look: Look,
        history: History,
        clock: Callable[[], float],
        *,
        source: Input | None = None,
        sink: Output | None = None,
    ) -> None:
        self.talk = Talk(session, self, clock)
        self._look = look
        self._offered: Form | None = None
        depth = None if look.colour else ColorDepth.DEPTH_1_BIT
        self._prompt: PromptSession[str] = PromptSession(
            history=_Discreet(history, lambda: self.talk.conversation.secret),
            completer=_Words(session),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._toolbar,
            style=_STYLE,
            color_depth=depth,
            input=source,
            output=sink,
        )
        self._question: PromptSession[str] = PromptSession(
            style=_STYLE, color_depth=depth, input=source, output=sink
        )

    async def run(self, greeting: Message | None = None) -> None:
        """Prompt until Ctrl-D or `exit`; Ctrl-C clears the line."""
        if greeting is not None:
            self.talk.greet(greeting)
        await self.talk.carry(self._read())

    def look(self) -> Look:
        """As wide as the terminal is now."""
        columns = self._prompt.output.get_size().columns
        return replace(self._look, width=max(LEAST_WIDTH, columns))

    def put(self, text: str) -> None:
        """Print above the prompt."""
        print_formatted_text(ANSI(text), end="", output=self._prompt.output, style=_STYLE)

    async def ask(self, question: str) -> bool:
        """A prompt of its own; Ctrl-C and Ctrl-D are no."""
        try:
            answer = await self._question.prompt_async([("class:asked", f"{question} [y/N] ")])
        except (KeyboardInterrupt, EOFError):
            return False
        return answer.strip().lower() in YES

    def moved(self) -> None:
        """Draw what is under way again."""
        self._prompt.app.invalidate()

    async def _read(self) -> None:
        while True:
            try:
                line = await self._prompt.prompt_async([("class:asked", ASKED)], default=self._prefilled())
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if line.strip().lower() in LEAVING:
                return
            if line.strip():
                await self.talk.handle(line)

    def _prefilled(self) -> str:
        """The line that a new form waits for; offered once."""
        form = self.talk.conversation.form
        offered, self._offered = self._offered, form
        return self.talk.conversation.prefilled() if form is not offered else ""

    def _toolbar(self) -> StyleAndTextTuples:
        live = list(self.talk.conversation.live.values())
        look = self.look()
        lines = [("class:live", compact(message, look)) for message in live[-LIVE_LIMIT:]]
        if len(live) > LIVE_LIMIT:
            lines.append(("class:live", f"and {len(live) - LIVE_LIMIT} more under way"))
        if not lines:
            lines.append(("class:hint", compact(Message(text=HINT), look)))
        shown: StyleAndTextTuples = []
        for style, text in lines:
            shown += [(style, text), ("", "\n")]
        return shown[:-1]


class _Words(Completer):
    """Completes the last word by asking the session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get_completions(
        self,
        document: Document,  # noqa: ARG002 - prompt-toolkit's shape
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterable[Completion]:
        """Nothing: the session is asked asynchronously."""
        return ()

    async def get_completions_async(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> AsyncGenerator[Completion, None]:
        """What may stand in place of the last word."""
        text = document.text_before_cursor
        words: list[str] = []
        with suppress(SlashjobError):  # a bot that cannot be reached completes nothing; a line would say why
            words = await self.session.completions(text)
        last = "" if not text or text[-1].isspace() else text.split()[-1]
        for word in words:
            yield Completion(word, start_position=-len(last))


class _Discreet(History):
    """A history that keeps no line which may hold a secret, and no number of a button."""

    def __init__(self, inner: History, secret: Callable[[], bool]) -> None:
        super().__init__()
        self.inner = inner
        self.secret = secret

    def load_history_strings(self) -> Iterable[str]:
        """What was kept, newest first."""
        return self.inner.load_history_strings()

    def append_string(self, string: str) -> None:
        """Keep a line that may be wanted again."""
        if not self.secret() and not string.strip().isdigit():
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Write it to the file; a full disk costs the history, not the talk."""
        with suppress(OSError):
            self.inner.store_string(string)
