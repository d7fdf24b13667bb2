"""What a statement brings in: keys for those alone whom it names, and nothing of somebody who lost
their rights meanwhile.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.oidc import OidcProvider
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event import signing
from ledger.domain.ports.answers import Recorded
from ledger.services.access import authorization
from ledger.services.people import admission, membership
from ledger.services.registration import registration
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import BASIS, Desk


@pytest.fixture(scope="module")
def desk(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The first person is officer and custodian; each test makes its own items."""
    with Desk(
        Path(shutil.copytree(founded, tmp_path_factory.mktemp("admission") / "home"))
    ) as opened:
        yield opened


@pytest.fixture
def officer(desk: Desk) -> Actor:
    return enrolled(desk, "officer")


@pytest.fixture
def stranger(desk: Desk) -> Actor:
    return enrolled(desk, "officer")


def thing(actor: Actor) -> str:
    evidence = uuid.uuid4().urn
    actor.client.register([actor.opening("collected", {"description": "telephone"}, evidence)])
    return evidence


def photo(desk: Desk, folder: Path) -> str:
    (folder / "photo.jpg").write_bytes(b"a photo " + uuid.uuid4().bytes)
    return desk.upload(folder / "photo.jpg")[0].evidence


def test_who_is_suspended_while_their_statement_is_checked_appends_nothing(
    desk: Desk, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, clerk = thing(officer), enrolled(desk, "administrator")
    desk.anchor()
    checked = registration.check

    def suspended_meanwhile(*arguments: Any) -> Any:
        found = checked(*arguments)
        with ThreadPoolExecutor(1) as other:  # an administrator's request, beside this one
            other.submit(membership.suspend, desk.node, officer.id, by=clerk.id).result()
        return found

    signed = officer.sign("note", {"text": "too late"}, phone)
    monkeypatch.setattr(registration, "check", suspended_meanwhile)
    with pytest.raises(DeniedError, match="no longer"):
        officer.client.register([signed])
    monkeypatch.undo()
    assert item_of(desk, phone).seq == 0


def test_who_gets_other_roles_while_their_statement_is_checked_appends_nothing_under_the_old_ones(
    desk: Desk, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, clerk = thing(officer), enrolled(desk, "administrator")
    checked = registration.check

    def renewed_meanwhile(*arguments: Any) -> Any:
        found = checked(*arguments)
        with ThreadPoolExecutor(1) as other:
            other.submit(
                membership.renew, desk.node, officer.id, roles=["reviewer"], by=clerk.id
            ).result()
        return found

    signed = officer.sign("note", {"text": "too late"}, phone)
    monkeypatch.setattr(registration, "check", renewed_meanwhile)
    with pytest.raises(DeniedError, match="under another certificate"):
        officer.client.register([signed])
    monkeypatch.undo()
    assert item_of(desk, phone).seq == 0


def test_an_administrator_who_is_suspended_while_their_request_is_under_way_changes_nothing(
    desk: Desk, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk, other = enrolled(desk, "administrator"), enrolled(desk, "administrator")
    begun = membership.roles_named

    def suspended_meanwhile(*arguments: Any) -> Any:
        membership.suspend(desk.node, clerk.id, by=other.id)
        return begun(*arguments)

    monkeypatch.setattr(membership, "roles_named", suspended_meanwhile)
    with pytest.raises(DeniedError, match="no longer"):
        membership.renew(desk.node, officer.id, roles=["administrator", "custodian"], by=clerk.id)
    with desk.node.records.read() as unit:
        assert authorization.signer(desk.node, unit, officer.person.certificate).roles == {
            "officer"
        }
    provider = OidcProvider("https://login.example", "custody")
    monkeypatch.setattr(desk.node, "identity", provider)
    for late in (
        lambda: membership.suspend(desk.node, other.id, by=clerk.id),
        lambda: admission.invite(desk.node, number="99", roles=["officer"], inviter=clerk.id),
        lambda: membership.link(desk.node, officer.id, "account", by=officer.id),
    ):
        with pytest.raises(DeniedError, match="not, or no longer, enrolled here for that"):
            late()


def test_an_opening_hands_keys_to_nobody_but_node_custodians_and_whoever_signs_it(
    desk: Desk, officer: Actor, stranger: Actor
) -> None:
    evidence = uuid.uuid4().urn
    sealed = signing.seal_keys(
        officer.person,
        evidence,
        record_key=content_encryption.new_key(),
        content_key=None,
        commitment=None,
    )

    def more(to: grants.HpkeKey, scope: str, binding: bytes | None) -> grants.Grant:
        return grants.seal(
            bytes(32), to, evidence=evidence_bytes(evidence), scope=scope, binding=binding
        )

    for extra in (
        more(grants.HpkePrivateKey.generate().public, "content", bytes(32)),
        more(stranger.person.hpke.public, "record", None),
        more(officer.person.hpke.public, "content", bytes(32)),  # a thing has no content
        sealed[0],
    ):
        opening = officer.sign(
            "collected",
            {"description": "x"},
            evidence,
            seq=0,
            prev=None,
            sealed_keys=[*sealed, extra],
        )
        assert officer.submit(opening)[0] == 409
    assert (
        officer.submit(
            officer.sign(
                "collected", {"description": "x"}, evidence, seq=0, prev=None, sealed_keys=sealed
            )
        )[0]
        == 201
    )


def test_a_release_hands_on_the_key_of_this_items_content_once_and_nothing_else(
    desk: Desk, tmp_path: Path
) -> None:
    item, colleague = photo(desk, tmp_path), enrolled(desk, "examiner")
    (tmp_path / "other.jpg").write_bytes(b"another photo")
    other = desk.upload(tmp_path / "other.jpg")[0].evidence
    body = {
        "recipientKind": "colleague",
        "mode": "copy",
        "to": {"agency": "NL-POL", "person": colleague.pseudonym},
    }

    def key(evidence: str) -> grants.Grant:
        access = desk.access(evidence)
        opening = desk.client.details(evidence, access)[0].document["body"]
        [made] = handover.rewrap(
            desk.client, desk.person, evidence, access, opening, colleague.person.hpke.public
        )
        return made

    def disclose(*given: grants.Grant) -> Recorded:
        return retrieval.record(
            desk.client,
            desk.person,
            desk.clock,
            item,
            "disclosed",
            body,
            {"basis": BASIS},
            sealed_keys=given,
        )

    def bound(binding: bytes) -> grants.Grant:
        return grants.seal(
            bytes(32),
            colleague.person.hpke.public,
            evidence=evidence_bytes(item),
            scope="content",
            binding=binding,
        )

    commitment = key(other).binding
    assert commitment is not None
    for given in ([bound(bytes(32))], [bound(commitment)], [key(item), key(item)]):
        with pytest.raises(RuleError, match="not of the content of this item, or was sealed twice"):
            disclose(*given)
    disclose(key(item))


def test_a_refused_request_ends_itself_and_not_every_later_disposal(
    desk: Desk, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path)
    second, third = (
        enrolled(desk, "custodian", number="K-2"),
        enrolled(desk, "custodian", number="K-3"),
    )
    requests = [desk.record(item, "disposal-requested", {"reason": "over"}).statement]
    early = third.record(item, "approved", {"target": requests[0]}).statement
    second.record(item, "refused", {"target": requests[0]})
    with pytest.raises(RuleError, match="was refused"):
        desk.record(
            item, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [early]}
        )
    requests.append(
        desk.record(
            item, "disposal-requested", {"reason": "settled with whoever refused"}
        ).statement
    )
    approved = third.record(item, "approved", {"target": requests[1]}).statement
    for approvals in ([early], [early, approved]):
        with pytest.raises(RuleError, match="second person"):
            desk.record(
                item,
                "disposed",
                {"scope": "all", "method": "keys destroyed", "approvals": approvals},
            )
    desk.record(
        item, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )


def test_an_opening_under_a_hidden_name_tells_nothing_in_a_batch_that_fails_anyway(
    officer: Actor, stranger: Actor
) -> None:
    hidden = thing(officer)
    answers = []
    for urn in (hidden, uuid.uuid4().urn):
        bad = stranger.sign("note", {"text": "x"}, uuid.uuid4().urn, seq=1, prev=bytes(32))
        answers.append(
            stranger.submit(stranger.opening("collected", {"description": "x"}, urn), bad)
        )
    assert answers[0] == answers[1]
    assert stranger.submit(stranger.opening("collected", {"description": "x"}, hidden))[0] == 409
