"""Plain words for what the formats call by codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.invocation.hints import runnable

if TYPE_CHECKING:
    from cli.wording.person_words import Names
    from ledger.domain.ports.answers import Item, Recorded


def recorded(answer: Recorded, what: str = "recorded") -> str:
    """What became of one statement; one that waits without network is recorded nowhere yet."""
    if answer.state == "queued":
        return (
            f"signed, and waits here as number {answer.index}: it is recorded nowhere "
            f"until {runnable('custody field send')}"
        )
    where = STATES.get(answer.state, answer.state)
    return f"{what} as number {answer.index} in the agency's log: {where}"


def holder(item: Item, called: Names) -> str:
    """Who holds an item: the person, where the node tells one, and the agency."""
    if not item.holder:
        return item.custodian
    return f"{called(item.custodian, item.holder)} of {item.custodian}"


EVENTS: Final = {
    "collected": "collected",
    "acquired": "file recorded",
    "derived": "derived from other items",
    "copied": "copy received",
    "gathered": "folder recorded",
    "accessed": "opened",
    "verified": "checked again",
    "analysed": "analysed",
    "identified": "further number given",
    "moved": "moved",
    "dispatched": "sent off",
    "released": "handed out",
    "received": "taken back",
    "sealed": "sealed",
    "unsealed": "seal opened",
    "hold-placed": "hold placed",
    "hold-released": "hold lifted",
    "restricted": "access restricted",
    "unrestricted": "restriction lifted",
    "retention-set": "retention set",
    "disclosed": "disclosed",
    "presented": "shown in court",
    "ruled": "court ruling",
    "corrected": "correction",
    "incident": "incident",
    "approved": "approved",
    "refused": "refused",
    "disposal-requested": "disposal requested",
    "keys-destroyed": "keys destroyed",
    "note": "note",
    "transfer-offered": "handover offered",
    "transfer-accepted": "handover accepted",
    "transfer-declined": "handover declined",
    "transfer-withdrawn": "handover withdrawn",
    "transfer-expired": "handover expired",
    "disposed": "disposed of",
    "returned": "returned to the owner",
    "voided": "void: recorded by mistake",
    "case-opened": "case opened",
    "case-assigned": "case assigned",
    "listed": "sealed names of items listed",
    "case-closed": "case closed",
}
#: What an event says about itself in the open, where its record stays sealed.
EFFECTS: Final = {
    "open": "recorded",
    "none": "event (sealed)",
    "offer": "handover offered",
    "accept": "handover accepted",
    "decline": "handover declined",
    "withdraw": "handover withdrawn",
    "close": "closed",
}
STATES: Final = {
    "integrated": "not yet anchored",
    "submitted": "on its way to the chain",
    "anchored": "on the chain, not yet final",
    "final": "on the chain for good",
}
#: The same for a table, in which an item has one line.
SHORT_STATES: Final = {
    "integrated": "not yet anchored",
    "submitted": "on its way to the chain",
    "anchored": "not yet final",
    "final": "final",
}
MEMBERS: Final = {
    "name": "name",
    "path": "path",
    "size": "size",
    "mediaType": "kind of file",
    "mode": "how",
    "result": "result",
    "text": "text",
    "target": "about",
    "pointer": "member",
    "old": "was",
    "new": "is now",
    "reason": "reason",
    "count": "members",
    "place": "place",
    "from": "from",
    "due": "back by",
    "description": "what",
    "condition": "condition",
    "number": "seal",
    "position": "position",
    "purpose": "for",
    "expires": "until",
    "returnBy": "back by",
    "carrier": "carrier",
    "waybill": "waybill",
    "hold": "hold",
    "authority": "authority",
    "rule": "rule",
    "until": "until",
    "court": "court",
    "docket": "docket",
    "mark": "mark",
    "ruling": "ruling",
    "order": "order",
    "kind": "kind",
    "results": "results",
    "method": "method",
    "scope": "scope",
    "recipientKind": "given to",
    "stateFound": "found",
    "packaging": "packed",
    "note": "note",
    "handling": "marks",
    "content": "kept as",
    "to": "to",
    "ext": "also",
}
REPLICAS: Final = {
    "wanted": "not there yet",
    "pinned": "there",
    "damaged": "DAMAGED",
    "released": "being removed",
}
HANDOVERS: Final = {
    "inside": "waits for an answer",
    "offered": "signed, not on the chain yet",
    "open": "waits for an answer",
    "concluding": "answered, the chain decides",
}
CUSTODY_KEY: Final = {
    "": "",
    "waits": "waits for the custody key",
    "sealed": "given, not fetched yet",
    "holds": "holds it",
    "kept": "still holds it",
}
#: What a digest that somebody stated is of.
STATED_OF: Final = {
    "file": "the file",
    "container": "the container",
    "media": "the media",
}
