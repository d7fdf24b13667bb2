"""An audit's report as a person reads it: on the terminal, and as a page to print."""

from __future__ import annotations

from typing import Any

from cli.terminal import output, pages
from cli.terminal.pages import shown
from cli.wording import verdicts

_MARKS = {
    "passed": "ok",
    "failed": "FAILED",
    "unreadable": "UNREADABLE",
    "nothing to check": "none here",
    "not checked": "not checked",
    "not asked": "-",
}
#: The first line: whoever is in a hurry reads it alone.
_VERDICTS = {
    "verified": "VERIFIED: all that was checked holds, and is anchored",
    "failed": "FAILED: something contradicts what was promised, see the findings below",
    "incomplete": "INCOMPLETE: nothing contradicts, but not all of it was judged",
    "unreadable": "UNREADABLE: something could not be read, see the findings below",
}
#: Severities of what somebody did: only that breaks a promise. What could not be read or asked for,
#: or was refused by design, breaks none yet.
_DEEDS = frozenset({"failed", "warning"})
_FACTS = {"trustRoot": "fingerprint of the trust root"}
_WIDTH = 79
_SHOWN = 20  # findings of one kind that a terminal shows; the JSON has more


def text(value: dict[str, Any], *, told: str | None = None) -> list[str]:
    """The lines of the report on a terminal.

    Args:
        told: the fingerprint that a trust root of somebody else's was compared with, empty where it
            was compared with none; None where it is the home's or the node's own.
    """
    lines = [_VERDICTS[value["verdict"]]]
    lines += verdicts.told(verdicts.UNCOMPARED, 2) if told == "" and _is_good(value) else []
    lines.append("")
    for check in value["checks"]:
        if check["status"] == "not asked" and check["check"] not in {"log", "content"}:
            continue
        title = f"{check['title'][0].upper()}{check['title'][1:]}"
        first, *more = output.wrapped(title, _WIDTH, indent=12, further=0)
        lines += [f"{_MARKS[check['status']]:<12}{first.lstrip()}", *more]
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
        lines += [] if told is None else [f"  {_compared(told)}"]
    lines += ["", f"verdict: {value['verdict']}"]
    return lines


def _is_good(value: dict[str, Any]) -> bool:
    return bool(value["verdict"] == "verified")


def _compared(told: str) -> str:
    return "as you were told" if told else "not compared yet"


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


def page(value: dict[str, Any], heading: str, made: str, *, told: str | None = None) -> str:
    """The report as a page to print; ``told``: see text."""
    rows = "".join(
        f"<tr class='{shown(check['status'].replace(' ', '-'))}'>"
        f"<td>{shown(_MARKS[check['status']])}</td>"
        f"<td>{shown(check['title'])}</td><td>{shown(check['detail'])}</td></tr>"
        for check in value["checks"]
    )
    found = "".join(
        f"<section><h3>{shown(finding['severity'])}: {shown(finding['title'])} "
        f"<code>{shown(finding['code'])}</code></h3><dl>"
        f"<dt>where</dt><dd>{shown(finding['place'])}</dd><dt>expected</dt><dd>{shown(finding['expected'])}</dd>"
        f"<dt>found</dt><dd>{shown(finding['found'])}</dd>"
        f"{_promise(finding)}"
        f"<dt>what to do</dt><dd>{shown(finding['todo'])}</dd></dl></section>"
        for finding in value["findings"]
    )
    facts = "".join(
        f"<tr><td>{shown(_FACTS.get(name, name))}</td><td>{shown(fact)}</td></tr>"
        for name, fact in value["facts"].items()
    )
    verdict = shown(value["verdict"])
    condition = f", {verdicts.UNCOMPARED}" if told == "" and _is_good(value) else ""
    return pages.page(
        heading,
        f"""<p>Made {shown(made)}. Verdict: <strong>{verdict}</strong>{condition}.</p>
<table>{rows}</table>
<h2>Findings</h2>{found or "<p>None.</p>"}
<h2>Facts</h2><table>{facts}</table>
<p>Not proven: what happened before collection, that content is true, that something was never
submitted, or that nobody read an item after a key was first released to them. What was not asked
for was not checked.</p>""",
    )


def _promise(finding: dict[str, Any]) -> str:
    """The promise that a finding breaks, in HTML; empty where it breaks none."""
    if finding["severity"] not in _DEEDS:
        return ""
    number, text = shown(finding["promise"]), shown(finding["promiseText"])
    return f"<dt>breaks promise {number}</dt><dd>{text}</dd>"
