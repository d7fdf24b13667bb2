"""Where a request comes from: proxies that the operator named are believed, nobody else is."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.proxies import Trusted, client, counted, trusted
from api.ratelimit import LOGIN
from ledger.app import settings
from ledger.domain.errors import UsageError
from tests.support.desk import Desk

PROXIES = ("10.0.0.0/8", "::1/128", "127.0.0.1/32")


def scope(peer: str, *headers: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "client": (peer, 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


def believed(header: str = "x-forwarded-for") -> Trusted:
    found = trusted(PROXIES, header)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("peer", "value", "expected"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.2.3.4", "198.51.100.7"),
        (
            "10.0.0.1",
            "1.1.1.1, 198.51.100.7, 10.2.3.4",
            "198.51.100.7",
        ),  # a client made up what is on the left
        ("10.0.0.1", "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "198.51.100.7:5050", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::7]:5050", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # nobody's proxy
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
    ],
)
def test_the_last_address_that_is_no_proxy_counts(peer: str, value: str, expected: str) -> None:
    assert client(scope(peer, ("x-forwarded-for", value)), believed()) == expected


def test_headers_that_stand_twice_are_one_list_and_the_other_header_is_not_read() -> None:
    twice = scope("10.0.0.1", ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.7"))
    assert client(twice, believed()) == "198.51.100.7"
    assert client(scope("10.0.0.1", ("forwarded", "for=1.1.1.1")), believed()) == "10.0.0.1"
    assert (
        client(scope("10.0.0.1", ("x-forwarded-for", "1.1.1.1")), believed("forwarded"))
        == "10.0.0.1"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=198.51.100.7", "198.51.100.7"),
        ('for="[2001:db8::7]:5050";proto=https, for=10.1.1.1;by=10.0.0.1', "2001:db8::7"),
        ("For=1.1.1.1, proto=https;FOR=198.51.100.7", "198.51.100.7"),
        ("for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_the_header_of_the_standard_is_read_alike(value: str, expected: str) -> None:
    assert client(scope("10.0.0.1", ("forwarded", value)), believed("forwarded")) == expected


def test_a_client_with_a_network_of_its_own_counts_as_one() -> None:
    assert (
        counted(scope("2001:db8:0:1::1"))
        == counted(scope("2001:db8:0:1:ffff::2"))
        != counted(scope("2001:db8:0:2::1"))
    )
    assert counted(scope("::ffff:1.2.3.4")) == counted(scope("1.2.3.4")) == "1.2.3.4"
    assert counted({"client": None}) == ""


def test_what_is_no_network_or_no_header_is_told() -> None:
    assert trusted((), "forwarded") is None
    for networks, header in (
        (("10.0.0.1/8",), "forwarded"),
        (("proxy.example",), "forwarded"),
        (("10.0.0.0/8",), "x-real-ip"),
    ):
        with pytest.raises(UsageError):
            trusted(networks, header)


def test_the_setting_stands_in_the_homes_file(desk: Desk) -> None:
    found = settings.read(desk.path)
    assert found.serve.trusted_proxies == ()
    text = (desk.path / settings.CONFIG).read_text()
    assert '"exchange"' in text
    changed = text.replace('"trusted_proxies": []', '"trusted_proxies": ["10.0.0.0/8"]')
    (desk.path / settings.CONFIG).write_text(changed)
    assert settings.read(desk.path).serve.trusted_proxies == ("10.0.0.0/8",)


def logins(desk: Desk, proxies: tuple[str, ...], peer: str, senders: list[str]) -> list[int]:
    """Status of as many challenges as senders, who all come over one connection's peer."""
    app = create_app(desk.node, confirmations=0, proxies=proxies)

    async def send() -> list[int]:
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://home") as http:
            return [
                (
                    await http.post("/v1/login/challenge", headers={"X-Forwarded-For": sender})
                ).status_code
                for sender in senders
            ]

    return asyncio.run(send())


def test_clients_behind_a_trusted_proxy_are_counted_apart_and_made_up_addresses_are_not_believed(
    desk: Desk,
) -> None:
    many = [f"198.51.100.{number}" for number in range(int(LOGIN.burst) + 20)]
    assert set(logins(desk, ("10.0.0.0/8",), "10.0.0.1", many)) == {200}
    assert 429 in logins(desk, ("10.0.0.0/8",), "203.0.113.9", many), "not a proxy of ours"
    assert 429 in logins(desk, (), "127.0.0.1", many), "nobody is believed without the setting"
    made_up = [f"{one}, 203.0.113.50" for one in many]
    assert 429 in logins(desk, ("10.0.0.0/8",), "10.0.0.1", made_up), (
        "one client behind the proxy, who makes up the rest"
    )
