"""Who signed the events of a record in the name of the reader's own agency: somebody whom the
agency's CA certified. Whoever runs a node need not have that CA, and could make people up.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.ports.answers import RecordedDocument
from ledger.domain.verify.signed_events import DISTRUST


def require_certified(
    events: Sequence[RecordedDocument], own: Certificate, descriptor: Descriptor
) -> None:
    """Check the certificates of an agency's own people in a record that its node shows.

    Args:
        own: of the reader, by which the CA of their agency is known: a node could name another one.
        descriptor: of the node's agency, as the node has it; nothing is checked where the reader is
            a guest there.

    Raises:
        VerificationError: somebody else certified one of them.
    """
    if own.agency != descriptor.agency:
        return
    try:
        # That CA alone: a descriptor that the node made up could name it and another one.
        ours = certificates.verify_issued(own, descriptor.authorities, own.not_before)
        for event in events:
            der = from_b64url(event.signed.certificate, what="certificate")
            signer = certificates.parse(der)
            if signer.agency == own.agency:  # whether it was good at the time, a bundle proves
                certificates.verify_issued(signer, (ours,), signer.not_before)
    except VerificationError as error:
        raise VerificationError(
            error.step,
            f"the node shows what nobody of {own.agency} signed: {error.message}",
            hint=DISTRUST,
        ) from error
