"""A person at work in a home: the real API in this process, the real adapters on a real disk."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from api.app import create_app
from cli.node.in_process_transport import InProcess
from ledger.adapters.keystore.file import Unlocking
from ledger.adapters.node.client import NodeClient
from ledger.app import bootstrap, field_folder, person_keys, settings
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.reading import retrieval
from ledger.domain.bundle import trust
from ledger.domain.event.signing import sign_event
from ledger.domain.ports.answers import Recorded
from ledger.services.bundles import agency_trust, export
from ledger.services.onchain import checkpoint_anchoring

PASSPHRASE = b"correct horse battery staple"
BASIS = {"purpose": "test"}


class Desk:
    """Open a home and sign as its person."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()
        self.logs_at: Callable[[str], AbstractSet[str]] = lambda _: set()

    def __enter__(self) -> Self:
        self.home = bootstrap.open_home(
            self.path, Unlocking(self.path / settings.KEYRING, PASSPHRASE)
        )
        self._stack.callback(self.home.close)
        self.app = create_app(self.home.node, confirmations=0)
        self.transport = self._stack.enter_context(InProcess(self.app))
        keyring = self.home.keyring
        self.client = self._stack.enter_context(
            NodeClient(
                "http://home",
                transport=self.transport,
                signer=lambda: (keyring.signing_key("person"), keyring.get("person-certificate")),
            )
        )
        self.person = person_keys.person_at(keyring, self.client.agency())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def node(self) -> Any:
        return self.home.node

    @property
    def clock(self) -> Any:
        return self.home.node.clock

    def upload(self, *paths: Path, options: UploadOptions | None = None) -> list[UploadResult]:
        """Record files; without options as items of their own, whatever was recorded before."""
        journal = field_folder.journal_of(self.path, self.home.keyring)
        run = Upload(
            self.person, self.client, journal, self.clock, options or UploadOptions(again=True)
        )
        return list(run.run(list(paths)))

    def access(self, evidence: str, mode: str = "export") -> str:
        return retrieval.record_access(
            self.client, self.person, self.clock, evidence, mode=mode, basis=BASIS
        )

    def get(self, evidence: str) -> bytes:
        out = BytesIO()
        retrieval.fetch(self.client, self.person, evidence, self.access(evidence, "copy"), out)
        return out.getvalue()

    def record(self, evidence: str, event_type: str, body: dict[str, Any]) -> Recorded:
        return retrieval.record(self.client, self.person, self.clock, evidence, event_type, body)

    def anchor(self) -> checkpoint_anchoring.Progress:
        return checkpoint_anchoring.anchor_now(self.node)

    def bundle(self, evidence: str) -> bytes:
        return export.bundle(self.node, evidence).encode()

    def trust(self) -> trust.TrustRoot:
        return trust.parse(agency_trust.trust_root(self.node, confirmations=0).encode())


def signed_note(desk: Desk, evidence: str, **changes: Any) -> dict[str, Any]:
    """A note that the desk's person signed as the first event after an item's opening, ready to be
    sent; ``seq``, ``prev`` or ``time`` otherwise where a test says so.
    """
    options = {
        "seq": 1,
        "prev": bytes.fromhex(desk.client.item(evidence).head),
        "time": desk.clock.now(),
        **changes,
    }
    return sign_event(desk.person, "note", {"text": "x"}, evidence=evidence, **options).submission
