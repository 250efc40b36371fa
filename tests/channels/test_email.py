"""Mail, over a real SMTP server, read back as a mail program would."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from adapters.email import access, mail, page
from adapters.email.platform import Email
from core.errors import DeliveryError, Fault
from core.messages import (
    Button,
    ChartData,
    Column,
    Facts,
    File,
    Image,
    Message,
    Paragraph,
    Table,
    Tone,
)
from core.ports import About, Channel, Post, Receipt
from tests.channels.gallery import GALLERY
from tests.channels.mail_server import PASSWORD, USER, MailServer, certificate, serving
from tests.limits import within

ID = "01980000-0000-7000-8000-000000000001"
PNG = b"\x89PNG\r\n\x1a\n a picture"
ABOUT = About("status", "job-1", "weekly-report", "batch-1", 128, "succeeded")
CHART = Image(ChartData("bar", ("day", "sum"), (("Mon", 1),), title="Sums"), "Monday 1")
MESSAGE = Message(
    text="Succeeded: Größe <b> · #128",
    title="Succeeded: Größe <b> · #128",
    tone=Tone.SUCCESS,
    blocks=(
        Paragraph("It brought *12 €* & `more` 🎉", marked=True),
        CHART,
        Table((Column("day"), Column("sum", "number")), (("Mön", 1_200), ("Tue", None)), title="Days"),
        File("große Tabelle.csv", "text/csv", Table((Column("day"),), (("Mön",), ("=1+1",)))),
    ),
    buttons=(Button("Run again", "run #128"),),
)


async def draw(chart: ChartData) -> bytes:
    return PNG


def post(message: Message = MESSAGE, address: str = "ana@example.com", **more: Any) -> Post:
    return Post(ID, Channel("email", address), message, **({"about": ABOUT} | more))


def platform(server: MailServer, folder: Path, options: str = "", **more: Any) -> Email:
    scheme = "smtps" if options == "tls" else "smtp"
    tail = "" if options in ("", "tls") else f"?{options}"
    user = more.pop("user", "")
    reached = access.read(f"{scheme}://{user}127.0.0.1:{server.port}{tail}")
    sender = access.sender('"Bötchen, the bot" <bot@example.com>')
    given: dict[str, Any] = {"draw": draw, "step": 60.0} | more
    return Email(reached, sender, folder, **given)


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


async def fault(server: MailServer, folder: Path, **more: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught, within(120):
        await platform(server, folder, **more).deliver(post())
    return caught.value


async def test_a_mail_says_it_all_in_text_and_html_with_its_chart_and_its_file(tmp_path: Path) -> None:
    async with serving() as server:
        receipt = await platform(server, tmp_path).deliver(post())
    [arrived], [envelope] = server.mails, server.taken
    assert receipt == Receipt(f"<{ID}@example.com>")
    assert (envelope.mail_from, envelope.rcpt_tos) == ("bot@example.com", ["ana@example.com"])
    assert arrived["Subject"] == "Succeeded: Größe <b> · #128"
    assert arrived["From"].addresses[0].display_name == "Bötchen, the bot"
    text, html = part(arrived, "plain"), part(arrived, "html")
    assert "It brought 12 € & more 🎉" in text
    assert "Mön  1,200" in text
    assert "Run again: /job run #128" in text
    assert "<strong>12 €</strong> &amp; " in html
    assert "Größe &lt;b&gt;" in html
    assert "<b>" not in html
    assert "/job run #128" in html
    pictures = [one for one in arrived.walk() if one.get_content_type() == "image/png"]
    assert [one.get_content() for one in pictures] == [PNG]
    assert f'src="cid:{pictures[0]["Content-ID"].strip("<>")}"' in html
    assert pictures[0].get_content_disposition() == "inline"
    [file] = arrived.iter_attachments()
    assert file.get_filename() == "große Tabelle.csv"
    assert file.get_content_type() == "text/csv"
    assert file.get_payload(decode=True) == "\ufeffday\r\nMön\r\n'=1+1\r\n".encode()


async def test_nothing_in_a_mail_is_fetched_or_run(tmp_path: Path) -> None:
    async with serving() as server:
        for message in GALLERY.values():
            await platform(server, tmp_path).deliver(post(message))
    for arrived in server.mails:
        html = part(arrived, "html").lower()
        assert "<script" not in html
        assert 'src="http' not in html
        assert "url(" not in html
        assert "evil\r\n" not in str(arrived["Subject"])


async def test_all_mails_of_a_job_hang_on_one_thread(tmp_path: Path) -> None:
    async with serving() as server:
        one = platform(server, tmp_path)
        first = await one.deliver(post())
        await one.deliver(post(reply_to=first.external_id))
        await one.deliver(post(about=About()))
    status, alert, alone = server.mails
    assert status["Message-ID"] == first.external_id
    assert status["In-Reply-To"] == status["References"] == "<job.job-1@example.com>"
    assert alert["References"].split() == ["<job.job-1@example.com>", first.external_id]
    assert alert["In-Reply-To"] == first.external_id
    assert status["List-Id"] == "<weekly-report.jobs.example.com>"
    assert status["List-Unsubscribe"] == "<mailto:bot@example.com?subject=unsubscribe%20weekly-report>"
    assert status["Auto-Submitted"] == "auto-generated"
    assert alone["References"] is None
    assert alone["List-Id"] is None


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x00"])
async def test_no_text_becomes_a_header(tmp_path: Path, end: str) -> None:
    hostile = f"x{end}Bcc: eve@example.com{end}{end}<script>"
    message = Message(
        text=hostile, title=hostile, blocks=(File(hostile, "text/csv", text="1"), Paragraph(hostile))
    )
    about = About("status", "job-1", hostile, "b", 1, "succeeded")
    async with serving() as server:
        await platform(server, tmp_path).deliver(post(message, about=about))
    [arrived], [envelope] = server.mails, server.taken
    assert envelope.rcpt_tos == ["ana@example.com"]
    assert arrived["Bcc"] is None
    assert sum(1 for name in arrived if name == "Subject") == 1
    assert "Bcc: eve@example.com" in arrived["Subject"]
    assert "<script>" not in part(arrived, "html")


@pytest.mark.parametrize(
    "address",
    ["", "ana", "a@b@c.de,eve@example.com", "ana@example.com\r\nBcc: eve@example.com", "a b@example.com"],
)
async def test_what_is_no_address_gets_no_mail(tmp_path: Path, address: str) -> None:
    async with serving() as server:
        one = platform(server, tmp_path)
        assert not one.known(address)
        with pytest.raises(DeliveryError, match="is no e-mail address") as caught:
            await one.deliver(post(address=address))
    assert caught.value.permanent
    assert server.taken == []


async def test_addresses_of_other_scripts_reach_servers_that_take_them(tmp_path: Path) -> None:
    async with serving(smtputf8=True) as server:
        await platform(server, tmp_path).deliver(post(address="jörg@müller.example"))
        await platform(server, tmp_path).deliver(post(address="joerg@müller.example"))
    assert [one.rcpt_tos for one in server.taken] == [
        ["jörg@xn--mller-kva.example"],
        ["joerg@xn--mller-kva.example"],
    ]
    async with serving() as server:
        with pytest.raises(DeliveryError, match="takes no address like jörg@"):
            await platform(server, tmp_path).deliver(post(address="jörg@müller.example"))
        assert server.taken == []


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_refusal_is_permanent_and_a_pause_is_not(tmp_path: Path, step: str) -> None:
    async with serving() as server:
        server.answers[step] = ["550 5.1.1 no such user", "451 4.7.1 come back later"]
        refused, paused = await fault(server, tmp_path), await fault(server, tmp_path)
        assert server.taken == []
    assert (refused.permanent, refused.unknown) == (True, False)
    assert "550 5.1.1 no such user" in refused.sentence
    assert (paused.permanent, paused.unknown) == (False, False)


async def test_a_connection_that_is_lost_after_the_mail_was_handed_over_leaves_it_unknown(
    tmp_path: Path,
) -> None:
    async with serving() as server:
        server.cuts = "DATA"
        lost = await fault(server, tmp_path)
        assert len(server.taken) == 1
    assert (lost.unknown, lost.permanent) == (True, False)


async def test_a_server_that_is_away_or_silent_has_nothing(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    server = MailServer()
    server.port = listening.sockets[0].getsockname()[1]
    quiet = await fault(server, tmp_path, step=0.2)
    listening.close()
    await listening.wait_closed()
    away = await fault(server, tmp_path)
    for error in (quiet, away):
        assert (error.permanent, error.unknown) == (False, False)
        assert "cannot be used" in error.sentence


@pytest.mark.parametrize("starttls", [True, False])
async def test_a_password_goes_over_tls_only(tmp_path: Path, *, starttls: bool) -> None:
    own, client = certificate(tmp_path)
    user = "bot%40example.com:p%25ss%3A%20w%40rd@"
    options = "starttls=on" if starttls else "tls"
    async with serving(tls=own, starttls=starttls, login=starttls) as server:
        await platform(server, tmp_path, options, user=user if starttls else "", tls=client).deliver(post())
        assert len(server.taken) == 1
        if starttls:
            assert server.encrypted == [True]
            assert server.logins == [(USER, PASSWORD)]
        strict = ssl.create_default_context()
        with pytest.raises(DeliveryError, match="its certificate or its TLS is not as it should be"):
            await platform(server, tmp_path, options, tls=strict).deliver(post())
        assert len(server.taken) == 1


async def test_a_server_without_starttls_gets_nothing_where_it_is_demanded(tmp_path: Path) -> None:
    async with serving() as server:
        with pytest.raises(DeliveryError, match="offers no STARTTLS") as caught:
            await platform(server, tmp_path, "starttls=on").deliver(post())
    assert caught.value.permanent
    assert server.taken == []


async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    own, client = certificate(tmp_path)
    async with serving(tls=own, starttls=True, login=True) as server:
        with pytest.raises(DeliveryError, match="does not take the user and password") as caught:
            await platform(server, tmp_path, "starttls=on", user="bot:wrong-secret@", tls=client).deliver(
                post()
            )
    assert caught.value.permanent
    assert "wrong-secret" not in str(caught.value)
    assert server.taken == []


async def test_a_chart_that_cannot_be_drawn_is_told_in_words(tmp_path: Path) -> None:
    async def cannot(chart: ChartData) -> bytes:
        raise Fault("No.")

    async with serving() as server:
        await platform(server, tmp_path, draw=cannot).deliver(post())
    [arrived] = server.mails
    assert "Sums: Monday 1" in part(arrived, "html")
    assert "cid:" not in part(arrived, "html")


async def test_what_does_not_fit_is_cut_says_so_and_is_attached(tmp_path: Path) -> None:
    rows = tuple((f"row {number}", number) for number in range(3_000))
    table = Table((Column("a"), Column("b")), rows, shown_rows=3_000)
    long = Message(text="Long", blocks=(Paragraph("y" * 20_000), table, Facts((("last", "word"),))))
    async with serving() as server:
        await platform(server, tmp_path).deliver(post(long))
    [arrived] = server.mails
    html = part(arrived, "html")
    assert len(html) < 102_000
    assert "Cut to fit a mail: the whole is attached as message.txt." in html
    assert "word" in html
    [whole] = arrived.iter_attachments()
    assert "row 2999" in whole.get_content()
    assert "y" * 20_000 in whole.get_content()


async def test_files_of_runs_are_attached_unless_they_are_gone_or_too_large(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"%PDF")
    (tmp_path / "large").write_bytes(b"x" * (mail.FILES + 1))
    files = (
        File("report.pdf", "application/pdf", path="kept"),
        File("gone.pdf", "application/pdf", path="gone"),
        File("large.bin", "nonsense", path="large"),
    )
    async with serving() as server:
        await platform(server, tmp_path).deliver(post(Message(text="Files", blocks=files)))
    [arrived] = server.mails
    [attached] = arrived.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.pdf", b"%PDF")
    for shown in (part(arrived, "plain"), part(arrived, "html")):
        assert "gone.pdf is not there any more." in shown
        assert "large.bin is too large for a mail (10.5 MB)." in shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://secret@mail.example.com", "it is written smtp://"),
        ("smtp://", "it is written smtp://"),
        ("smtp://mail.example.com:secret", "that is no URL"),
        ("smtp://mail.example.com?secret=1", "starttls=on, auto or off"),
        ("smtp://u:secret@mail.example.com?starttls=off", "sent only over TLS"),
    ],
)
def test_a_server_that_cannot_be_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        access.read(url)
    assert "secret" not in str(caught.value)


def test_servers_are_read() -> None:
    read = access.read("smtp://bot:p%40ss@mail.example.com")
    assert (read.host, read.port, read.user, read.password, read.tls, read.starttls) == (
        "mail.example.com",
        587,
        "bot",
        "p@ss",
        False,
        True,
    )
    assert "p@ss" not in repr(read)
    assert access.read("smtps://mail.example.com").port == 465
    assert access.read("smtp://localhost:25").starttls is None
    with pytest.raises(ValueError, match="it is written slashjob <bot@example"):
        access.sender("slashjob")


def test_the_first_page_of_an_inbox_shows_the_outcome() -> None:
    shown = page.write(GALLERY["failure_alert"], picture=lambda _: "").html
    body = shown[shown.index("<body") :]
    assert body.index(GALLERY["failure_alert"].text[:40]) < body.index("<h1")
