"""People in words, without asking anybody: who signed, and to whom something was given.

Whoever a node tells no service number of is told by the beginning of a pseudonym: enough to tell
two people apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from cli.invocation.global_options import STATE
from ledger.domain.identity.person import PersonId, read_stored

#: How somebody is called, by agency and pseudonym.
Names = Callable[[str, str], str]


_SHORT: Final = 8


def pseudonym(_agency: str, name: str) -> str:
    """Somebody by the beginning of their pseudonym, as strangers are told of them."""
    return name[:_SHORT]


def actors(documents: Iterable[dict[str, Any] | None]) -> Iterator[PersonId]:
    """Everybody whom documents name: who signed, and to whom something was given."""
    for document in documents:
        if document is None:
            continue
        actor, to = document["actor"], document["body"].get("to")
        yield PersonId(actor["agency"], actor["id"])
        if isinstance(to, dict) and "person" in to and "agency" in to:
            yield PersonId(to["agency"], to["person"])


def signer(actor: dict[str, Any], called: Names) -> str:
    """Who signed a document, for whoever decides upon it: as they are called here, which is the
    node's word, and as they sign.
    """
    who = called(actor["agency"], actor["id"])
    return f"{actor['role']} {who} of {actor['agency']}, who signs as {actor['id']}"


def recipient(to: dict[str, Any], called: Names) -> str:
    """To whom something was given: a person with the agency, or an agency."""
    if isinstance(to.get("person"), str) and isinstance(to.get("agency"), str):
        unit = f", unit {to['unit']}" if "unit" in to else ""
        return f"{called(to['agency'], to['person'])} of {to['agency']}{unit}"
    return " ".join(value for value in to.values() if isinstance(value, str))


def shown(names: Names, reference: str, home: str) -> str:
    """Somebody whom a node writes as a reference; of another agency with the agency."""
    person = read_stored(reference)
    agency = person.agency or home
    called = names(agency, person.pseudonym)
    return called if agency == home else f"{called} of {agency}"


def as_typed(_agency: str, name: str) -> str:
    """Somebody as they were typed for this command, with the pseudonym that the node gave for it;
    else by that alone.
    """
    typed = STATE.people.get(name, "")
    return f"{typed} ({name[:_SHORT]})" if typed else name[:_SHORT]
