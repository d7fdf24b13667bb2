"""Selective disclosure of object members: a profile of RFC 9901 (SD-JWT) without array elements,
nesting or decoys.

- a disclosure is base64url([salt, name, value]); its digest, SHA-256 of that text, stands in the
  object's `_sd`
- `_sd_names` stands beside `_sd`, as long as it: the name of each hidden member in clear, no name
  twice. One document could otherwise hide two digests of a file, and show each court another
- `_sd` is sorted, `_sd_alg` stands at the top; a value never contains `_sd`. Nor does anything in
  or below a member whose own members nobody names beforehand: their names could tell of a victim
- repeated digests, unmatched disclosures, a disclosure under another name, reserved or present
  names are errors; an unresolved digest is "withheld", by its name
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, counted, from_b64url, require
from ledger.domain.errors import FormatError, VerificationError

#: Members that make the event what it is: a verifier must never be left without them.
NEVER_HIDDEN: Final = frozenset(
    {
        "v",
        "type",
        "evidence",
        "seq",
        "prev",
        "actor",
        "time",
        "salt",
        "refSalt",
        "body",
        "content",
        "to",
        "expires",
        "_sd",
        "_sd_names",
        "_sd_alg",
        "...",
    }
)
#: Members that say what is hidden, and are no part of what is said.
HIDING: Final = frozenset({"_sd", "_sd_names", "_sd_alg"})
#: Objects of which nothing is hidden in part: checks read all members of the first three, and of
#: the others no schema names the members.
_WHOLE: Final = frozenset(
    {"actor", "content", "to", "ext", "digests", "settings", "parameters", "headers", "old", "new"}
)
_LIMIT: Final = 1 << 20
_STEP: Final = 2


@dataclass(frozen=True)
class Disclosure:
    """A member kept beside the document: ``encoded`` is its base64url text, ``digest`` 32 bytes."""

    encoded: str
    name: str
    value: Any

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the encoded text (RFC 9901 section 4.2.3)."""
        return sha256(self.encoded.encode()).digest()


def make(name: str, value: Any, salt: bytes) -> Disclosure:
    """Make the disclosure of one member with a random salt of at least 16 bytes.

    Returns:
        the disclosure, with its digest.

    Raises:
        FormatError: a reserved name, a nested disclosure, or a short salt.
    """
    require(len(salt) >= 16, "disclosure salt: shorter than 16 bytes")
    _check_member(name, value)
    return Disclosure(b64url(strict_json.dump([b64url(salt), name, value])), name, value)


def weight(encoded: str) -> int:
    """Bytes of memory that a disclosure takes when it is parsed, at most.

    Raises:
        FormatError: not base64url.
    """
    return len(encoded) + strict_json.weight(from_b64url(encoded, what="disclosure"))


def parse(encoded: str) -> Disclosure:
    """Parse a disclosure.

    Returns:
        the disclosure, with its digest.

    Raises:
        FormatError: malformed, a reserved name, or a nested disclosure.
    """
    what = "disclosure"
    value = strict_json.parse(from_b64url(encoded, what=what), what=what, limit=_LIMIT)
    require(isinstance(value, list) and len(value) == 3, f"{what}: expected [salt, name, value]")
    salt, name, content = value
    require(
        len(from_b64url(salt, what=f"{what} salt")) >= 16, f"{what}: salt shorter than 16 bytes"
    )
    _check_member(name, content)
    return Disclosure(encoded, name, content)


def _check_member(name: object, value: Any) -> None:
    require(isinstance(name, str) and name not in NEVER_HIDDEN, "disclosure: reserved name")
    require(not _mentions(value), "disclosure: nested disclosures are not allowed")


def _mentions(value: Any) -> bool:
    if isinstance(value, dict):
        return not HIDING.isdisjoint(value) or any(_mentions(item) for item in value.values())
    return isinstance(value, list) and any(_mentions(item) for item in value)


def hide(
    document: dict[str, Any], salts: Mapping[str, bytes]
) -> tuple[dict[str, Any], list[Disclosure]]:
    """Replace members by their digests.

    Args:
        document: the complete document.
        salts: JSON pointers of the members to hide ("/body/name"), each with a random salt of at
            least 16 bytes.

    Returns:
        the document as it will be hashed, and the disclosures.
    """
    hidden = _copy(document)
    made: list[Disclosure] = []
    for pointer, salt in salts.items():
        *path, name = pointer.lstrip("/").split("/")
        place: Any = hidden
        for step in path:
            place = place[step]
        disclosure = make(name, place.pop(name), salt)
        made.append(disclosure)
        names = dict(zip(place.get("_sd", ()), place.get("_sd_names", ()), strict=True))
        names[b64url(disclosure.digest)] = name
        place["_sd"], place["_sd_names"] = map(list, zip(*sorted(names.items()), strict=True))
    if made:
        hidden["_sd_alg"] = "sha-256"
    return hidden, made


def reveal(document: dict[str, Any], disclosures: Iterable[Disclosure]) -> dict[str, Any]:
    """Put disclosed members back; digests without a disclosure stay in `_sd`, and their names in
    `_sd_names`.

    Returns:
        the document with the members that were disclosed.

    Raises:
        FormatError: as the module says. VerificationError: a disclosure that belongs to another
            document (step 2).
    """
    offered = {b64url(disclosure.digest): disclosure for disclosure in disclosures}
    seen: set[str] = set()
    require(
        ("_sd_alg" in document)
        == _mentions({key: item for key, item in document.items() if key != "_sd_alg"}),
        "_sd_alg: must stand exactly where digests are used",
    )
    require(document.get("_sd_alg", "sha-256") == "sha-256", "_sd_alg: expected sha-256")
    whole = _reveal(document, offered, seen, top=True)
    unmatched = set(offered) - seen
    if unmatched:
        raise VerificationError(
            _STEP,
            f"{counted(len(unmatched), 'value')} shown with the event "
            "that its signer did not put there",
        )
    if "_sd_alg" in whole and not _mentions(
        {key: item for key, item in whole.items() if key != "_sd_alg"}
    ):
        del whole["_sd_alg"]
    return whole


def _reveal(
    value: dict[str, Any], offered: dict[str, Disclosure], seen: set[str], *, top: bool
) -> dict[str, Any]:
    require(top or "_sd_alg" not in value, "_sd_alg: only at the top")
    whole: dict[str, Any] = {}
    for name, item in value.items():
        if name in ("_sd", "_sd_names"):
            continue
        if (isinstance(item, list) or name in _WHOLE) and _mentions(item):
            raise FormatError(f"_sd: not inside {name!r}")
        whole[name] = _reveal(item, offered, seen, top=False) if isinstance(item, dict) else item
    names = _names(value)
    require(seen.isdisjoint(names), "_sd: repeated digest")
    seen.update(names)
    left = {}
    for digest, name in names.items():
        if digest not in offered:
            left[digest] = name
            continue
        require(offered[digest].name == name, "disclosure: of a member under another name")
        whole[name] = offered[digest].value
    if left:
        whole |= {"_sd": [*left], "_sd_names": [*left.values()]}
    return whole


def _names(value: dict[str, Any]) -> dict[str, str]:
    """Names of the hidden members of an object, by their digests.

    Raises:
        FormatError: they are not there, stand twice, or stand in the object as well.
    """
    require(("_sd" in value) == ("_sd_names" in value), "_sd_names: stands exactly beside _sd")
    if "_sd" not in value:
        return {}
    digests, names = value["_sd"], value["_sd_names"]
    require(isinstance(digests, list) and bool(digests), "_sd: expected a list of digests")
    for text in digests:
        from_b64url(text, what="_sd", size=32)
    require(digests == sorted(set(digests)), "_sd: not sorted, or a digest twice")
    require(
        isinstance(names, list)
        and len(names) == len(digests)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names),
        "_sd_names: expected a name for each digest, none twice",
    )
    for name in names:
        require(name not in NEVER_HIDDEN, "_sd_names: a reserved name")
        require(name not in value, "_sd_names: the member is already present")
    return dict(zip(digests, names, strict=True))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
