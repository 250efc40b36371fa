"""Cards that are pressed and filled in: the card's line, said by whoever presses, with their own role."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from adapters.teams import acting
from adapters.teams.inputs import FIELD
from adapters.teams.reception import Reception
from core.people import Speaker
from core.store import tables
from tests.channels.fake_teams import Fault
from tests.channels.teams_office import Scene
from tests.channels.teams_tenant import Conversation, Payload, Person, actions, words
from tests.store.rig import until

MESSAGE = "application/vnd.microsoft.activity.message"
CARD = "application/vnd.microsoft.card.adaptive"


async def press(
    office: Scene,
    data: Payload,
    *,
    person: Person | None = None,
    card: str = "",
    place: Conversation | None = None,
    submit: bool = False,
) -> Payload:
    """Press it; the invoke's answer (empty for a submit)."""
    made = office.teams.pressed(data, place or office.channel, person or office.ana, card=card, submit=submit)
    status, answer = await office.bot.send(made)
    assert status == 200
    await office.settled()
    return answer


async def going(office: Scene) -> tuple[str, Payload]:
    """A run that goes on: (its message's id, the data of its buttons)."""
    await office.say("run report do=wait")
    await office.deliver()
    (message,) = office.channel.messages.values()
    return message.id, actions(message.activity)


async def form(office: Scene, place: Conversation | None = None) -> tuple[str, Payload]:
    """A form that asks for what is missing: (its message's id, its actions)."""
    fields = {"campaign_id": {"type": "integer", "min": 1}, "note": {"default": "-"}}
    await office.bot.job("weekly", parameters=fields)
    answer = await office.asked("run weekly", place)
    messages = (place or office.channel).messages
    (identity,) = [one.id for one in messages.values() if one.activity is answer]
    return identity, actions(answer)


def filled(data: Payload, **values: str) -> Payload:
    """The action's data with what was filled in, by the name of the parameter."""
    made = copy.deepcopy(data)
    kinds = made["slashjob"]["kinds"]
    assert set(values) <= set(kinds)
    return made | {f"{FIELD}{name}": one for name, one in values.items()}


async def test_cancel_is_pressed_and_done_once(office: Scene) -> None:
    card, data = await going(office)
    made = office.teams.pressed(data["Yes, cancel"], office.channel, office.ana, card=card)
    first = await office.bot.send(made)
    assert first == await office.bot.send(made)  # delivered again
    assert first[1]["type"] == MESSAGE
    assert "ancel" in first[1]["value"]
    await office.ended()
    await office.deliver()
    assert "ancelled" in words(office.teams.said(office.channel)[0])
    cancels = [one for one in await office.bot.rows(tables.audit) if one.action == "batch.cancel"]
    assert len(cancels) <= 1


async def test_whoever_presses_needs_the_role(office: Scene) -> None:
    eve = office.teams.person("Eve", role="guest")
    office.channel.members.append(eve)
    card, data = await going(office)
    answer = await press(office, data["Yes, cancel"], person=eve, card=card)
    assert answer["type"] == MESSAGE
    assert "you have no role here yet" in answer["value"]
    (run,) = await office.bot.rows(tables.runs)
    assert run.ended_at is None
    office.bot.agent.gate.set()


async def test_the_button_of_an_ended_run_is_refused_politely(office: Scene) -> None:
    card, data = await going(office)
    office.bot.agent.gate.set()
    await office.ended()
    answer = await press(office, data["Yes, cancel"], card=card)
    assert answer["statusCode"] == 200
    assert "ended" in answer["value"]
    assert len(office.channel.messages) == 1


async def test_run_again_starts_it_anew(office: Scene) -> None:
    await office.say("run report")
    await office.ended()
    await office.deliver()
    ((card, message),) = office.channel.messages.items()
    answer = await press(office, actions(message.activity)["Run again"], card=card)
    assert "Started" in answer["value"] or "started" in answer["value"]
    await office.ended(2)
    await office.deliver()
    assert len(office.channel.messages) == 2


async def test_a_button_that_looks_is_answered_by_a_message(office: Scene) -> None:
    await office.say("run report")
    await office.ended()
    await office.deliver()
    ((card, message),) = office.channel.messages.items()
    answer = await press(office, actions(message.activity)["View"], card=card)
    assert answer["type"] == MESSAGE

    await told(office, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["slashjob"].update(line="unlock report --yes"),
        lambda data: data["slashjob"].update(sum="0"),
        lambda data: data.update(slashjob="x"),
        lambda data: data.clear(),
        lambda data: data["slashjob"].update(more={}),
    ],
)
async def test_a_changed_payload_is_refused_politely(office: Scene, change: Any) -> None:
    card, data = await going(office)
    changed = copy.deepcopy(data["Yes, cancel"])
    change(changed)
    answer = await press(office, changed, card=card)
    assert (answer["statusCode"], answer["type"]) == (200, MESSAGE)
    assert "not one of mine" in answer["value"]
    assert "changed on its way" in answer["value"]
    office.bot.agent.gate.set()


async def test_a_form_is_filled_in_and_replaced_by_what_was_decided(office: Scene) -> None:
    card, data = await form(office)
    answer = await press(office, filled(data["Run"], campaign_id="42", note="a b"), card=card)
    assert answer["type"] == CARD
    assert "weekly" in words(answer["value"])
    assert not actions({"attachments": [answer["value"]]})
    await office.ended()
    (task,) = office.bot.agent.seen
    assert task.parameters == {"campaign_id": 42, "note": "a b"}

    async def replaced() -> bool:
        return office.channel.messages[card].edits == 1

    await until(replaced)
    assert "Input" not in str(office.channel.messages[card].activity)


async def test_a_mistake_in_a_form_stands_at_its_field_and_nothing_is_lost(office: Scene) -> None:
    card, data = await form(office)
    answer = await press(office, filled(data["Run"], campaign_id="-3", note="keep me"), card=card)
    assert answer["type"] == CARD
    text = str(answer["value"])
    assert "keep me" in text
    assert "at least 1" in text
    assert await office.batches() == 0


async def test_the_form_of_somebody_else_is_refused_politely(office: Scene) -> None:
    card, data = await form(office)
    answer = await press(office, filled(data["Run"], campaign_id="42"), person=office.bob, card=card)
    assert (answer["statusCode"], answer["type"]) == (200, MESSAGE)
    assert "somebody else" in answer["value"]
    assert await office.batches() == 0


async def test_a_form_is_put_away(office: Scene) -> None:
    card, data = await form(office)
    (drop,) = [one for one in data.values() if one["slashjob"].get("does") == "drop"]
    answer = await press(office, drop, card=card)
    assert "put away" in words(answer["value"])

    async def replaced() -> bool:
        return office.channel.messages[card].edits == 1

    await until(replaced)


async def test_a_form_takes_several_values_where_that_is_asked_for(office: Scene) -> None:
    card, data = await form(office)
    (several,) = [one for one in data.values() if one["slashjob"].get("does") == "several"]
    answer = await press(office, several, card=card)
    assert answer["type"] == CARD
    run = actions({"attachments": [answer["value"]]})["Run"]
    await press(office, filled(run, campaign_id="42,43..44"), card=card)
    await office.ended(3)
    assert sorted(one.parameters["campaign_id"] for one in office.bot.agent.seen) == [42, 43, 44]


@pytest.mark.parametrize("kind", ["channel", "personal"])
async def test_an_old_client_submits_and_gets_the_same(office: Scene, kind: str) -> None:
    place = office.channel if kind == "channel" else office.teams.chat(office.ana)
    card, data = await form(office, place)
    await press(office, filled(data["Run"], campaign_id="0"), card=card, place=place, submit=True)
    assert "at least 1" in str(office.teams.said(place)[-1])
    await press(office, filled(data["Run"], campaign_id="42"), card=card, place=place, submit=True)
    await office.ended()
    assert place.messages[card].edits == 1
    changed = copy.deepcopy(data["Run"])
    changed["slashjob"]["line"] = "unlock report"
    await press(office, changed, card=card, place=place, submit=True)
    assert "not one of mine" in words(office.teams.said(place)[-1])


@pytest.mark.parametrize(
    ("name", "status"),
    [("task/fetch", 501), ("signin/verifyState", 501), ("", 501), ("composeExtension/query", 501)],
)
async def test_other_invokes_are_not_known(office: Scene, name: str, status: int) -> None:
    made = office.teams.activity("invoke", office.channel, office.ana, name=name, value={"x": 1})
    assert (await office.bot.send(made))[0] == status


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"action": None}, {"action": {"data": 1}}])
async def test_an_invoke_without_an_action_is_answered_all_the_same(office: Scene, value: Any) -> None:
    made = office.teams.activity("invoke", office.channel, office.ana, name=acting.ACTION, value=value)
    status, answer = await office.bot.send(made)
    assert status == 200
    assert answer["statusCode"] in (200, 400)


async def slow_press(office: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[Payload, asyncio.Event]:
    """Cancel is pressed, and who pressed is not known before the event: (the answer, the event)."""
    card, data = await going(office)
    reception = office.bot.teams.reception
    assert reception is not None
    gate = asyncio.Event()
    ask = reception.speakers.of

    async def slow(origin: Any) -> Speaker:
        await gate.wait()
        return await ask(origin)

    monkeypatch.setattr(reception.speakers, "of", slow)
    monkeypatch.setattr(acting, "IN_TIME", 0.05)
    made = office.teams.pressed(data["Yes, cancel"], office.channel, office.ana, card=card)
    _, answer = await office.bot.send(made)
    return answer, gate


async def die(reception: Reception) -> None:
    """End all that is under way there, as the end of its process does."""
    tasks = reception._tasks | reception.inbox._tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def told(office: Scene, wanted: int) -> None:
    """Wait until that many messages stand in the channel."""

    async def there() -> bool:
        return len(office.channel.messages) == wanted

    await until(there)


async def test_an_invoke_that_takes_long_is_answered_in_time_and_done_behind(
    office: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = await slow_press(office, monkeypatch)
    assert "takes a moment" in answer["value"]
    gate.set()
    await office.ended()
    await told(office, 2)
    await office.settled()


async def test_what_an_invoke_was_promised_outlives_its_process(
    office: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = await slow_press(office, monkeypatch)
    assert "takes a moment" in answer["value"]
    reception = office.bot.teams.reception
    assert reception is not None
    await die(reception)
    gate.set()
    office.forward(31)
    assert await reception.inbox.take_up() == 1
    await reception.inbox.idle()
    cancels = [one for one in await office.bot.rows(tables.audit) if one.action == "batch.cancel"]
    assert len(cancels) == 1
    await told(office, 2)
    office.forward(31)
    assert await reception.inbox.take_up() == 0


async def test_an_answer_that_could_not_be_said_is_said_later_and_once(office: Scene) -> None:
    await office.say("run report")
    await office.ended()
    await office.deliver()
    ((card, message),) = office.channel.messages.items()
    office.teams.fault("send", Fault(status=429, retry_after="1"))
    view = actions(message.activity)["View"]
    made = office.teams.pressed(view, office.channel, office.ana, card=card)
    first = await office.bot.send(made)
    assert await office.bot.send(made) == first  # delivered again
    reception = office.bot.teams.reception
    assert reception is not None
    await reception.inbox.idle()
    assert len(office.channel.messages) == 1
    office.forward(31)
    assert await reception.inbox.take_up() == 1
    await told(office, 2)


async def test_what_was_pressed_long_ago_is_told_and_not_done(
    office: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, gate = await slow_press(office, monkeypatch)
    reception = office.bot.teams.reception
    assert reception is not None
    await die(reception)
    gate.set()
    office.forward(601)
    assert await reception.inbox.take_up() == 1
    await told(office, 2)
    late = words(office.teams.said(office.channel)[-1])
    assert "nothing was started" in late
    assert "cancel #1" in late
    assert not [one for one in await office.bot.rows(tables.audit) if one.action == "batch.cancel"]
    office.bot.agent.gate.set()


async def test_what_is_pressed_while_the_database_is_busy_leaves_the_card(office: Scene) -> None:
    card, data = await form(office)
    office.teams.fault("member", Fault(status=503, times=3))
    assert office.bot.teams.reception is not None
    office.bot.teams.reception.speakers._known.clear()
    cleo = office.teams.person("Cleo")
    office.channel.members.append(cleo)
    answer = await press(office, (await going_for(office))["Yes, cancel"], person=cleo, card=card)
    assert "nothing was started" in answer["value"]
    assert office.channel.messages[card].edits == 0
    assert data
    office.bot.agent.gate.set()


async def going_for(office: Scene) -> Payload:
    await office.say("run report do=wait")
    await office.deliver()
    return actions(office.teams.said(office.channel)[-1])
