"""What a node knows of files and numbers before something is recorded under them."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.adapters.node import signed_records
from ledger.adapters.node.http import HttpNode
from ledger.domain.ports import answers
from ledger.domain.ports.answers import EVIDENCE


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
