"""The forms of `custody record`: for each kind of event what is asked, as one readable table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cli.wording import known_codes
from cli.wording.known_codes import Codes


@dataclass(frozen=True, slots=True)
class Field:
    """One option. ``path``: member of the event's body, with dots; ``kind``: text, time, past,
    texts, seals, names, event, flag, item.

    "past" is a time that has come. "event" takes the number of an earlier event and records its
    digest; "seals" and "names" make objects of plain words. ``codes``: of which list it is.
    """

    option: str
    path: str
    help: str
    kind: str = "text"
    required: bool = False
    codes: Codes | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """One command: its name, event type, one sentence, an example, what it asks, and what it always
    says.
    """

    name: str
    type: str
    help: str
    example: str
    fields: tuple[Field, ...]
    fixed: tuple[tuple[str, str], ...] = ()


def _party(
    option: str, help: str, path: str = "counterparty", *, required: bool = True
) -> tuple[Field, ...]:
    return (
        Field(option, f"{path}.name", help, required=required),
        Field("organisation", f"{path}.organisation", "Their organisation."),
        Field("identity", "identityChecked", "How their identity was checked."),
        Field("receipt", "receipt", "Reference of the signed receipt."),
    )


_REASON: Final = Field("reason", "reason", "Why.")
_WHY: Final = Field("reason", "reason", "Why.", required=True)
_HANDLING: Final = Field(
    "handling",
    "handling",
    "Mark; one of your own as own:MARK; may be repeated.",
    "texts",
    required=True,
    codes=known_codes.HANDLING,
)
_PLACE: Final = Field("place", "place", "Where.")
_CONDITION: Final = Field("condition", "condition", "Condition in which it is.")
_SEALS: Final = Field("seal", "seals", "Number of a seal; may be repeated.", "seals")

FORMS: Final = (
    Form(
        "identify",
        "identified",
        "Record a further number that an agency or a court gave the item.",
        "--scheme court --value 09/123456-26",
        (
            Field(
                "scheme",
                "identifiers.0.scheme",
                "Kind of number: case, exhibit, court, laboratory ...",
                required=True,
                codes=known_codes.SCHEMES,
            ),
            Field(
                "value",
                "identifiers.0.value",
                "The number; searchable, never in clear.",
                required=True,
            ),
            Field("issuer", "identifiers.0.issuer", "Who gave it."),
            _REASON,
        ),
    ),
    Form(
        "move",
        "moved",
        "Record that the item lies somewhere else now.",
        '--to "store 3, shelf 14"',
        (
            Field("to", "place", "Where it is now.", required=True),
            Field("from", "from", "Where it was."),
            _REASON,
            _CONDITION,
        ),
    ),
    Form(
        "dispatch",
        "dispatched",
        "Record that the item was given to a carrier.",
        "--carrier DHL --waybill 4711 --seal S-1",
        (
            Field("carrier", "carrier", "Carrier.", required=True),
            Field("waybill", "waybill", "Number of the consignment."),
            Field("destination", "destination", "Where it goes."),
            _SEALS,
            _CONDITION,
        ),
    ),
    Form(
        "release",
        "released",
        (
            "Record that the item was handed to somebody without keys: a laboratory, a court, an "
            "owner's counsel."
        ),
        '--to "NFI laboratory" --purpose "DNA" --seal S-1',
        (
            *_party("to", "Who took it."),
            Field("purpose", "purpose", "What for."),
            Field("due", "due", "When it is due back: 2026-12-01T12:00:00Z.", "time"),
            _SEALS,
            _CONDITION,
            _PLACE,
        ),
    ),
    Form(
        "receive",
        "received",
        "Record that the item came back from somebody without keys.",
        '--from "NFI laboratory" --seal S-1 --condition "as sent"',
        (*_party("from", "Who brought it."), _SEALS, _CONDITION, _PLACE),
    ),
    Form(
        "seal",
        "sealed",
        "Record a new seal.",
        '--number S-2 --position "lid" --replaces S-1',
        (
            Field("number", "number", "Number on the seal.", required=True),
            Field("position", "position", "Where it sits."),
            Field("replaces", "replaces", "Number of the seal that it replaces."),
            Field("witness", "witness.name", "Who saw it."),
            _CONDITION,
        ),
    ),
    Form(
        "unseal",
        "unsealed",
        "Record that a seal was opened.",
        '--number S-1 --condition "unbroken" --purpose "imaging"',
        (
            Field("number", "number", "Number on the seal.", required=True),
            Field("purpose", "purpose", "What for."),
            Field("witness", "witness.name", "Who saw it."),
            Field("condition", "condition", "How it was found."),
        ),
    ),
    Form(
        "hold",
        "hold-placed",
        "Place a hold: the item cannot be disposed of or returned while it is in force.",
        '--name appeal-7 --authority "court of appeal"',
        (
            Field("name", "hold", "Name of the hold.", required=True),
            Field("by", "authority", "Authority that ordered it."),
            _REASON,
            Field("until", "expires", "Until when: 2027-01-01T00:00:00Z.", "time"),
        ),
    ),
    Form(
        "lift",
        "hold-released",
        "Lift a hold.",
        "--name appeal-7",
        (Field("name", "hold", "Name of the hold.", required=True), _REASON),
    ),
    Form(
        "restrict",
        "restricted",
        "Mark the item: csam, victim-identity, privileged, classified ...",
        "--handling csam",
        (
            _HANDLING,
            _REASON,
            Field("until", "until", "Until.", "time"),
        ),
    ),
    Form(
        "unrestrict",
        "unrestricted",
        "Take a mark off the item.",
        "--handling privileged --reason 'waived'",
        (_HANDLING, _REASON),
    ),
    Form(
        "retain",
        "retention-set",
        "Set how long the item is kept.",
        "--rule wpg-9 --until 2036-11-22T00:00:00Z",
        (
            Field(
                "rule", "rule", "Rule by which it is kept, as your profile names it.", required=True
            ),
            Field("until", "until", "It is not disposed of before: 2036-11-22T00:00:00Z.", "time"),
            Field("review", "review", "When to look at it again.", "time"),
            _REASON,
        ),
    ),
    Form(
        "analyse",
        "analysed",
        "Record an examination of the item.",
        '--what "chat extraction" --tool Cellebrite --tool-version 10.2',
        (
            Field("what", "description", "What was done.", required=True),
            Field("tool", "tool.name", "Tool."),
            Field("tool-version", "tool.version", "Its version."),
            Field("results", "results", "Results in words."),
            Field("output", "outputs", "Item that came out of it; may be repeated.", "items"),
            Field("error-rate", "errorRate", "Known error rate."),
            Field("laboratory", "laboratory", "Laboratory."),
            Field("present", "present", "Who was present; may be repeated.", "names"),
        ),
    ),
    Form(
        "present",
        "presented",
        "Record that the item was shown in court.",
        '--court "Rechtbank Den Haag" --docket 09/123456-26 --mark P-3',
        (
            Field("court", "court", "Court.", required=True),
            Field("docket", "docket", "Docket number."),
            Field("hearing", "hearing", "Time of the hearing.", "time"),
            Field("mark", "mark", "Mark that the court gave it."),
            Field("by", "by.name", "Who showed it."),
        ),
    ),
    Form(
        "rule",
        "ruled",
        "Record what a court decided about the item.",
        '--ruling admitted --court "Rechtbank Den Haag"',
        (
            Field(
                "ruling",
                "ruling",
                "admitted, excluded or sealed.",
                required=True,
                codes=known_codes.RULINGS,
            ),
            Field("court", "court", "Court."),
            Field("order", "order", "Reference of the order."),
            _REASON,
        ),
    ),
    Form(
        "incident",
        "incident",
        "Record an incident: loss, broken seal, breach.",
        "--kind broken-seal --discovered 2026-11-22T08:00:00Z --what 'S-1 torn'",
        (
            Field(
                "kind",
                "kind",
                "loss, broken-seal, breach, damage ...",
                required=True,
                codes=known_codes.INCIDENTS,
            ),
            Field("discovered", "discovered", "When it was discovered.", "past", required=True),
            Field("what", "description", "What happened."),
            Field("effect", "effect", "What it means for the evidence."),
            Field("action", "action", "What was done."),
            Field("reported", "reported", "To whom it was reported."),
        ),
    ),
    Form(
        "approve",
        "approved",
        "Approve what a colleague recorded. Nobody approves what they recorded themselves.",
        "--event 4",
        (
            Field(
                "event",
                "target",
                "Number of the event, as `custody show` lists it.",
                "event",
                required=True,
            ),
            _REASON,
        ),
    ),
    Form(
        "refuse",
        "refused",
        "Refuse to approve what a colleague recorded.",
        "--event 4 --reason 'the appeal is open'",
        (
            Field(
                "event",
                "target",
                "Number of the event, as `custody show` lists it.",
                "event",
                required=True,
            ),
            _REASON,
        ),
    ),
    Form(
        "return",
        "returned",
        "Record that the item went back to its owner, which closes it.",
        '--to "A. Owner" --receipt R-17',
        (*_party("to", "The owner.", "owner"), _CONDITION),
    ),
    Form(
        "void",
        "voided",
        "Declare the item registered by mistake, which closes it.",
        "--reason 'recorded twice' --replacement 3f0c1d2e-...",
        (_WHY, Field("replacement", "replacement", "Item that stands in its place.", "item")),
    ),
)
