"""Event documents are sealed to another key of the node: records stay readable, and what is sealed
to the old key afterwards is sealed anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.crypto import grants
from ledger.domain.errors import RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.descriptor import HpkeKey
from ledger.services.rotation import rewrapping
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import Desk
from tests.support.laptop import told
from tests.support.rotating import DAY, day_later, look_again, require_good, rotate

Pair = tuple[Consortium, TrustRoot, str]


def sealed_to(desk: Desk, key: HpkeKey) -> int:
    with desk.node.records.read() as unit:
        return len(unit.tables.rows("grant", scope="record", recipient=key.digest))


def test_records_stay_readable_before_in_the_middle_of_and_after_a_rotation(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agencies, root, url = pair
    nl, ro = agencies[NL], agencies[RO]
    items = [upload(nl, tmp_path, b"%d" % number * 99) for number in range(3)]
    old = nl.person.descriptor.node
    require_good(nl, root, [])
    bundles = [nl.bundle(items[0])]
    assert rotate(nl, "node-key") == rotate(nl, "node-key")
    assert not rewrapping.step(nl.node)
    assert sealed_to(nl, old) == 3
    require_good(nl, root, bundles)

    day_later(agencies, url)
    new = nl.person.descriptor.node
    assert new != old
    monkeypatch.setattr(rewrapping, "_PAGE", 2)
    assert rewrapping.step(nl.node)
    assert (sealed_to(nl, old), sealed_to(nl, new)) == (1, 2)
    require_good(nl, root, bundles)  # in the middle of it
    while rewrapping.step(nl.node):
        pass
    assert (sealed_to(nl, old), sealed_to(nl, new)) == (0, 3)
    assert [told(nl, item)[0]["type"] for item in items] == ["acquired"] * 3
    require_good(nl, root, [*bundles, nl.bundle(items[0])])

    item = upload(ro, tmp_path, b"to NL" * 99)  # and a partner seals to the new one
    terms = OfferTerms(NL, ro.clock.now() + DAY)
    handover.offer(ro.client, ro.person, ro.clock, item, terms)
    assert agencies.settle(NL, RO) == {}
    handover.accept(nl.client, nl.person, nl.clock, item)
    assert agencies.settle(NL, RO) == {}
    assert (sealed_to(nl, old), sealed_to(nl, new)) == (0, 4)
    require_good(nl, root, [nl.bundle(item)])


def test_what_was_signed_under_the_old_key_is_taken_and_sealed_anew(
    pair: Pair, tmp_path: Path
) -> None:
    agencies, root, url = pair
    nl = agencies[NL]
    before, old = nl.person, nl.person.descriptor.node
    rotate(nl, "node-key")
    day_later(agencies, url)
    nl.person = before  # signed without network, a day ago
    item = upload(nl, tmp_path)
    assert sealed_to(nl, old) == 1
    require_good(nl, root, [])
    require_good(nl, root, [nl.bundle(item)])
    while rewrapping.step(nl.node):
        pass
    look_again(nl)
    assert (sealed_to(nl, old), sealed_to(nl, nl.person.descriptor.node)) == (0, 1)
    assert len(nl.node.keys.hpkes) == 2
    agencies.later(url, rewrapping.KEPT)
    assert not rewrapping.step(nl.node)
    assert [key.public for key in nl.node.keys.hpkes] == [nl.person.descriptor.node]
    assert told(nl, item)[0]["type"] == "acquired"


def test_a_second_record_key_that_would_take_the_first_ones_place(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed to the node's old key: sealed anew later, it would make the record unreadable."""
    agencies, _, url = pair
    nl = agencies[NL]
    old = nl.person.descriptor.node
    rotate(nl, "node-key")
    day_later(agencies, url)
    register = nl.client.register

    def twice(submissions: list, **options: object) -> list:
        for one in submissions:
            evidence = grants.parse(from_b64url(one["grants"][0], what="grant")).evidence
            made = grants.seal(bytes(32), old, evidence=evidence, scope="record")
            one["grants"].append(b64url(made.encode()))
        return register(submissions, **options)

    monkeypatch.setattr(nl.client, "register", twice)
    with pytest.raises(RuleError, match="sealed twice"):
        upload(nl, tmp_path)
