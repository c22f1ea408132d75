"""An OpenAPI document as a page to read: plain HTML, no script, nothing from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

_STYLE = Path(__file__).with_name("docs_page.css")
_NOT_WORTH_SAYING: tuple[object, ...] = (None, [], {}, "", 1)
_CODE = re.compile(r"`([^`]+)`")


def page_of(document: Json) -> str:
    """The whole page."""
    info = document["info"]
    calls = [(path, method, call) for path, item in document["paths"].items() for method, call in item.items()]
    groups = list(dict.fromkeys(call["tags"][0] for _, _, call in calls))
    by_group = {group: [one for one in calls if one[2]["tags"][0] == group] for group in groups}
    schemas = document["components"]["schemas"]
    main = "".join(
        f"<section><h2>{escape(group)}</h2>{''.join(_call(*one, schemas) for one in by_group[group])}</section>"
        for group in groups
    )
    kinds = "".join(_kind(name, schema) for name, schema in sorted(schemas.items()))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} API</title>
<style>{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<nav><p class="name">{escape(info["title"])} <small>{escape(info["version"])}</small></p>{_contents(by_group)}
<h2><a href="#types">Types</a></h2></nav>
<main><header><h1>HTTP API</h1><p>{_text(info["description"])}</p>
<p><a href="/docs/openapi.json">OpenAPI {escape(document["openapi"])} document</a></p></header>
{main}
<section id="types"><h2>Types</h2>{kinds}</section>
</main>
</body>
</html>
"""


def _contents(groups: Mapping[str, Iterable[tuple[str, str, Json]]]) -> str:
    return "".join(
        f"<h2>{escape(group)}</h2><ul>"
        + "".join(
            f'<li><a href="#{call["operationId"]}">{_badge(method)}<span>{_path(path)}</span></a></li>'
            for path, method, call in calls
        )
        + "</ul>"
        for group, calls in groups.items()
    )


def _call(path: str, method: str, call: Json, schemas: Json) -> str:
    parts = [
        f'<article id="{call["operationId"]}"><h3>{_badge(method)}<code>{_path(path)}</code></h3>',
        f"<p>{_text(call['description'])}</p><p class='who'>{_who(call['security'])}</p>",
    ]
    if call["parameters"]:
        rows = (
            [f"<code>{escape(one['name'])}</code>", one["in"], _needed(one), _kind_of(one["schema"]), _told(one)]
            for one in call["parameters"]
        )
        parts.append(_table(["Parameter", "in", "", "Type", ""], rows))
    if "requestBody" in call:
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        parts.append(f"<h4>Body</h4><p>{_kind_of(schema)}</p>{_fields(_meant(schema, schemas))}")
    parts.append(_table(["Answer", "", "Body"], _answers(call["responses"]), kind="answers"))
    parts.append(
        f"<details><summary>Example</summary><pre>{escape(_curl(path, method, call, schemas))}</pre></details>"
    )
    return "".join([*parts, "</article>"])


def _answers(responses: Json) -> Iterator[list[str]]:
    for status, answer in sorted(responses.items()):
        headers = "".join(
            f"<br><code>{escape(name)}</code> {_text(header['description'])}"
            for name, header in answer.get("headers", {}).items()
        )
        bodies = [_kind_of(content["schema"]) for content in answer.get("content", {}).values()]
        mark = "ok" if status < "400" else "no"
        said = f"{_text(answer['description'])}{headers}"
        yield [f'<b class="{mark}">{escape(status)}</b>', said, "".join(bodies) or "none"]


def _kind(name: str, schema: Json) -> str:
    return f'<article id="type-{escape(name)}"><h3>{escape(name)}</h3><p>{_text(schema.get("description", ""))}</p>' + (
        (_fields(schema) or f"<p>{_kind_of(schema)}</p>") + "</article>"
    )


def _fields(schema: Json) -> str:
    needed = schema.get("required", [])
    rows = (
        [f"<code>{escape(name)}</code>", "required" if name in needed else "", _kind_of(field), _told(field)]
        for name, field in schema.get("properties", {}).items()
    )
    return _table(["Field", "", "Type", ""], rows) if schema.get("properties") else ""


def _kind_of(schema: Json) -> str:
    """The type in words, with links to what it refers to."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    for together in ("anyOf", "allOf"):
        if together in schema:
            return " or ".join(_kind_of(one) for one in schema[together])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind_of(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of {_kind_of(schema['additionalProperties'])}"
    return escape(
        {"null": "null", "object": "object"}.get(str(schema.get("type")), str(schema.get("type", "anything")))
    )


def _told(one: Json) -> str:
    schema = one.get("schema", one)
    limits = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤", "default": "default"}
    told = [
        f"{sign} {json.dumps(schema[name])}"
        for name, sign in limits.items()
        if schema.get(name) not in _NOT_WORTH_SAYING
    ]
    return " ".join(filter(None, [_text(one.get("description", "")), f"<small>{escape(', '.join(told))}</small>"]))


def _curl(path: str, method: str, call: Json, schemas: Json) -> str:
    lines = [f"curl -X {method.upper()} http://127.0.0.1:8000{path}"]
    if any("bearer" in one for one in call["security"]):
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if any("signature" in one for one in call["security"]):
        lines.append('-H "Payment-Signature: t=…,v1=…"')
    lines += [f'-H "{one["name"]}: …"' for one in call["parameters"] if one["in"] == "header" and one["required"]]
    if "requestBody" in call:
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        lines.append(f"-H 'Content-Type: application/json' -d '{json.dumps(_example(schema, schemas, whole=True))}'")
    return " \\\n  ".join(lines)


def _example(schema: Json, schemas: Json, *, whole: bool = False) -> Any:
    """A value of the shape: what must be there, and if nothing must, all of it."""
    schema = _meant(schema, schemas)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        names = schema.get("required") or (list(schema["properties"]) if whole else [])
        return {name: _example(schema["properties"][name], schemas) for name in names}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), schemas)]
    return {"string": "…", "integer": 1, "boolean": True, "object": {}}.get(str(schema.get("type")))


def _meant(schema: Json, schemas: Json) -> Json:
    known: Json = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return known


def _who(security: Iterable[Mapping[str, list[str]]]) -> str:
    said = [
        f"Bearer token: {' or '.join(roles)}." if scheme == "bearer" else "Signed by the payment provider."
        for one in security
        for scheme, roles in one.items()
    ]
    return escape(" ".join(said) or "Anyone.")


def _needed(one: Json) -> str:
    return "required" if one["required"] else ""


def _badge(method: str) -> str:
    return f'<b class="method {method}">{method.upper()}</b>'


def _path(path: str) -> str:
    return escape(path).replace("{", "<i>{").replace("}", "}</i>")


def _text(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _table(heads: Iterable[str], rows: Iterable[list[str]], *, kind: str = "fields") -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table {kind}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
