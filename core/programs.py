"""What a `command` job starts: its argument list, environment and input, filled with parameters. Pure.

A template is filled in one pass, nothing is expanded, split or quoted; what a value holds arrives as it is.

- `{name}` in `command` and `environment` stands for a parameter, `{{name}}` for the text `{name}`.
- The first argument names the executable and holds no placeholder.
- A value never becomes an option by itself: an argument that begins with a placeholder may begin with `-`
  once it is filled only where the argument before it is an option that the job wrote (`--campaign`, not
  `--campaign=1`), or after a `--` of the job. Everything else is refused.
- Secrets stand in no argument, where a process list would show them: in the environment or on the input.
- `${NAME}` in `environment` is taken from the worker's own environment, and is a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core import values
from core.definitions import JobDefinition
from core.errors import AgentError
from core.nearest import nearest

ARGUMENT_LIMIT = 131_071  # bytes of one argument or variable, Linux: MAX_ARG_STRLEN without its NUL

_PLACE = re.compile(
    r"\{\{(?P<literal>[a-z][a-z0-9_-]*)\}\}|(?<!\$)\{(?P<name>[a-z][a-z0-9_-]*)\}|\$\{(?P<ours>[A-Za-z_]\w*)\}",
    re.ASCII,
)
_UNFIT = re.compile("[\0\ud800-\udfff]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_RESERVED = re.compile(  # what would change which code an allowed executable runs, or speak in our name
    r"(?:LD_|DYLD_|GCONV_|PYTHON|PERL|RUBY|NODE_|PHP|JAVA_|_JAVA_|JDK_|GIT_|BASH|SHELL|SLASHJOB_).*"
    r"|PATH|ENV|IFS|PS4|ZDOTDIR|DUE_AT"
)
PRIVATE = re.compile(r"(?:SLASHJOB_|SLACK_|MICROSOFT_|TEAMS_|SMTP_).*|DATABASE_URL(?:_FILE)?")

Place = tuple[str | int, ...]
"""Where in a job: ("command", 2) or ("environment", "REGION")."""


@dataclass(frozen=True, slots=True)
class Program:
    """One start: the arguments with the executable first, what is added to its environment, its input.

    `secrets` are the texts that came from the worker's own environment.
    """

    arguments: tuple[str, ...]
    environment: dict[str, str]
    input: bytes
    secrets: tuple[str, ...] = ()


def mistakes(job: JobDefinition) -> list[tuple[Place, str]]:
    """Everything that is wrong with what the job starts, as (place in the job, sentence)."""
    found: list[tuple[Place, str]] = []
    if not job.command:
        found.append((("command",), "A job of a command agent needs `command:`, a list of arguments."))
    for position, template in enumerate(job.command):
        for sentence in _argument_mistakes(job, position, template):
            found.append((("command", position), sentence))
    for name, template in job.environment.items():
        for sentence in _variable_mistakes(job, name, template):
            found.append((("environment", name), sentence))
    return found


def fill(job: JobDefinition, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> Program:
    """The job's program with these parameters; `environment` is the worker's own, for `${NAME}`.

    Raises:
        AgentError: permanent; what is wrong with the job or does not fit into an argument.
    """
    wrong = mistakes(job)
    if wrong:
        raise AgentError(wrong[0][1], hint="Correct the job.", permanent=True)
    texts = {name: write(value) for name, value in parameters.items()}
    arguments: list[str] = []
    for position, template in enumerate(job.command):
        argument = _fill(template, texts, environment)
        _check_argument(job, position, argument)
        arguments.append(argument)
    variables = {name: _fill(template, texts, environment) for name, template in job.environment.items()}
    for name, value in variables.items():
        _check_text(f"The variable {name}", f"{name}={value}")
    given = _as_json(parameters) if job.input == "json" else b""
    return Program(tuple(arguments), variables, given, _taken(job, environment))


def write(value: Any) -> str:
    """A value as a program reads it: `true`, `42`, `0.5`, `2026-01-31`, `2026-01-31T08:00:00Z`."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return values.show(value)


def _as_json(parameters: Mapping[str, Any]) -> bytes:
    plain = {
        name: write(value) if isinstance(value, date | datetime) else value
        for name, value in parameters.items()
    }
    return (json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _argument_mistakes(job: JobDefinition, position: int, template: str) -> list[str]:
    found = [] if "\0" not in template else ["An argument cannot hold the character NUL."]
    names = [place["name"] for place in _PLACE.finditer(template) if place["name"]]
    if any(place["ours"] for place in _PLACE.finditer(template)):
        found.append("`${…}` stands in `environment:` only: arguments are seen in the process list.")
    if position == 0 and (names or not template):
        found.append("The first argument names the executable; it cannot come from a parameter.")
    for name in names:
        if name not in job.parameters:
            found.append(_unknown(job, name))
        elif job.parameters[name].secret:
            found.append(
                f"The secret {name} would be seen in the process list: hand it over in `environment:` "
                "or with `input: json`."
            )
    return found


def _variable_mistakes(job: JobDefinition, name: str, template: str) -> list[str]:
    found = []
    if not _VARIABLE.fullmatch(name):
        found.append(f"{name!r} is no name for an environment variable.")
    elif _RESERVED.fullmatch(name):
        found.append(f"The environment variable {name} cannot be set by a job.")
    if "\0" in template:
        found.append("An environment variable cannot hold the character NUL.")
    for place in _PLACE.finditer(template):
        if place["name"] and place["name"] not in job.parameters:
            found.append(_unknown(job, place["name"]))
        if place["ours"] and PRIVATE.fullmatch(place["ours"]):
            found.append(f"${{{place['ours']}}} is a setting of the bot itself; no job gets it.")
    return found


def _unknown(job: JobDefinition, name: str) -> str:
    near = nearest(name, job.parameters, 1)
    meant = f" Did you mean {{{near[0]}}}?" if near else f" Write {{{{{name}}}}} for the text itself."
    return f"{{{name}}} is no parameter of the job.{meant}"


def _fill(template: str, texts: Mapping[str, str], environment: Mapping[str, str]) -> str:
    def put(place: re.Match[str]) -> str:
        if place["literal"]:
            return f"{{{place['literal']}}}"
        if place["name"]:
            return texts.get(place["name"], "")
        if place["ours"] not in environment:
            raise AgentError(
                f"The program needs {place['ours']}, which the bot's environment does not have.",
                hint=f"Set {place['ours']} where the worker runs.",
                permanent=True,
            )
        return environment[place["ours"]]

    return _PLACE.sub(put, template)


def _taken(job: JobDefinition, environment: Mapping[str, str]) -> tuple[str, ...]:
    places = (place for template in job.environment.values() for place in _PLACE.finditer(template))
    return tuple(environment[place["ours"]] for place in places if place["ours"])


def _check_argument(job: JobDefinition, position: int, argument: str) -> None:
    template = job.command[position]
    names = [place["name"] for place in _PLACE.finditer(template) if place["name"]]
    said = f"The value of {names[0]}" if len(names) == 1 else f"Argument {position} of the program"
    _check_text(said, argument)
    if not argument.startswith("-") or template.startswith("-"):
        return
    before = job.command[position - 1]
    if "--" in job.command[1:position] or (
        before.startswith("-") and not _PLACE.search(before) and "=" not in before
    ):
        return
    raise AgentError(
        f"{said} begins with “-”: the program would read it as an option.",
        hint='Put "--" or the option that it belongs to before it in the job\'s `command:`.',
        permanent=True,
    )


def _check_text(said: str, text: str) -> None:
    size = len(text.encode(errors="replace"))
    if _UNFIT.search(text):
        raise AgentError(f"{said} holds a character that no program can be given.", permanent=True)
    if size > ARGUMENT_LIMIT:
        raise AgentError(
            f"{said} has {size:,} bytes; a program can be given at most {ARGUMENT_LIMIT:,} at once.",
            hint="Hand large values over with `input: json`.",
            permanent=True,
        )
