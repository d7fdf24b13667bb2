"""A node that passes on another node's challenge is signed nothing: it would be let in there as
whoever asked it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest

from cli.node.servers import Servers
from ledger.adapters.logfiles import Auditor, WebFiles
from ledger.adapters.node.client import NodeClient
from ledger.adapters.node.partner import PartnerClient
from ledger.app import enrolling, settings
from ledger.domain.errors import DeniedError, NetworkError, UsageError, VerificationError
from ledger.domain.identity.names import log_urn
from ledger.services.handovers import sync
from tests.support.consortium import NL, RO, US, Consortium, address, offer, upload
from tests.support.desk import Desk
from tests.support.people import joined


def relayed(trio: Consortium) -> list[str]:
    """RO's node answers NL with what US says; what it was able to ask there as NL."""
    asked: list[str] = []

    class Relay(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            found = trio[US].transport.handle_request(request)
            if found.status_code < 400 and "DPoP" in request.headers:
                asked.append(request.url.path)
            return found

    honest, keys = trio[NL].node.reach, trio[NL].node.keys
    trio[NL].node.reach = lambda url: (
        PartnerClient(
            "http://home",
            transport=Relay(),
            signer=lambda: (keys.service, keys.service_certificate.der),
            logs=lambda: trio[NL].logs_at(url),
        )
        if url == address(RO)
        else honest(url)
    )
    return asked


def test_a_partner_that_passes_our_login_on_to_another_agency_reads_nothing_there(
    trio: Consortium, tmp_path: Path
) -> None:
    evidence = upload(trio[US], tmp_path)
    offer(trio[US], evidence, NL)
    sync.settle(trio[US].node, timeout=30)
    honest = trio[NL].node.reach
    asked = relayed(trio)
    trio.down = {US}
    try:
        assert "not its agency's" in sync.sync(trio[NL].node).problems[RO]
        assert asked == []
    finally:
        trio[NL].node.reach, trio.down = honest, set()
    assert evidence in sync.sync(trio[NL].node).received


def test_a_person_signs_at_each_address_for_the_log_that_is_known_there(
    office: Desk, tmp_path: Path
) -> None:
    colleague = joined(office, tmp_path / "mine", "officer")
    home, keyring = colleague.home, colleague.keyring
    own, log = settings.read_client(home).server, settings.read_client(home).log
    theirs, other = log_urn(bytes([1]) * 32), log_urn(bytes([2]) * 32)
    servers = Servers(home, keyring)
    servers.require(own, log)
    servers.require(own + "/", log)
    with pytest.raises(UsageError, match="nobody made a card") as caught:
        servers.require("https://us.example", theirs)
    assert "custody person card --for https://us.example" in (caught.value.hint or "")
    with pytest.raises(VerificationError, match="your own agency"):
        servers.pin("https://us.example", log)
    with pytest.raises(UsageError, match="your own agency's node") as caught:
        servers.require("https://moved.example", log)
    assert "client.json" in (caught.value.hint or "")
    servers.pin("https://us.example", theirs)
    servers.require("https://us.example/", theirs)
    for url, named in (("https://us.example", log), ("https://us.example", other), (own, theirs)):
        with pytest.raises(VerificationError, match="asks for a login"):
            servers.require(url, named)
    with pytest.raises(VerificationError, match="known at https://us"):
        servers.pin("https://ro.example", theirs)
    servers.require("HTTPS://US.example:443/", theirs)
    with pytest.raises(VerificationError, match="known at https://us"):
        servers.pin("https://us.example", other)
    servers.pin("https://new.us.example", theirs, moved=True)
    servers.require("https://new.us.example", theirs)
    with pytest.raises(UsageError, match="nobody made a card"):
        servers.require("https://us.example", theirs)
    servers.pin("https://us.example", theirs, moved=True)
    with pytest.raises(VerificationError, match="your own agency"):
        servers.require_foreign("https://us.example", log)
    servers.require_foreign(own, log)


def test_a_whole_home_knows_its_own_log_and_no_other_node_is_logged_in_to_with_it(
    trio: Consortium,
) -> None:
    servers = Servers(trio[NL].path, trio[NL].home.keyring)
    own = log_urn(trio[NL].node.log_id)
    servers.require(address(NL), own)
    with pytest.raises(VerificationError, match="your own agency"):
        servers.pin(address(US), own)
    servers.pin(address(US), log_urn(trio[US].node.log_id))
    servers.require(address(US), log_urn(trio[US].node.log_id))


def test_an_auditor_logs_in_to_the_log_alone_that_an_address_shows(
    trio: Consortium, tmp_path: Path
) -> None:
    upload(trio[NL], tmp_path)
    for code in (NL, US):
        sync.settle(trio[code].node, timeout=30)
    ring, seen = trio[NL].home.keyring, list[str]()

    class Mixed(httpx.BaseTransport):
        """US's public files, and NL's logins."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            code = (
                NL if request.url.path.startswith("/v1/login") or "DPoP" in request.headers else US
            )
            if "DPoP" in request.headers:
                seen.append(request.url.path)
            return trio[code].transport.handle_request(request)

    auditor = Auditor((lambda: (ring.signing_key("person"), ring.get("person-certificate")),))
    web = WebFiles("http://home", transport=Mixed(), auditor=auditor)
    with pytest.raises(NetworkError, match="another log than it shows"):
        web.get("tile/entries/000.p/1")
    assert seen == []
    web.close()


def test_nobody_is_logged_in_over_a_network_without_saying_whose_node_is_meant(desk: Desk) -> None:
    keyring = desk.home.keyring
    signer = lambda: (keyring.signing_key("person"), keyring.get("person-certificate"))  # noqa: E731
    with NodeClient("http://127.0.0.1:9", signer=signer) as client:
        client._web = desk.client._web
        with pytest.raises(DeniedError, match="nobody said which node"):
            client.status()
    with NodeClient("http://home", transport=desk.transport, signer=signer) as client:
        assert client.status().agency == "NL-POL"


def test_no_key_is_proven_for_a_log_that_a_node_names_in_the_place_of_its_own(
    office: Desk, tmp_path: Path
) -> None:
    """What is signed to fetch a certificate, or for a card, would let somebody enrol these keys, or
    show a card of theirs, where its owner never asked.
    """
    colleague = joined(office, tmp_path / "mine", "officer")
    servers, own = Servers(colleague.home, colleague.keyring), colleague.given.server
    other = log_urn(bytes([1]) * 32)
    servers.pin("https://us.example", log_urn(bytes([2]) * 32))
    with colleague.client() as client:
        fetched = client.own_certificate
        client.agency = lambda: replace(type(client).agency(client), log=other)
        client.own_certificate = lambda proof: pytest.fail("something was signed")
        with pytest.raises(VerificationError, match="asks for a login"):
            enrolling.fetch(colleague.keyring, client, require=partial(servers.require, own))
        pin = partial(servers.pin, "https://us.example")
        with pytest.raises(VerificationError, match="known at https"):
            enrolling.card(colleague.keyring, client, require=pin)
        del client.agency
        client.own_certificate = fetched
        found = enrolling.fetch(colleague.keyring, client, require=partial(servers.require, own))
    assert found.subject == colleague.id


def test_a_certificate_that_makes_somebody_else_of_us_is_not_kept(
    office: Desk, tmp_path: Path
) -> None:
    colleague = joined(office, tmp_path / "mine", "officer")
    before = colleague.keyring.get("person-certificate")
    with office.node.records.read() as unit:
        descriptor = office.node.descriptor(unit)
    der = office.node.keys.authority.issue(
        colleague.keyring.signing_key("person").public_key(),
        agency=office.node.agency,
        pseudonym="a" * 26,
        roles=["officer"],
        service=False,
        now=office.clock.now(),
    )
    with pytest.raises(VerificationError, match=f"and you are {colleague.id}"):
        enrolling.keep_certificate(colleague.keyring, der, descriptor)
    assert colleague.keyring.get("person-certificate") == before
