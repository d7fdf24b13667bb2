"""Jurisdiction profiles: what a country's rules ask of records, as data (TOML); see
ledger/profiles/ for examples.

A profile narrows what an agency's own node registers. It changes no format: a verifier needs no
profile.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.domain.codecs.text import is_version, quoted, require
from ledger.domain.errors import DemandError, FormatError, RuleError
from ledger.domain.event import claimed_times
from ledger.domain.event.document import Event
from ledger.domain.event.types import TYPES
from ledger.domain.identity.names import ROLES

_LIMIT: Final = 256 << 10
_MEMBERS: Final = {
    "v": int,
    "code": str,
    "name": str,
    "countries": list,
    "languages": list,
    "authorities": list,
    "basis_kinds": list,
    "late_after": int,
    "required": dict,
    "roles": dict,
    "certificate": dict,
}
_BULK: Final = 50
_RULE: Final = "/body/rule"
_OPTIONAL: Final = {
    "bulk_access": int,
    "administrator_apart": bool,
    "names": dict,
    "retention": dict,
    "withhold": dict,
}


@dataclass(frozen=True, slots=True)
class Retention:
    """A rule on how long items are kept: days until disposal is due, and between reviews."""

    title: str
    days: int
    review_days: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A parsed profile. ``late_after`` is seconds (0: never late); ``bulk_access`` items that one
    person opens within an hour without an alarm; ``administrator_apart``: whoever administers has
    no other role; ``required`` JSON pointers by event type; ``roles`` a country's own names for
    roles; ``names`` how event types are shown; ``withhold`` pointers to leave out of bundles by
    kind of recipient.
    """

    code: str
    name: str
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    authorities: tuple[str, ...]
    basis_kinds: frozenset[str]
    late_after: int
    bulk_access: int
    administrator_apart: bool
    required: dict[str, tuple[str, ...]]
    roles: dict[str, str]
    names: dict[str, str]
    retention: dict[str, Retention]
    withhold: dict[str, tuple[str, ...]]
    title: str
    text: str

    def role(self, name: str) -> str:
        """The role that a country's own name for it means; any other name is itself."""
        return self.roles.get(name, name)

    def require_apart(self, roles: Collection[str]) -> None:
        """Check that roles which one person shall have do not join the administrator's with others,
        where the profile keeps them apart.

        Raises:
            RuleError: they do.
        """
        if self.administrator_apart and "administrator" in roles and len(set(roles)) > 1:
            raise RuleError(
                f"the profile {self.code} wants the administrator apart: whoever has that role "
                "has no other one",
                hint="give these roles to two people, each with a service number of their own",
            )

    def demands(self) -> Demands:
        """What the profile asks of records, for whoever drafts one."""
        return Demands(self.code, self.required, self.basis_kinds, self.late_after)

    def require_allowed(self, event: Event) -> None:
        """Check a document against the profile.

        Raises:
            DemandError: with all that it lacks, or as the basis is of an unknown kind.
            RuleError: a retention rule does not say until when, or a disposal names a rule that the
                profile does not have.
        """
        self.demands().require_met(event)
        if event.type in ("disposal-requested", "disposed") and self.retention:
            rule = event.body.get("rule")
            if rule is not None and rule not in self.retention:
                raise RuleError(
                    f"the profile {self.code} has no rule {rule!r}",
                    hint=f"it has: {', '.join(sorted(self.retention))}",
                )
        if (
            event.type == "retention-set"
            and event.body["rule"] in self.retention
            and "until" not in event.body
        ):
            raise RuleError(
                f"the rule {event.body['rule']!r} says until when an item is kept",
                hint="give --until TIME",
            )


@dataclass(frozen=True, slots=True)
class Demands:
    """What a profile asks of records, also for clients, who ask before they do the work. See
    Profile for the members.
    """

    code: str = "neutral"
    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    basis_kinds: Collection[str] = ()
    late_after: int = 0

    def as_json(self) -> dict[str, Any]:
        """The demands as a node sends them to a client."""
        required = {name: list(pointers) for name, pointers in self.required.items()}
        return {
            "required": required,
            "basisKinds": sorted(self.basis_kinds),
            "lateAfter": self.late_after,
        }

    @classmethod
    def from_json(cls, code: str, value: dict[str, Any]) -> Demands:
        """The demands that a node sent."""
        return cls(code, value["required"], value["basisKinds"], value["lateAfter"])

    def _asked(self, event_type: str) -> Sequence[str]:
        """Members that an event has. Where no disposal is carried out without a rule, none is
        requested without one: what is approved is the rule that the request names.
        """
        asked = self.required.get(event_type, ())
        disposal = event_type == "disposal-requested" and _RULE not in asked
        return (*asked, _RULE) if disposal and _RULE in self.required.get("disposed", ()) else asked

    def require_met(self, event: Event) -> None:
        """Check a document.

        Raises:
            DemandError: with all that it lacks, or as the basis is of an unknown kind.
        """
        lacking = [pointer for pointer in self._asked(event.type) if not _has(event.value, pointer)]
        delay = claimed_times.unexplained_delay(event.value)
        late = delay > self.late_after > 0
        if lacking or late:
            problems = [f"{', '.join(lacking)} in {event.type!r}"] if lacking else []
            problems += (
                [f"/late: recorded {delay} s after it happened, more than {self.late_after} s"]
                if late
                else []
            )
            hint = (
                "say why: --late REASON"
                if late and not lacking
                else f"name the rule: --rule RULE, see: custody profile show {self.code}"
                if _RULE in lacking
                else f"see: custody profile show {self.code}"
            )
            raise DemandError(
                f"the profile {self.code} asks for {', and for '.join(problems)}",
                (*lacking, *(["/late"] if late else [])),
                hint=hint,
            )
        kind = event.value.get("basis", {}).get("kind")
        if kind is not None and self.basis_kinds and kind not in self.basis_kinds:
            raise DemandError(
                f"the profile {self.code} knows no basis of kind {kind!r}",
                (),
                hint=f"one of {', '.join(sorted(self.basis_kinds))}",
            )


def _has(value: Any, pointer: str) -> bool:
    for name in pointer.removeprefix("/").split("/"):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return bool(value) or value in (0, False)


def parse(data: bytes) -> Profile:
    """Parse a profile.

    Returns:
        the profile.

    Raises:
        FormatError: malformed, unknown or missing members, types or roles that do not exist.
    """
    require(len(data) <= _LIMIT, f"profile: larger than {_LIMIT} bytes")
    try:
        value = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError("profile: not TOML") from error
    _check_members(value)
    return Profile(
        value["code"],
        value["name"],
        tuple(value["countries"]),
        tuple(value["languages"]),
        tuple(value["authorities"]),
        frozenset(value["basis_kinds"]),
        value["late_after"],
        value.get("bulk_access", _BULK),
        value.get("administrator_apart", False),
        {name: _pointers(pointers) for name, pointers in value["required"].items()},
        dict(value["roles"]),
        dict(value.get("names", {})),
        {name: _retention(rule) for name, rule in value.get("retention", {}).items()},
        {name: _pointers(pointers) for name, pointers in value.get("withhold", {}).items()},
        value["certificate"]["title"],
        value["certificate"]["text"],
    )


def _check_members(value: dict[str, Any]) -> None:
    what = "profile"
    require(
        set(_MEMBERS) <= set(value) <= {*_MEMBERS, *_OPTIONAL}, f"{what}: unknown or missing member"
    )
    for name, kind in {**_MEMBERS, **_OPTIONAL}.items():
        require(
            name not in value
            or (isinstance(value[name], kind) and isinstance(value[name], bool) is (kind is bool)),
            f"{what}: {name} has the wrong type",
        )
    require(is_version(value["v"], 1), f"{what}: version {quoted(value['v'])}, expected 1")
    for name in ("countries", "languages", "authorities", "basis_kinds"):
        require(all(isinstance(text, str) for text in value[name]), f"{what}: {name} must be text")
    for name in ("roles", "names", "certificate"):
        require(
            all(isinstance(text, str) for text in value.get(name, {}).values()),
            f"{what}: {name} must be text",
        )
    require(
        set(value["certificate"]) == {"title", "text"},
        f"{what}: the certificate has a title and a text",
    )
    require(
        set(value["required"]) | set(value.get("names", {})) <= set(TYPES),
        f"{what}: an event type that does not exist",
    )
    require(
        set(value["roles"].values()) <= ROLES - {"service"}, f"{what}: a role that does not exist"
    )
    require(0 <= value["late_after"] < 2**31, f"{what}: late_after out of range")
    require(0 < value.get("bulk_access", _BULK) < 2**31, f"{what}: bulk_access out of range")


def _pointers(value: Any) -> tuple[str, ...]:
    good = isinstance(value, list) and all(
        isinstance(pointer, str) and pointer.startswith("/") for pointer in value
    )
    require(good, "profile: required members are a list of JSON pointers")
    return tuple(value)


def _retention(value: Any) -> Retention:
    good = (
        isinstance(value, dict)
        and set(value) == {"title", "days", "review_days"}
        and isinstance(value["title"], str)
    )
    require(
        good
        and all(type(value[name]) is int and value[name] > 0 for name in ("days", "review_days")),
        "profile: malformed retention rule",
    )
    return Retention(value["title"], value["days"], value["review_days"])
