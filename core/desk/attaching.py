"""csv: the whole tables of a run as files, or all of it as a PDF."""

from __future__ import annotations

from core import views
from core.commands import Command, Name, spell
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.entries import Returned
from core.errors import Misunderstood, NotFound, OutOfPlace
from core.messages import Message, Paragraph
from core.nearest import nearest
from core.runs import Run
from core.views import BatchView
from core.wording import documents, results, words


async def csv(visit: Visit) -> Reply:
    """`csv #128`: every table; `csv #128.3 revenue`: of that question; `csv #128 --pdf`: all of it."""
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
    pdf = "pdf" in visit.command.flags
    if run is None:
        first = spell(Command(Name.CSV, (f"{word}.1",), flags=visit.command.flags))
        raise OutOfPlace(
            f"#{view.batch.number} has {words.count(len(view.runs), 'run')}; say which.", suggestions=(first,)
        )
    if pdf:
        if question:
            raise Misunderstood(
                "A PDF has all of a run, not one question.",
                suggestions=(spell(Command(Name.CSV, (word,), flags=visit.command.flags)),),
            )
        return Reply(await _pdf(visit, view, run))
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


async def _pdf(visit: Visit, view: BatchView, run: Run) -> Message:
    if not run.status.ended:
        raise OutOfPlace(
            f"{run.label} has not ended yet.",
            hint="Its PDF can be made then.",
            suggestions=(f"status #{run.batch}",),
        )
    return documents.sent(await views.compared(visit.turn, view, run), run, visit.reader)


def _nothing(word: str, question: str, names: list[str]) -> NotFound:
    if not names:
        return NotFound(f"{word} has returned no table.", suggestions=(f"show {word}",))
    close = nearest(question, names, 1)
    return NotFound(
        f"{word} has no table {question[:60]}.",
        hint=f"Its tables are {', '.join(names)}.",
        suggestions=tuple(spell(Command(Name.CSV, (word, one))) for one in close),
    )
