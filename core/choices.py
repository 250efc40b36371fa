"""Choices that a source gives: `choices_from` of a parameter, asked when somebody starts a job.

The question goes to the source outside of any transaction of the store: `NotAsked` undoes the one that
found it needed, and it is begun again with the answer. What runs by itself is not held against choices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from core import values
from core.definitions import Parameter, Scalar, Version
from core.errors import AgentError, Busy, OutOfPlace, SlashjobError
from core.parameters import Definitions, Given, Star
from core.ports import OpenSource, Rows
from core.values import Clock

KEPT = 30.0  # seconds that an answer is used again
ROUNDS = 3  # times that something is begun again because choices had to be asked
LONGEST = 5.0  # seconds: somebody waits for the reply


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sources of a job's version said: choices by parameter, or why there are none now."""

    version: int
    choices: Mapping[str, tuple[str, ...]]
    problems: Mapping[str, str]

    def among(self, definitions: Definitions, names: Iterable[str]) -> dict[str, Parameter]:
        """The definitions with the choices of these parameters in them."""
        wanted = set(names) & self.choices.keys()
        return {
            name: one.model_copy(update={"choices": self.choices[name]}) if name in wanted else one
            for name, one in definitions.items()
        }


class NotAsked(SlashjobError):
    """The choices of this version are needed, and were not asked yet. Never shown to anybody."""

    def __init__(self, version: int, definition: Version) -> None:
        super().__init__("the choices are not asked yet")
        self.version = version
        self.definition = definition


class Chooser:
    """Asks sources for choices, and remembers the answers for a moment."""

    def __init__(self, open_source: OpenSource, environment: Mapping[str, str]) -> None:
        self._open_source = open_source
        self._environment = environment
        self._answers: dict[tuple[int, str], tuple[float, tuple[str, ...]]] = {}

    async def ask(self, version: int, definition: Version) -> Asked:
        """The choices of every parameter that has some from a source. Never raises for a source."""
        found: dict[str, tuple[str, ...]] = {}
        problems: dict[str, str] = {}
        for name, parameter in definition.job.parameters.items():
            if not parameter.choices_from:
                continue
            try:
                found[name] = await self._of(version, definition, name, parameter)
            except AgentError as error:
                problems[name] = error.sentence
            except TimeoutError:
                problems[name] = f"Its source did not answer within {LONGEST:.0f} s."
        return Asked(version, found, problems)

    async def during(self, work: Callable[[Asked | None], Awaitable[Result]]) -> Result:
        """Do `work`; where it needs choices of a source it is undone, they are asked, and it begins again.

        Raises:
            Busy: the job was changed again and again meanwhile.
        """
        asked: Asked | None = None
        for _ in range(ROUNDS):
            try:
                return await work(asked)
            except NotAsked as wanted:
                asked = await self.ask(wanted.version, wanted.definition)
        raise Busy("The job was changed again and again; nothing was started.", hint="Try again in a moment.")

    async def _of(
        self, version: int, definition: Version, name: str, parameter: Parameter
    ) -> tuple[str, ...]:
        key = (version, name)
        at, known = self._answers.get(key, (0.0, ()))
        if key in self._answers and monotonic() - at < KEPT:
            return known
        async with asyncio.timeout(LONGEST):
            rows = await self._query(definition, parameter.choices_from)
        made = _texts(parameter, rows)
        self._answers = {one: kept for one, kept in self._answers.items() if monotonic() - kept[0] < KEPT}
        self._answers[key] = (monotonic(), made)
        return made

    async def _query(self, definition: Version, sql: str) -> Rows:
        name = definition.agent.source
        if name not in definition.sources:
            raise AgentError("The agent of this job has no source.")
        source = await self._open_source(name, definition.sources[name], self._environment)
        try:
            return await source.query(sql, {})
        finally:
            await source.close()


def known_to(
    version: int, definition: Version, given: Sequence[Mapping[str, Given | Scalar]], asked: Asked | None
) -> Definitions:
    """The parameters of a job's version, with the choices from its source for those that are given.

    Where the source cannot be asked, what is typed is taken as it is: the run itself will tell.

    Raises:
        NotAsked: the source has to be asked first.
        OutOfPlace: `*` stands for choices that cannot be had now.
    """
    known = definition.job.parameters
    if not any(one.choices_from for one in known.values()):
        return known
    if asked is None or asked.version != version:
        raise NotAsked(version, definition)
    for one in given:
        for name, value in one.items():
            if isinstance(value, Star) and name in asked.problems:
                raise OutOfPlace(
                    f"The choices of '{name}' are not known now: {asked.problems[name]}",
                    hint=f"Give values instead of *: {name}=…",
                )
    return asked.among(known, {name for one in given for name in one})


def _texts(parameter: Parameter, rows: Rows) -> tuple[str, ...]:
    """The values of the first column, each once. Raises `AgentError` where they are no choices."""
    if rows.truncated:
        raise AgentError(f"Its source has more than {len(rows.rows):,} choices.")
    texts = dict.fromkeys(values.show(row[0]) for row in rows.rows if row and row[0] is not None)
    for text in texts:
        try:
            values.convert(parameter, text, Clock())
        except ValueError as mistake:
            raise AgentError(f"Its source gives a choice that {mistake}.") from None
    if not texts:
        raise AgentError("Its source has no choices.")
    return tuple(texts)
