"""The forms of `custody record`: everything that they ask fits the event that they make."""

from __future__ import annotations

from typing import Any

import pytest

from cli.commands.record import _put, _value
from cli.wording.eventforms import FORMS, Field, Form
from ledger.domain.event.schema import Report
from ledger.domain.event.types import TYPES
from ledger.domain.identity.roles import ROLES_BY_TYPE

ITEM = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
SAMPLES: dict[str, Any] = {
    "text": "words",
    "time": "2026-11-22T10:00:00Z",
    "past": "2026-11-22T10:00:00Z",
    "texts": ["csam", "privileged"],
    "seals": ["S-1", "S-2"],
    "names": ["A. Witness"],
    "items": [ITEM],
    "item": ITEM,
    "event": "ab" * 32,
}
CLOSED = {"ruling": "admitted", "kind": "breach", "scheme": "court"}


def body(form: Form, fields: tuple[Field, ...]) -> dict[str, Any]:
    made: dict[str, Any] = dict(form.fixed)
    for field in fields:
        given = CLOSED.get(field.option, SAMPLES[field.kind])
        _put(made, field.path.split("."), _value(None, field, given))
    return made


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
def test_a_form_filled_in_whole_and_one_with_what_it_must_have_make_good_events(form: Form) -> None:
    for fields in (form.fields, tuple(field for field in form.fields if field.required)):
        report = Report()
        TYPES[form.type].body(body(form, fields), "/body", report)
        assert report.withheld == []


def test_every_kind_of_event_can_be_made_by_some_command() -> None:
    elsewhere = {
        *(
            "collected",
            "acquired",
            "derived",
            "copied",
            "gathered",
            "accessed",
            "verified",
            "disclosed",
            "corrected",
            "note",
        ),
        *(
            "transfer-offered",
            "transfer-accepted",
            "transfer-declined",
            "transfer-withdrawn",
            "transfer-expired",
        ),
        *(
            "disposal-requested",
            "disposed",
            "keys-destroyed",
            "case-opened",
            "case-assigned",
            "listed",
            "case-closed",
            "log-opened",
            "descriptor-published",
            "crl-published",
        ),
    }
    assert elsewhere | {form.type for form in FORMS} == set(ROLES_BY_TYPE)
    assert len({form.name for form in FORMS}) == len(FORMS)
