"""What a node says of itself."""

from __future__ import annotations

from typing import Literal

from api.schemas import Base64Url, Strict, example
from api.schemas_session import _LOG


class DemandsOut(Strict):
    """What a profile asks of records: members by event type as JSON pointers, kinds of basis,
    seconds until a record is late.
    """

    required: dict[str, list[str]]
    basisKinds: list[str]
    lateAfter: int


class AgencyOut(Strict):
    """Who this node is; of its jurisdiction profile what clients need: its demands, what is
    withheld from whom, its names for events. ``releases``: where it says that releases are.
    """

    model_config = example(
        agency="NL-POL",
        log=_LOG,
        logNumber=0,
        descriptor="eyJ2IjoxfQ",
        profile="nl",
        demands={
            "required": {"acquired": ["/basis/purpose"]},
            "basisKinds": ["warrant"],
            "lateAfter": 86400,
        },
        withhold={},
        names={},
        releases="https://custody.example/releases",
    )

    agency: str
    log: str
    logNumber: int
    descriptor: Base64Url
    profile: str
    demands: DemandsOut
    withhold: dict[str, list[str]]
    names: dict[str, str]
    releases: str


class DraftIn(Strict):
    """Which key gives way to another."""

    rotated: Literal["log-key", "node-key"]


class DraftOut(Strict):
    """A version of the descriptor, and where the transaction that publishes it goes: the registry,
    the chain, the transaction's number at the governor's account, and its fees per gas in wei.
    """

    document: Base64Url
    registry: str
    chain: int
    nonce: int
    fee: int
    tip: int


class PublicationIn(Strict):
    """A version as it was drafted, and the governor's signed transaction."""

    document: Base64Url
    transaction: Base64Url


class PublishedOut(Strict):
    """The version that the registry has now, from when on it is in force, and whether everything
    in the log was anchored before.
    """

    version: int
    activeFrom: str
    anchored: bool
