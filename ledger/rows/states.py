"""Closed sets of words that rows hold, each written down once: a type checker refuses any other."""

from __future__ import annotations

from typing import Literal

#: An entry's checkpoint on its way to the chain.
CheckpointState = Literal["submitted", "anchored", "final"]
#: An invitation and what became of it.
EnrolmentState = Literal["invited", "requested", "approved"]
#: An item at an IPFS node: to be pinned, pinned, to be repaired, to be removed.
ReplicaStateName = Literal["wanted", "pinned", "damaged", "released"]
#: A handover between agencies: signed, taken by the contract, answered here, decided, or withdrawn
#: before the contract ever took it.
TransferState = Literal["offered", "open", "concluding", "concluded", "lapsed"]
#: Keys to be destroyed for a disposal: not yet, destroyed and not signed for, signed for.
ErasureState = Literal["due", "dropped", "done"]
#: What was handed out under a statement.
ReleaseKind = Literal[
    "content", "details", "listing", "bundle", "parcel", "copy", "offer", "offer-content"
]
#: How one item came from another.
LinkKind = Literal["derived", "copy", "part"]
