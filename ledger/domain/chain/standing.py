"""What the registry says of an agency."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry says of an agency: its accounts (20 bytes), and descriptor versions (0:
    none pending). One that was published stays pending there beyond the time from which it is in
    force, until the next one is published.
    """

    governor: bytes
    anchorer: bytes
    recovery: bytes
    active: bool
    version: int
    pending_version: int
    pending_from: int

    @property
    def newest(self) -> int:
        """The newest version, in force or to come."""
        return self.pending_version or self.version

    def in_force(self, time: int) -> int:
        """The version in force at a block's time."""
        return self.newest if self.pending_from <= time else self.version
