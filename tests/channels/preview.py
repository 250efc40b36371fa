"""The gallery's Slack payloads as a web page at the width of a phone: nothing else shows them offline.

`make preview` writes build/preview/slack.html, and pictures of it where chromium is installed. It is drawn
from the payload alone, as Slack would: what is not in the payload cannot be seen here.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.slack import forms, home
from adapters.slack.render import Look, Rendered, render
from core.definitions import AgentDefinition, JobDefinition, Role, Version
from core.jobs import Job
from core.messages import Message
from core.people import Member
from core.wording import home as home_wording
from core.wording import revisions
from tests.channels.gallery import GALLERY

PICTURES = frozenset({"F000000001"})
LOOK = Look(
    people={"member-ana": "U0ANA", "member-bob": "U0BOB", "member-carol": "U0CAROL"},
    picture=lambda _: "F000000001",
)
NAMES = {"U0ANA": "Ana Souza", "U0BOB": "Bob Lee", "U0CAROL": "Carol"}
WIDTH = 360

_EMOJI = {  # drawn as letters: few machines that test have a font of emojis
    "white_check_mark": '<span style="color:#007a5a">✔</span>',
    "x": '<span style="color:#e01e5a">✘</span>',
    "warning": '<span style="color:#c77700">⚠</span>',
    "hourglass_flowing_sand": '<span style="color:#1264a3">◔</span>',
}
_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{font:15px/1.46 Lato,"Liberation Sans",Arial,sans-serif;margin:0;background:#e8e8ec;color:#1d1c1d}
main{display:flex;flex-wrap:wrap;gap:14px;padding:14px;align-items:flex-start}
article{width:360px;background:#fff;border:1px solid #ccc;overflow:hidden}
h2{font-size:11px;margin:0;padding:4px 12px;background:#4a154b;color:#fff;font-weight:400}
.m{padding:8px 12px 10px 56px;position:relative}
.who{font-weight:900}
.who small{font-weight:400;color:#616061}
.m:before{content:"";position:absolute;left:12px;top:12px;width:36px;height:36px;border-radius:6px;
  background:#611f69}
.rt,.s{white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0}
.f{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin:6px 0}
.f>div{overflow-wrap:anywhere;white-space:pre-wrap}
.v{padding:12px}
.in{border:1px solid #888;border-radius:4px;padding:6px 10px;min-height:36px;position:relative}
.sign{position:absolute;right:10px;color:#616061}
.c{color:#616061;font-size:12px;margin:4px 0;overflow-wrap:anywhere}
pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:6px;font:12px/1.5 monospace;
  white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0}
code{background:#f8f8f8;border:1px solid #ddd;border-radius:3px;padding:1px 3px;font-size:12px;
  color:#c01343}
.a{display:flex;flex-wrap:wrap;gap:6px;margin:8px 0}
button{font:700 13px Lato,Arial;border:1px solid #bbb;border-radius:4px;background:#fff;padding:5px 10px;
  max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
button.primary{background:#007a5a;color:#fff;border-color:#007a5a}
button.danger{background:#e01e5a;color:#fff;border-color:#e01e5a}
.t{overflow-x:auto;margin:6px 0;border:1px solid #ddd;border-radius:6px}
table{border-collapse:collapse;font-size:13px}
td,th{border:1px solid #e5e5e5;padding:4px 8px;text-align:left;max-width:220px}
th{background:#f8f8f8}
.r{text-align:right}
.n{white-space:nowrap}
.i{border:1px solid #ddd;border-radius:6px;background:#eef3fb;color:#456;padding:30px 10px;
  text-align:center;font-size:12px}
.u{background:#fdf2d4;color:#1264a3}
.file{border:1px solid #ddd;border-radius:6px;padding:8px;margin:6px 0;font-size:13px}
.text{color:#616061;font-size:11px;border-top:1px dashed #ddd;padding:4px 12px;overflow-wrap:anywhere}
"""


def views() -> dict[str, dict[str, Any]]:
    """The modals and home tabs that the gallery's forms and lists become."""
    place = forms.Place(channel="C000000001")
    made = {
        f"view_{name}": forms.modal(one.form, place) for name, one in GALLERY.items() if one.form is not None
    }
    made["view_form_several"] = forms.modal(GALLERY["form"].form, place, several=True)  # type: ignore[arg-type]
    made["view_pick"] = forms.pick(place, ask_place=True)
    made["view_home"] = home.view(GALLERY["jobs"])
    made["view_home_empty"] = home.view(GALLERY["no_jobs"])
    agents = {
        "analyst": AgentDefinition(kind="report", source="shop", description="asks the shop's data"),
        "shell": AgentDefinition(kind="command"),
    }
    made["view_new_job"] = forms.modal(revisions.first_form("", agents, {}), place)
    texts = {
        "title": "Weekly report",
        "questions": "total: select sum(amount) as total from sales\n  where campaign_id = :campaign_id",
        "parameters": "campaign_id: integer\nregion: EU | US = EU",
        "schedules": "every weekday at 8",
        "channel": "slack:C000000001",
        "overlap": "skip",
        "timeout": "5m",
    }
    mistakes = {"timeout": "'timeout': a duration is a number with a unit: 30s, 5m, 2h or 1d, not soon"}
    shown: dict[str, Any] = {
        "command": "edit weekly-report --version 2 --filled",
        "again": "edit weekly-report",
    }
    note = "weekly-report would run every weekday at 08:00 (Europe/Amsterdam): next Mon 02 Mar 2026 08:00."
    title = "Edit weekly-report"
    made["view_edit_job"] = forms.modal(revisions.form(title, "report", texts, {}, **shown, note=note), place)
    wrong = revisions.form(title, "report", texts | {"timeout": "soon"}, mistakes, **shown)
    made["view_edit_job_with_errors"] = forms.modal(wrong, place)
    long = revisions.form(title, "report", texts | {"questions": "x" * 3_412}, {}, **shown, spares=True)
    made["view_edit_job_too_long"] = forms.modal(long, place)
    made["view_home_of_an_editor"] = home.view(home_wording.home(_home(_job())))
    made["view_home_before_the_first_job"] = home.view(home_wording.home(_home()))
    return made


def _home(*jobs: Job) -> home_wording.Home:
    """What an editor's home shows."""
    member = Member(1, "m", 1, "Ana", Role.EDITOR, "ana@example.com")
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    due = {one.pk: now + timedelta(hours=2) for one in jobs}
    return home_wording.Home(member, jobs, frozenset({1}), {}, due, (), now, ZoneInfo("UTC"))


def _job() -> Job:
    """A job that was made in chat."""
    definition = Version(
        name="weekly-report",
        agent=AgentDefinition(kind="command"),
        job=JobDefinition(agent="shell", title="Weekly campaign report", owner="ana@example.com"),
    )
    return Job(1, "j", 1, "weekly-report", "chat", "", True, 1, 1, definition, None, None, "")


def rendered(message: Message) -> Rendered:
    """The message as the golden files hold it."""
    return render(message, LOOK)


def page(names: list[str]) -> str:
    """Messages of the gallery as one page."""
    known = views()
    cards = "".join(
        _view(name, known[name]) if name in known else _card(name, GALLERY[name]) for name in names
    )
    head = f'<meta charset="utf-8"><title>Slack at {WIDTH} px</title><style>{_STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body><main>{cards}</main></body></html>"


def _card(name: str, message: Message) -> str:
    made = rendered(message)
    blocks = "".join(_block(block) for block in json.loads(json.dumps(made.blocks)))
    files = "".join(f'<div class="file">File: {html.escape(file.name)}</div>' for file in made.files)
    who = '<div class="who">slashjob <small>APP 09:12</small></div>'
    fallback = f'<div class="text">fallback: {_mrkdwn(made.text[:300])}</div>'
    return f'<article><h2>{name}</h2><div class="m">{who}{blocks}{files}</div>{fallback}</article>'


def _view(name: str, view: dict[str, Any]) -> str:
    blocks = "".join(_block(block) for block in view["blocks"])
    title = f'<div class="who">{_text(view["title"])}</div>' if "title" in view else ""
    close, submit = ((_text(view[key]) if key in view else "") for key in ("close", "submit"))
    ends = f'<div class="a"><button>{close}</button><button class="primary">{submit}</button></div>'
    return f'<article><h2>{name}</h2><div class="v">{title}{blocks}{ends if submit else ""}</div></article>'


def _input(block: dict[str, Any]) -> str:
    element = block["element"]
    hint = f'<div class="c">{_text(block["hint"])}</div>' if "hint" in block else ""
    optional = ' <small class="c">(optional)</small>' if block.get("optional") else ""
    return f'<div class="s"><b>{_text(block["label"])}</b>{optional}{_field(element)}{hint}</div>'


def _field(element: dict[str, Any]) -> str:
    kind = element["type"]
    initial = element.get("initial_option") or {}
    if kind in ("checkboxes", "radio_buttons"):
        chosen = element.get("initial_options", [initial])
        marks = (("☑" if one in chosen else "☐", _text(one["text"])) for one in element["options"])
        return "".join(f"<div>{mark} {label}</div>" for mark, label in marks)
    several = [initial] if initial else element.get("initial_options", [])
    value = next((str(one) for key, one in element.items() if key.startswith("initial_")), "")
    shown = ", ".join(_text(one["text"]) for one in several) if several else html.escape(value)
    hint = _text(element["placeholder"]) if not shown and "placeholder" in element else ""
    sign = {"datepicker": "▦", "datetimepicker": "▦"}.get(kind, "▾" if "select" in kind else "")
    return f'<div class="in">{shown}<span class="c">{hint}</span><span class="sign">{sign}</span></div>'


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "input":
            return _input(block)
        case "rich_text":
            return "".join(_part(part) for part in block["elements"])
        case "section":
            text = f'<div class="s">{_text(block["text"])}</div>' if "text" in block else ""
            fields = "".join(f"<div>{_text(one)}</div>" for one in block.get("fields", ()))
            return text + (f'<div class="f">{fields}</div>' if fields else "")
        case "context":
            return f'<div class="c">{" ".join(_text(one) for one in block["elements"])}</div>'
        case "actions":
            return f'<div class="a">{"".join(_button(one) for one in block["elements"])}</div>'
        case "image":
            title = f'<div class="c">{_text(block["title"])}</div>' if "title" in block else ""
            return f'{title}<div class="i">{html.escape(block["alt_text"])}</div>'
        case "table":
            return _table(block)
        case other:
            raise ValueError(f"the preview knows no {other}")


def _part(part: dict[str, Any]) -> str:
    inner = "".join(_element(one) for one in part["elements"])
    return (
        f"<pre>{inner}</pre>"
        if part["type"] == "rich_text_preformatted"
        else f'<div class="rt">{inner}</div>'
    )


def _element(one: dict[str, Any]) -> str:
    if one["type"] == "emoji":
        return _EMOJI[one["name"]]
    shown = html.escape(one["text"])
    style = one.get("style", {})
    shown = f"<code>{shown}</code>" if style.get("code") else shown
    return f"<b>{shown}</b>" if style.get("bold") else shown


def _text(one: dict[str, Any]) -> str:
    return _mrkdwn(one["text"]) if one["type"] == "mrkdwn" else html.escape(one["text"])


def _mrkdwn(text: str) -> str:
    """As Slack reads it: entities are letters, `<@U…>` is a person, `*…*` bold."""
    shown = re.sub(
        r"<@(\w+)>", lambda found: f'<span class="u">@{NAMES.get(found[1], found[1])}</span>', text
    )
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", shown)
    return re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", shown)


def _button(one: dict[str, Any]) -> str:
    asks = " …" if "confirm" in one else ""
    title = html.escape(f"/job {one['value']}", quote=True)
    label = html.escape(one["text"]["text"])
    return f'<button class="{one.get("style", "")}" title="{title}">{label}{asks}</button>'


def _table(block: dict[str, Any]) -> str:
    settings = block["column_settings"]
    rows = []
    for place, row in enumerate(block["rows"]):
        tag = "td" if place else "th"
        cells = "".join(
            f'<{tag} class="{_classes(settings[column])}">{html.escape(cell["text"])}</{tag}>'
            for column, cell in enumerate(row)
        )
        rows.append(f"<tr>{cells}</tr>")
    return f'<div class="t"><table>{"".join(rows)}</table></div>'


def _classes(setting: dict[str, Any]) -> str:
    return ("r" if setting["align"] == "right" else "") + ("" if setting.get("is_wrapped") else " n")


def main(folder: Path) -> None:
    """Write the page, and a picture of it where there is a browser."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "slack.html"
    target.write_text(page([*GALLERY, *views()]), encoding="utf-8")
    print(target)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("chromium is not installed: open the page in any browser")
        return
    picture = folder / "slack.png"
    size = f"--window-size={4 * (WIDTH + 14) + 20},5200"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
    command = [browser, *flags, f"--screenshot={picture}", target.as_uri()]
    subprocess.run(command, check=True, timeout=120, stderr=subprocess.DEVNULL)
    print(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/preview"))
