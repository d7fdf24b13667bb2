"""Where connections go: to addresses that were judged, past no proxy for this machine, and nowhere
that a partner chooses.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.adapters import oidc, webhook
from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.node.client import NodeClient
from ledger.adapters.node.partner import PartnerClient, Partners
from ledger.adapters.web import sockets
from ledger.adapters.web.client import ANYWHERE, Reach, Web
from ledger.domain.errors import NetworkError, UsageError
from ledger.domain.untrusted import hosts
from tests.support.hostile import answer, hostile, says

KEY = ec.generate_private_key(ec.SECP256R1())
EMPTY = says(answer(b"{}"))
PROXIES = (
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
)
Names = Callable[..., None]


def signer() -> tuple[Any, bytes]:
    return KEY, b"certificate"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A name server: each name with the answers that it gives, one after another, the last for
    ever.
    """
    known: dict[str, list[list[str]]] = {}

    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any, **options: Any) -> list[Any]:
        if hosts.literal(host) is not None:
            return list(real(host, port, *more, **options))
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        found = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port),
            )
            for one in found
        ]

    monkeypatch.setattr(sockets.socket, "getaddrinfo", resolve)

    def teach(name: str, *answers: list[str]) -> None:
        known[name] = list(answers)

    return teach


def call(url: str, allowed: tuple[str, ...] = ()) -> int:
    with closing(Web(url, who="the node", reach=Reach(allowed=hosts.networks(allowed)))) as web:
        return web.call("GET", "/", limit=1000).status


def test_a_partner_whose_name_leads_to_this_machine_is_not_connected_to(names: Names) -> None:
    with hostile(EMPTY) as server:
        for address in (
            ["127.0.0.1"],
            ["::ffff:127.0.0.1"],
            ["10.0.0.1", "127.0.0.1"],
            ["169.254.169.254"],
            ["fe80::1%lo"],
            ["0.0.0.0"],
        ):
            names("custody.example", address)
            with pytest.raises(NetworkError, match="not allowed here") as error:
                call(f"http://custody.example:{server.port}")
            assert "custody network allow" in str(error.value.hint)
        assert server.seen == []


def test_a_name_that_leads_elsewhere_after_it_was_judged_gains_nothing(names: Names) -> None:
    """DNS rebinding: the first answer is allowed, the next one is not. Nobody asks twice for one
    connection.
    """
    with hostile(EMPTY) as server:
        names("custody.example", ["127.0.0.1"], ["127.0.0.2"])
        assert call(f"http://custody.example:{server.port}", ("127.0.0.1/32",)) == 200
        with pytest.raises(NetworkError, match="not allowed here"):
            call(f"http://custody.example:{server.port}", ("127.0.0.1/32",))
        assert len(server.seen) == 1


def test_every_connection_is_judged_anew(names: Names) -> None:
    names("custody.example", ["127.0.0.1"], ["127.0.0.2"])
    # The answer announces the end of the connection: a client that only found it closed could be slower.
    once = says(answer(b"{}", "200 OK", "Connection: close"))
    with hostile(once) as server, closing(Web(f"http://custody.example:{server.port}", who="the node", reach=Reach(allowed=hosts.networks(["127.0.0.1/32"])))) as web:  # fmt: skip
        assert web.call("GET", "/", limit=1000).status == 200
        with pytest.raises(NetworkError, match="not allowed here"):
            web.call("GET", "/", limit=1000)


def test_a_name_that_is_not_known_or_has_no_address_is_a_clear_error(names: Names) -> None:
    names("empty.example", [])
    for host in ("unknown.example", "empty.example"):
        with pytest.raises(NetworkError, match="did not answer"):
            call(f"http://{host}")


def test_an_error_names_host_and_port_and_why_and_nothing_secret(names: Names) -> None:
    names("unknown.example", [])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        port = taken.getsockname()[1]
        with (
            closing(Web(f"http://127.0.0.1:{port}/key-7", who="the node", reach=ANYWHERE)) as web,
            pytest.raises(NetworkError, match="refused the connection") as refused,
        ):
            web.call("GET", "/item", limit=1000)
    assert f"127.0.0.1:{port}" in refused.value.message
    assert not {"key-7", "item"} & set(re.split(r"[/?: ]", refused.value.message))
    with pytest.raises(NetworkError, match=r"unknown\.example:80"):
        call("http://unknown.example")
    with hostile(lambda _: b"") as server, pytest.raises(NetworkError) as silent:
        call(f"http://localhost:{server.port}", ("127.0.0.0/8",))
    assert "Error" not in silent.value.message


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names("custody.example", ["127.0.0.1"])
    names("other.example", ["127.0.0.1"])
    seen: list[str | None] = []
    port = _tls(tmp_path, seen)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    assert call(f"https://custody.example:{port}", ("127.0.0.1/32",)) == 200
    with pytest.raises(NetworkError, match=r"certificate of other\.example:.* is not trusted"):
        call(f"https://other.example:{port}", ("127.0.0.1/32",))
    assert seen == ["custody.example", "other.example"]


def _tls(folder: Path, seen: list[str | None]) -> int:
    """A server with a certificate for custody.example, which tells what name it was asked for."""
    name, now = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "custody.example")]),
        datetime.now(UTC),
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(7)
    )
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    made = made.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("custody.example")]), critical=False
    )
    pem = made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "certificate.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.sni_callback = lambda connection, asked, its: seen.append(asked)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            for _ in range(2):
                connection, _ = listener.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        encrypted.recv(1 << 16)
                        encrypted.sendall(answer(b"{}"))
                except OSError:
                    connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def no_logs(_: str) -> set[str]:
    return set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api/v0/repo/gc?x=", "https://custody.example/api/v0/shutdown?x=", "https://a@custody.example", "http://custody.example", "https://custody.example/"])  # fmt: skip
def test_a_descriptor_can_name_no_path_of_any_host(url: str) -> None:
    with pytest.raises(UsageError):
        Partners(signer, no_logs)(url)


def test_addresses_of_this_machine_and_of_private_networks_are_refused_where_nobody_allowed_them() -> (
    None
):
    for url in (
        "http://127.0.0.1:9",
        "https://10.0.0.1",
        "https://[::1]",
        "https://169.254.169.254",
        "https://[::ffff:7f00:1]",
    ):
        with pytest.raises(UsageError, match="not allowed here"):
            Partners(signer, no_logs, ())(url)
    assert (
        Partners(signer, no_logs, hosts.networks(["10.0.0.0/8"]))("https://10.0.0.1").close()
        is None
    )


def test_a_provider_cannot_send_us_into_private_networks(names: Names) -> None:
    """The operator named the issuer's address, and it alone: where its description sends us is
    judged like any name of a stranger.
    """
    with hostile(EMPTY) as inside, hostile(EMPTY) as provider:
        for keys in (
            f"http://127.0.0.2:{inside.port}/keys",
            "https://intern.example/keys",
            "file:///etc/passwd",
            "http://intern.example/",
        ):
            names("intern.example", ["10.0.0.7"])
            endpoints = dict.fromkeys(
                ("authorization_endpoint", "token_endpoint"), "https://login.example/"
            )
            about = {"issuer": provider.url, "jwks_uri": keys, **endpoints}
            provider._talk = says(answer(json.dumps(about).encode()))
            with pytest.raises(NetworkError):
                oidc.OidcProvider(provider.url, "custody")._key("k", "ES256")
        assert len(provider.seen) == 4
        assert inside.seen == []


def test_a_webhook_whose_name_leads_inside_is_refused_until_its_network_is_allowed(
    names: Names,
) -> None:
    names("alarms.example", ["127.0.0.1"])
    with pytest.raises(NetworkError, match="not allowed here"):
        webhook.send("https://alarms.example/x", [], 7)


def test_no_proxy_stands_between_this_machine_and_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile(EMPTY) as proxy, hostile(EMPTY) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost"):
            url = f"http://{host}:{server.port}"
            for client in (NodeClient(url), PartnerClient(url, signer=signer, logs=set)):
                with closing(client), pytest.raises(NetworkError):
                    client.agency()
            with closing(RpcChain(url)) as chain, pytest.raises(NetworkError):
                chain.chain_id()
        assert proxy.seen == []
        assert len(server.seen) == 6


def test_elsewhere_the_proxy_of_the_environment_is_used_and_resolves_names_itself(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile(EMPTY) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{proxy.port}")
        assert call("http://custody.example:81/x") == 200
        assert proxy.seen == [b"GET http://custody.example:81/x/ HTTP/1.1"]
        monkeypatch.setenv("no_proxy", "other.example,.example,10.0.0.0/8")
        with pytest.raises(
            NetworkError, match="did not answer"
        ):  # asked directly, whose name nobody knows
            call("http://custody.example:81/x")
        with pytest.raises(NetworkError, match="private"):
            call("http://10.0.0.1:81")
        assert len(proxy.seen) == 1


def test_a_private_address_is_not_reached_through_a_proxy_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with hostile(EMPTY) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(NetworkError, match="not allowed here"):
            call("http://169.254.169.254/latest")
        assert proxy.seen == []


@pytest.mark.parametrize("text", ["socks5://127.0.0.1:1080", "ftp://x", "http://", "http://a b"])
def test_a_proxy_that_is_none_for_http_is_a_clear_error(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", text)
    with pytest.raises(UsageError, match="proxy"):
        call("https://custody.example")
