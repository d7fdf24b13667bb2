"""A document of which members are withheld: whoever asks for one of these is told so, and never
that it is not there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.domain.event.document import Event


class MemberWithheldError(Exception):
    """A rule asked for what is withheld, so that nobody can say whether it is kept."""


class _Guarded(dict[str, Any]):
    """An object of a document, with the names of the members of it that are withheld."""

    def __getitem__(self, name: str) -> Any:
        self._require(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._require(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The member, or ``default`` where there is none."""
        self._require(name)
        return super().get(name, default)

    def _require(self, name: object) -> None:
        if name in dict.get(self, "_sd_names", ()):
            raise MemberWithheldError


def guard(event: Event) -> Event:
    """The same event, whose withheld members answer nothing.

    Returns:
        an event whose document and body raise MemberWithheldError for these.
    """
    return replace(event, value=_guarded(event.value)) if event.withheld else event


def _guarded(value: Any) -> Any:
    if isinstance(value, dict):
        return _Guarded({name: _guarded(member) for name, member in value.items()})
    return [_guarded(member) for member in value] if isinstance(value, list) else value
