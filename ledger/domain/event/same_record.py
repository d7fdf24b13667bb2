"""When two records are of the same thing: one file of one source under one number of one case, or
one exhibit number of a case.

- a file is the same where case, exhibit number, source, path and content are the same. The **mark**
  is made of all of them but the content: by it a node finds what may be the same, and is told
  nothing of the file that somebody has at hand. Whether the content is the same is judged where the
  file is, by the signed record (`ledger/client/intake/recorded_before.py`)
- a part of an exhibit has the exhibit's number, a stroke and a number of its own: A1/17. The parts
  of one folder are one source: their marks are made with the number of the folder
- numbers are compared as the index does (normalization)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs import strict_json
from ledger.domain.errors import ConflictError
from ledger.domain.event import corrections, normalization

#: Types that record a file as it was found; what is derived or copied is a thing of its own.
FOUND: Final = frozenset({"acquired", "gathered"})
#: Openings of what another agency gave: their numbers came with them, and are reported alone.
GIVEN: Final = frozenset({"copied"})
#: The scheme of case numbers.
CASE: Final = "case"
#: The scheme under which a search finds the parts of an exhibit number.
PARTS: Final = "parts-of-exhibit"
#: The scheme under which a search finds the items that are of a case as their records stand. Under
#: its number itself those are found too that a correction took out of it.
OF_CASE: Final = "of-case"
#: The scheme under which a search finds a case itself by a number that it ever had, and none of its
#: items.
CASE_ITSELF: Final = "case-itself"
#: The scheme under which a search finds a case itself by its number as its record stands.
CASE_NOW: Final = "case-now"
#: Schemes of what follows from whole records. Their tokens are never made from a scheme that stands
#: in a document: whoever gave an item a further number "of-case" would put it into that case.
DERIVED: Final = frozenset({PARTS, OF_CASE, CASE_ITSELF, CASE_NOW})
_PART: Final = re.compile(r"(?P<whole>.+)/[1-9][0-9]{0,8}")


def part(number: str, count: int) -> str:
    """The number of a part of an exhibit; parts are counted from 1."""
    return f"{number}/{count}"


def whole(number: str) -> str:
    """The number of the exhibit that a number names a part of; the number itself where it is none
    of a part.
    """
    found = _PART.fullmatch(number)
    return found["whole"] if found else number


def wholes_of(number: str) -> list[str]:
    """The number itself, and those of the exhibits that it names a part of: A1/17/2, A1/17, A1."""
    found = [number]
    while (above := whole(found[-1])) != found[-1]:
        found.append(above)
    return found


def numbers_of(identifiers: Iterable[dict[str, Any]], scheme: str) -> list[str]:
    """The numbers of a scheme, such as "case", among identifiers, in the form in which they are
    compared.
    """
    wanted = normalization.form(scheme)
    return sorted(
        {
            normalization.form(one["value"])
            for one in identifiers
            if normalization.form(one["scheme"]) == wanted
        }
    )


def borne(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The exhibit numbers that an opening event gives its item, each with its case."""
    given = identifiers(document)
    return [
        (case, exhibit)
        for case in numbers_of(given, CASE)
        for exhibit in numbers_of(given, "exhibit")
    ]


def identifiers(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The identifiers that an event gives its item; none of what is no number, which an earlier
    version let a correction put there.
    """
    further = document["body"].get("identifiers") if document["type"] == "identified" else []
    said = [
        one
        for given in (document.get("identifiers"), further)
        if isinstance(given, list)
        for one in given
    ]
    return [
        one
        for one in said
        if isinstance(one, dict)
        and isinstance(one.get("scheme"), str)
        and isinstance(one.get("value"), str)
    ]


def versions(documents: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events that give an item identifiers, by their statement digests: as they were recorded,
    and again as each stood after every correction of it, in the order in which that was signed.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    chains: dict[str, dict[str, dict[str, Any]]] = {}
    for digest, document in documents.items():
        if document["type"] == "corrected":
            chain = chains.get(document["body"].get("target", ""))
        else:
            chain = {} if identifiers(document) else None
        if chain is not None:
            chain[digest] = document
            chains[digest] = chain
            first = next(iter(chain))
            yield first, corrections.standing(chain, first)


def numbers(documents: Mapping[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """The exhibit numbers that an item bears in its cases as its record stands: those of its
    opening, and further ones that were given it since, all after corrections.

    A further number with an issuer is a number of that issuer, and none of the case.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex.
    """
    cases, exhibits = found_by(documents)
    return [(case, exhibit) for case in cases for exhibit in exhibits]


def found_by(documents: Mapping[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The case and exhibit numbers by which an item is found as its record stands; see numbers."""
    found: list[dict[str, Any]] = []
    for document in dict(versions(documents)).values():
        if document["seq"] == 0 or document["type"] == "identified":
            further = document["seq"] != 0
            found += [one for one in identifiers(document) if not (further and one.get("issuer"))]
    return numbers_of(found, CASE), numbers_of(found, "exhibit")


def mark(document: dict[str, Any]) -> str | None:
    """The mark of an opening event of a file, as hex; None where the event is none of those that
    record a file as it was found, or does not say all of it.
    """
    body = document["body"]
    if document["type"] not in FOUND or "name" not in body:
        return None
    identifiers = document.get("identifiers", [])
    exhibits = sorted({whole(one) for one in numbers_of(identifiers, "exhibit")})
    said = {
        "case": numbers_of(identifiers, "case"),
        "exhibit": exhibits,
        "source": body.get("source") if "path" in body else body.get("partOf"),
        "path": body.get("path", body["name"]),
        "folder": document["type"] == "gathered",
    }
    return sha256(b"custody-mark-v1" + strict_json.dump(said)).hexdigest()


def is_same(recorded: dict[str, Any], wanted: dict[str, Any], *, numbered: bool) -> bool:
    """Whether an opening event recorded what another one would: all that the mark is made of, the
    number itself, and the content.

    Args:
        numbered: ``wanted`` has the number that it would be recorded with; otherwise that of any
            part of the exhibit of which it would be the next part.
    """
    has, wants = (numbers_of(one.get("identifiers", []), "exhibit") for one in (recorded, wanted))
    said, told = recorded["body"], wanted["body"]
    return (
        mark(recorded) == mark(wanted)
        and (has == wants if numbered else {*map(whole, has)} == {*map(whole, wants)})
        and said.get("size") == told["size"]
        and said.get("digests", {}).get("sha-256") == told["digests"]["sha-256"]
    )


def wholes(document: dict[str, Any]) -> list[str]:
    """Items that an opening event says its item is a part of, or derived from."""
    body = document["body"]
    part_of = body.get("partOf")
    return [
        *([part_of] if isinstance(part_of, str) else []),
        *(body.get("parents", []) if document["type"] == "derived" else []),
    ]


def replaced(document: dict[str, Any]) -> str:
    """The item that an opening event says its item replaces; empty where there is none."""
    extension = document["body"].get("ext")
    return str(extension.get("replaces", "")) if isinstance(extension, dict) else ""


def may_replace(document: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Whether the opening event of an item is by somebody who may say that it replaces another one,
    by the opening event of that: by a custodian, or by the same person.
    """
    actor, other = document["actor"], earlier["actor"]
    own = (actor["agency"], actor["id"]) == (other["agency"], other["id"])
    return own or actor["role"] == "custodian"


def related(document: dict[str, Any]) -> list[str]:
    """Items whose exhibit number an opening event may bear as well: what it says it is a part of,
    is derived from, or replaces.
    """
    return [*wholes(document), replaced(document)]


#: How it begins what is told of a number that an item of the case bears already.
NUMBER_TAKEN: Final = "the case has this exhibit number already"


#: How it is told that an earlier run had begun what is refused for its number.
INTERRUPTED: Final = "an upload of it was interrupted"


def taken_meanwhile(refusal: ConflictError, recorded: Sequence[str]) -> ConflictError:
    """What is told of a folder whose number was taken after an upload of it was interrupted.

    Args:
        recorded: the exhibit numbers of those of its files that were recorded then, or their items.
    """
    told = f"{refusal.message}; {INTERRUPTED}"
    if recorded:
        named = ", ".join(recorded[:5]) + (f" and {len(recorded) - 5} more" if recorded[5:] else "")
        told += f" after these of its files had been recorded, which stay: {named}"
    return ConflictError(told, hint=f"{refusal.hint}; in each case with --restart")


def taken(bearer: str) -> ConflictError:
    """What is told of a number that an item bears already."""
    return ConflictError(
        f"{NUMBER_TAKEN}: {bearer} bears it",
        hint="give another --exhibit, or say how it belongs to that one: --part-of or --replaces "
        "with its number",
    )
