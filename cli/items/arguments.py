"""What a person typed: files, items, addresses and reasons, read and judged."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.global_options import STATE
from ledger.adapters import files
from ledger.app import settings
from ledger.domain.errors import FormatError, UnreadableError, UsageError
from ledger.domain.identity.person import require_reference

if TYPE_CHECKING:
    from ledger.domain.bundle.trust import TrustRoot
from cli.node.served import served_at

_AT_ONCE: Final = 256 << 20  # bytes, as long as a bundle may be


def read_file(path: Path) -> bytes:
    """A file that a person named to be read at once: a checkpoint, a bundle, a trust root.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        return files.read_small(path, _AT_ONCE)
    except OSError as error:
        raise UnreadableError(
            f"cannot read {path}: {error.strerror}", hint="check the path and your permissions"
        ) from error


_TRUST: Final = "give the trust root that the agencies published"


def read_trust(path: Path) -> TrustRoot:
    """A trust root.

    Raises:
        UsageError: the file is none. UnreadableError: it cannot be read.
    """
    from ledger.domain.bundle import trust
    from ledger.domain.files import file_kind

    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a trust root", hint=_TRUST)
    data = read_file(path)
    try:
        return trust.parse(data)
    except FormatError as error:
        said = file_kind.describe(data[: file_kind.HEAD])
        what = error.message if said == "a trust root" else f"this is {said}, not a trust root"
        raise UsageError(f"{path}: {what}", hint=error.hint or _TRUST) from error


def node_address() -> str:
    """Where the node of this folder is, for calls that need no session.

    Raises:
        UsageError: nobody serves it.
    """
    home = STATE.home
    found = STATE.server or (
        settings.read_client(home).server if settings.is_client(home) else served_at(home)
    )
    if not found:
        raise UsageError(
            "no node serves this folder now",
            hint="start it with custody serve, or give --server URL",
        )
    return found


def evidence_urn(text: str) -> str:
    """The URN of an item that is named by its whole id, where no node can be asked.

    Raises:
        UsageError: not a UUID.
    """
    match = re.fullmatch(r"(?:urn:uuid:)?([0-9a-fA-F-]{36})", text.strip())
    try:
        return uuid.UUID(match[1] if match else "").urn
    except ValueError as error:
        raise UsageError(
            f"{text[:80]!r} is not the whole id of an item",
            hint="without network, give the whole id, or the short one of what was begun here",
        ) from error


def person(text: str) -> str:
    """The reference of a person as somebody types it, whoever it is.

    Raises:
        UsageError: it can name nobody.
    """
    return require_reference(text.strip())


def listed(text: str, digits: int, what: str, command: str) -> str:
    """What a list names by so many hexadecimal digits.

    Args:
        what: it names, and ``command``: that shows it, for whoever typed something else.

    Raises:
        UsageError: it can name nothing in that list.
    """
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text.strip()):
        raise UsageError(f"{text[:80]!r} names no {what}", hint=f"see: {command}")
    return text.strip()


def basis(text: str) -> dict[str, Any]:
    """The basis member of an event.

    Raises:
        UsageError: nothing was said.
    """
    if not text.strip():
        raise UsageError(
            "the basis is empty",
            hint='say why you read it, for example --basis "case 2026-117, hearing"',
        )
    return {"purpose": text.strip()}
