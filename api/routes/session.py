"""Login."""

from __future__ import annotations

from hashlib import sha256

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from api.deps import GuardedRoute, NodeDep
from api.lockout import LockOut
from api.proxies import counted
from api.schemas_session import ChallengeOut, LoginIn, OidcOut, TokenOut
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import DeniedError, VerificationError
from ledger.domain.identity import login as logins
from ledger.services.access import sessions

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["login"])


@router.post("/login/challenge", operation_id="login_challenge")
def login_challenge(node: NodeDep) -> ChallengeOut:
    """A challenge to sign with the person's key; good once, for two minutes."""
    server, nonce, expires = sessions.challenge(node)
    provider = node.identity
    oidc = None
    if provider is not None:
        oidc = OidcOut(
            issuer=provider.issuer, clientId=provider.client_id, nonce=sessions.nonce_for(nonce)
        )
    return ChallengeOut(server=server, nonce=b64url(nonce), expires=expires, oidc=oidc)


@router.post("/login", operation_id="login")
def login(http: Request, node: NodeDep, request: LoginIn) -> TokenOut:
    """Answer a challenge; the token is good for fifteen minutes, and only with the key that
    answered (DPoP, RFC 9449).
    """
    answer = from_b64url(request.answer, what="login")
    lockout: LockOut = http.app.state.lockout
    who = counted(http.scope), sha256(logins.parse(answer).certificate).digest()
    if seconds := lockout.wait(*who):
        raise HTTPException(
            429, f"too many failed logins; come again in {seconds} s", {"Retry-After": str(seconds)}
        )
    try:
        token, expires = sessions.open_session(node, answer, request.idToken)
    except (DeniedError, VerificationError):
        # A node that came before it was known here must not have to wait when it is.
        if sessions.is_from_known_agency(node, answer):
            lockout.note(*who, succeeded=False)
        raise
    lockout.note(*who, succeeded=True)
    return TokenOut(token=token, expires=expires, now=node.clock.now())
