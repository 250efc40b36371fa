"""Rules between the parts of a workspace: names that have to exist, what each kind of agent needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core import blanks, placeholders, programs, values
from core.definitions import AgentDefinition, JobDefinition, Question, SourceDefinition
from core.jobfiles import parameter_rules, schedule_rules, telling_rules
from core.jobfiles.parameter_rules import Problem
from core.jobfiles.sentences import listed, meant, unknown_name
from core.jobfiles.workspace import Checks

NO_CHECKS = Checks()


@dataclass(frozen=True, slots=True)
class Kind:
    """Jobs of an agent's kind have one of `needs` and any of `may`; the agent has all of what it needs."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    agent_needs: tuple[str, ...] = ()
    agent_may: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "report": Kind(needs=("questions",), may=("summary",)),
    "llm": Kind(needs=("prompt", "prompts")),
    "command": Kind(needs=("command",), may=("environment", "input")),
    "http": Kind(may=("path", "body"), agent_needs=("url",), agent_may=("secret", "allow_private")),
    "interact": Kind(
        needs=("remote_job",),
        may=("body",),
        agent_needs=("url", "secret", "organization"),
        agent_may=("allow_private",),
    ),
    "python": Kind(agent_needs=("plugin",), agent_may=("sources",)),
}
_EQUIPMENT = tuple(
    dict.fromkeys(key for kind in KINDS.values() for key in (*kind.agent_needs, *kind.agent_may))
)
_WORK = tuple(dict.fromkeys(key for kind in KINDS.values() for key in (*kind.needs, *kind.may)))

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_SECRET_KEYS = re.compile(r"(?i)(pass(word|wd)?|secret|token|api_?key|credential)")


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that has a name, also what could not be read; `doubtful` agents have a wrong kind."""

    sources: frozenset[str] = frozenset()
    agents: Mapping[str, AgentDefinition | None] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()  # the job's
    doubtful: frozenset[str] = frozenset()
    checks: Checks = NO_CHECKS


def source_problems(source: SourceDefinition) -> Iterator[Problem]:
    """A URL that can be read and holds no secret."""
    if said := _url_problem(source.url):
        yield ("url",), said


def agent_problems(agent: AgentDefinition, known: Known) -> Iterator[Problem]:
    """Its sources exist, its kind has what it needs and nothing else, its secrets are references."""
    for place, name in [
        (("source",), agent.source),
        *((("sources", i), n) for i, n in enumerate(agent.sources)),
    ]:
        if name and name not in known.sources:
            yield place, unknown_name("source", name, known.sources)
    kind = KINDS[agent.kind]
    for key in kind.agent_needs:
        if not getattr(agent, key):
            yield (), f"an agent of the kind {agent.kind} needs '{key}'"
    for key in _EQUIPMENT:
        if getattr(agent, key) and key not in (*kind.agent_needs, *kind.agent_may):
            fitting = [name for name, one in KINDS.items() if key in (*one.agent_needs, *one.agent_may)]
            yield (key,), f"'{key}' is for agents of the kind {listed(fitting)}, not {agent.kind}"
    if agent.url and (said := _url_problem(agent.url) or _service_problem(agent.url)):
        yield ("url",), said
    if agent.secret and not _VARIABLE.fullmatch(agent.secret):
        yield ("secret",), "a secret stands here only as ${ENV_NAME}"


def job_problems(job: JobDefinition, known: Known) -> Iterator[Problem]:
    """Everything between the keys of one job, and between it and the rest."""
    for name, parameter in job.parameters.items():
        for place, said in parameter_rules.problems(name, parameter):
            yield ("parameters", name, *place), said
    for set_name, rows in job.parameter_sets.items():
        for index, row in enumerate(rows):
            for place, said in parameter_rules.given_problems(job.parameters, row, known.parameters):
                yield ("parameter_sets", set_name, index, *place), said
    yield from _choice_rules(job, known)
    yield from _agent_rules(job, known)
    yield from _question_rules(job, known)
    yield from _blank_rules(job, known)
    yield from schedule_rules.problems(job, known.parameters)
    agent = known.agents.get(job.agent) if job.agent not in known.doubtful else None
    yield from telling_rules.problems(job, agent, known.parameters, known.checks)
    if job.timeout.total_seconds() <= 0:
        yield ("timeout",), "'timeout' is more than 0s"
    yield from _template_rules(job, known.checks)


def _choice_rules(job: JobDefinition, known: Known) -> Iterator[Problem]:
    """Choices that are asked for: by a statement without blanks, of the agent's source, and no secret."""
    agent = known.agents.get(job.agent)
    for name, parameter in job.parameters.items():
        if not parameter.choices_from:
            continue
        place = ("parameters", name, "choices_from")
        if parameter.choices:
            yield place, "'choices' stand here too; keep one of them"
        if parameter.secret:
            yield place, "choices are shown to everybody who may run the job; a secret has none"
        if agent is not None and job.agent not in known.doubtful and not agent.source:
            yield place, f"there is no source to ask: the job's agent {job.agent} names none"
        for blank in placeholders.names(parameter.choices_from):
            yield place, f"':{blank}' has no value when choices are asked for"
        if known.checks.query is not None and (said := known.checks.query(parameter.choices_from)):
            yield place, said


def _agent_rules(job: JobDefinition, known: Known) -> Iterator[Problem]:
    if job.agent not in known.agents:
        yield ("agent",), unknown_name("agent", job.agent, known.agents)
        return
    agent = known.agents[job.agent]
    if agent is None or job.agent in known.doubtful:
        return
    kind = KINDS[agent.kind]
    given = {key for key in _WORK if getattr(job, key) != JobDefinition.model_fields[key].get_default()}
    if kind.needs and not given.intersection(kind.needs):
        yield (), f"a job of a {agent.kind} agent needs '{kind.needs[0]}'"
    for key in sorted(given.difference(kind.needs, kind.may)):
        fitting = [name for name, one in KINDS.items() if key in (*one.needs, *one.may)]
        yield (key,), f"'{key}' is for {listed(fitting)} agents; {job.agent} is a {agent.kind} agent"


def _question_rules(job: JobDefinition, known: Known) -> Iterator[Problem]:
    agent = known.agents.get(job.agent)
    seen: set[str] = set()
    for index, question in enumerate(job.questions):
        place = ("questions", index)
        if question.name in seen or question.name == "params":
            why = "stands here twice" if question.name in seen else "is what the summary calls the parameters"
            yield (*place, "name"), f"the question's name '{question.name}' {why}"
        seen.add(question.name)
        if question.source and question.source not in known.sources:
            yield (*place, "source"), unknown_name("source", question.source, known.sources)
        elif not question.source and agent is not None and not agent.source:
            yield place, f"the question names no source, and neither does its agent {job.agent}"
        for path, said in _sql_rules(question, known):
            yield (*place, *path), said


def _sql_rules(question: Question, known: Known) -> Iterator[Problem]:
    if not question.sql.strip():
        yield ("sql",), "'sql' is empty"
        return
    for name in placeholders.names(question.sql):
        if name not in known.parameters and name not in telling_rules.DUE:
            yield (
                ("sql", name),
                f"':{name}' in 'sql' is no parameter of the job{meant(name, known.parameters)}",
            )
    check, find = known.checks.query, known.checks.columns
    if check is not None and (said := check(question.sql)):
        yield ("sql",), said
        return
    columns = find(question.sql) if find is not None else None
    if columns is None:
        return
    for path, column in _columns(question):
        if column not in columns:
            near = meant(column, columns) or f" (it has {listed(columns)})"
            yield path, f"the query has no column '{column}'{near}"


def _columns(question: Question) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if question.chart is not None:
        for key in ("x", "y", "series"):
            if column := getattr(question.chart, key):
                yield ("chart", key), column
    for index, check in enumerate(question.checks):
        yield ("checks", index, "column"), check.column
    if question.key:
        yield ("key",), question.key


def _blank_rules(job: JobDefinition, known: Known) -> Iterator[Problem]:
    """`{name}` is a parameter, and no secret stands in an address."""
    if job.command:
        yield from programs.mistakes(job)
    texts = [*_texts(job.path, ("path",)), *_texts(job.body, ("body",))]
    for place, text in texts:
        for name in blanks.names(text):
            if name not in known.parameters:
                yield (
                    (*place, name),
                    f"'{{{name}}}' is no parameter of the job{meant(name, known.parameters)}",
                )
            elif place == ("path",) and name in job.parameters and job.parameters[name].secret:
                yield (*place, name), f"'{name}' is secret and would stand in an address; send it in the body"


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for key, one in value.items():
                yield from _texts(one, (*path, key))
        case list() | tuple():
            for index, one in enumerate(value):
                yield from _texts(one, (*path, index))


def _template_rules(job: JobDefinition, checks: Checks) -> Iterator[Problem]:
    names = frozenset({"params", *(question.name for question in job.questions)})
    if job.summary and checks.template is not None and (said := checks.template(job.summary, names)):
        yield ("summary",), said


def _url_problem(url: str) -> str:
    """Why a URL is refused; the sentence repeats nothing of it."""
    if not url.strip():
        return "'url' is empty"
    if _VARIABLE.sub("", url).count("${") or re.search(r"\$[A-Za-z_]", url):
        return "'url': a variable is written ${NAME}"
    start = _VARIABLE.match(url)  # holds a URL, or the beginning of one
    rest = url[start.end() :] if start else url
    shape = f"x{rest}" if start and rest.startswith("://") else f"x://{rest}" if start else url
    try:
        read = make_url(_VARIABLE.sub(lambda found: f"7{len(found[0])}", shape))
    except (ArgumentError, ValueError):
        return (
            "'url' cannot be read; it looks like sqlite:///file.db or postgresql://user:${PASSWORD}@host/name"
        )
    if read.password and not re.search(r"://[^:/@]*:\$\{[A-Za-z_][A-Za-z0-9_]*\}@", shape):
        return "the password stands here for everybody to read; write ${ENV_NAME} instead of it"
    return _query_problem(url)


def _service_problem(url: str) -> str:
    """Why this is no address of a service; a variable at its beginning may hold anything."""
    if _VARIABLE.match(url) or re.match(r"https?://[^/?#]", url):
        return ""
    return "'url' of a service begins with https:// or http://"


def without_password(url: str, name: str) -> str:
    """The URL with every literal secret in it replaced by a variable that is named after the source."""
    if not _url_problem(url):
        return url
    hidden = _hide(url, name)
    return hidden if not _url_problem(hidden) else f"${{{_variable(name)}_URL}}"


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _hide(url: str, name: str) -> str:
    variable = f"{_variable(name)}_PASSWORD"
    url = re.sub(r"(://[^:/@]*:)(?!\$\{[A-Za-z_][A-Za-z0-9_]*\}@).*(?=@)", rf"\g<1>${{{variable}}}", url)
    head, mark, query = url.partition("?")
    pairs = []
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        hidden = equals and _SECRET_KEYS.search(key) and not _VARIABLE.fullmatch(value)
        pairs.append(f"{key}=${{{variable}}}" if hidden else pair)
    return head + mark + "&".join(pairs)


def _query_problem(url: str) -> str:
    for pair in re.split(r"[?&;]", url)[1:]:
        key, _, value = pair.partition("=")
        if _SECRET_KEYS.search(key) and value and not _VARIABLE.fullmatch(value):
            return f"the value of '{values.echo(key)}' stands here for everybody to read; write ${{ENV_NAME}}"
    return ""
