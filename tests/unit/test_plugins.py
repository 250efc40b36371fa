"""Plug-ins: which are loaded, what they are given, what they may yield."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.agents import testkit
from adapters.agents.plugins import Plugins
from core.entries import Answered, Headlined, Kept, Logged, Progressed, Queried, Returned, decode, encode
from core.errors import AgentError
from core.ports import Task
from tests.unit.service_rig import answer, ask

MODULES = {
    "good": """
from core.entries import Answered
async def run(task):
    yield Answered("good " + task.label)
""",
    "whole": """
from core.entries import Answered
async def run(task):
    yield Answered("a module")
""",
    "broken": "raise RuntimeError('a secret detail')",
    "plain": """
async def run(task):
    return 1
""",
    "other": """
open(__file__ + ".imported", "w").close()
async def run(task):
    yield 1
""",
}
POINTS = "\n".join(["[slashjob.agents]", *(f"{n} = sj_{n}{'' if n == 'whole' else ':run'}" for n in MODULES)])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with entry points, installed as pip would leave it."""
    for name, text in MODULES.items():
        (tmp_path / f"sj_{name}.py").write_text(text)
    info = tmp_path / "sj_agents-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sj-agents\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, f"sj_{name}", raising=False)
    return tmp_path


def python(plugin: str) -> dict[str, Any]:
    return {"kind": "python", "plugin": plugin}


@pytest.mark.parametrize(("plugin", "said"), [("good", "good #128.3"), ("whole", "a module")])
async def test_an_allowed_plugin_is_found_by_its_entry_point(site: Path, plugin: str, said: str) -> None:
    plugins = Plugins(["good", "whole"])
    assert await answer(plugins, ask(python(plugin))) == said
    assert await answer(plugins, ask(python(plugin))) == said
    assert plugins.running() == ()


@pytest.mark.parametrize(
    ("plugin", "said", "hint"),
    [
        ("other", "other is not allowed", "SLASHJOB_AGENTS has to name it: other"),
        ("goood", "goood is not allowed", "Did you mean good?"),
        ("gone", "gone is not installed", "entry points slashjob.agents"),
        ("broken", r"broken cannot be imported \(RuntimeError\)", "python -c 'import sj_broken'"),
        ("plain", "plain is no asynchronous generator", "async def run"),
    ],
)
async def test_what_cannot_be_run_is_explained(site: Path, plugin: str, said: str, hint: str) -> None:
    with pytest.raises(AgentError, match=said) as caught:
        await answer(Plugins(["good", "gone", "broken", "plain"]), ask(python(plugin)))
    assert caught.value.permanent
    assert hint in caught.value.hint
    assert "secret detail" not in caught.value.sentence


def test_nothing_is_imported_that_is_not_allowed(site: Path) -> None:
    plugins = Plugins(["good"])
    assert plugins.missing() == ()
    with pytest.raises(AgentError):
        asyncio.run(answer(plugins, ask(python("other"))))
    assert not list(site.glob("*.imported"))
    assert "sj_other" not in sys.modules


def test_what_is_allowed_and_not_installed_is_known(site: Path) -> None:
    assert Plugins(["good", "gone"]).missing() == ("gone",)


async def test_the_runs_at_work_are_known_by_name() -> None:
    seen: list[tuple[str, ...]] = []

    class Point:
        module = "x"

        def load(self) -> Any:
            async def run(task: Task) -> AsyncIterator[Kept]:
                seen.append(plugins.running())
                yield Answered("x")

            return run

    plugins = Plugins(["mine"], find=lambda: {"mine": Point()})  # type: ignore[dict-item]
    await answer(plugins, ask(python("mine")))
    assert seen == [("#128.3 (mine)",)]


async def yielding(*entries: Any) -> list[Any]:
    async def run(_: Task) -> AsyncIterator[Any]:
        for entry in entries:
            yield entry

    return await testkit.run(run)


async def test_odd_cells_are_made_fit_to_be_kept() -> None:
    cells = (
        Decimal("1.50"), Decimal("NaN"), date(2026, 3, 2), datetime(2026, 3, 2, 8, tzinfo=UTC), float("inf"),
        "a\0b\ud800", 2**70, True, None, Path("x"),
    )  # fmt: skip
    columns = tuple(f"c{index}" for index in range(len(cells)))
    (got,) = await yielding(Returned("t", list(columns), [list(cells)]))  # type: ignore[arg-type]
    assert got.rows == (
        (1.5, None, "2026-03-02", "2026-03-02T08:00:00+00:00", None, "a␀b?", str(2**70), True, None, "x"),
    )
    assert decode(*encode(got)) == got


async def test_a_table_is_kept_up_to_a_thousand_rows() -> None:
    (got,) = await yielding(Returned("t", ("a",), tuple((one,) for one in range(5_000))))
    assert len(got.rows) == 1_000
    assert got.truncated


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("text", "yielded a str, which is no entry"),
        (None, "yielded a NoneType, which is no entry"),
        (Answered, "yielded a type, which is no entry"),
        (Answered(7), "yielded a Answered whose text is not right"),  # type: ignore[arg-type]
        (Headlined("n", 1, "euro"), "yielded a Headlined whose format"),  # type: ignore[arg-type]
        (Returned("t", ("a", "b"), ((1,),)), "rows do not fit its columns"),
        (Queried("q", "s", "t", {"v": [1]}, 0.0, 1), "yielded a Queried whose values"),  # type: ignore[dict-item]
    ],
)
async def test_what_is_no_entry_is_refused(entry: Any, said: str) -> None:
    with pytest.raises(AgentError, match=said) as caught:
        await yielding(entry)
    assert caught.value.permanent


async def test_what_it_says_on_its_way_is_made_fit_too() -> None:
    async def run(task: Task) -> AsyncIterator[Any]:
        await task.progress("half\0way", done=1, total=2)
        await task.log("a line")
        yield Answered("x")

    assert await testkit.run(run) == [Progressed("half␀way", 1, 2), Logged("a line"), Answered("x")]


@pytest.mark.parametrize(
    ("halt", "said"),
    [("cancel", "cancelled"), ("time", "time-out"), ("shutdown", "stopped"), ("lease", "no longer holds")],
)
async def test_the_guard_stops_work_in_a_thread(halt: Any, said: str) -> None:
    done: list[str] = []

    async def run(task: Task) -> AsyncIterator[Any]:
        def work() -> None:
            task.guard()
            done.append("an effect")

        await asyncio.to_thread(work)
        yield Answered("x")

    with pytest.raises(AgentError, match=said):
        await testkit.run(run, halt=halt)
    assert not done
    await testkit.run(run)
    assert done == ["an effect"]


async def test_a_source_that_the_agent_does_not_name_is_explained() -> None:
    async def run(task: Task) -> AsyncIterator[Any]:
        yield Answered(str(await task.source("shop")))

    with pytest.raises(AgentError, match="knows no source shop") as caught:
        await testkit.run(run, sources={"helpdesk": []})
    assert "helpdesk" in caught.value.hint
    with pytest.raises(AgentError, match="knows no source shop"):
        await testkit.run(run)


def example() -> str:
    """The example as the README prints it."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(# example plug-in\n.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_example_of_the_readme_works() -> None:
    written: dict[str, Any] = {}
    exec(compile(example(), "README.md", "exec"), written)
    helpdesk = testkit.Told([{"count": 3}])
    said = await testkit.run(written["run"], parameters={"team": "ops"}, sources={"helpdesk": helpdesk})
    assert testkit.answer(said) == "ops has *3* open tickets."
    assert Headlined("Open tickets", 3, "integer") in said
    assert helpdesk.asked[0][1] == {"team": "ops"}
    assert helpdesk.closed
    assert len([line for line in example().splitlines() if line.strip()]) <= 15
