"""What was signed and is never shown to a person: a member of an event that no timeline tells."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cli.wording import event_members
from cli.wording.timeline import Timeline, Told
from ledger.domain.codecs.text import b64url
from ledger.domain.event import schema
from ledger.domain.event.types import TYPES

#: What nobody reads or compares by eye, of which it is told that --json has it.
IN_JSON = re.compile(
    r"/content/(suite|pieces/size|paddedSize|salt|commitment)"
    r"|/image/(segments|readErrors)/.*"
)
SAMPLES: dict[Any, Any] = {
    schema.number: lambda n: 1000 + n,
    schema.flag: lambda n: True,
    schema.code: lambda n: f"code-{n}",
    schema.anything: lambda n: f"anything {n}",
    schema.time: lambda n: f"2026-11-20T10:{n % 60:02}:00Z",
    schema.evidence: lambda n: f"urn:uuid:00000000-0000-4000-8000-{n:012}",
    schema.digest: lambda n: hashlib.sha256(b"%d" % n).hexdigest(),
    schema.digests: lambda n: {"sha-256": hashlib.sha256(b"%d" % n).hexdigest()},
    schema.agency: lambda n: "BE-POL",
    schema.media_type: lambda n: f"image/x{n}",
    schema.cid: lambda n: "b" + "abcdefghij"[n % 10] * 58,
    schema.algorithm: lambda n: "md5",
}


def sample(check: Any, numbers: Iterator[int]) -> Any:
    """A value that a check takes, told apart from every other one."""
    if check in SAMPLES:
        return SAMPLES[check](next(numbers))
    of = inspect.getclosurevars(check).nonlocals
    kind = check.__qualname__.split(".")[0]
    if kind == "members":
        return {name: sample(one, numbers) for name, one in of["allowed"].items() if name != "ext"}
    if kind == "listof":
        return [sample(of["item"], numbers)]
    if kind == "choice":
        return of["options"][-1]
    if kind == "octets":
        return b64url(bytes(of["size"]))
    assert kind == "text"
    return f"word {next(numbers)}"


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, f"{place}/{name}")
    else:
        yield place, value


def told(kind: str, body: dict[str, Any], **more: Any) -> str:
    actor = {"id": "abcdefghijklmnopqrstuvwxyz", "agency": "NL-POL", "role": "officer"}
    at = "2026-11-20T10:00:00Z"
    document = {"type": kind, "actor": actor, "time": at, "body": body, **more}
    lines = Timeline([Told(0, at, "none", "NL-POL", "ab" * 32, document, "proven")], {}).lines()
    return " ".join(" ".join(lines).split())


def untold(lines: str, body: dict[str, Any]) -> list[str]:
    return [
        place
        for place, value in leaves(body)
        if not IN_JSON.fullmatch(place)
        and (value is not True or place.endswith("/checked"))
        and str(value)[:12] not in lines
        and place != "/stated/0/checked"
    ]


@pytest.mark.parametrize("kind", [name for name, one in TYPES.items() if one.effect != "agency"])
def test_no_member_of_any_type_is_signed_and_told_by_no_timeline(kind: str) -> None:
    body = sample(TYPES[kind].body, itertools.count(100))
    TYPES[kind].body(body, "/body", schema.Report())
    assert not untold(told(kind, body), body)


@pytest.mark.parametrize("kind", TYPES)
def test_no_member_of_any_type_is_signed_and_shown_by_no_preview(kind: str) -> None:
    body = sample(TYPES[kind].body, itertools.count(100))
    said = event_members.said({"body": body})
    lines = " ".join(f"{event_members.word(name)} {event_members.text(one)}" for name, one in said)
    assert not untold(lines, {name: one for name, one in body.items() if name != "image"})


def test_the_marks_and_the_authority_beside_a_body_are_told() -> None:
    lines = told(
        "note",
        {"text": "seen"},
        handling=["csam"],
        basis={"purpose": "hearing", "authority": "court of Hoorn", "article": "27"},
        identifiers=[{"scheme": "lab", "value": "7", "issuer": "NFI"}],
        occurred={"from": "2026-11-20T10:00:00Z", "to": "2026-11-20T11:00:00Z"},
    )
    for said in ("csam", "court of Hoorn", "article 27", "NFI", "2026-11-20T11:00:00Z"):
        assert said in lines


def test_a_long_list_is_counted_and_not_dropped() -> None:
    omissions = [{"path": f"a/{at}", "reason": "a link"} for at in range(12)]
    assert "omissions: 12 omissions, see --json" in told(
        "gathered", {"name": "x", "count": 3, "omissions": omissions}
    )


def test_a_digest_that_was_read_again_is_told_short_where_it_is_the_recorded_one() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    lines = told("transfer-accepted", {"digests": {"sha-256": digest}, "offer": "cd" * 32})
    assert digest in lines
    other = told("verified", {"result": "mismatch", "found": {"sha-256": digest}})
    assert f"found: sha-256 {digest}" in other
