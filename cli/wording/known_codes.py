"""Codes that people type, and those that are known of each list. Most lists are open
(docs/design.md), so that an unknown code may be meant; it may as well be a slip, which is signed
for ever: `--handling victim` protects nobody where `victim-identity` was meant.

- what looks like a known code is asked about, in every list
- so is any unknown mark, since marks decide who sees an item
- `own:` before a code of an open list says that it is meant; it is signed without
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: Before a code that is in no list, and is meant.
OWN: Final = "own:"
_LIKELY: Final = 0.65
_BEGINNING: Final = 3  # letters by which a longer code may be meant


@dataclass(frozen=True, slots=True)
class Codes:
    """A list of codes. ``what``: what one is; ``strict``: whether any unknown one is asked about;
    ``closed``: whether there can be no other.
    """

    what: str
    known: tuple[str, ...]
    strict: bool = False
    closed: bool = False


HANDLING: Final = Codes(
    "mark", ("csam", "victim-identity", "privileged", "classified", "biometric"), strict=True
)
RECIPIENTS: Final = Codes(
    "kind of recipient",
    ("prosecutor", "defence", "court", "court-expert", "agency", "colleague", "victim"),
)
MODES: Final = Codes("way of disclosing", ("copy", "export", "view", "inspection"))
BASES: Final = Codes(
    "kind of legal basis",
    (
        *("warrant", "consent", "eio", "epoc", "epoc-pr", "budapest-2ap", "mla", "jit"),
        *("court-order", "statute"),
    ),
)
METHODS: Final = Codes("method", ("physical", "logical", "file-system", "cloud"))
DERIVATIONS: Final = Codes(
    "kind of derived item",
    (
        *("working-copy", "redaction", "translation", "transcript", "extraction", "enhancement"),
        *("conversion", "report", "ai-output"),
    ),
    strict=True,
    closed=True,
)
SCHEMES: Final = Codes("kind of number", ("case", "exhibit", "court", "laboratory"))
INCIDENTS: Final = Codes("kind of incident", ("loss", "broken-seal", "breach", "damage"))
RULINGS: Final = Codes("ruling", ("admitted", "excluded", "sealed"), strict=True, closed=True)


def read(codes: Codes, option: str, typed: str) -> str:
    """A code as it is signed.

    Raises:
        UsageError: it is not known, and not said to be meant.
    """
    from ledger.domain.errors import UsageError

    code = typed.strip()
    if code.startswith(OWN) and not codes.closed:
        return code.removeprefix(OWN)
    close = looks_like(code, codes.known)
    if not code or code in codes.known or not (close or codes.strict):
        return code
    meant = f": did you mean {' or '.join(close)}?" if close else ""
    known = f"known: {', '.join(codes.known)}"
    raise UsageError(
        f"{code[:60]!r} is no known {codes.what}{meant}",
        hint=known if codes.closed else f"{known}; if you mean it: {option} {OWN}{code[:60]}",
    )


def read_all(codes: Codes, option: str, typed: Iterable[str] | None) -> list[str]:
    """Several of them.

    Raises:
        UsageError: as for one.
    """
    return [read(codes, option, one) for one in typed or ()]


def looks_like(word: str, known: Sequence[str]) -> list[str]:
    """Known words that a word looks like, or how they begin, the likeliest first."""
    plain = "-".join(word.lower().replace("_", " ").split())
    found = difflib.get_close_matches(plain, known, 2, _LIKELY)
    begun = [one for one in known if len(plain) >= _BEGINNING and one.startswith(plain)]
    return list(dict.fromkeys([*begun, *found]))
