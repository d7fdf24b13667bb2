"""Where profiles lie: those that ship in the package, and an agency's own in its home."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.domain.errors import FormatError, UsageError
from ledger.domain.item import jurisdiction_profile
from ledger.domain.item.jurisdiction_profile import Profile

FILE: Final = "profile.toml"  # an agency's own, in its home
_LONGEST: Final = 1 << 20  # bytes


def shipped() -> list[str]:
    """Codes of the profiles in the package."""
    return sorted(
        path.name.removesuffix(".toml")
        for path in resources.files("ledger.profiles").iterdir()
        if path.name.endswith(".toml")
    )


def source(name: str) -> bytes:
    """The file of a profile by its code, or by a path that ends in .toml.

    Raises:
        UsageError: no such profile, or it cannot be read.
    """
    if name.endswith(".toml"):
        try:
            return files.read_small(Path(name), _LONGEST)
        except OSError as error:
            raise UsageError(
                f"cannot read the profile {name}: {error.strerror}", hint="check the path"
            ) from error
    if name not in shipped():
        raise UsageError(
            f"no profile {name!r}",
            hint=f"one of {', '.join(shipped())}, or a file that ends in .toml",
        )
    return resources.files("ledger.profiles").joinpath(f"{name}.toml").read_bytes()


def load(name: str) -> Profile:
    """A profile by code or path.

    Raises:
        UsageError: no such profile, or a malformed one.
    """
    try:
        return jurisdiction_profile.parse(source(name))
    except FormatError as error:
        raise UsageError(
            f"{name}: {error.message}", hint="compare it with one of: custody profile show CODE"
        ) from error


def of_home(home: Path) -> Profile:
    """The profile that a home follows; the neutral one where none was chosen."""
    own = home / FILE
    return load(str(own)) if own.exists() else load("neutral")
