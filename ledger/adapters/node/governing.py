"""What the node of an agency does for those who govern it: partners, and keys that give way to
others.
"""

from __future__ import annotations

from ledger.adapters.node.finding import FindingNode
from ledger.domain.codecs.text import b64url
from ledger.domain.ports import node_answers


class GoverningNode(FindingNode):
    """Calls by which an agency is governed; see NodeClient."""

    def partners(self) -> list[node_answers.Partner]:
        """Agencies known there."""
        shape = {"partners": [node_answers.Partner]}
        found: list[node_answers.Partner] = self._ask("GET", "/v1/partners", shape)["partners"]
        return found

    def add_partner(self, url: str) -> node_answers.Partner:
        """Let the node get to know the agency at an address."""
        found: node_answers.Partner = self._ask(
            "POST", "/v1/partners", node_answers.Partner, json={"url": url}
        )
        return found

    def draft_descriptor(self, rotated: str) -> node_answers.DescriptorDraft:
        """The next version of the agency's descriptor, with another key."""
        drafted: node_answers.DescriptorDraft = self._ask(
            "POST", "/v1/agency/drafts", node_answers.DescriptorDraft, json={"rotated": rotated}
        )
        return drafted

    def publish_descriptor(
        self, document: bytes, transaction: bytes
    ) -> node_answers.PublishedDescriptor:
        """Publish such a version by the governor's transaction; may be repeated."""
        body = {"document": b64url(document), "transaction": b64url(transaction)}
        done: node_answers.PublishedDescriptor = self._ask(
            "POST", "/v1/agency/descriptors", node_answers.PublishedDescriptor, json=body
        )
        return done
