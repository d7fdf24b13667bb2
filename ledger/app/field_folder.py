"""A folder that works without network: what the node said of itself, and what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from ledger.adapters import files
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.local import LocalBlockStore
from ledger.adapters.journal import FileJournal
from ledger.adapters.keystore.file import FileKeyring
from ledger.app import settings
from ledger.client.field.offline import FieldNode
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, UsageError
from ledger.domain.ports.node_answers import About
from ledger.domain.untrusted import shapes


def prepare_field(home: Path, about: About) -> None:
    """Write down what the node says of itself, so that its people can sign for it without
    asking.
    """
    folder = home / settings.FIELD
    files.private_folder(folder)
    files.write(folder / "node.json", json.dumps(asdict(about)).encode())


@contextmanager
def open_field(
    home: Path, keyring: FileKeyring, kind: type[FieldNode] = FieldNode
) -> Iterator[FieldNode]:
    """What waits in a folder for the network, as a node of this kind; one command at a time.

    Raises:
        UsageError: nothing was prepared while there was one. LockedError: another command works
            offline here.
    """
    folder = home / settings.FIELD
    try:
        said = strict_json.lenient((folder / "node.json").read_bytes())
        about = shapes.fit(said, About, what="node.json")
    except (OSError, ValueError, FormatError) as error:
        raise UsageError(
            "nothing is prepared for work without network",
            hint="run custody field prepare while you have one",
        ) from error
    with ExitStack() as stack:
        stack.callback(FileLock(folder / "field.lock", what="the field folder").release)
        blocks = LocalBlockStore(folder / "blocks")
        stack.callback(blocks.close)
        journal = FileJournal(home / settings.QUEUE, keyring.get("journal"))
        stack.callback(journal.close)
        yield kind(about, blocks, journal)


def journal_of(home: Path, keyring: FileKeyring) -> FileJournal:
    """The upload journal of a client."""
    return FileJournal(home / settings.JOURNAL, keyring.get("journal"))
