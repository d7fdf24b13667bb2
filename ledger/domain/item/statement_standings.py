"""What a derivation of the custody branch answers: the branch, and what becomes of each statement
about the item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ledger.domain.chain.contract_layout import ACCEPTED, EFFECTS, Hop
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.item.sequenced_statement import SequencedStatement

#: What becomes of a statement. The last two are findings about the agency whose log has it, which
#: signed or took two statements where one may stand; the others blame nobody.
#:
#: - stands: it is on the branch, or ended an offer that is
#: - lost: an answer or a withdrawal that the contract did not take
#: - apart: it hangs on no statement of this branch, as those of another item do
#: - fork: it follows a statement of the branch that another one follows
#: - opened twice: it opens the item that was opened before
Standing = Literal["stands", "lost", "apart", "fork", "opened twice"]
_OUTCOMES: Final = frozenset(EFFECTS.values())


@dataclass(frozen=True, slots=True)
class CustodyBranch:
    """The answer. ``taken``: the contract moved custody, and no acceptance by the custodian is
    shown; ``contested``: numbers of the handovers that nothing shown explains; ``lacking``: what
    else must be shown before the answer is settled.
    """

    statements: tuple[SequencedStatement, ...]
    state: ItemState | None
    custodian: str
    taken: bool
    contested: tuple[int, ...]
    lacking: tuple[str, ...]
    standings: dict[bytes, Standing]

    @property
    def settled(self) -> bool:
        """Whether nothing that somebody could still show of today would change it."""
        return not self.contested and not self.lacking


def judge(
    statements: Iterable[SequencedStatement],
    branch: Sequence[SequencedStatement],
    concluded: Sequence[Hop],
) -> dict[bytes, Standing]:
    """What becomes of each statement, by its digest.

    Args:
        concluded: handovers that ended offers of the branch.
    """
    behind: dict[bytes | None, list[SequencedStatement]] = defaultdict(list)
    for one in statements:
        behind[one.claims.prev].append(one)
    found: dict[bytes, Standing] = {one.digest: "stands" for one in branch}
    for hop in concluded:
        for one in behind[hop.offer]:
            ended = one.digest == hop.outcome_digest and one.claims.effect == EFFECTS[hop.outcome]
            if ended and hop.outcome != ACCEPTED:  # an acceptance is on the branch, or is none
                found[one.digest] = "stands"
    heads = {*found, *(hop.outcome_digest for hop in concluded)}
    followed, more = set(heads), [*heads]
    while more:
        for one in behind[more.pop()]:
            if one.digest not in followed:
                followed.add(one.digest)
                more.append(one.digest)
    origin = branch[0].agency if branch else ""
    everything = [one for several in [*behind.values()] for one in several]
    # A copy in another agency's log changes nothing: what is judged is the statement.
    begun = {one.digest for one in everything if one.agency == origin}
    for one in everything:
        standing: Standing = "apart"
        if one.claims.effect in _OUTCOMES:
            standing = "lost" if one.claims.prev in heads else "apart"
        elif one.claims.effect == "open":
            standing = "opened twice" if one.digest in begun else "apart"
        elif one.digest in followed:
            standing = "fork"
        found.setdefault(one.digest, standing)
    return found
