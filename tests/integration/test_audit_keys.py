"""Keys stolen, expired, revoked or swapped: who signed is judged at the proven time, by every
revocation list ever seen.
"""

from __future__ import annotations

from ledger.domain.verify.report import Verdict
from tests.support.attacks import caught
from tests.support.malice import World


def test_a_statement_by_somebody_revoked_before(world: World) -> None:
    nl = world["NL-POL"]
    officer = nl.people["officer"]
    nl.publish_crl(officer)
    world.clock.time += 100
    nl.open(who=officer)
    world.settle()
    caught(world, "signer-revoked")


def test_a_revocation_that_comes_later_and_reaches_back(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    before = world.clock.now()
    nl.open()
    world.settle()
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    nl.publish_crl(nl.people["officer"], time=before)
    world.settle(publish=False)
    caught(world, "signer-revoked", state=state)


def test_a_revocation_list_that_forgets(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    nl.publish_crl(nl.people["examiner"])
    world.settle()
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    nl.crl = b""
    nl.publish_crl()
    world.settle(publish=False)
    caught(world, "crl-dropped", state=state)


def test_a_revocation_list_that_only_the_auditor_is_shown(world: World) -> None:
    world.settle()
    world.clock.time += 10
    world["NL-POL"].publish_crl(announce=False)
    caught(world, "crl-unlogged")


def test_a_statement_signed_with_an_expired_certificate(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    world.clock.time += 3 * 365 * 86400
    nl.open()  # the officer's certificate was good for two years
    for agency in world.agencies.values():
        agency.service = agency.certify(["service"], service=True)
    world.settle()
    caught(world, "certificate-refused")


def test_a_statement_signed_with_a_key_that_another_ca_certified(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    stranger = nl.certify(["officer"], authority=ro.authority)
    nl.open(who=stranger)
    world.settle()
    caught(world, "certificate-refused")


def test_a_statement_under_another_agencys_name(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    nl.say(item, "none", issuer=ro.code)
    world.settle()
    caught(world, "certificate-other")


def test_a_statement_without_a_role_for_it(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.say(item, "close", who=nl.certify(["auditor"]))
    world.settle()
    caught(world, "role-refused")


def test_a_service_that_signs_for_a_person(world: World) -> None:
    nl = world["NL-POL"]
    nl.open(who=nl.service)
    world.settle()
    caught(world, "role-refused")


def test_a_certificate_swapped_for_another_persons(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    officer, examiner = nl.people["officer"], nl.people["examiner"]
    nl.certificates[officer.digest] = examiner.der
    caught(world, "certificate-missing")


def test_a_signature_made_with_a_stolen_name_but_another_key(world: World) -> None:
    nl = world["NL-POL"]
    thief = nl.certify(["officer"])
    thief.der = nl.people["officer"].der
    nl.open(who=thief)
    world.settle()
    caught(world, "signature-bad")


def test_checkpoints_signed_with_another_log_key(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    nl.open()
    nl.log_key = ro.log_key
    world.settle()
    caught(world, "note-unsigned")


def test_a_descriptor_that_came_into_force_without_a_word_in_the_log(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    nl.publish_descriptor(announce=False)
    world.settle()
    caught(world, "descriptor-unlogged")


def test_a_descriptor_that_was_announced_and_one_log_key_after_another(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    nl.publish_descriptor(log_key=bytes(range(32)))
    nl.open()
    world.settle()
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


def test_a_descriptor_swapped_for_another(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    folder = nl.write(world.folder / "log")
    (folder / f"descriptors/{nl.descriptor.digest.hex()}").write_bytes(
        world["RO-DIICOT"].descriptor.raw
    )
    report = world.audit(folder)
    assert {"descriptor-differs", "descriptor-missing"} <= report.codes(), report.as_json()
    assert report.verdict is Verdict.FAILED


def test_a_revocation_list_that_is_never_renewed(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    world.clock.time += 5 * 86400
    nl.open()
    nl.anchor()
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"crl-stale"}), report.as_json()


def test_lists_of_two_authorities_of_one_agency_are_no_contradiction(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    nl.publish_crl(nl.people["examiner"])
    world.settle()
    assert world.audit_all(state=state).verdict is Verdict.VERIFIED
    nl.change_authority()
    nl.open()
    world.settle()
    report = world.audit_all(state=state)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
