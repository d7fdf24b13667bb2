"""How agencies play in a world of branches: by the rules of a node, or by none."""

from __future__ import annotations

from ledger.domain.chain.contract_layout import ACCEPTED, DECLINED, OUTCOMES, WITHDRAWN
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log.statement import Effect
from tests.support.branch_world import DAY, BranchWorld, Sim


def honest(world: BranchWorld, agency: Sim, *, calm: bool = False) -> bool:
    """An honest agency's next act, if its node's rules give it one.

    Args:
        calm: the act that leads soonest to a record again.

    Returns:
        whether it recorded something on the branch.
    """
    answer = world.derive(world.view(agency))
    hop, state, me = world.open, answer.state, agency.code
    if agency.retired or state is None:
        return False
    if answer.custodian != me:
        if hop is not None and world.taker(hop) == me and answer.settled:
            _answer(world, agency, answer)
        return False
    if hop is not None and world.heir(world.giver(hop)) == me and answer.contested:
        # Nobody here signed that: whoever holds the anchoring key sent it, and it is taken back.
        world.conclude(me, WITHDRAWN, world.rng.choice([*agency.current, bytes(32)]))
        return False
    if state.time > world.time or (answer.contested and not _began(answer, me)):
        return False  # nothing is taken over whose record is contested
    if answer.taken:  # the contract moved custody without this node
        world.sign(agency, "accept", state.head, state.seq)
        return True
    if state.offer is None:
        return _record(world, agency, answer, calm=calm)
    _end_own(world, agency, answer, calm=calm)
    return False


def _began(answer: CustodyBranch, code: str) -> bool:
    """Whether the current tenure is one that the agency began itself."""
    return not answer.taken and any(one.agency == code for one in answer.statements[-1:])


def _end_own(world: BranchWorld, agency: Sim, answer: CustodyBranch, *, calm: bool) -> None:
    """What a custodian does about its own open offer, or that of whom it followed."""
    rng, state, me, giver = world.rng, answer.state, agency.code, _giver(answer)
    assert state is not None
    assert state.offer is not None
    assert state.offer.expires is not None
    late = world.time > state.offer.expires
    if state.offer.to == giver == me:
        effects: list[Effect] = ["decline", "withdraw"] if late else ["accept", "decline"]
        world.sign(agency, rng.choice(effects), state.head, state.seq)
    elif world.open is not None:
        if calm or rng.random() < 0.3:
            waiting = agency.waiting
            if waiting is None or world.signed[waiting][0].prev != state.head:
                waiting = world.sign(agency, "withdraw", state.head, state.seq)
            agency.waiting = waiting
            if calm or rng.random() < 0.7:
                world.conclude(me, WITHDRAWN, waiting)
    elif late or state.offer.to == giver:
        world.sign(agency, "withdraw", state.head, state.seq)
    elif giver == me:
        world.offer(me, state.offer.to, state.offer.digest, state.offer.expires)


def _giver(answer: CustodyBranch) -> str:
    return next(one.agency for one in reversed(answer.statements) if one.claims.effect == "offer")


def _record(world: BranchWorld, agency: Sim, answer: CustodyBranch, *, calm: bool) -> bool:
    rng, state, me = world.rng, answer.state, agency.code
    assert state is not None
    others = [code for code in world.agencies if code != me]
    kind = (
        "none"
        if calm or state.closed
        else rng.choice(
            ["none"] * 3 + ["offer"] * 4 + ["within"] + ["close"] * (rng.random() < 0.2)
        )
    )
    if kind == "offer" and (answer.contested or world.open or world.heir(world.held) != me):
        kind = "none"
    if kind in ("offer", "within"):
        to = me if kind == "within" else rng.choice(others)
        expires = world.time + rng.choice([600, DAY, 30 * DAY])
        digest = world.sign(agency, "offer", state.head, state.seq, to=to, expires=expires)
        if kind == "offer" and rng.random() < 0.7:
            world.offer(me, to, digest, expires)
        return False
    effect: Effect = "close" if kind == "close" else "none"
    issuer = rng.choice(others) if effect == "none" and rng.random() < 0.3 else me
    world.sign(agency, effect, state.head, state.seq, issuer=issuer)
    return True


def _answer(world: BranchWorld, agency: Sim, answer: CustodyBranch) -> None:
    """To an offer that is the contract's and the branch's."""
    rng, state, hop = world.rng, answer.state, world.open
    assert state is not None
    assert hop is not None
    if state.time > world.time or rng.random() < 0.2:
        return
    waiting = agency.waiting
    if waiting is not None and world.signed[waiting][0].prev == state.head:
        effect, digest = world.signed[waiting][0].effect, waiting
        if effect == "accept" and world.time > hop.expires:
            return
    else:
        effect = "decline" if rng.random() < 0.35 or world.time > hop.expires else "accept"
        digest = world.sign(agency, effect, state.head, state.seq)
        agency.waiting = digest
    if rng.random() < 0.8:
        world.conclude(agency.code, OUTCOMES[effect], digest)


def lying(world: BranchWorld, agency: Sim) -> None:
    """Whatever it likes."""
    if agency.retired:
        return
    rng = world.rng
    kind = rng.choices(
        ["next", "fork", "junk", "secret", "send", "end", "log", "hide", "copy"],
        [5, 4, 2, 6, 6, 5, 3, 2, 1],
    )[0]
    match kind:
        case "next":
            _go_on(world, agency)
        case "fork" | "junk":
            _fork(world, agency, junk=kind == "junk")
        case "secret":
            _go_on(world, agency, secret=True)
        case "send":
            _send(world, agency)
        case "end":
            _end(world, agency)
        case "log":
            size = rng.randrange(len(agency.current) + 1)
            pool = [*agency.current[size:], *agency.old]
            world.open_log(agency, size, rng.sample(pool, rng.randrange(len(pool) + 1)))
        case "hide" if agency.current:
            digest = rng.choice(agency.current)
            agency.hidden ^= {digest}
        case "copy":
            world.put(agency, rng.choice([*world.signed]))


def _go_on(world: BranchWorld, agency: Sim, *, secret: bool = False) -> None:
    """As if it were honest, by what it shows; or in secret, so that another statement may be shown
    in its place.
    """
    rng, answer = world.rng, world.derive(world.view(agency))
    state = answer.state
    if state is None or answer.custodian != agency.code:
        return
    effect: Effect = "accept" if answer.taken else "none"
    if effect == "none" and state.offer is not None:
        effect = "withdraw"
    elif effect == "none" and not state.closed:
        effect = rng.choice(["none", "offer", "offer", "offer"])
    digest = _sign(world, agency, effect, state.head, state.seq, state.time)
    if secret:
        agency.hidden.add(digest)


def _sign(
    world: BranchWorld, agency: Sim, effect: Effect, prev: bytes | None, seq: int, floor: int
) -> bytes:
    rng = world.rng
    to = rng.choice([*world.agencies]) if effect == "offer" else None
    time = max(floor, world.time) if rng.random() < 0.9 else world.time + rng.randrange(400 * DAY)
    digest = world.sign(
        agency, effect, prev, seq, to=to, time=time,
        expires=time + rng.choice([600, DAY, 30 * DAY, 100 * DAY]) if to else None,
        issuer=rng.choice([*world.agencies]) if rng.random() < 0.15 else "",
        log=rng.choice(agency.logs),
    )  # fmt: skip
    if rng.random() < 0.2:
        agency.hidden.add(digest)
    return digest


def _fork(world: BranchWorld, agency: Sim, *, junk: bool) -> None:
    """Another statement behind one that is already followed, or behind anything."""
    rng = world.rng
    heads = [(digest, claims.seq, claims.time) for digest, (claims, _) in world.signed.items()]
    for hop in world.hops:
        if hop.outcome in (DECLINED, WITHDRAWN) and hop.offer in world.signed:
            claims = world.signed[hop.offer][0]
            heads.append((hop.outcome_digest, claims.seq + 1, claims.time))
    own = [head for head in heads if head[0] in {*agency.current, *agency.old}]
    prev, seq, floor = rng.choice(heads if junk or not own else own)
    effects: list[Effect] = [
        "none",
        "offer",
        "offer",
        "offer",
        "accept",
        "decline",
        "withdraw",
        "close",
    ]
    effect = rng.choice(effects)
    if rng.random() < 0.05:
        world.sign(agency, "open", None, -1)
        return
    _sign(world, agency, effect, prev, seq + (rng.random() < 0.05), floor)


def _send(world: BranchWorld, agency: Sim) -> None:
    """Any offer of its own to the contract, or any digest at all."""
    rng = world.rng
    ours = [*agency.current, *agency.old]
    offers = [one for one in ours if world.signed[one][0].effect == "offer"]
    if offers and rng.random() < 0.85:
        digest = rng.choice(offers)
        world.put(agency, digest)
        claims, expires = world.signed[digest]
        assert claims.to is not None
        assert expires is not None
        other = rng.random() < 0.1
        world.offer(agency.code, claims.to, digest, expires + DAY if other else expires)
    else:
        to = rng.choice([*world.agencies])
        world.offer(agency.code, to, rng.choice([*world.signed]), world.time + DAY)


def _end(world: BranchWorld, agency: Sim) -> None:
    """Any outcome of the open offer, with a statement for it or without."""
    rng, hop = world.rng, world.open
    if hop is None:
        return
    ours = world.taker(hop) == agency.code
    outcome = rng.choice([ACCEPTED, ACCEPTED, DECLINED]) if ours else WITHDRAWN
    digest = rng.choice([rng.randbytes(32), rng.choice([*world.signed])])
    if rng.random() < 0.7 and hop.offer in world.signed:
        claims = world.signed[hop.offer][0]
        effect: Effect = {ACCEPTED: "accept", DECLINED: "decline", WITHDRAWN: "withdraw"}[outcome]  # type: ignore[assignment]
        digest = world.sign(
            agency, effect, hop.offer, claims.seq, time=max(claims.time, world.time)
        )
    world.conclude(agency.code, outcome, digest)


def steal(world: BranchWorld, agency: Sim) -> None:
    """Whoever holds the anchoring key of an honest agency sends what they like."""
    rng = world.rng
    if agency.retired or not agency.honest:
        return
    digest = rng.choice([rng.randbytes(32), *agency.current, *agency.current])
    claims, expires = world.signed.get(digest, (None, None))
    if world.open is None:
        if (
            claims is not None
            and claims.effect == "offer"
            and expires
            and claims.to
            and rng.random() < 0.7
        ):
            world.offer(agency.code, claims.to, digest, expires)
        elif rng.random() < 0.5:
            world.offer(agency.code, rng.choice([*world.agencies]), digest, world.time + DAY)
    else:
        ours = world.taker(world.open) == agency.code
        world.conclude(agency.code, rng.choice([ACCEPTED, DECLINED]) if ours else WITHDRAWN, digest)


def play(world: BranchWorld, steps: int) -> None:
    """A history, one act after another."""
    rng = world.rng
    for _ in range(steps):
        world.time += rng.choices([60, 700, DAY, 31 * DAY], [12, 4, 1, 1])[0]
        likely = [world.heir(world.held), *(world.taker(hop) for hop in world.hops[-1:])]
        codes = [*world.agencies, *(code for code in likely if code)]
        agency = world.agencies[rng.choice(codes)]
        chance = rng.random()
        if chance < 0.01:
            active = [one for one in world.agencies.values() if not one.retired]
            others = [one for one in active if one is not agency]
            if agency in active and len(active) > 2:
                size = (
                    len(agency.current) if agency.honest else rng.randrange(len(agency.current) + 1)
                )
                world.retire(agency, rng.choice(others).code, size)
        elif chance < 0.04 and agency.honest and not agency.retired:
            size = rng.randrange(len(agency.current) + 1)
            world.open_log(agency, size, agency.current[size:])
        elif chance < 0.08 and world.thieves and agency.honest:
            steal(world, agency)
        elif agency.honest:
            honest(world, agency)
        elif rng.random() < 0.6:
            honest(world, agency)  # until it pays to lie
        else:
            lying(world, agency)
