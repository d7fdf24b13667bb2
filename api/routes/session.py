"""Login."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import GuardedRoute, NodeDep
from api.schemas import ChallengeOut, LoginIn, TokenOut
from ledger.domain.encoding import b64url, from_b64url
from ledger.services import sessions

router = APIRouter(route_class=GuardedRoute, tags=["login"])


@router.post("/login/challenge", operation_id="login_challenge")
def login_challenge(node: NodeDep) -> ChallengeOut:
    """A challenge to sign with the person's key; good once, for two minutes."""
    server, nonce, expires = sessions.challenge(node)
    return ChallengeOut(server=server, nonce=b64url(nonce), expires=expires)


@router.post("/login", operation_id="login")
def login(node: NodeDep, request: LoginIn) -> TokenOut:
    """Answer a challenge; the token is good for fifteen minutes."""
    token, expires = sessions.open_session(node, from_b64url(request.answer, what="login"))
    return TokenOut(token=token, expires=expires)
