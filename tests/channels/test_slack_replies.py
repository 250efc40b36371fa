"""How an answer reaches the one who asked, where the short way is closed."""

from __future__ import annotations

from datetime import timedelta

from adapters.slack import replies
from adapters.slack.inbound import Origin
from core.messages import Column, File, Message, Paragraph, Table
from tests.channels.fake_slack import Fault
from tests.channels.slack_office import TEAM, Scene, mention, words

HELLO = Message("Hello.", blocks=(Paragraph("Hello."),))
TABLE = Table((Column("shop"), Column("sum", "number")), (("a", 1), ("b", 2)))
CSV = Message("The table.", blocks=(File("totals.csv", "text/csv", TABLE),))


async def tell(scene: Scene, message: Message, channel: str, *, url: bool = False) -> None:
    workspaces = scene.bot.slack.open()
    workspace = await workspaces.find(TEAM)
    assert workspace is not None
    way_back = scene.slack.response_url(channel, scene.ana) if url else ""
    await replies.privately(
        workspace, Origin(TEAM, "", scene.ana, "k", "", channel, "", "", way_back), message
    )


async def test_outside_the_channel_the_response_url_tells_only_the_asker(scene: Scene) -> None:
    outside = scene.slack.channel("sales", bot=False, members=(scene.ana,))
    await tell(scene, HELLO, outside, url=True)
    (told,) = scene.slack.ephemerals
    assert (told["channel"], told["user"]) == (outside, scene.ana)
    assert scene.slack.direct_messages(scene.ana) == []


async def test_without_any_way_back_it_is_said_directly(scene: Scene) -> None:
    outside = scene.slack.channel("sales", bot=False, members=(scene.ana,))
    await tell(scene, HELLO, outside)
    (told,) = scene.slack.direct_messages(scene.ana)
    assert "Hello." in words(told)


async def test_blocks_that_slack_refuses_are_said_as_text(scene: Scene) -> None:
    scene.slack.fault("chat.postEphemeral", Fault(error="invalid_blocks"))
    await tell(scene, HELLO, scene.channel)
    (told,) = scene.slack.ephemerals
    assert "Hello." in told["text"]
    assert "blocks" not in told


async def test_a_429_is_waited_for_as_long_as_it_says(scene: Scene) -> None:
    scene.slack.fault("chat.postEphemeral", Fault(retry_after="1"))
    await tell(scene, HELLO, scene.channel)
    assert len(scene.slack.ephemerals) == 1
    assert scene.slack.impatient == []


async def test_a_file_comes_directly_where_an_answer_cannot_carry_it(scene: Scene) -> None:
    await tell(scene, CSV, scene.channel)
    assert len(scene.slack.ephemerals) == 1
    (upload,) = scene.slack.uploads.values()
    assert upload.name == "totals.csv"
    assert upload.data is not None
    assert b"shop,sum" in upload.data
    (shared,) = upload.shared
    assert shared[0].startswith("D")


async def test_an_answer_that_slack_did_not_take_is_told_when_the_event_comes_again(scene: Scene) -> None:
    scene.slack.fault("chat.postEphemeral", Fault(error="internal_error"))
    said = mention(scene.slack, "list", scene.channel, scene.ana)
    assert await scene.bot.event(said, key="Ev1") == 200
    assert scene.slack.ephemerals == []
    scene.bot.store.offset = timedelta(seconds=31)
    for _ in range(2):
        assert await scene.bot.event(said, key="Ev1") == 200
        assert len(scene.slack.ephemerals) == 1
