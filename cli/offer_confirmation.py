"""What an offer says, shown to whoever answers it before they sign, and the question whether they
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import people, questions

if TYPE_CHECKING:
    from ledger.client.offered_item import OnOffer
    from ledger.domain.identity.person import PersonId
    from ledger.domain.ports.answers import RecordedDocument, Standing


def offered_by(offer: RecordedDocument) -> PersonId:
    """Who signed an offer, by the certificate that is shown for it; the signature was checked by
    that.
    """
    from ledger.domain.codecs.text import from_b64url
    from ledger.domain.identity import certificate as certificates

    return certificates.parse(from_b64url(offer.signed.certificate, what="certificate")).subject


def standing_rows(standing: Standing) -> list[tuple[str, str]]:
    """What holds for an item now, as far as there is something: each a word and a text."""
    shown = {"seals": "seals", "holds": "holds", "handling": "handling", "conditions": "bound to"}
    rows = [
        (word, ", ".join(texts))
        for name, word in shown.items()
        if (texts := getattr(standing, name))
    ]
    rows += [("keep", f"until {standing.keepUntil}")] if standing.keepUntil else []
    return rows + ([("out", f"with {standing.handedOutTo}")] if standing.handedOutTo else [])


def standing_lines(standing: Standing) -> list[str]:
    """What holds for an item now, as far as there is something."""
    return [f"{word:<9}{text}" for word, text in standing_rows(standing)]


def offer_lines(shown: OnOffer, called: people.Names = people.pseudonym) -> list[str]:
    """An offer with its item: what, from whom, to whom, until when, on which terms."""
    offer, body, opening = shown.offer, shown.offer["body"], shown.opening["body"]
    actor, to, basis = offer["actor"], body["to"], offer.get("basis", {})
    named = opening.get("name") or opening.get("description") or shown.opening["type"]
    size = (
        f", {opening['mediaType']}, {opening['size']:,} bytes"
        if shown.has_content
        else ", a thing without a file"
    )
    terms = [
        ("item", shown.evidence),
        ("what", f"{named}{size}"),
        *(
            ("number", f"{identifier['value']} ({identifier['scheme']})")
            for identifier in _identifiers(shown)
        ),
        ("from", f"{people.signer(actor, called)}, {offer['time']}"),
        ("to", people.recipient(to, called)),
        ("for", "a loan" if body["mode"] == "loan" else "custody for good"),
        ("back by", body.get("returnBy")),
        ("good", f"until {body['expires']}"),
        ("purpose", body.get("purpose")),
        ("basis", ", ".join(str(basi) for basi in basis.values())),
        ("as found", body.get("condition")),
        *(("on terms", condition) for condition in body.get("conditions", [])),
    ]
    return [
        *(f"{word:<9}{text}" for word, text in terms if text),
        *standing_lines(shown.standing),
    ]


def checked_line(shown: OnOffer, seals: tuple[str, ...]) -> str:
    """What was verified of an item on offer before anybody signs for it, and what was not."""
    if shown.has_content:
        return (
            f"checked  every byte was fetched and is what was recorded: sha-256 "
            f"{shown.opening['body']['digests']['sha-256']}"
        )
    found = ", ".join(seals) or "none"
    return (
        f"checked  nothing: of a thing you alone can say what it is; seals that you found: {found}"
    )


def agree(question: str, *, yes: bool) -> None:
    """Ask whoever answers an offer whether they sign.

    Raises:
        UsageError: they do not, or cannot be asked.
    """
    questions.agree(
        question,
        yes=yes,
        otherwise="the offer is open as before",
        hint="refuse it: custody handover decline ID --reason WHY",
    )


def _identifiers(shown: OnOffer) -> list[dict[str, Any]]:
    return [*shown.opening.get("identifiers", []), *shown.offer.get("identifiers", [])]
