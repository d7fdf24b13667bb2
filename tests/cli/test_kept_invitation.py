"""What is kept of an invitation until its certificate is there."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from tests.cli.test_person import OTHER, served  # noqa: F401
from tests.support.commands import custody


def test_an_altered_invitation_does_not_take_the_place_of_the_one_by_which_somebody_asked(
    served: Path, tmp_path: Path
) -> None:
    mine, forged = tmp_path / "mine", tmp_path / "forged.json"
    custody("person", "invite", "4731", "-o", tmp_path / "good.json", home=served)
    shown = custody("person", "enrol", tmp_path / "good.json", home=mine, environment=OTHER).stdout
    [fingerprint] = re.findall(r"^  ((?:[0-9a-f]{4} ?){4})$", shown, re.MULTILINE)
    good = json.loads((tmp_path / "good.json").read_bytes())
    forged.write_text(json.dumps({**good, "code": "A" * len(good["code"])}))
    custody("person", "enrol", forged, home=mine, environment=OTHER, code=1)
    custody("person", "approve", "4731", "--fingerprint", fingerprint, home=served)
    assert "you are enrolled" in custody("status", home=mine, environment=OTHER).stderr


def test_what_is_kept_of_an_invitation_is_sent_to_no_address_but_its_own(
    served: Path, tmp_path: Path
) -> None:
    """Whoever was named with --server got the code, and joined by it in that person's place."""
    mine = tmp_path / "mine"
    custody("person", "invite", "4732", "-o", tmp_path / "good.json", home=served)
    custody("person", "enrol", tmp_path / "good.json", home=mine, environment=OTHER)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.1)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        said = custody("--server", address, "status", home=mine, environment=OTHER, code=2).stderr
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert "you are not enrolled yet: your fingerprint is" in said
