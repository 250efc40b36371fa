"""`/docs`: the OpenAPI document as a page, whole in one answer: no script, no font, nothing to be fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root{color-scheme:light dark;--text:#1d2330;--soft:#5a6475;--line:#dfe3ea;--back:#fff;--panel:#f6f7f9;
--get:#0b6e4f;--post:#1f56c4;--put:#8a5a00;--delete:#b3261e;--link:#1f56c4}
@media (prefers-color-scheme:dark){:root{--text:#e6e9ef;--soft:#9aa4b5;--line:#2c3442;--back:#12161d;
--panel:#1a202a;--get:#4cc38a;--post:#7ea6ff;--put:#e0b050;--delete:#ff8a80;--link:#7ea6ff}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--text);
background:var(--back)}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.page{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:78rem;margin:0 auto}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem 1rem;border-right:1px solid var(--line)}
nav b{display:block;margin:1rem 0 .2rem;color:var(--soft);font-size:.8rem;text-transform:uppercase;
letter-spacing:.05em}
nav b a{color:inherit}
nav a{display:block;padding:.15rem 0;color:var(--text);overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}
main{padding:1.5rem 2rem 6rem;min-width:0}
h1{margin:.2rem 0;font-size:1.7rem}h2{margin:2.5rem 0 .6rem;font-size:1.25rem}
h3{margin:1.2rem 0 .3rem;font-size:.95rem}
p{margin:.4rem 0;max-width:46rem}.soft{color:var(--soft)}
details.call{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;background:var(--back)}
details.call>summary{cursor:pointer;padding:.55rem .8rem;display:flex;flex-wrap:wrap;gap:.2rem .7rem;
align-items:baseline;list-style:none}
details.call>summary::-webkit-details-marker{display:none}
details.call[open]>summary{border-bottom:1px solid var(--line)}
details.call>div{padding:.4rem .9rem 1rem}
.verb{font:600 .78rem ui-monospace,Menlo,Consolas,monospace;min-width:3.4rem}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86rem}
code{overflow-wrap:anywhere}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.7rem .8rem;overflow:auto;
margin:.4rem 0;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}td:first-child{white-space:nowrap}
.must{color:var(--delete);font-size:.78rem}
@media (max-width:52rem){.page{display:block}nav{position:static;height:auto;border:0;
border-bottom:1px solid var(--line);padding:1rem}nav .list{display:none}
nav b{display:inline-block;margin:.3rem 1rem .3rem 0}main{padding:1rem}
td:first-child{white-space:normal;overflow-wrap:anywhere}}
@media (max-width:26rem){table,tbody,tr,td{display:block}thead{display:none}
td{border:0;padding:.1rem 0}tr{border-bottom:1px solid var(--line);padding:.4rem 0}}
"""


def page(document: Mapping[str, Any]) -> str:
    """The document as HTML."""
    calls = [
        (method, path, one) for path, every in document["paths"].items() for method, one in every.items()
    ]
    tags = [one["name"] for one in document["tags"]]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(document['info']['title'])} API</title><style>{_STYLE}</style></head><body>"
        f'<div class="page">{_nav(tags, calls)}<main>{_head(document)}'
        + "".join(_section(tag, calls, document) for tag in tags)
        + _models(document)
        + "</main></div></body></html>"
    )


def _nav(tags: list[str], calls: list[tuple[str, str, Any]]) -> str:
    parts = []
    for tag in tags:
        links = "".join(
            f'<a href="#{escape(one["operationId"])}">{escape(one["summary"])}</a>'
            for _, _, one in calls
            if one["tags"] == [tag]
        )
        parts.append(f'<b><a href="#tag-{_anchor(tag)}">{escape(tag)}</a></b><div class="list">{links}</div>')
    return f'<nav aria-label="Operations"><a href="#top">slashjob API</a>{"".join(parts)}</nav>'


def _head(document: Mapping[str, Any]) -> str:
    info = document["info"]
    return (
        f'<h1 id="top">{escape(info["title"])} API</h1>'
        f'<p class="soft">Version {escape(info["version"])} · OpenAPI {escape(document["openapi"])} · '
        f'<a href="/openapi.json">openapi.json</a></p>{_prose(info["description"])}'
    )


def _section(tag: str, calls: list[tuple[str, str, Any]], document: Mapping[str, Any]) -> str:
    mine = "".join(_call(*call, document) for call in calls if call[2]["tags"] == [tag])
    return f'<section><h2 id="tag-{_anchor(tag)}">{escape(tag)}</h2>{mine}</section>'


def _call(method: str, path: str, one: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parts = [
        f'<details class="call" id="{escape(one["operationId"])}"><summary>'
        f'<span class="verb {method}">{method.upper()}</span><code>{escape(path)}</code>'
        f'<span class="soft">{escape(one["summary"])}</span></summary><div>',
        _prose(one["description"]),
        _parameters(one, document),
    ]
    if body := one.get("requestBody"):
        content = body["content"]["application/json"]
        parts.append(f"<h3>Body{'' if body['required'] else ' (may be left out)'}</h3>")
        parts.append(_fields(_resolved(content["schema"], document), document))
    parts += ["<h3>Try it</h3>", f"<pre>{escape(_curl(method, path, one, document))}</pre>"]
    parts += ["<h3>Answers</h3>", _answers(one, document), "</div></details>"]
    return "".join(parts)


def _parameters(one: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    own = [_resolved(parameter, document) for parameter in one["parameters"]]
    rows = [
        (
            parameter["name"],
            f"{parameter['in']}, {_kind(parameter['schema'], document)}",
            parameter.get("description", ""),
            parameter["required"],
        )
        for parameter in own
    ]
    return f"<h3>Parameters</h3>{_table(rows)}" if rows else ""


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (name, _kind(own, document), own.get("description", ""), name in required)
        for name, own in schema.get("properties", {}).items()
    ]
    return _table(rows)


def _table(rows: list[tuple[str, str, str, bool]], first: str = "name") -> str:
    made = "".join(
        f"<tr><td><code>{escape(name)}</code>{' <span class=must>required</span>' if required else ''}</td>"
        f'<td class="soft">{kind}</td><td>{_marked(described)}</td></tr>'
        for name, kind, described, required in rows
    )
    return (
        f"<table><thead><tr><th>{first}</th><th>type</th><th></th></tr></thead><tbody>{made}</tbody></table>"
    )


def _answers(one: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    rows = []
    for status, raw in one["responses"].items():
        answer = _resolved(raw, document)
        schema: Mapping[str, Any] = next(
            (own.get("schema", {}) for own in answer.get("content", {}).values()), {}
        )
        rows.append((status, _kind(schema, document), answer["description"], False))
    example = next(
        (
            own["example"]
            for status, raw in one["responses"].items()
            if status.startswith("2")
            for own in _resolved(raw, document).get("content", {}).values()
            if "example" in own
        ),
        None,
    )
    shown = f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False))}</pre>" if example else ""
    return _table(rows, "status") + shown


def _models(document: Mapping[str, Any]) -> str:
    parts = [
        f'<details class="call" id="model-{escape(name)}"><summary><code>{escape(name)}</code>'
        f'<span class="soft">{_marked(schema.get("description", "").splitlines()[0])}</span></summary>'
        f"<div>{_fields(schema, document) if 'properties' in schema else _enum(schema)}</div></details>"
        for name, schema in document["components"]["schemas"].items()
        if schema.get("description") or "properties" in schema or "enum" in schema
    ]
    return f"<section><h2>Shapes</h2>{''.join(parts)}</section>"


def _enum(schema: Mapping[str, Any]) -> str:
    return "<p>" + ", ".join(f"<code>{escape(str(one))}</code>" for one in schema.get("enum", [])) + "</p>"


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A type in words, as HTML, with links to the shapes."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#model-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one, document) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), document)}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'], document)}"
    kind = escape(str(schema.get("format") or schema.get("type") or "anything"))
    if "default" in schema and schema["default"] not in ("", [], {}):
        kind += f" = <code>{escape(json.dumps(schema['default']))}</code>"
    return kind


def _curl(method: str, path: str, one: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """A line for a shell."""
    shown = path
    for parameter in (_resolved(raw, document) for raw in one["parameters"]):
        if parameter["in"] == "path":
            shown = shown.replace(
                "{" + parameter["name"] + "}", str(parameter["example"]).replace(" ", "%20")
            )
    verb = "" if method == "get" else f"-X {method.upper()} "
    lines = [f'curl {verb}"$URL{shown}"', '  -H "X-API-Key: $KEY" -H "X-Organization-Id: $ORGANIZATION"']
    if body := one.get("requestBody"):
        examples = list(body["content"]["application/json"].get("examples", {}).values())
        value = json.dumps(examples[-1]["value"] if examples else {}, ensure_ascii=False)
        lines.append(f"  -H 'Content-Type: application/json' -d '{value}'")
    return " \\\n".join(lines)


def _resolved(one: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in one:
        return one
    found: Any = document
    for part in one["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _anchor(tag: str) -> str:
    return tag.casefold().replace(" ", "-")


def _prose(text: str) -> str:
    return "".join(f"<p>{_marked(one)}</p>" for one in text.split("\n\n") if one.strip())


def _marked(text: str) -> str:
    """Plain text with `code` in it, as HTML."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{one}</code>" if place % 2 else one for place, one in enumerate(pieces))
