"""Signed links to files: what they open, for how long, and where there are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core import filelinks
from core.filelinks import Link, Links
from core.messages import ChartData, File, Image, Recorded

KEY = b"signing"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
RUN = Recorded("0198a1f2-7c1e-7d3a-9f55-0d6d0c1a2b3c", 3)
FILE = File("large sums/é.csv", "text/csv", recorded=RUN)
CHART = Image(ChartData("bar", ("x", "y"), (("a", 1),)), "a 1", recorded=RUN)


def links(base: str = "https://bot.example.com", at: datetime = NOW, key: bytes = KEY) -> Links:
    return Links(key, base, lambda: at)


def opened(url: str, at: datetime) -> Link | None:
    return filelinks.read(KEY, url.split("/")[-2], at)


def test_a_link_to_a_file_opens_for_a_quarter_of_an_hour() -> None:
    url = links().file(FILE)
    assert url.startswith("https://bot.example.com/api/v1/files/")
    assert url.endswith("/large%20sums%2F%C3%A9.csv")
    end = NOW + filelinks.LASTS
    assert opened(url, end) == Link(RUN.run, RUN.sequence, int(end.timestamp()))
    assert opened(url, end + timedelta(seconds=1)) is None


def test_a_picture_keeps_its_address_for_a_day_and_opens_for_a_week() -> None:
    url = links().picture(CHART)
    assert url == links(at=NOW + timedelta(hours=15)).picture(CHART)
    assert url != links(at=NOW + timedelta(hours=16)).picture(CHART)
    found = opened(url, NOW + filelinks.SHOWN)
    assert found is not None
    assert (found.run, found.sequence, found.small) == (RUN.run, RUN.sequence, True)
    assert opened(url, NOW + filelinks.SHOWN + timedelta(days=1)) is None


def test_without_an_address_or_a_record_there_are_no_links() -> None:
    assert links("").file(FILE) == links("").picture(CHART) == ""
    assert not links("").any
    assert links().file(File("a.csv", "text/csv")) == ""
    assert links().picture(Image(CHART.chart, "a 1")) == ""


def test_chats_fetch_pictures_by_https_only() -> None:
    assert links("http://10.0.0.7:8080").picture(CHART) == ""
    assert links("http://10.0.0.7:8080").file(FILE).startswith("http://10.0.0.7:8080/api/")


@pytest.mark.parametrize("change", ["key", "said", "signature", "empty", "no json"])
def test_a_link_that_was_changed_opens_nothing(change: str) -> None:
    token = links().file(FILE).split("/")[-2]
    said, _, signature = token.partition(".")
    stranger = links(key=b"another").file(FILE).split("/")[-2]
    changed = {
        "key": stranger,
        "said": f"{said[:-2]}AA.{signature}",
        "signature": f"{said}.{signature[::-1]}",
        "empty": "",
        "no json": f"é.{signature}",
    }
    assert filelinks.read(KEY, token, NOW) is not None
    assert filelinks.read(KEY, changed[change], NOW) is None
