"""What agencies that lie with all their keys put into bundles, each with the verdict that every
verifier must reach: the vectors of `tests/vectors/lying` are made of these.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha512
from typing import Any, Final, NamedTuple

from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.event import disclosure
from ledger.domain.identity import certificate as certificates
from tests.support.lying_bundles import LyingItem, file_body
from tests.support.malice_agency import Agency, Signer

DATA: Final = b"the true file, seized on 21 November"
OTHER: Final = b"another file, which suits us better."
HOLD: Final = {"hold": "h-1", "reason": "appeal"}
DISPOSED: Final = {"scope": "all", "method": "shredded"}


class Lie(NamedTuple):
    """``step`` fails, or is not checked where the verdict is incomplete; ``says``: words of its
    detail, or of a finding where the bundle is verified.
    """

    make: Callable[[LyingItem], object]
    verdict: str
    step: int
    says: str


def acquire(item: LyingItem, signer: Signer | None = None, **members: Any) -> None:
    """Open the item as a file, by an officer unless another one is named."""
    body = members.pop("body", file_body(DATA))
    item.say("acquired", body, signer or item.origin.people["officer"], **members)


def dispose(item: LyingItem, agency: Agency, *, approver: Signer | None = None) -> None:
    """Request, approval and disposal in an agency's log, by its custodian and somebody else."""
    custodian = agency.people["custodian"]
    request = item.say("disposal-requested", {"reason": "over"}, custodian, log=agency)
    target = {"target": request.statement.digest.hex()}
    second = approver or agency.certify(["custodian"])
    approval = item.say("approved", target, second, log=agency).statement.digest.hex()
    item.say("disposed", {**DISPOSED, "approvals": [approval]}, custodian, log=agency)


def hand_over(item: LyingItem) -> Agency:
    """To the other agency, by the rules; the agency that has it then."""
    [taker] = [one for one in item.world.agencies.values() if one is not item.origin]
    item.offer(taker, item.origin.people["custodian"])
    item.accept(taker, taker.people["custodian"], digests=file_body(DATA)["digests"])
    return taker


def accept_own_offer(item: LyingItem) -> None:
    """Somebody hands the item over to themselves."""
    one = item.origin.certify(["custodian"])
    acquire(item)
    to = {"agency": item.origin.code, "person": certificates.parse(one.der).pseudonym}
    ends = format_time(item.world.clock.now() + 86400)
    offer = item.say("transfer-offered", {"mode": "custody", "to": to, "expires": ends}, one)
    answer = {"offer": offer.statement.digest.hex(), "digests": file_body(DATA)["digests"]}
    item.say("transfer-accepted", answer, one)


def two_digests(item: LyingItem) -> None:
    """One document that hides the digests of two files, and shows one of them."""
    rng, body = random.Random(3), file_body(DATA)
    shown, other = (
        disclosure.make("digests", file_body(data)["digests"], rng.randbytes(16))
        for data in (DATA, OTHER)
    )
    del body["digests"]
    body["_sd"] = sorted(b64url(one.digest) for one in (shown, other))
    body["_sd_names"] = ["digests", "digests"]
    acquire(item, body=body, _sd_alg="sha-256", disclosures=(shown.encoded,))


def _two_files(item: LyingItem) -> None:
    body = file_body(DATA)
    body["digests"]["sha-512"] = sha512(OTHER).hexdigest()
    acquire(item, body=body)


def _said(*events: tuple[str, dict[str, Any]], shown: bool = True) -> Callable[[LyingItem], None]:
    def make(item: LyingItem) -> None:
        acquire(item)
        for event_type, body in events:
            item.say(event_type, body, item.origin.people["custodian"], shown=shown)

    return make


def _then(before: Callable[[LyingItem], None], **kept: Any) -> Callable[[LyingItem], None]:
    def make(item: LyingItem) -> None:
        before(item)
        dispose(item, item.origin, **kept)

    return make


def _guest(event_type: str, body: dict[str, Any], role: str) -> Callable[[LyingItem], None]:
    def make(item: LyingItem) -> None:
        acquire(item)
        [other] = [one for one in item.world.agencies.values() if one is not item.origin]
        item.say(event_type, body, other.people[role])

    return make


def _by_node(*, shown: bool) -> Callable[[LyingItem], None]:
    def make(item: LyingItem) -> None:
        acquire(item)
        item.say("disposed", {**DISPOSED, "approvals": []}, item.origin.service, shown=shown)

    return make


def _offered_by_taker(item: LyingItem) -> None:
    [taker] = [one for one in item.world.agencies.values() if one is not item.origin]
    acquire(item)
    item.offer(taker, taker.people["custodian"])
    item.accept(taker, taker.people["custodian"])


def _hold_abroad(item: LyingItem, **hold: bool) -> None:
    acquire(item)
    item.say("hold-placed", HOLD, item.origin.people["custodian"], **hold)
    dispose(item, hand_over(item))


def _own_approval(item: LyingItem) -> None:
    acquire(item)
    dispose(item, item.origin, approver=item.origin.people["custodian"])


def _happened(item: LyingItem) -> None:
    later = format_time(item.world.clock.now() + 301)
    acquire(item, occurred={"from": later})


def fork(item: LyingItem) -> None:
    """Two events behind the first one; the one that the log took later is not on the branch."""
    acquire(item)
    item.say("note", {"text": "x"}, item.origin.people["officer"])
    item.say_beside(1, "note", {"text": "y"}, item.origin.people["officer"])


def other_branch(item: LyingItem) -> None:
    """The same, with the later one shown as the branch."""
    fork(item)
    [shown], [*before, hidden] = item.beside, item.events
    item.events = [*before, shown]
    item.beside = [replace(hidden, document=None)]


def lost_acceptance(item: LyingItem) -> None:
    """The contract took a withdrawal, and the addressee had accepted in its own log."""
    [taker] = [one for one in item.world.agencies.values() if one is not item.origin]
    acquire(item)
    item.offer(taker, item.origin.people["custodian"])
    answer = {"offer": item.events[-1].statement.digest.hex()}
    item.say_beside(2, "transfer-accepted", answer, taker.people["custodian"], log=taker)
    item.withdraw(item.origin.people["custodian"])


def _taken(item: LyingItem) -> None:
    acquire(item)
    hand_over(item)
    item.events.pop()


def taken_by_nobody_s_offer(item: LyingItem) -> None:
    """The thief of a chain key offers by a note, and an accomplice takes the item."""
    [taker] = [one for one in item.world.agencies.values() if one is not item.origin]
    acquire(item)
    note = item.say("note", {"text": "x"}, item.origin.people["officer"]).statement.digest
    item.put_on_chain(taker, note, item.world.clock.now() + 86400)
    answer = {"offer": note.hex()}
    signer = taker.people["custodian"]
    junk = item.say("transfer-accepted", answer, signer, log=taker).statement.digest
    item.conclude(taker, contract_layout.ACCEPTED, junk)
    item.events.pop()


def _opened_twice(item: LyingItem) -> None:
    acquire(item)
    item.say_beside(0, "acquired", file_body(OTHER), item.origin.people["officer"])


def _left_out(item: LyingItem) -> None:
    acquire(item)
    item.say("note", {"text": "x"}, item.origin.people["officer"])
    item.events.pop()


def _void_left_out(item: LyingItem) -> None:
    fork(item)
    item.beside.clear()


def _left_out_abroad(item: LyingItem) -> None:
    fork(item)
    item.beside.clear()
    hand_over(item)


def _denied(item: LyingItem) -> None:
    acquire(item)
    item.origin.denied.add(item.events[0].statement.entry)


def _gap(item: LyingItem) -> None:
    fork(item)
    item.say("note", {"text": "z"}, item.origin.people["officer"])
    del item.events[1]


_KEPT: Final = ("retention-set", {"rule": "r", "until": "2999-01-01T00:00:00Z"})
_CSAM: Final = ("restricted", {"handling": ["csam"]})
_GIVEN: Final = ("disclosed", {"recipientKind": "defence", "mode": "copy"})
_SEALED: Final = ("sealed", {"number": "7"})

CASES: Final[dict[str, Lie]] = {
    "disposed of by the rules": Lie(_then(acquire), "verified", 8, ""),
    "two digests in one document": Lie(two_digests, "failed", 1, "none twice"),
    "happened after its signature": Lie(_happened, "failed", 2, "it happened at"),
    "opened by a node": Lie(
        lambda item: acquire(item, item.origin.service), "failed", 3, "'service'"
    ),
    "opened by an auditor": Lie(
        lambda item: acquire(item, item.origin.certify(["auditor"])), "failed", 3, "'auditor'"
    ),
    "closed by a node": Lie(_by_node(shown=True), "failed", 3, "'disposed'"),
    "closed by a node and withheld": Lie(_by_node(shown=False), "failed", 3, "'close'"),
    "moved by a guest": Lie(_guest("moved", {"place": "x"}, "officer"), "failed", 3, "guest"),
    "noted by a guest in a role that guests lack": Lie(
        _guest("note", {"text": "x"}, "custodian"), "failed", 3, "guest"
    ),
    "offered by the taker": Lie(_offered_by_taker, "failed", 3, "guest"),
    "a note withheld": Lie(
        _said(("note", {"text": "x"}), shown=False), "verified", 3, "type and role not checked"
    ),
    "disposed of under a hold": Lie(
        _then(_said(("hold-placed", HOLD))), "failed", 8, "1 hold is in force"
    ),
    "disposed of before its time": Lie(_then(_said(_KEPT)), "failed", 8, "must be kept"),
    "own disposal approved": Lie(_own_approval, "failed", 8, "recorded themselves"),
    "own offer accepted": Lie(accept_own_offer, "failed", 8, "offered themselves"),
    "a seal twice": Lie(_said(_SEALED, _SEALED), "failed", 8, "seal with that number"),
    "csam given to the defence": Lie(_said(_CSAM, _GIVEN), "failed", 8, "csam"),
    "disposed of under a hold of the giver": Lie(
        _hold_abroad, "verified", 8, "goes against what another agency recorded"
    ),
    "disposed of under a withheld hold": Lie(
        lambda item: _hold_abroad(item, shown=False), "verified", 8, "rules of the record not"
    ),
    "a fork beside the branch": Lie(fork, "verified", 8, "another one stands at its place"),
    "the branch that came later": Lie(other_branch, "failed", 2, "stands out of order"),
    "a gap before a fork": Lie(_gap, "failed", 2, ""),
    "a lost acceptance beside the branch": Lie(
        lost_acceptance, "verified", 8, "the contract did not take it"
    ),
    "opened twice": Lie(_opened_twice, "verified", 8, "the item was opened before"),
    "taken without an acceptance": Lie(_taken, "incomplete", 8, "no acceptance of it is shown"),
    "taken by an offer that nobody signed": Lie(
        taken_by_nobody_s_offer, "incomplete", 8, "nothing shown here explains"
    ),
    "a later event left out": Lie(_left_out, "incomplete", 8, "map of NL-POL proves other"),
    "a void branch left out": Lie(_void_left_out, "incomplete", 8, "map of NL-POL proves other"),
    "left out in the log of the giver": Lie(
        _left_out_abroad, "incomplete", 8, "map of NL-POL proves other"
    ),
    "denied by the map of its own log": Lie(_denied, "incomplete", 8, "has nothing of this item"),
    "two files in one record": Lie(_two_files, "incomplete", 9, "sha-512"),
}
