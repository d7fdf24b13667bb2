"""Tokens of time authorities: a real one's count, and each way in which one can be wrong is told,
counts for nothing, and fails nothing.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.domain.errors import FormatError, NetworkError
from ledger.domain.timestamps import authorities, judging, requests, tokens
from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.domain.timestamps.judging import GivenToken, JudgedToken, Stamped
from tests.support.time_authority import OTHER_POLICY, OpensslAuthority

NOTE = b"a checkpoint"
DIGEST = sha256(NOTE).digest()
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> OpensslAuthority:
    return OpensslAuthority(tmp_path_factory.mktemp("authority") / "here")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> OpensslAuthority:
    return OpensslAuthority(tmp_path_factory.mktemp("second") / "here", name="Second")


@pytest.fixture(scope="module")
def token(authority: OpensslAuthority) -> bytes:
    return authority.token(DIGEST)


def _judge(
    token: bytes, authority: OpensslAuthority, *, signed: int = 0, lists: Any = None, **changes: Any
) -> JudgedToken:
    known = [authority.trusted(**changes)]
    lists = authority.lists() if lists is None else lists
    [judged] = judging.judge([GivenToken(token, of=0)], [Stamped(DIGEST, signed)], known, lists)
    return judged


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_a_token_of_openssl_says_when_by_whom_and_that_it_was_not_revoked(
    authority: OpensslAuthority, token: bytes
) -> None:
    judged = _judge(token, authority)
    assert (judged.problem, judged.authority) == ("", "Test authority")
    assert judged.revocation_checked
    assert judged.token is not None
    assert abs(judged.token.time - _now()) < 300
    assert judged.token.latest - judged.token.time == 2, "accuracy of 1.5 s, rounded up"


@pytest.mark.parametrize("kind", ["rsa", "sha1-names", "two-certificates"])
def test_what_authorities_do_differently_is_read_as_well(kind: str, tmp_path: Path) -> None:
    made = OpensslAuthority(
        tmp_path / "here",
        rsa_signer=kind == "rsa",
        ess="sha1" if kind == "sha1-names" else "sha256",
    )
    judged = _judge(made.token(DIGEST), made)
    assert not judged.problem
    assert judged.token is not None
    assert len(judged.token.others) == 2


def test_a_token_for_another_checkpoint_counts_for_nothing(authority: OpensslAuthority) -> None:
    other = authority.token(sha256(b"another checkpoint").digest())
    assert "stamps something else" in _judge(other, authority).problem


def test_a_token_under_a_policy_that_the_trust_root_does_not_name_counts_for_nothing(
    tmp_path: Path,
) -> None:
    made = OpensslAuthority(tmp_path / "here", policy=OTHER_POLICY)
    judged = _judge(made.token(DIGEST), made, policies=("1.2.3",))
    assert f"under policy {OTHER_POLICY}" in judged.problem


def test_a_token_of_an_authority_that_nobody_named_counts_for_nothing(
    authority: OpensslAuthority, tmp_path: Path
) -> None:
    stranger = OpensslAuthority(tmp_path / "here")  # of the same name
    assert "leads to no time authority" in _judge(stranger.token(DIGEST), authority).problem


def test_a_certificate_that_had_ended_when_it_stamped_counts_for_nothing(tmp_path: Path) -> None:
    made = OpensslAuthority(tmp_path / "here", is_expired=True)
    assert "leads to no time authority" in _judge(made.token(DIGEST), made).problem


def test_a_certificate_for_something_else_stamps_no_time(
    authority: OpensslAuthority, token: bytes, tmp_path: Path
) -> None:
    web = OpensslAuthority(tmp_path / "web", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    good, der = tokens.parse(token), Encoding.DER
    assert authorities.path(good, authority.trusted().roots)
    # openssl stamps with no such certificate, so one of another kind is put in its place.
    of_web = replace(good, signer=web.signer.public_bytes(der), others=(web.ca.public_bytes(der),))
    assert not authorities.path(of_web, web.trusted().roots)


@pytest.mark.parametrize(
    ("reason", "when", "counts"),
    [
        (None, HOUR, False),  # RFC 3161, section 4: no reason, as if it had been stolen
        (x509.ReasonFlags.key_compromise, HOUR, False),
        (x509.ReasonFlags.ca_compromise, HOUR, False),
        (x509.ReasonFlags.certificate_hold, HOUR, False),
        (x509.ReasonFlags.superseded, -HOUR, False),
        (x509.ReasonFlags.superseded, HOUR, True),
        (x509.ReasonFlags.cessation_of_operation, HOUR, True),
    ],
)
@pytest.mark.parametrize("who", ["signer", "ca"])
def test_a_revoked_authority_counts_only_for_what_it_stamped_before_it_ceased(
    reason: x509.ReasonFlags | None, when: timedelta, counts: bool, who: str, tmp_path: Path
) -> None:
    made = OpensslAuthority(tmp_path / "here")
    token = made.token(DIGEST)
    made.revoke(datetime.now(UTC) + when, reason, who)
    judged = _judge(token, made)
    assert judged.counts is counts
    assert counts or "was revoked at" in judged.problem


def test_lists_from_before_or_long_after_do_not_show_that_it_was_good(
    authority: OpensslAuthority, token: bytes
) -> None:
    now = datetime.now(UTC)
    for issued in (now - HOUR, now + timedelta(days=8)):
        lists = [authority.crl("ca", issued), authority.crl("root")]
        judged = _judge(token, authority, lists=lists)
        assert (judged.counts, judged.revocation_checked) == (True, False)
    for lists in (
        [],
        [authority.crl("ca")],
        [authority.crl("ca", is_delta=True), authority.crl("root")],
    ):
        judged = _judge(token, authority, lists=lists)
        assert (judged.counts, judged.revocation_checked) == (True, False)


def test_a_list_that_somebody_else_signed_shows_nothing(
    authority: OpensslAuthority, token: bytes, tmp_path: Path
) -> None:
    stranger = OpensslAuthority(tmp_path / "here")  # its CA bears the same name
    signer = authority.signer.serial_number
    stranger.revoked[signer] = datetime.now(UTC) - HOUR, None
    judged = _judge(token, authority, lists=stranger.lists())
    assert (judged.counts, judged.revocation_checked) == (True, False)


def test_a_time_before_what_it_covers_was_signed_counts_for_nothing(
    authority: OpensslAuthority, token: bytes
) -> None:
    time = tokens.parse(token)
    assert _judge(token, authority, signed=time.latest + 300).counts
    judged = _judge(token, authority, signed=time.latest + 301)
    assert "is over something that was signed at" in judged.problem


def test_of_a_distrusted_authority_only_what_another_one_stamped_before_counts(
    authority: OpensslAuthority, second: OpensslAuthority, token: bytes
) -> None:
    until = _now() + 60
    cover = second.token(sha256(token).digest())
    own = authority.token(sha256(token).digest())

    def counts(*others: tuple[bytes, int], until: int = until, **changes: Any) -> bool:
        known = [authority.trusted(distrusted_from=until), second.trusted(**changes)]
        given = [GivenToken(token, of=0), *(GivenToken(der, token=at) for der, at in others)]
        judged = judging.judge(given, [Stamped(DIGEST)], known, [])
        return judged[0].counts

    assert not counts()
    assert counts((cover, 0))
    assert not counts((own, 0)), "its own word, which a thief of its key gives as well"
    assert not counts((cover, 0), until=_now() - 60), "stamped when it was distrusted already"
    assert not counts((cover, 0), policies=("1.2.3",)), "stamped by a token that does not count"
    assert not counts((cover, 0), distrusted_from=until), "stamped by another one distrusted"


def test_no_flipped_bit_of_a_token_says_another_time_or_of_something_else(
    authority: OpensslAuthority, token: bytes, rng: random.Random
) -> None:
    good = tokens.parse(token)
    for _ in range(1500):
        at = rng.randrange(len(token))
        altered = bytearray(token)
        altered[at] ^= 1 << rng.randrange(8)
        judged = _judge(bytes(altered), authority, lists=[])
        if judged.counts:
            assert judged.token is not None
            said = judged.token
            assert (said.time, said.latest, said.imprint) == (good.time, good.latest, good.imprint)


@pytest.mark.parametrize("wrong", [b"", b"0", b"\x30\x00", b"\x30\x80\x00\x00", b"x" * (1 << 20)])
def test_nonsense_for_a_token_is_told(wrong: bytes, authority: OpensslAuthority) -> None:
    assert _judge(wrong, authority).problem
    for cut in (-1, 1):
        assert _judge(authority.token(DIGEST)[:cut] + wrong, authority).problem


def test_an_answer_is_taken_only_if_it_answers_what_was_asked(authority: OpensslAuthority) -> None:
    answer = authority.answer(requests.encode(DIGEST, 12345))
    assert requests.read(answer, DIGEST, 12345).time
    with pytest.raises(FormatError, match="nonce"):
        requests.read(answer, DIGEST, 12346)
    with pytest.raises(FormatError, match="something else"):
        requests.read(answer, sha256(b"other").digest(), 12345)
    with pytest.raises(FormatError, match="DER form"):
        requests.read(answer + b"\x00", DIGEST, 12345)
    with pytest.raises(FormatError, match="at most"):
        requests.read(answer + bytes(1 << 16), DIGEST, 12345)
    with pytest.raises(NetworkError, match="no token"):
        requests.read(bytes.fromhex("30053003020102"), DIGEST, 12345)
    with pytest.raises(FormatError, match="DER form"):
        requests.read(b"<html>sign in</html>", DIGEST, 12345)


def test_an_authority_stands_in_a_trust_root_as_it_is_written(authority: OpensslAuthority) -> None:
    given = (authority.trusted(), authority.trusted(name="B", distrusted_from=1795600000))
    assert authorities.parse([authorities.encode(one) for one in given], "x") == given
    good = authorities.encode(given[0])
    signer = authorities.encode(authority.trusted(roots=(b"x",)))
    for bad in (
        [good, good],
        [good | {"roots": []}],
        [good | {"roots": good["roots"] * 2}],
        [good | {"policies": []}],
        [good | {"policies": ["1.2.x"]}],
        [good | {"name": "A\u202e"}],
        [good | {"distrustedFrom": 5}],
        [good | {"more": 1}],
        [signer],
        {"a": good},
    ):
        with pytest.raises(FormatError):
            authorities.parse(bad, "x")


def test_the_roots_of_a_file_are_read_in_either_encoding(authority: OpensslAuthority) -> None:
    pem, [der] = (authority.folder / "chain.pem").read_bytes(), authority.trusted().roots
    assert authorities.read_certificates(der) == (der,)
    assert authorities.read_certificates(pem)[0] == der
    assert len(authorities.read_certificates(pem)) == 2
    signer = (authority.folder / "signer.pem").read_bytes()
    for bad in (
        b"",
        b"-----BEGIN",
        signer,
        b"-----BEGIN CERTIFICATE-----!-----END CERTIFICATE-----",
    ):
        with pytest.raises(FormatError):
            authorities.read_certificates(bad)


def test_a_distrusted_authority_is_not_believed_under_a_second_name(
    authority: OpensslAuthority, second: OpensslAuthority, token: bytes
) -> None:
    """Whose a token is, its roots say: a thief's counted under another entry with the same."""
    until = _now() + 60
    alias, distrusted = authority.trusted(name="B"), authority.trusted(distrusted_from=until)
    own = authority.token(sha256(token).digest())
    other = authority.trusted(name="C", policies=(OTHER_POLICY,), distrusted_from=until)

    def problem(*known: TimeAuthority) -> str:
        given = [GivenToken(token, of=0), GivenToken(own, token=0)]
        return judging.judge(given, [Stamped(DIGEST)], known, [])[0].problem

    for known in ((alias, distrusted), (distrusted, alias), (alias, other)):
        assert "is not trusted from" in problem(*known)
    assert not problem(alias)
