"""An audit's report as a person reads it: on the terminal, and as a page to print."""

from __future__ import annotations

import html
from typing import Any

from cli import output
from ledger.domain.untrusted.visible import visible

_MARKS = {
    "passed": "ok",
    "failed": "FAILED",
    "unreadable": "UNREADABLE",
    "nothing to check": "nothing",
    "not checked": "not checked",
    "not asked": "-",
}
#: Severities of what somebody did: only that breaks a promise. What could not be read or asked for,
#: or was refused by design, breaks none yet.
_DEEDS = frozenset({"failed", "warning"})
_FACTS = {"trustRoot": "fingerprint of the trust root"}
_WIDTH = 100
_SHOWN = 20  # findings of one kind that a terminal shows; the JSON has more


def text(value: dict[str, Any]) -> list[str]:
    """The lines of the report on a terminal."""
    lines = []
    for check in value["checks"]:
        if check["status"] == "not asked" and check["check"] not in {"log", "content"}:
            continue
        lines.append(
            f"{_MARKS[check['status']]:<12}{check['title'][0].upper()}{check['title'][1:]}"
        )
        if check["detail"]:
            lines += output.wrapped(check["detail"], _WIDTH, indent=12)
    shown: dict[str, int] = {}
    for finding in value["findings"]:
        shown[finding["code"]] = shown.get(finding["code"], 0) + 1
        if shown[finding["code"]] <= _SHOWN:
            lines += ["", *_finding(finding)]
    for code, count in value["counts"].items():
        if count > _SHOWN:
            lines += ["", f"... and {count - _SHOWN} more of {code}; see --json or --report"]
    if trusted := value["facts"].get("trustRoot"):
        lines += ["", f"trust root: fingerprint {trusted}"]
    lines += ["", f"verdict: {value['verdict']}"]
    return lines


def _finding(answer: dict[str, Any]) -> list[str]:
    lines = [f"{answer['severity'].upper()}  {answer['title']} ({answer['code']})"]
    for label, key in (
        ("where", "place"),
        ("expected", "expected"),
        ("found", "found"),
        ("breaks", "promiseText"),
        ("what to do", "todo"),
    ):
        if key == "promiseText" and answer["severity"] not in _DEEDS:
            continue
        told = (
            answer[key] if key != "promiseText" else f"promise {answer['promise']}, {answer[key]}"
        )
        if key == "todo":  # a command in it is not to be broken
            lines.append(f"  {label}: {told}")
            continue
        lines += output.wrapped(f"{label}: {told}", _WIDTH, indent=2, further=2)
    return lines


def page(value: dict[str, Any], heading: str, made: str) -> str:
    """The report as a page of HTML that prints well and loads nothing."""
    rows = "".join(
        f"<tr class='{_shown(check['status'].replace(' ', '-'))}'>"
        f"<td>{_shown(_MARKS[check['status']])}</td>"
        f"<td>{_shown(check['title'])}</td><td>{_shown(check['detail'])}</td></tr>"
        for check in value["checks"]
    )
    found = "".join(
        f"<section><h3>{_shown(finding['severity'])}: {_shown(finding['title'])} "
        f"<code>{_shown(finding['code'])}</code></h3><dl>"
        f"<dt>where</dt><dd>{_shown(finding['place'])}</dd><dt>expected</dt><dd>{_shown(finding['expected'])}</dd>"
        f"<dt>found</dt><dd>{_shown(finding['found'])}</dd>"
        f"{_promise(finding)}"
        f"<dt>what to do</dt><dd>{_shown(finding['todo'])}</dd></dl></section>"
        for finding in value["findings"]
    )
    facts = "".join(
        f"<tr><td>{_shown(_FACTS.get(name, name))}</td><td>{_shown(fact)}</td></tr>"
        for name, fact in value["facts"].items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{_shown(heading)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 11pt/1.4 serif; margin: 2cm; max-width: 18cm }}
table {{ border-collapse: collapse; width: 100% }}
td {{ border: 1px solid #999; padding: 2pt 6pt; vertical-align: top }}
.failed td:first-child, .unreadable td:first-child {{ font-weight: bold }}
section {{ break-inside: avoid }} dt {{ font-weight: bold }}
dd {{ overflow-wrap: anywhere }} code {{ font-size: 9pt }}
td, dd, h3, code {{ unicode-bidi: isolate }}
</style></head><body>
<h1>{_shown(heading)}</h1>
<p>Made {_shown(made)}. Verdict: <strong>{_shown(value["verdict"])}</strong>.</p>
<table>{rows}</table>
<h2>Findings</h2>{found or "<p>None.</p>"}
<h2>Facts</h2><table>{facts}</table>
<p>Not proven: what happened before collection, that content is true, that something was never
submitted, or that nobody read an item after a key was first released to them. What was not asked
for was not checked.</p>
</body></html>
"""


def _promise(finding: dict[str, Any]) -> str:
    """The promise that a finding breaks, in HTML; empty where it breaks none."""
    if finding["severity"] not in _DEEDS:
        return ""
    number, text = _shown(finding["promise"]), _shown(finding["promiseText"])
    return f"<dt>breaks promise {number}</dt><dd>{text}</dd>"


def _shown(value: object) -> str:
    """A foreign value in HTML: visible-safe as everywhere, then escaped."""
    return html.escape(visible(value))
