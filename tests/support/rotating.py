"""Keys of an agency that give way to others, in tests: the governor's part, and what must hold at
every moment of it.
"""

from __future__ import annotations

from contextlib import closing

from ledger.adapters.audit_state import SqliteAuditState
from ledger.app import open_audit, person_keys, publish_descriptor
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.log import receipt as receipts
from ledger.domain.ports.node_answers import PublishedDescriptor
from ledger.domain.verify import verify
from ledger.services.audit import external, internal
from ledger.services.handovers import sync
from ledger.services.log.files import OwnFiles, OwnLog
from ledger.services.node import log_keys
from ledger.services.registration import agency_statements
from tests.support.consortium import Consortium, confirmed
from tests.support.desk import Desk

DAY = 86400
#: What says that something was not judged yet, and accuses nobody.
OPEN = {"waiting", "nothing-anchored", "handover-waits"}


def rotate(desk: Desk, what: str = "log-key") -> PublishedDescriptor:
    """What `custody agency rotate-log-key` does."""
    settings = desk.home.settings
    return publish_descriptor.rotate(
        desk.home.keyring,
        desk.client,
        desk.person.descriptor,
        what,
        chain=settings.chain.id,
        registry=bytes.fromhex(settings.registry[2:]),
    )


def day_later(agencies: Consortium, url: str) -> None:
    """The delay of the registry is over; what was in the logs was anchored before."""
    for desk in agencies.desks.values():
        sync.settle(desk.node, timeout=30)
    agencies.later(url, DAY + 60)
    for desk in agencies.desks.values():
        look_again(desk)
        with desk.node.records.write() as unit:  # as the worker of a node does each day
            agency_statements.publish_crl(desk.node, unit)


def look_again(desk: Desk) -> None:
    """The next command of the desk's person: it asks the node again who it is."""
    desk.client._said = None
    desk.person = person_keys.person_at(desk.home.keyring, desk.client.agency())


def require_good(
    desk: Desk, root: TrustRoot, bundles: list[bytes], *, allowed: frozenset[str] = frozenset()
) -> None:
    """Bundles verify, and audits from inside and outside find nothing."""
    sync.settle(desk.node, timeout=30)
    for bundle in bundles:
        report = verify(bundle, root, confirm=confirmed(desk))  # type: ignore[arg-type]
        assert report.verdict.value == "verified", report.as_json()
    with open_audit.temporary(root) as state:
        inside = internal.audit(desk.node, root, state, internal.InternalOptions(share=1.0))
    assert inside.codes() <= OPEN | allowed, [finding.as_json() for finding in inside.findings]
    with closing(SqliteAuditState(None, open_audit.about(root))) as kept:
        node = desk.node
        files = [OwnFiles(OwnLog.of(node))]
        outside = external.audit(node.contracts, root, files, kept, node.clock)
    assert outside.codes() <= OPEN | allowed, [finding.as_json() for finding in outside.findings]


def held(desk: Desk) -> set[bytes]:
    """Log keys in the home's keyring, as descriptors name them."""
    from ledger.app import node_keyring

    found = {log_keys.public(key) for key in node_keyring.held_log_keys(desk.home.keyring)}
    assert found == {log_keys.public(key) for key in desk.node.keys.logs}
    return found


def signer_of_newest(desk: Desk) -> tuple[int, int]:
    """The version that the chain names for the newest checkpoint, and the one whose log key signed
    its note.
    """
    with desk.node.records.read() as unit:
        row = unit.checkpoints.newest(desk.node.log_id, ("final",))
        assert row is not None
        for known in log_keys.every_version(unit):
            try:
                receipts.verify_checkpoint(receipts.parse_checkpoint(row.note), known.log_key)
            except Exception:  # noqa: BLE001  (looked for)
                continue
            return row.version, known.version
    raise AssertionError("no version's key signed it")
