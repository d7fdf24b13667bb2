"""Record keys that are sealed to an old key of the node are sealed anew to the one in force.

- a page at a time, each in one transaction: whoever is killed in between has lost nothing and done
  nothing twice
- whatever comes later under the old key (an upload that was signed without network) is sealed anew
  likewise, so the old key stays for as long as something may come
- it is destroyed when that time is over and nothing is sealed to it any more
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ledger.domain.codecs.text import subject_bytes
from ledger.domain.crypto import grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import HpkeKey
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node

_PAGE: Final = 500
#: Seconds for which an old key is kept: offers end within 90 days, and so should what was signed
#: without network.
KEPT: Final = 90 * 86400


def step(node: Node) -> bool:
    """Seal one page anew; whether there may be more to do.

    Raises:
        KeyringError: the key in force is not held.
    """
    if len(node.keys.hpkes) < 2:
        return False
    with node.records.read() as unit:
        current, old = node.hpke_key(unit).public, _old(node, unit)
    for key in old:
        with node.records.write() as unit:
            page = unit.grants.page_to(key.public.digest, "record", _PAGE)
            for evidence, sealed in page:
                _seal_anew(unit, evidence, sealed, key, current)
        if page:
            return True
        if old[key] + KEPT <= node.clock.now():
            keys = tuple(one for one in node.keys.hpkes if one != key)
            node.keep_hpke_keys(keys)
            node.keys = replace(node.keys, hpkes=keys)
    return False


def _seal_anew(
    unit: UnitOfWork, evidence: str, sealed: bytes, old: HpkePrivateKey, current: HpkeKey
) -> None:
    secret = old.open(grants.parse(sealed))
    made = grants.seal(secret, current, evidence=subject_bytes(evidence), scope="record")
    # One that is there stays: it came with the record, and nobody puts another in its place.
    unit.grants.keep(evidence, "record", current.digest, b"", made.encode())
    unit.grants.drop(evidence, "record", old.public.digest)


def _old(node: Node, unit: UnitOfWork) -> dict[HpkePrivateKey, int]:
    """Keys that are held and that no version in force or to come names, each with when the version
    after it came into force.
    """
    rows = unit.authority.descriptors()
    now = node.clock.now()
    named = {descriptors.parse(row.document).node.digest: row.version for row in rows}
    in_force = node.descriptor(unit).version
    since = {row.version: row.active_from for row in rows}
    return {
        key: since.get(named[key.public.digest] + 1, now)
        for key in node.keys.hpkes
        if named.get(key.public.digest, in_force) < in_force
    }
