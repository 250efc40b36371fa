"""csv: the whole tables of a run as files."""

from __future__ import annotations

from core.commands import Command, Name, spell
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.entries import Returned
from core.errors import Misunderstood, NotFound, OutOfPlace
from core.messages import Message, Paragraph
from core.nearest import nearest
from core.wording import results, words


async def csv(visit: Visit) -> Reply:
    """`csv #128`: every table of a run; `csv #128.3 revenue`: the one of that question."""
    await targets.may_look(visit, Role.VIEWER)
    word, question = visit.command.word(0), visit.command.word(1)
    target = await targets.batch(visit, word, whole=True)
    if target is None:
        raise Misunderstood(
            "Tables belong to a run, such as #128.",
            hint="`history` lists the latest runs.",
            suggestions=("history",),
        )
    view = target.view
    run = target.run or (view.runs[0] if view.single and view.runs else None)
    if run is None:
        first = spell(Command(Name.CSV, (f"{word}.1",)))
        raise OutOfPlace(
            f"#{view.batch.number} has {words.count(len(view.runs), 'run')}; say which.", suggestions=(first,)
        )
    tables = [one.entry for one in view.latest(run) if isinstance(one.entry, Returned)]
    long = results.tables(tables)
    chosen = [one for one in tables if one.name == question] if question else long or tables
    if not chosen:
        raise _nothing(word, question, [one.name for one in tables])
    label = run.label if not view.single else f"#{view.batch.number}"
    text = f"{words.count(len(chosen), 'table')} of {view.job.label} · {label}"
    made = (results.csv(one, view.job.name, label) for one in chosen)
    files = results.recorded(made, run.id, view.latest(run))
    return Reply(Message(text=text, title=text, blocks=(Paragraph(results.counted(chosen)), *files)))


def _nothing(word: str, question: str, names: list[str]) -> NotFound:
    if not names:
        return NotFound(f"{word} has returned no table.", suggestions=(f"show {word}",))
    close = nearest(question, names, 1)
    return NotFound(
        f"{word} has no table {question[:60]}.",
        hint=f"Its tables are {', '.join(names)}.",
        suggestions=tuple(spell(Command(Name.CSV, (word, one))) for one in close),
    )
