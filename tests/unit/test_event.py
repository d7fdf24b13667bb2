"""Event documents: strict members, selective disclosure, agreement with claims."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.event import disclosure as sd
from ledger.domain.event import document as documents
from ledger.domain.event.types import TYPES
from ledger.domain.identity.roles import ROLES_BY_TYPE
from ledger.domain.log.statement import Claims

EVIDENCE = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
CONTENT = {
    "cid": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    "suite": "A256GCM-STREAM-1MiB",
    "pieces": {"size": 1048560, "count": 1},
    "paddedSize": 4096,
    "salt": b64url(bytes(16)),
    "commitment": b64url(bytes(32)),
}
BASE: dict[str, Any] = {
    "v": documents.VERSION,
    "type": "acquired",
    "evidence": EVIDENCE,
    "seq": 0,
    "prev": None,
    "actor": {"id": "a" * 26, "agency": "NL-POL", "kind": "person", "role": "officer"},
    "time": "2026-11-21T09:14:03Z",
    "salt": b64url(bytes(32)),
    "refSalt": b64url(bytes(32)),
    "basis": {"purpose": "search of a dwelling", "kind": "warrant", "country": "NL"},
    "body": {
        "digests": {"sha-256": "0" * 64},
        "size": 10,
        "mediaType": "image/jpeg",
        "name": "IMG_1.jpg",
        "place": "Utrecht",
        "content": CONTENT,
    },
}
SALTS = {pointer: bytes([number]) * 16 for number, pointer in enumerate(documents.DEFAULT_HIDDEN)}


def edited(**changes: Any) -> dict[str, Any]:
    value = copy.deepcopy(BASE)
    for pointer, item in changes.items():
        *path, name = pointer.split("__")
        place = value
        for step in path:
            place = place[step]
        if item is ...:
            del place[name]
        else:
            place[name] = item
    return value


def test_hidden_members_are_gone_from_the_document_and_come_back_with_their_disclosures() -> None:
    event = documents.build(BASE, SALTS)
    for word in (b"IMG_1", b"Utrecht", b"dwelling", b"0" * 64):
        assert word not in event.raw
    assert event.body["name"] == "IMG_1.jpg"
    assert event.value["basis"]["purpose"] == "search of a dwelling"
    assert not event.withheld


def test_what_is_withheld_is_reported_and_never_a_failure() -> None:
    event = documents.build(BASE, SALTS)
    some = [disclosure.encoded for disclosure in event.disclosures if disclosure.name != "name"]
    partial = documents.parse(event.raw, some)
    assert "name" not in partial.body
    assert "/body/name" in partial.withheld
    with pytest.raises(FormatError, match="withheld"):
        documents.require_complete(partial)


def test_every_set_of_disclosures_parses() -> None:
    event = documents.build(BASE, SALTS)
    for mask in range(1 << len(event.disclosures)):
        shown = [
            disclosure.encoded
            for bit, disclosure in enumerate(event.disclosures)
            if mask >> bit & 1
        ]
        assert documents.parse(event.raw, shown).digest == event.digest


def test_a_disclosure_of_another_document_or_given_twice_is_refused() -> None:
    event = documents.build(BASE, SALTS)
    shown = [disclosure.encoded for disclosure in event.disclosures]
    with pytest.raises(VerificationError, match="its signer did not put there"):
        documents.parse(event.raw, [*shown, sd.make("path", "x", b"s" * 16).encoded])
    with pytest.raises(FormatError):
        documents.parse(event.raw, [*shown, shown[0]])


def test_a_disclosure_cannot_replace_a_member_that_is_there() -> None:
    value = edited()
    shadow = sd.make("name", "other", b"s" * 16)
    value["body"] |= {"_sd": [b64url(shadow.digest)], "_sd_names": ["name"]}
    value["_sd_alg"] = "sha-256"
    with pytest.raises(FormatError, match="already present"):
        documents.parse(strict_json.dump(value), [shadow.encoded])


@pytest.mark.parametrize("name", sorted(sd.NEVER_HIDDEN))
def test_what_makes_the_event_what_it_is_cannot_be_hidden(name: str) -> None:
    with pytest.raises(FormatError):
        sd.make(name, "x", b"s" * 16)


def test_nested_disclosures_lists_and_short_salts_are_refused() -> None:
    with pytest.raises(FormatError):
        sd.make("device", {"_sd": ["x"]}, b"s" * 16)
    with pytest.raises(FormatError):
        sd.make("name", "x", b"s" * 15)
    with pytest.raises(FormatError):
        documents.parse(
            strict_json.dump(edited(body__stated=[{"_sd": [b64url(bytes(32))]}], _sd_alg="sha-256"))
        )


@pytest.mark.parametrize(
    "pointer",
    [
        "/actor",
        "/seq",
        "/time",
        "/body",
        "/type",
        "/actor/id",
        "/actor/role",
        "/body/content",
        "/body/content/cid",
    ],
)
def test_a_document_cannot_withhold_what_checks_rely_on(pointer: str) -> None:
    value = edited(_sd_alg="sha-256")
    *path, name = pointer.lstrip("/").split("/")
    place = value
    for step in path:
        place = place[step]
    del place[name]
    place |= {"_sd": [b64url(bytes(32))], "_sd_names": [name]}
    with pytest.raises(FormatError):
        documents.parse(strict_json.dump(value))


@pytest.mark.parametrize(
    "digests", [[], ["x"], [b64url(b"b" * 32), b64url(b"a" * 32)], [b64url(b"a" * 32)] * 2, "x"]
)
def test_malformed_digest_lists_are_refused(digests: Any) -> None:
    names = ["path", "source"][: len(digests)]
    hidden = {"body___sd": digests, "body___sd_names": names, "_sd_alg": "sha-256"}
    with pytest.raises(FormatError):
        documents.parse(strict_json.dump(edited(**hidden)))


def hiding(*members: sd.Disclosure, **changes: Any) -> dict[str, Any]:
    """A document whose body hides members as these disclosures say, whatever they are."""
    pairs = sorted((b64url(one.digest), one.name) for one in members)
    value = edited(**dict.fromkeys({f"body__{one.name}" for one in members} & HAS, ...))
    value["body"] |= {"_sd": [digest for digest, _ in pairs]}
    value["body"] |= {"_sd_names": [name for _, name in pairs]} | changes
    return value | {"_sd_alg": "sha-256"}


HAS = {f"body__{name}" for name in BASE["body"]}


def test_no_document_hides_two_digests_and_shows_each_court_another() -> None:
    files = [{"sha-256": "0" * 64}, {"sha-256": "1" * 64}]
    shown = [sd.make("digests", digests, b"s" * 16) for digests in files]
    raw = strict_json.dump(hiding(*shown))
    for disclosures in ([], shown[:1], shown[1:], shown):
        with pytest.raises(FormatError, match="none twice"):
            documents.parse(raw, [one.encoded for one in disclosures])
    other = hiding(*shown, _sd_names=["digests", "note"])
    with pytest.raises(FormatError, match="another name"):
        documents.parse(strict_json.dump(other), [one.encoded for one in shown])


def test_no_name_is_told_twice_by_spelling_it_otherwise() -> None:
    shown = [sd.make("name", text, b"s" * 16) for text in ("a", "b")]
    raw = strict_json.dump(hiding(*shown, _sd_names=["name", "nbme"]))
    with pytest.raises(FormatError, match="none twice"):
        documents.parse(raw.replace(b'"nbme"', b'"n\\u0061me"'))


@pytest.mark.parametrize(
    "names",
    [
        [],
        "name",
        ["name", "place"],
        [1],
        [None],
        ["content"],
        ["_sd_names"],
        ["size"],
        ["surprise"],
        ["name "],
    ],
)
def test_names_of_hidden_members_are_names_that_could_be_hidden_there(names: Any) -> None:
    with pytest.raises(FormatError):
        documents.parse(strict_json.dump(hiding(sd.make("name", "x", b"s" * 16), _sd_names=names)))


@pytest.mark.parametrize("lacking", ["_sd", "_sd_names"])
def test_digests_and_names_of_hidden_members_stand_together(lacking: str) -> None:
    value = hiding(sd.make("name", "x", b"s" * 16))
    del value["body"][lacking]
    with pytest.raises(FormatError, match="_sd_names"):
        documents.parse(strict_json.dump(value))


def test_a_member_is_not_hidden_under_the_name_of_another_one() -> None:
    member = sd.make("source", "a phone", b"s" * 16)
    with pytest.raises(FormatError, match="another name"):
        documents.parse(strict_json.dump(hiding(member, _sd_names=["path"])), [member.encoded])


def test_a_required_member_is_withheld_by_its_name_or_lacking() -> None:
    member = sd.make("path", "x", b"s" * 16)
    value = hiding(member)
    del value["body"]["digests"]
    for disclosures in ([], [member.encoded]):
        with pytest.raises(FormatError, match="/body/digests"):
            documents.parse(strict_json.dump(value), disclosures)


def test_an_optional_member_that_is_withheld_is_told_by_its_name() -> None:
    event = documents.build(edited(body__collector={"name": "A. Officer"}), SALTS)
    told = documents.parse(event.raw)
    assert set(told.withheld) == {
        "/body/collector",
        "/body/digests",
        "/body/name",
        "/body/place",
        "/basis/purpose",
    }


@pytest.mark.parametrize("place", ["ext", "digests", "tool/settings"])
def test_nothing_is_hidden_in_what_no_schema_names(place: str) -> None:
    """The name of a member there may be a victim's own."""
    hidden = sd.make("secret", "x", b"s" * 16)
    inner: dict[str, Any] = {"_sd": [b64url(hidden.digest)], "_sd_names": ["secret"]}
    for name in reversed(place.split("/")):
        inner = {"name": "x", name: inner} if name == "settings" else {name: inner}
    value = edited()
    value["body"] |= inner
    for disclosures in ([], [hidden.encoded]):
        with pytest.raises(FormatError, match="not inside"):
            documents.parse(strict_json.dump(value | {"_sd_alg": "sha-256"}), disclosures)


def test_of_a_type_that_nobody_knows_what_is_withheld_is_told_as_well() -> None:
    hidden = sd.make("grams", 12, b"s" * 16)
    body = {"scale": {"_sd": [b64url(hidden.digest)], "_sd_names": ["grams"]}}
    raw = strict_json.dump(edited(type="weighed", body=body, _sd_alg="sha-256"))
    assert documents.parse(raw).withheld == ("/body/scale/grams",)
    assert not documents.parse(raw, [hidden.encoded]).withheld


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 1},
        {"v": 3},
        {"v": True},
        {"surprise": 1},
        {"body__surprise": 1},
        {"actor__id": "short"},
        {"actor__kind": "robot"},
        {"time": "2026-11-21T09:14:03+01:00"},
        {"time": "2026-02-30T09:14:03Z"},
        {"seq": 1},
        {"prev": "0" * 64},
        {"refSalt": ...},
        {"salt": "AA"},
        {"body__size": -1},
        {"body__size": 1.5},
        {"body__digests": {"md5": "0" * 32}},
        {"body__digests": {"sha-256": "0" * 63}},
        {"body__mediaType": "JPEG"},
        {"body__content__cid": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKzAfx"},
        {"body__content__suite": "none"},
        {"handling": "csam"},
        {"evidence": "urn:custody:agency:NL-POL"},
        {"_sd_alg": "sha-256"},
        {"body__name": ""},
        {"identifiers": [{"scheme": "Case No", "value": "1"}]},
        {"basis__country": "Netherlands"},
    ],
)
def test_documents_outside_the_schema_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        documents.parse(strict_json.dump(edited(**changes)))


def test_ext_is_the_place_for_what_the_format_does_not_know() -> None:
    assert documents.parse(strict_json.dump(edited(ext={"x": 1}, body__ext={"y": [2]}))).known


def test_an_unknown_type_is_reported_not_refused() -> None:
    event = documents.parse(strict_json.dump(edited(type="weighed", body={"grams": 12})))
    assert not event.known
    with pytest.raises(FormatError):
        documents.require_complete(event)


def test_every_type_has_roles_that_may_sign_it_and_the_other_way_round() -> None:
    assert set(TYPES) == set(ROLES_BY_TYPE)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("issuer", "RO-DIICOT"),
        ("subject", "urn:uuid:00000000-0000-4000-8000-000000000000"),
        ("time", 1),
        ("ref", bytes(32)),
        ("effect", "none"),
    ],
)
def test_a_document_that_says_something_else_than_its_claims_is_refused(
    member: str, value: Any
) -> None:
    event = documents.build(BASE, SALTS)
    good = {
        "issuer": "NL-POL", "subject": EVIDENCE, "log_id": bytes(32), "time": 1795252443, "seq": 0, "prev": None, "effect": "open",
        "ref": documents.compute_ref(EVIDENCE, bytes(32)),
    }  # fmt: skip
    assert format_time(good["time"]) == BASE["time"]  # type: ignore[arg-type]
    documents.check_claims(event, Claims(**good))  # type: ignore[arg-type]
    with pytest.raises(VerificationError) as error:
        documents.check_claims(event, Claims(**{**good, member: value}))  # type: ignore[arg-type]
    assert error.value.step == 2
