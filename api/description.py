"""The API's description as one page: made from the OpenAPI document, without a script, a font or a
picture from anywhere.

FastAPI's own page loads a program from a public server: it stays blank in a closed network, and
elsewhere somebody else's program would run on the node's own origin, with whatever the browser
knows there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

PATH: Final = "/docs"
STYLE: Final = """
body { font: 11pt/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #111;
background: #fff } table { border-collapse: collapse; width: 100% } td, th { border: 1px solid #bbb;
padding: .2rem .5rem; vertical-align: top; text-align: left } code, pre { font: 10pt monospace } pre
{ background: #f4f4f4; padding: .5rem; overflow: auto } summary { cursor: pointer } details {
margin: .3rem 0; padding: .3rem .6rem; border: 1px solid #ddd } h2 { margin-top: 2rem } .method {
display: inline-block; min-width: 4rem; font-weight: bold }
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: Nothing may run, nothing may be loaded, no form may be sent; the style is this one by its digest.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action "
    "'none'; frame-ancestors 'none'"
)


def install(app: FastAPI) -> None:
    """Serve the page at /docs."""

    @app.get(PATH, include_in_schema=False)
    def description(request: Request) -> HTMLResponse:
        return HTMLResponse(
            page(request.app.openapi()), headers={"Content-Security-Policy": POLICY}
        )


def page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation, document))
    title = html.escape(f"{document['info']['title']} {document['info']['version']}")
    parts = "".join(
        f"<h2>{html.escape(tag)}</h2>{''.join(operations)}" for tag, operations in groups.items()
    )
    schemas = "".join(
        _schema(name, schema)
        for name, schema in sorted(document.get("components", {}).get("schemas", {}).items())
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{STYLE}</style></head><body>
<h1>{title}</h1><p>{html.escape(document["info"].get("description", ""))}</p>
<p>The same for programs: <a href="/openapi.json">openapi.json</a>
(OpenAPI {html.escape(document["openapi"])}).
Every error has one form: <code>{{"error": {{"code", "message", "hint", "step"}}}}</code>.</p>
{parts}<h2>schemas</h2>{schemas}</body></html>
"""


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    told = html.escape(operation.get("description") or operation.get("summary", ""))
    named = (
        f"<span class='method'>{html.escape(method.upper())}</span> "
        f"<code>{html.escape(path)}</code>"
    )
    body = operation.get("requestBody", {}).get("content", {})
    answers = {
        status: answer.get("content", {}) for status, answer in operation["responses"].items()
    }
    rows = "".join(
        f"<tr><td>{html.escape(status)}</td><td>{_content(content)}</td></tr>"
        for status, content in answers.items()
    )
    return (
        "<details "
        f"id='{html.escape(operation['operationId'])}'><summary>{named}</summary><p>{told}</p>"
        f"{_parameters(operation.get('parameters', []))}"
        f"{f'<p>Body: {_content(body)}</p>{_example(body, document)}' if body else ''}"
        f"<table><tr><th>Status</th><th>Answer</th></tr>{rows}</table></details>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{html.escape(parameter['name'])}</code></td>"
        f"<td>{html.escape(parameter['in'])}</td><td>{_type(parameter.get('schema', {}))}"
        f"{'' if parameter.get('required') else ', optional'}</td></tr>"
        for parameter in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th>Type</th></tr>{rows}</table>"


def _content(content: dict[str, Any]) -> str:
    return (
        ", ".join(
            f"{_type(media.get('schema', {}))} as {html.escape(kind)}"
            for kind, media in content.items()
        )
        or "nothing"
    )


def _example(content: dict[str, Any], document: dict[str, Any]) -> str:
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = document.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    found = schema.get("example", (schema.get("examples") or [None])[0])
    return f"<pre>{html.escape(json.dumps(found, indent=1))}</pre>" if found is not None else ""


def _schema(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{html.escape(member)}</code></td>"
        f"<td>{_type(described)}{'' if member in needed else ', optional'}</td>"
        f"<td>{html.escape(described.get('description', ''))}</td></tr>"
        for member, described in schema.get("properties", {}).items()
    )
    table = (
        f"<table><tr><th>Member</th><th>Type</th><th></th></tr>{rows}</table>"
        if rows
        else f"<p>{_type(schema)}</p>"
    )
    told = html.escape(schema.get("description", ""))
    return (
        "<details "
        f"id='schema-{html.escape(name)}'><summary><code>{html.escape(name)}</code></summary><p>{told}</p>{table}</details>"
    )


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'>{name}</a>"
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(_type(one) for one in schema[word])
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(
            html.escape(json.dumps(one)) for one in schema.get("enum", [schema.get("const")])
        )
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = ", ".join(
        f"{word} {schema[word]}"
        for word in ("minimum", "maximum", "minLength", "maxLength", "pattern")
        if word in schema
    )
    return html.escape(kind + (f" ({limits})" if limits else ""))
