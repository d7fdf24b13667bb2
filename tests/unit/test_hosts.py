"""Which addresses may be spoken to: what one program reads as this machine and another as a name is
refused.
"""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ledger.domain.errors import UsageError
from ledger.domain.untrusted import hosts

GOOD = {
    "https://custody.police.example": "https://custody.police.example",
    "https://CUSTODY.example:8443": "https://custody.example:8443",
    "HTTPS://custody.example": "https://custody.example",
    "https://[2a00::1]:443": "https://[2a00::1]:443",
    "https://192.0.2.7": "https://192.0.2.7",
    "http://127.0.0.1:8000": "http://127.0.0.1:8000",
    "http://[::1]:8000": "http://[::1]:8000",
    "http://localhost:8000": "http://localhost:8000",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
}
BAD = [
    "", "custody.example", "ftp://custody.example", "https://", "https:///path", "//custody.example", "javascript:alert(1)",
    "http://[64:ff9b::7f00:1]", "http://[2002:7f00:1::]", "http://[64:ff9b:1::7f00:1]", "http://custody.example", "http://10.0.0.1", "http://0.0.0.0:8000",
    "https://user@custody.example", "https://user:password@custody.example", "https://custody.example@127.0.0.1",
    "https://custody.example/", "https://custody.example/api/v0/shutdown?x=", "https://custody.example?x", "https://custody.example#x",
    "https://custody.example\\@127.0.0.1", "https://custody.example\\.evil.example", "https://custody.example/../x",
    "https://custody.example:0", "https://custody.example:65536", "https://custody.example:80:80", "https://custody.example:",
    "https://127.1", "https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://127.0.0.01",
    "https://1.2.3", "https://999.1.1.1", "https://custody.example.", "https://.example", "https://a..b", "https://-a.example",
    "https://[::1", "https://[127.0.0.1]", "https://[fe80::1%eth0]", "https://::1", "https://[v1.x]",
    " https://custody.example", "https://custody.example ", "https://custody.example\n", "https://cust\tody.example", "https://custody%2eexample",
    "https://b\u00fccher.example", "https://custody\u3002example", "https://\uff11\uff12\uff17.0.0.1", "https://custody.example\u202e",
    "https://" + "a" * 64 + ".example", "https://" + "a." * 200 + "example", "https://custody.example" + "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_an_origin_has_one_spelling(url: str) -> None:
    assert hosts.origin(url, what="a node") == GOOD[url]


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_https_origin_alone_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        hosts.origin(url, what="a node")


SPECIAL = {
    "127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback", "0.0.0.0": "unspecified", "::": "unspecified",
    "10.1.2.3": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private", "fd00::1": "unique-local",
    "fc00::1": "unique-local", "fec0::1": "site-local", "100.64.0.1": "carrier-grade NAT", "100.127.255.255": "carrier-grade NAT",
    "169.254.169.254": "link-local", "fe80::1": "link-local", "224.0.0.1": "multicast", "ff02::1": "multicast",
    "255.255.255.255": "reserved", "240.0.0.1": "reserved", "192.0.0.8": "reserved", "198.18.0.1": "reserved", "2001:db8::1": "reserved",
    "::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private", "::ffff:169.254.169.254": "link-local", "::ffff:0:127.0.0.1": "reserved",
    "64:ff9b::7f00:1": "loopback", "64:ff9b::a9fe:a9fe": "link-local", "2002:7f00:1::": "loopback", "2002:a00:1::1": "private",
    "64:ff9b:1:a00:0:100:808:808": "local NAT64", "2001:0:1::1": "reserved", "::7f00:1": "reserved", "100::1": "reserved", "5f00::1": "reserved", "3fff::1": "reserved",
}  # fmt: skip


@pytest.mark.parametrize("text", SPECIAL)
def test_addresses_that_are_not_public_are_known_in_every_form(text: str) -> None:
    assert hosts.special(ip_address(text)) == SPECIAL[text]
    assert not hosts.permits((), ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "2a00:1450::1", "::ffff:8.8.8.8", "2002:808:808::1"])  # fmt: skip
def test_public_addresses_are_public(text: str) -> None:
    assert hosts.special(ip_address(text)) == ""
    assert hosts.permits((), ip_address(text))


def test_an_allowed_network_allows_itself_and_nothing_beside_it() -> None:
    allowed = hosts.networks(["10.20.0.0/16", "fd00:1::/64"])
    for text in ("10.20.0.1", "::ffff:10.20.0.1", "fd00:1::7"):
        assert hosts.permits(allowed, ip_address(text))
    for text in ("10.21.0.1", "127.0.0.1", "fd00:2::7", "::1", "169.254.169.254"):
        assert not hosts.permits(allowed, ip_address(text))
    for text in ("10.20.0.1/16", "10.20/16", "x", "", "10.0.0.0/33"):
        with pytest.raises(UsageError):
            hosts.networks([text])


def test_only_an_address_that_is_written_as_such_allows_itself() -> None:
    allowed = hosts.named(hosts.parse("http://127.0.0.1:8080/x", what="a webhook"))
    assert hosts.permits(allowed, ip_address("127.0.0.1"))
    assert not hosts.permits(allowed, ip_address("127.0.0.2"))
    assert not hosts.permits(
        hosts.named(hosts.parse("https://intern.example", what="a webhook")), ip_address("10.0.0.1")
    )
