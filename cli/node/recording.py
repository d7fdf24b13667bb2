"""The node as a command talks to it: whoever stops the command is told what became of what it asked
for (interrupt.py), and a record is that of the item which was named (cli/items/items.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cli.invocation import named_numbers, request_words
from cli.node import interrupt
from cli.wording import previews
from ledger.adapters.node.client import NodeClient
from ledger.adapters.web.client import Answer
from ledger.client.field.offline import FieldNode
from ledger.client.reading import own_signers
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import FormatError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.ports.answers import Queued, RecordedDocument, Registered, Standing
from ledger.domain.ports.node_answers import About

#: What is done once for each request and cannot be asked for again without doing it twice.
_ONCE: Final = ("/v1/people/", "/v1/enrolments", "/v1/custody-key")
#: Questions whose words stand in no address, so that they are posted.
_ASKED: Final = frozenset(
    {"/v1/people/names", "/v1/enrolments/outcome", "/v1/enrolments/certificate"}
)


class RecordingNode(NodeClient):
    """A node at an address."""

    _about: About | None = None

    def agency(self) -> About:
        """See NodeClient. It is asked once a command: where it changed meanwhile, the node refuses
        by what holds then.
        """
        if self._about is None:
            self._about = super().agency()
        return self._about

    def rehearse(self, evidence: str, document: bytes, disclosures: Sequence[str]) -> None:
        """See NodeClient."""
        super().rehearse(evidence, document, disclosures)
        previews.of_draft(document, disclosures)

    def register(
        self, submissions: Sequence[dict[str, Any]], *, field: bool = False
    ) -> list[Registered]:
        """See clientports.NodeApi."""
        previews.of_submissions(submissions)
        with interrupt.recording(len(submissions)):
            return super().register(submissions, field=field)

    def record(self, evidence: str, access: str) -> tuple[list[RecordedDocument], Standing]:
        """See NodeClient."""
        events, standing = super().record(evidence, access)
        self._require_ours(evidence, events)
        return events, standing

    def incoming(self, evidence: str) -> tuple[list[RecordedDocument], list[bytes], Standing]:
        """See NodeClient."""
        events, given, standing = super().incoming(evidence)
        self._require_ours(evidence, events)
        return events, given, standing

    def _require_ours(self, evidence: str, events: list[RecordedDocument]) -> None:
        """Check that a record is that of the item which was named, and signed by people whom the
        agency certified.
        """
        named_numbers.require_named(evidence, events)
        if self._signer is not None:
            raw = from_b64url(self.agency().descriptor, what="descriptor")
            own = certificates.parse(self._signer()[1])
            own_signers.require_certified(events, own, descriptors.parse(raw))

    def _send(self, method: str, path: str, **options: Any) -> Answer:
        try:
            if method == "GET" or path in _ASKED or not path.startswith(_ONCE):
                return super()._send(method, path, **options)
            with interrupt.recording(1):
                return super()._send(method, path, **options)
        except FormatError as error:
            if (told := request_words.in_words(error)) is error:
                raise
            raise told from error


class RecordingField(FieldNode):
    """The queue of a folder without network."""

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[Queued]:
        """See clientports.NodeApi."""
        previews.of_submissions(submissions)
        with interrupt.recording(len(submissions)):
            return super().register(submissions)
