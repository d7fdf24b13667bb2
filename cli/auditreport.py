"""An audit's report as a person reads it: on the terminal, and as a page to print."""

from __future__ import annotations

import html
import textwrap
from typing import Any

_MARKS = {
    "passed": "ok",
    "failed": "FAILED",
    "unreadable": "UNREADABLE",
    "nothing to check": "nothing",
    "not checked": "not checked",
    "not asked": "-",
}
_WIDTH = 100
_SHOWN = 20  # findings of one kind that a terminal shows; the JSON has more


def text(value: dict[str, Any]) -> str:
    """The report on a terminal."""
    lines = []
    for check in value["checks"]:
        if check["status"] == "not asked" and check["check"] not in {"log", "content"}:
            continue
        lines.append(f"{_MARKS[check['status']]:<12}{check['title'][0].upper()}{check['title'][1:]}")
        if check["detail"]:
            lines += textwrap.wrap(check["detail"], _WIDTH - 12, initial_indent=" " * 12, subsequent_indent=" " * 12)
    shown: dict[str, int] = {}
    for one in value["findings"]:
        shown[one["code"]] = shown.get(one["code"], 0) + 1
        if shown[one["code"]] <= _SHOWN:
            lines += ["", *_finding(one)]
    for code, count in value["counts"].items():
        if count > _SHOWN:
            lines += ["", f"... and {count - _SHOWN} more of {code}; see --json or --report"]
    lines += ["", f"verdict: {value['verdict']}"]
    return "\n".join(lines)


def _finding(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['severity'].upper()}  {one['title']} ({one['code']})"]
    for label, key in (("where", "place"), ("expected", "expected"), ("found", "found"), ("breaks", "promiseText"), ("what to do", "todo")):
        told = one[key] if key != "promiseText" else f"promise {one['promise']}, {one[key]}"
        lines += textwrap.wrap(f"{label}: {told}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def page(value: dict[str, Any], heading: str, made: str) -> str:
    """The report as a page of HTML that prints well and loads nothing."""
    rows = "".join(
        f"<tr class='{html.escape(check['status'].replace(' ', '-'))}'><td>{html.escape(_MARKS[check['status']])}</td>"
        f"<td>{html.escape(check['title'])}</td><td>{html.escape(check['detail'])}</td></tr>"
        for check in value["checks"]
    )
    found = "".join(
        f"<section><h3>{html.escape(one['severity'])}: {html.escape(one['title'])} <code>{html.escape(one['code'])}</code></h3><dl>"
        f"<dt>where</dt><dd>{html.escape(one['place'])}</dd><dt>expected</dt><dd>{html.escape(one['expected'])}</dd>"
        f"<dt>found</dt><dd>{html.escape(one['found'])}</dd>"
        f"<dt>promise {one['promise']}</dt><dd>{html.escape(one['promiseText'])}</dd>"
        f"<dt>what to do</dt><dd>{html.escape(one['todo'])}</dd></dl></section>"
        for one in value["findings"]
    )
    facts = "".join(f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(str(fact))}</td></tr>" for name, fact in value["facts"].items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(heading)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 11pt/1.4 serif; margin: 2cm; max-width: 18cm }}
table {{ border-collapse: collapse; width: 100% }}
td {{ border: 1px solid #999; padding: 2pt 6pt; vertical-align: top }}
.failed td:first-child, .unreadable td:first-child {{ font-weight: bold }}
section {{ break-inside: avoid }} dt {{ font-weight: bold }} dd {{ overflow-wrap: anywhere }} code {{ font-size: 9pt }}
</style></head><body>
<h1>{html.escape(heading)}</h1>
<p>Made {html.escape(made)}. Verdict: <strong>{html.escape(value["verdict"])}</strong>.</p>
<table>{rows}</table>
<h2>Findings</h2>{found or "<p>None.</p>"}
<h2>Facts</h2><table>{facts}</table>
<p>Not proven: what happened before collection, that content is true, that something was never submitted, or that nobody read an item
after a key was first released to them. What was not asked for was not checked.</p>
</body></html>
"""
