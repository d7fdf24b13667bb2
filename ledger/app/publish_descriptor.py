"""A governor publishes the next version of their agency's descriptor: the node drafts it, and the
governor's key signs only for what they asked for.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.adapters.chain import signed_calls
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import KeyringError, VerificationError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import agency_id
from ledger.domain.ports.node_answers import PublishedDescriptor

GOVERNOR: Final = "governor"


#: The member of a descriptor that each rotation changes.
_MEMBERS: Final = {"log-key": "log_key", "node-key": "node"}


def rotate(
    keyring: FileKeyring,
    node: NodeClient,
    current: Descriptor,
    what: str,
    *,
    chain: int,
    registry: bytes,
) -> PublishedDescriptor:
    """Have another key of the node named by the next version of the descriptor; may be repeated
    until it is done.

    Args:
        current: the descriptor in force. what: "log-key" or "node-key". chain, registry: as the
            home knows them.

    Raises:
        KeyringError: the governor's key is not here. VerificationError: the node drafts something
            else than another such key.
    """
    drafted, member = node.draft_descriptor(what), _MEMBERS[what]
    found = descriptors.parse(from_b64url(drafted.document, what="descriptor"))
    if getattr(found, member) == getattr(current, member):
        raise VerificationError(4, "the node drafts a descriptor with the same key")
    _require(found, current, **{member: getattr(found, member)})
    if (drafted.chain, drafted.registry) != (chain, "0x" + registry.hex()):
        raise VerificationError(4, "the node drafts for another registry than that of this home")
    if GOVERNOR not in keyring.names():
        raise KeyringError(
            "the governor's key is not in this keyring",
            hint="whoever holds it does this: it is in the home that `custody init` made",
        )
    place = signed_calls.Place(drafted.chain, drafted.nonce, drafted.fee, drafted.tip)
    transaction = signed_calls.sign_publication(
        keyring.get(GOVERNOR), place, registry, agency_id(current.agency), found.digest
    )
    return node.publish_descriptor(found.raw, transaction)


def _require(found: Descriptor, current: Descriptor, **changed: Any) -> None:
    """Check that a draft changes what was asked for and nothing else.

    Raises:
        VerificationError: it changes more.
    """
    if found.raw != descriptors.following(current, **changed).raw:
        raise VerificationError(
            4,
            f"the node drafts version {found.version} of the descriptor with other changes than "
            "the key that was asked for",
            hint="nothing was signed; find out who changed the node: custody doctor",
        )
