"""What an offer says, shown to whoever answers it before they sign, and the question whether they
do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cli.items import short_ids
from cli.terminal import questions, tables
from cli.wording import person_words
from ledger.domain.event import corrections, same_record
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from ledger.client.handovers.offered_item import OnOffer
    from ledger.domain.identity.person import PersonId
    from ledger.domain.ports.answers import RecordedDocument, Standing

#: Items of one offer that are named; of more, how many there are.
_LISTED: Final = 100


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


def offer_lines(shown: OnOffer, called: person_words.Names = person_words.pseudonym) -> list[str]:
    """An offer with its item: what, from whom, to whom, until when, on which terms."""
    signer, *terms = _terms(shown, called)
    return [
        *_rows(
            ("item", _short(shown)),
            ("what", f"{_what(shown)}{_size(shown)}"),
            *(("number", f"{one['value']} ({one['scheme']})") for one in _identifiers(shown)),
            ("from", signer[1]),
            ("signed", shown.offer["time"]),
            *terms,
        ),
        *standing_lines(shown.standing),
    ]


def several_lines(offers: Sequence[OnOffer], called: person_words.Names) -> list[str]:
    """Several offers: under each of the terms that are made, the items that are offered on them."""
    groups: dict[tuple[str, ...], list[OnOffer]] = {}
    for shown in offers:
        terms = (*_rows(*_terms(shown, called)), *standing_lines(shown.standing))
        groups.setdefault(terms, []).append(shown)
    lines = list[str]()
    for terms, members in groups.items():
        rows = [
            [
                _short(shown),
                f"{_what(shown)}{_size(shown)}",
                "/".join(str(one["value"]) for one in _identifiers(shown)),
            ]
            for shown in members[:_LISTED]
        ]
        lines += [*terms, *tables.table(["ITEM", "WHAT", "NUMBER"], rows)]
        if len(members) > _LISTED:
            lines.append(f"and {len(members) - _LISTED:,} more on the same terms")
        lines.append("")
    return lines


def _rows(*rows: tuple[str, Any]) -> list[str]:
    return [f"{word:<9}{text}" for word, text in rows if text]


def _short(shown: OnOffer) -> str:
    """The short id of the item, as lists show it: its record begins with what opened it."""
    return short_ids.short_digest(shown.events[0].statement)


def _what(shown: OnOffer) -> str:
    documents = documents_of(shown.events)
    opening = corrections.standing(documents, next(iter(documents)))
    body = opening["body"]
    return str(body.get("name") or body.get("description") or opening["type"])


def _size(shown: OnOffer) -> str:
    opening = shown.opening["body"]
    if not shown.has_content:
        return ", a thing without a file"
    return f", {opening['mediaType']}, {opening['size']:,} bytes"


def _terms(shown: OnOffer, called: person_words.Names) -> list[tuple[str, Any]]:
    """What an offer says beside its item; who signed it comes first."""
    offer, body = shown.offer, shown.offer["body"]
    return [
        ("from", person_words.signer(offer["actor"], called)),
        ("to", person_words.recipient(body["to"], called)),
        ("for", "a loan" if body["mode"] == "loan" else "custody for good"),
        ("back by", body.get("returnBy")),
        ("good", f"until {body['expires']}"),
        ("purpose", body.get("purpose")),
        ("basis", ", ".join(str(part) for part in offer.get("basis", {}).values())),
        ("as found", body.get("condition")),
        *(("on terms", condition) for condition in body.get("conditions", [])),
    ]


def checked_lines(shown: OnOffer, seals: tuple[str, ...]) -> list[str]:
    """What was verified of an item on offer before anybody signs for it, and what was not."""
    if shown.has_content:
        return [
            "checked  every byte was fetched and is what was recorded, by its sha-256",
            f"         {shown.opening['body']['digests']['sha-256']}",
        ]
    found = ", ".join(seals) or "none"
    return [
        "checked  nothing: of a thing you alone can say what it is",
        f"found    seals, as you say: {found}",
    ]


def found_seals(shown: OnOffer) -> tuple[str, ...]:
    """Which seals somebody found on a thing, one a line as a scanner types them; asked where its
    record has some, since whoever said nothing would sign that they found none.
    """
    found = list[str]()
    while shown.standing.seals and (
        number := questions.text("Number of a seal that you found on it (an empty line ends):")
    ):
        found.append(number)
    return tuple(found)


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
    """Its numbers as its record stands: what was corrected may be another item's by now."""
    standing = dict(same_record.versions(documents_of(shown.events))).values()
    return [number for document in standing for number in same_record.identifiers(document)]
