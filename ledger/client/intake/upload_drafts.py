"""What is known of an upload before it is read: how much there is, its names, what the profile
asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger.client.files import folder_walk
from ledger.client.intake.upload_request import UploadRequest
from ledger.domain.codecs.digests import ALGORITHMS, MultiDigest
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import SourceError
from ledger.domain.event.document import Event
from ledger.domain.event.signing import Person, draft_event
from ledger.domain.files import media_types, path_names
from ledger.domain.files.path_globs import PathGlobs
from ledger.domain.ipld import cid as cids
from ledger.domain.item.jurisdiction_profile import Demands
from ledger.domain.ports.client import NodeApi
from ledger.domain.ports.node_and_chain import Clock


def measure(
    paths: list[Path], own: folder_walk.Known = (), exclude: Sequence[str] = ()
) -> tuple[int, int]:
    """(number of files, bytes) below ``paths``, for a progress bar; what cannot be read, and what
    is excluded, counts nothing.
    """
    excluded = PathGlobs(exclude) if exclude else None
    count = size = 0
    for path in paths:
        try:
            if not path.is_dir():
                count, size = count + 1, size + path.stat().st_size
                continue
            for entry in folder_walk.walk(path, own, excluded):
                if isinstance(entry, folder_walk.File):
                    size += entry.parent.stat_of(entry.name).st_size
                    count += 1
        except (OSError, SourceError):
            continue
    return count, size


def rehearse(node: NodeApi, person: Person, clock: Clock, given: list[UploadRequest]) -> None:
    """Write every kind of record once without content, and ask the profile: before anything is
    read that takes hours.
    """
    about = node.agency()
    demands = Demands.from_json(about.profile, about.demands)
    MultiDigest(
        name for request in given for name in request.options.algorithms
    )  # an unknown one is named with those that are known
    done = []
    for request in given:
        options = request.options
        for event_type in (
            ("gathered", options.event_type) if request.is_folder else (options.event_type,)
        ):
            body = options.own if event_type == "gathered" else options.body
            body = body if request.is_folder else body | options.own
            kind = (event_type, options.members, options.algorithms, body)
            if kind not in done:
                done.append(kind)
                demands.require_met(_draft(person, clock, *kind))


def _draft(
    person: Person,
    clock: Clock,
    event_type: str,
    members: dict[str, Any],
    algorithms: tuple[str, ...],
    body: dict[str, Any],
) -> Event:
    """A record such as it will be, with nothing in it that has to be read first."""
    now = clock.now()
    nothing = bytes(32)
    content = Content(
        cids.to_text(cids.of(b"")), content_encryption.padded_size(0), bytes(16), nothing
    ).as_json()
    digests = {name: "00" * (ALGORITHMS.get(name) or 0) for name in ("sha-256", *algorithms)}
    said: dict[str, Any] = {
        "digests": digests,
        "size": 0,
        "name": "-",
        "mediaType": media_types.UNKNOWN,
        "content": content,
    }
    said |= body | ({"count": 0} if event_type == "gathered" else {})
    return draft_event(
        person, event_type, said,
        evidence=uuid.uuid4().urn, seq=0, prev=None, time=now, ref_salt=nothing,
        members={"occurred": {"from": format_time(now), "clock": "system"}, **members},
    )  # fmt: skip


def extension(**members: bytes) -> dict[str, str]:
    """Bytes that plain text cannot say, as text and as bytes."""
    found = {}
    for name, raw in members.items():
        text = path_names.encode(raw)
        found[name] = text
        if text.encode() != raw:
            found[f"{name}Bytes"] = b64url(raw)
    return found


def name_members(name: bytes, relative: bytes | None, more: dict[str, str]) -> dict[str, Any]:
    """Name and path as text; their bytes as well where the text does not plainly say them."""
    said = extension(name=name) | ({} if relative is None else extension(path=relative))
    ext = {key: value for key, value in said.items() if key.endswith("Bytes")} | more
    return {key: value for key, value in said.items() if not key.endswith("Bytes")} | (
        {"ext": ext} if ext else {}
    )


def described(names: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """What a record says of a file: its names, and what was said of it; the extensions of both."""
    ext = names.get("ext", {}) | body.get("ext", {})
    return names | body | ({"ext": ext} if ext else {})
