"""Another key signs an agency's log: what was signed before goes on counting, at every moment of
it, for the agency, its partners and whoever verifies.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.event.offer_terms import OfferTerms
from ledger.rows.agencies import PartnerRow
from ledger.services.handovers import sync
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.partners import directory
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.rotating import (
    DAY,
    day_later,
    held,
    look_again,
    require_good,
    rotate,
    signer_of_newest,
)


def test_old_items_verify_before_in_the_middle_of_and_after_a_rotation(
    pair: tuple[Consortium, TrustRoot, str], tmp_path: Path
) -> None:
    agencies, root, url = pair
    nl, ro = agencies[NL], agencies[RO]
    old = upload(nl, tmp_path)
    sync.settle(nl.node, timeout=30)
    bundles = [nl.bundle(old)]
    require_good(nl, root, bundles)
    [first] = held(nl)

    waits = upload(nl, tmp_path, b"what waits" * 99)
    done = rotate(nl)
    assert (done.version, done.anchored) == (2, True)
    assert len(held(nl)) == 2
    assert signer_of_newest(nl) == (1, 1)
    bundles += [nl.bundle(old), nl.bundle(waits)]
    require_good(nl, root, bundles)
    directory._look(ro.node, _partner(agencies))  # a partner looks before it is in force

    day_later(agencies, url)
    assert nl.person.descriptor.version == 2
    bundles.append(nl.bundle(old))  # nothing is anchored under the new key yet
    fresh = upload(nl, tmp_path, b"after it" * 99)
    sync.settle(nl.node, timeout=30)
    assert signer_of_newest(nl) == (2, 2)
    assert held(nl) == {nl.person.descriptor.log_key} != {first}
    bundles += [nl.bundle(old), nl.bundle(fresh)]
    require_good(nl, root, bundles)

    assert directory._look(ro.node, _partner(agencies)).version == 2
    terms = OfferTerms(RO, nl.clock.now() + DAY)
    handover.offer(nl.client, nl.person, nl.clock, fresh, terms)
    assert agencies.settle(NL, RO) == {}
    handover.accept(ro.client, ro.person, ro.clock, fresh)
    assert agencies.settle(NL, RO) == {}
    require_good(ro, root, [ro.bundle(fresh), *bundles])
    require_good(nl, root, [nl.bundle(old)])


def _partner(agencies: Consortium) -> PartnerRow:
    with agencies[RO].node.records.read() as unit:
        return directory.known(unit, NL)


def test_a_checkpoint_that_is_mined_when_the_next_version_is_in_force(
    pair: tuple[Consortium, TrustRoot, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed under the old key, and the anchoring event names the new version."""
    agencies, root, url = pair
    nl = agencies[NL]
    rotate(nl)
    item = upload(nl, tmp_path)
    follow = checkpoint_anchoring._follow
    monkeypatch.setattr(checkpoint_anchoring, "_follow", lambda node, row: None)
    with monkeypatch.context() as still:
        still.setattr(nl.node.contracts.chain, "send", lambda raw: raw)
        checkpoint_anchoring.step(nl.node)
    agencies.later(url, DAY + 60)
    monkeypatch.setattr(checkpoint_anchoring, "_follow", follow)
    look_again(nl)
    sync.settle(nl.node, timeout=30)
    assert signer_of_newest(nl) == (2, 2)
    assert len(held(nl)) == 1
    require_good(nl, root, [nl.bundle(item)], allowed=frozenset({"late"}))


def test_a_second_rotation_waits_for_the_first(
    pair: tuple[Consortium, TrustRoot, str], tmp_path: Path
) -> None:
    agencies, root, url = pair
    nl = agencies[NL]
    assert rotate(nl) == rotate(nl)
    item = upload(nl, tmp_path)
    day_later(agencies, url)
    assert rotate(nl).version == 3
    day_later(agencies, url)
    upload(nl, tmp_path, b"third" * 99)
    sync.settle(nl.node, timeout=30)
    assert (signer_of_newest(nl), len(held(nl))) == ((3, 3), 1)
    require_good(nl, root, [nl.bundle(item)])


@pytest.mark.parametrize("step", ["drafted", "sent", "written", "anchored"])
def test_a_rotation_that_is_killed_goes_on_and_does_nothing_twice(
    pair: tuple[Consortium, TrustRoot, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    from ledger.services.rotation import publication
    from tests.support.desk import Desk

    class Killed(BaseException):
        """The process ends here."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    agencies, root, _ = pair
    nl = agencies[NL]
    item = upload(nl, tmp_path)
    with monkeypatch.context() as patched:
        if step == "drafted":
            patched.setattr(publication, "publish", die)
        elif step == "sent":
            patched.setattr(publication, "_write", die)
        elif step == "written":
            patched.setattr(checkpoint_anchoring, "anchor_now", die)
        else:
            patched.setattr(publication, "Published", die)
        with pytest.raises(Killed):
            rotate(nl)
    before = held(nl)
    agencies.desks.pop(NL).__exit__(None, None, None)
    with Desk(tmp_path / NL) as again:
        assert rotate(again).version == 2
        assert held(again) == before
        with again.node.records.read() as unit:
            assert [row.version for row in unit.authority.descriptors()] == [1, 2]
        sync.settle(again.node, timeout=30)
        require_good(again, root, [again.bundle(item)])
