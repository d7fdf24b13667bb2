"""A node whose answers are well formed and not about what was asked: another item, another entry, a
bundle or a copy with more or less in it than was asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.client.handovers import handover_pause
from ledger.client.intake.upload import UploadOptions
from ledger.client.reading import own_signers, redaction
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import RuleError, VerificationError
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from tests.cli.test_swapped_records import item_of
from tests.cli.test_untrue_offers import offered
from tests.support.commands import within
from tests.support.desk import BASIS, Desk
from tests.support.lying_node import Lie, Lying, lying  # noqa: F401  (fixtures)
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)

STRANGE = "urn:uuid:00000000-0000-4000-8000-000000000001"


def another_item(found: dict[str, Any]) -> None:
    found["registered"][0]["evidence"] = STRANGE


def another_entry(found: dict[str, Any]) -> None:
    found["registered"][0]["index"] += 1


@pytest.mark.parametrize("lie", [another_item, another_entry])
def test_what_was_recorded_is_told_by_the_item_and_the_entry_of_its_receipt(
    desk: Desk, lying: Lying, lie: Lie
) -> None:
    """The number of another item was printed, to be written on the label of a thing."""
    lying.registered = lie
    code, out, said = within("seize", "phone", "--seal", "S-1")
    assert (code, out) == (1, ""), said
    assert "its receipt is for urn:uuid:" in said


def test_an_item_that_was_not_asked_for_is_not_taken_for_the_one_that_was(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item, sent = item_of(desk, tmp_path, "one"), list[dict[str, Any]]()
    lying.item = lambda found: found.update(evidence=STRANGE)
    lying.registered = sent.append
    code, out, said = within("note", item, "--text", "x")
    assert (code, out, sent) == (1, "", []), said
    assert f"answered about {STRANGE}, and not about {item}" in " ".join(said.split())


def test_a_bundle_that_shows_what_was_to_be_left_out_is_not_written(
    desk: Desk, lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, other = item_of(desk, tmp_path, "one"), item_of(desk, tmp_path, "two")
    honest, out, given = lying.handle_request, tmp_path / "out.bundle", [item]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bundle"):
            return httpx.Response(200, content=desk.bundle(given[0]))
        return honest(request)

    monkeypatch.setattr(lying, "handle_request", handle)
    for shown, match in ((item, "shows what was to be left out"), (other, "of another item")):
        given[0] = shown
        for left_out in ("/body/name", "1"):
            words = ("bundle", item, "-o", out, "--basis", "x", "--withhold", left_out)
            code, _, said = within(*words)
            assert (code, out.exists()) == (1, False), said
            assert match in " ".join(said.split())


def test_a_correction_of_the_bytes_of_a_name_is_left_out_with_the_name(
    desk: Desk, tmp_path: Path
) -> None:
    """A correction names a member within the one that says the name again."""
    name = tmp_path / "caf\udce9.jpg"
    name.write_bytes(b"a face")
    [done] = desk.upload(name)
    item = done.evidence
    rows = desk.client.details(item, desk.access(item, "view"))
    [member] = [key for key in rows[0].body["ext"] if key != "modified"]
    for pointer in (f"/body/ext/{member}", "/body/ext/modified"):
        body = {"target": rows[0].statement, "pointer": pointer, "new": "x", "reason": "y"}
        desk.record(item, "corrected", body)
    for left_out, hidden in (("/body/name", 2), ("/body/ext", 2)):
        data = desk.client.bundle(item, desk.access(item), withhold=[left_out])
        parsed = bundles.parse(data)
        documents = [one.document for one in parsed.statements]
        assert sum(document is None for document in documents) == hidden, left_out
        redaction.require_withheld(parsed, item, [left_out])


def test_only_an_offer_that_its_giver_paused_is_made_again(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """Whoever refused it with the words of a pause had it made once more."""
    item = item_of(desk, tmp_path, "one")
    digest = offered(desk, item, lying.colleague)
    body = {"offer": digest, "reason": handover_pause.PAUSED}
    lying.colleague.record(item, "transfer-declined", body)
    with pytest.raises(RuleError, match="another reason than a pause"):
        handover_pause.begin(desk.client, desk.person, desk.clock, item, BASIS)


def test_an_item_that_the_node_names_for_a_number_is_the_one_that_has_it(
    desk: Desk, lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another item would have been read, given to somebody, or offered."""
    wanted, other = tmp_path / "wanted", tmp_path / "other"
    numbers = (("2026-7", "A1"), ("2026-8", "B1"))
    items = []
    for path, pair in zip((wanted, other), numbers, strict=True):
        path.write_bytes(path.name.encode())
        said = [
            {"scheme": scheme, "value": value}
            for scheme, value in zip(("case", "exhibit"), pair, strict=True)
        ]
        [done] = desk.upload(path, options=UploadOptions(members={"identifiers": said}))
        items.append(done.evidence)
    honest = lying.handle_request

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/search"):
            return httpx.Response(200, json={"evidence": items[1:], "next": None})
        if request.url.path.endswith("/numbers"):
            borne = {"exhibit": "A1", "evidence": items[1:], "meant": items[1:]}
            return httpx.Response(200, json={"numbers": [borne]})
        return honest(request)

    assert within("get", "2026-7/A1", "-o", tmp_path / "out", "--basis", "x")[0] == 0
    (tmp_path / "out").unlink()
    monkeypatch.setattr(lying, "handle_request", handle)
    out = ("-o", tmp_path / "out")
    for command in (
        ("get", "2026-7/A1", *out, "--basis", "x"),
        ("bundle", "A1", *out, "--basis", "x"),
        ("show", "2026-7", "--basis", "x"),
        ("recheck", "2026-7/A1", "--basis", "x"),
        ("disclose", "2026-7/A1", "--kind", "court", "--basis", "x"),
    ):
        code, printed, said = within(*command)
        assert (code, printed, (tmp_path / "out").exists()) == (1, "", False), said
        assert "does not have this number" in " ".join(said.split())
    lying.record = lambda found: found["events"][-1].update(
        document=None, signed={**found["events"][-1]["signed"], "document": None, "disclosures": []}
    )
    for command in (
        ("get", "2026-7/A1", *out, "--basis", "x"),
        ("bundle", "A1", *out, "--basis", "x", "--withhold", "1"),
        ("show", "2026-7", "--basis", "x"),
    ):
        code, printed, said = within(*command)
        assert (code, printed, (tmp_path / "out").exists()) == (1, "", False), said
        assert "does not have this number" in " ".join(said.split())
    kinds = {row.type for row in desk.client.details(items[1], desk.access(items[1], "view"))}
    assert kinds == {"acquired", "accessed"}


def test_a_bundle_leaves_the_number_out_by_which_its_item_was_named(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(b"left out")
    said = [{"scheme": "case", "value": "2026-9"}, {"scheme": "exhibit", "value": "C1"}]
    desk.upload(tmp_path / "one", options=UploadOptions(members={"identifiers": said}))
    out = tmp_path / "out"
    code, _, told = within("bundle", "2026-9/C1", "-o", out, "--basis", "x", "--withhold", "0")
    assert (code, out.exists()) == (0, True), told


def test_a_person_whom_the_agency_never_certified_is_no_signer_of_its_record(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """Whoever runs the node made somebody up, with a CA of their own under the agency's name."""
    item = item_of(desk, tmp_path, "one")
    made_up = Authority.found("NL-POL", desk.clock.now())
    der = made_up.issue(
        desk.person.key.public_key(),
        agency="NL-POL",
        pseudonym=new_pseudonym(),
        roles=["custodian"],
        service=False,
        now=desk.clock.now(),
    )
    own, descriptor = desk.person.certificate, desk.person.descriptor
    rows = desk.client.details(item, desk.access(item, "view"))
    own_signers.require_certified(rows, own, descriptor)
    forged = replace(rows[1], signed=replace(rows[1].signed, certificate=b64url(der)))
    for events, shown in (
        ([rows[0], forged], descriptor),
        (
            [rows[0], forged],
            replace(descriptor, authorities=(*descriptor.authorities, made_up.der)),
        ),
        (rows, replace(descriptor, authorities=(made_up.der,))),
    ):
        with pytest.raises(VerificationError, match="what nobody of NL-POL signed"):
            own_signers.require_certified(events, own, shown)
    lying.record = lambda found: found["events"][1]["signed"].update(certificate=b64url(der))
    code, out, said = within("show", item, "--basis", "x")
    assert (code, out) == (1, ""), said
