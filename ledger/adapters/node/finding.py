"""What a node knows of files and numbers before something is recorded under them, and what waits
there for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from ledger.adapters.node import signed_records
from ledger.adapters.node.http import HttpNode
from ledger.adapters.web.client import WebError
from ledger.domain.ports import answers
from ledger.domain.ports.answers import EVIDENCE
from ledger.domain.ports.case_listing import Listing
from ledger.domain.ports.inbox import InboxPage
from ledger.domain.untrusted.shapes import COUNT, Maybe

T = TypeVar("T")


_PAGE: Final = 500
_NAMED: Final = 100  # items whose records a node reads at once


class FindingNode(HttpNode):
    """Calls by which people find what is recorded already; see NodeClient."""

    def search(self, scheme: str, value: str) -> list[str]:
        """Items with an identifier."""
        wanted = {"scheme": scheme, "value": value}
        shape = page_of("evidence", EVIDENCE)

        def ask(after: int) -> Any:
            return self._ask("POST", "/v1/evidence/search", shape, json={**wanted, "after": after})

        return list(self._turned("evidence", ask))

    def items(self) -> Iterator[answers.Item]:
        """All items that the caller may see, page by page."""
        yield from self._pages("/v1/evidence", "items", answers.Item)

    def find(self, **wanted: Any) -> Iterator[answers.Item]:
        """Items that the caller may see, page by page, limited to what is wanted: members of the
        API's `FindIn`.
        """
        shape, behind = page_of("items", answers.Item), None
        while True:
            body = {**wanted, "after": behind, "limit": _PAGE}
            page = self._ask("POST", "/v1/evidence/find", shape, json=body)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return
            # A node could keep us turning pages for ever.
            if behind is not None and (
                after >= behind if wanted.get("newest") else after <= behind
            ):
                raise WebError(self._web.who, "answered nonsense: a list that does not go on")
            behind = after

    def _pages(self, path: str, name: str, kind: type[T]) -> Iterator[T]:
        shape = page_of(name, kind)

        def ask(after: int) -> Any:
            return self._ask("GET", path, shape, params={"after": after, "limit": _PAGE})

        yield from self._turned(name, ask)

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

    def listing(self, case: str, evidence: Sequence[str]) -> Iterator[Listing]:
        """Items of a case as their sealed records call them, so many at a time, after the caller
        signed a purpose (`listed`) within the last day.

        Args:
            case: the URN of the case. evidence: which items.
        """
        for start in range(0, len(evidence), _NAMED):
            body = {"evidence": list(evidence[start : start + _NAMED])}
            found: Listing = self._ask("POST", f"/v1/evidence/{case}/listing", Listing, json=body)
            yield found

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


def page_of(name: str, shape: object) -> dict[str, object]:
    """A page of a list, and the cursor of the next."""
    return {name: [shape], "next": Maybe(COUNT)}
