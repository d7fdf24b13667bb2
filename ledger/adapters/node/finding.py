"""What a node knows of files and numbers before something is recorded under them, and what waits
there for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.adapters.node import signed_records
from ledger.adapters.node.http import HttpNode
from ledger.adapters.web.client import WebError
from ledger.domain.ports import answers
from ledger.domain.ports.answers import EVIDENCE
from ledger.domain.ports.inbox import InboxPage


class FindingNode(HttpNode):
    """Calls by which people find what is recorded already; see NodeClient."""

    def duplicates(self, digest: str) -> list[str]:
        """See clientports.NodeApi."""
        path, shape = "/v1/evidence/duplicates", {"evidence": [EVIDENCE]}
        found: list[str] = self._ask("POST", path, shape, json={"sha256": digest})["evidence"]
        return found

    def recorded(self, marks: Sequence[str], evidence: Sequence[str] = ()) -> list[answers.Opening]:
        """See clientports.NodeApi."""
        body = {"marks": list(marks), "evidence": list(evidence)}
        found: list[answers.Opening] = self._ask(
            "POST", "/v1/evidence/recorded", {"openings": [answers.Opening]}, json=body
        )["openings"]
        for one in found:
            signed_records.require_signed([one.opening], one.evidence, self._web.who)
        return found

    def numbers(self, case: str, exhibits: Sequence[str]) -> dict[str, answers.BorneNumber]:
        """See clientports.NodeApi."""
        body = {"case": case, "exhibits": list(exhibits)}
        found = self._ask(
            "POST", "/v1/evidence/numbers", {"numbers": [answers.BorneNumber]}, json=body
        )["numbers"]
        return {one.exhibit: one for one in found}

    def inbox(self, since: int | None) -> Iterator[InboxPage]:
        """What waits for the caller, page by page; see InboxPage.

        Args:
            since: entries that the log had at the last look; None for the first one.
        """
        after: int | None = -1
        while after is not None:
            asked = {"after": after} | ({} if since is None else {"since": since})
            page: InboxPage = self._ask("GET", "/v1/inbox", InboxPage, params=asked)
            following = page.next
            if following is not None and following <= after:
                raise WebError(self._web.who, "sent a page that begins no later than the last one")
            yield page
            after = following
