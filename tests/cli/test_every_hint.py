"""Every command that a text of ours names is run, as it is printed, in a home in which somebody
works: one that nobody tried fails here.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli import main
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.people import invited, joined
from tests.unit.test_hints import APP, ROOT, SOURCES, above, commands, texts

#: What a command of ours says in a place that whoever types it fills in: by command and word, else
#: by word alone.
FILLED: Final = {
    "ID": "{item}",
    "ITEM": "{item}",
    "WHY": "case 2026-117",
    "WHAT": "a scratch",
    "HOW": "wiped",
    "WHO": "{who}",
    "TIME": "2026-11-20T10:00:00Z",
    "URL": "https://127.0.0.1:9",
    "FILE": "photo.jpg",
    "DIR": "backups",
    "CODE": "nl",
    "NAME": "site-a",
    "ADDRESS": "/ip4/127.0.0.1/tcp/9",
    "N": "1",
    "TEXT": "a scratch",
    "BUNDLE": "photo.bundle",
    "TRUST": "trust.json",
    "INVITATION": "invitation.json",
}
ARE: Final[dict[tuple[str, str], str]] = {
    **{
        (command, "{}"): "{item}"
        for command in (
            *("bundle", "court", "dispose approve", "dispose carry-out", "dispose certificate"),
            "dispose request",
            *(
                "correct",
                "handover accept",
                "handover",
                "handover pause",
                "note",
                "record identify",
                "show",
            ),
            "record void",
            "share",
            "tree",
        )
    },
    **{("dispose " + name, "--rule"): "wpg-8" for name in ("request", "carry-out")},
    ("config set", "{}"): "time-zone",
    ("config set", "VALUE"): "Europe/Amsterdam",
    ("case close", "{}"): "2026-117",
    ("case show", "{}"): "2026-117",
    ("case open", "NUMBER"): "2026-119",
    ("case open", "{}"): "2026-119",
    ("check-in", "--from"): "J. Vos",
    ("check-in", "PLACE"): "store 3",
    ("check-in", "--to"): "store 3",
    ("check-in", "--reason"): "back",
    ("copy take", "{}"): "{item}",
    ("correct", "--case"): "2026-118",
    ("correct", "--exhibit"): "A9",
    ("correct", "--event"): "0",
    ("correct", "--field"): "name",
    ("correct", "--new"): "other.jpg",
    ("correct", "--reason"): "typing error",
    ("field drop", "{}"): "0",
    ("field drop", "{0}"): "0",
    ("handover decline", "--reason"): "a seal is broken",
    ("handover", "--to"): "4712",
    ("home use", "{}"): "home",
    ("init", "--agency"): "NL-POL",
    ("init", "--person"): "4711",
    ("init", "--administrator"): "9001",
    ("init", "--card"): "card.json",
    ("init", "--profile"): "nl",
    ("init", "--trust"): "trust.json",
    ("ipfs add", "{}"): "site-a",
    ("ipfs add", "--api"): "/ip4/127.0.0.1/tcp/9",
    ("ipfs add", "--secret-file"): "secret",
    ("ipfs remove", "{}"): "site-a",
    ("list", "--case"): "2026-117",
    ("list", "--exhibit"): "A1",
    ("network allow", "NETWORK"): "10.20.0.0/16",
    ("notices add", "--to"): "a.person@police.example",
    ("notices set", "--host"): "mail.police.example",
    ("notices set", "--from"): "custody@police.example",
    ("network allow", "{}"): "10.20.0.0/16",
    ("oidc set", "--client-id"): "custody",
    ("oidc set", "--account"): "account-1",
    ("person approve", "WHO"): "4713",
    ("person approve", "{}"): "4713",
    ("person approve", "--fingerprint"): "{fingerprint}",
    ("person card", "--for"): "https://127.0.0.1:9",
    ("person enrol", "{}"): "invitation.json",
    ("person invite", "{}"): "4712",
    ("person leave", "{}"): "{who}",
    ("person leave", "--to"): "4711",
    ("person replace", "{}"): "{who}",
    ("person replace", "--fingerprint"): "{fingerprint}",
    ("person reinstate", "{}"): "{who}",
    ("person renew", "{}"): "{who}",
    ("person revoke-invitation", "{}"): "4713",
    ("person revoke-invitation", "REFERENCE"): "4713",
    ("person renew", "--role"): "officer",
    ("person admit", "CARD"): "photo.jpg",
    ("person suspend", "{}"): "{who}",
    ("stamp remove", "{}"): "example",
    ("use", "CASE"): "2026-117",
    ("profile show", "{}"): "nl",
    ("record incident", "--kind"): "damage",
    ("record void", "--reason"): "recorded twice",
    ("dispose request", "--reason"): "case closed",
    ("record identify", "--scheme"): "case",
    ("record identify", "--value"): "2026-118",
    ("record receive", "--from"): "the lab",
    ("record restrict", "--handling"): "privileged",
    ("record unrestrict", "--handling"): "privileged",
    ("restore", "FOLDER"): "backups",
    ("share", "--with"): "{who}",
    ("upload", "{}"): "photo.jpg",
    ("upload", "--"): "photo.jpg",
    ("upload", "--case"): "2026-118",
    ("upload", "--exhibit"): "B1",
    ("upload", "--name"): "disk.dd",
    ("backup", "--keys"): "keys.json",
    ("restore", "--keys"): "keys.json",
    ("bundle", "-o"): "new.bundle",
    ("court", "-o"): "another-folder",
    ("handover pause", "-o"): "new.jpg",
    ("verify", "{}"): "photo.jpg",
    ("handover accept", "--seal"): "S-1",
    ("handover withdraw", "{}"): "{item}",
    ("handover", "NUMBER"): "4712",
    ("person invite", "NUMBER"): "4714",
    ("verify", "--trust"): "trust.json",
}
#: How commands end that cannot be done in that home: code and words. All others end well.
_WAITING: Final = (3, "wait")
_NO_DISPOSAL: Final = (1, "nobody has requested the disposal")
_NOT_OFFERED: Final = (1, "no such item on offer to you")
_NOBODY_WAITS: Final = (1, "no statement 0 waits")
_DEAD: Final = (1, "did not answer")
_UNSERVED: Final = (2, "nobody could reach this node")
_OWN_HOME: Final = (2, "person enrol INVITATION")
OTHERWISE: Final[dict[str, tuple[int, str]]] = {
    "audit": _WAITING,
    "doctor": _WAITING,
    "doctor --deep": _WAITING,
    "chain signers": (2, "a chain of its own"),
    "copy take ID": (1, "nobody gave us a copy"),
    "copy take {} --basis WHY": (1, "nobody gave us a copy"),
    "dispose carry-out ID --method HOW": _NO_DISPOSAL,
    "dispose carry-out ID --method HOW --rule RULE": _NO_DISPOSAL,
    "dispose carry-out {} --method HOW": _NO_DISPOSAL,
    "dispose certificate ID": (1, "was not disposed of here"),
    "dispose certificate ITEM": (1, "was not disposed of here"),
    "dispose certificate {} --json": (1, "was not disposed of here"),
    "field drop {0} --force": _NOBODY_WAITS,
    "field drop {}": _NOBODY_WAITS,
    "field drop {} --force": _NOBODY_WAITS,
    "fixity --all": (3, "no IPFS node keeps an item yet"),
    "person reinstate {}": (1, "is not suspended"),
    "handover pause {} --basis WHY": (2, "add -o FILE"),  # which stands behind it
    "handover accept ID": _NOT_OFFERED,
    "handover accept {}": _NOT_OFFERED,
    "handover accept --all": (2, "nothing is on offer to you"),
    "handover accept ITEM --seal NUMBER": _NOT_OFFERED,
    "handover accept ID --seal NUMBER": _NOT_OFFERED,
    "handover decline ID --reason WHAT": _NOT_OFFERED,
    "handover decline ID --reason WHAT-YOU-FOUND": _NOT_OFFERED,
    "handover decline ID --reason WHY": _NOT_OFFERED,
    "dispose approve {}": (1, "nobody decides upon what they recorded themselves"),
    "init --rpc URL --trust FILE": (2, "is not prepared to join a chain"),
    "ipfs add NAME --api ADDRESS": (1, "does not answer"),
    "ipfs add NAME --api ADDRESS --secret-file FILE": (1, "does not answer"),
    "ipfs add {} --api {} --secret-file {}": (1, "does not answer"),
    "home keep-passphrase": (2, "needs the Python package keyring"),
    "ipfs remove {}": (2, "there is no IPFS node"),
    "ipfs remove {} --destroyed": (2, "there is no IPFS node"),
    "notices test WHO": (2, "has no address here, or there is no mail server"),
    "oidc set --issuer URL --client-id ID --account SUB": _DEAD,
    "partner add URL": (2, "which is not allowed"),
    "person admit CARD": (2, "is not a guest's card"),
    "person card --for {} -o card.json": _DEAD,
    "person card --moved --for {} -o card.json": _DEAD,
    "person enrol INVITATION": _OWN_HOME,
    "person enrol {}": _OWN_HOME,
    "person enrol INVITATION --yes": _OWN_HOME,
    "person fetch": (2, "no node serves this folder now"),
    "check-in --to PLACE --reason WHY --from {}": (1, "NOT recorded"),
    "person invite 4712 --role officer": _UNSERVED,
    "person invite NUMBER": _UNSERVED,
    "person invite {}": _UNSERVED,
    "person replace {}": _UNSERVED,
    "person replace {} --fingerprint FINGERPRINT": _UNSERVED,
    "stamp add NAME URL --roots FILE": (1, "neither PEM nor DER"),
    "stamp now": (2, "asks no time authority"),
    "stamp distrust NAME --withdraw": (2, "there is no time authority"),
    "stamp remove NAME": (2, "there is no time authority"),
    "stamp remove {}": (2, "there is no time authority"),
    "upload --resume -- {}": (2, "was interrupted"),
    "upload --resume --name {} -- -": (2, "pipe"),
    "verify {} {}": (4, "name its bundle"),  # one file twice
    "verify {} FILE": (4, "name its bundle"),  # one file twice
    "verify --trust {}": (4, "The bundle"),  # which stands between
}


def words_of(command: Any, words: list[str]) -> list[str]:
    """The words of a command in a text: its options with their values, and what stands for its
    arguments; what comes behind goes on with the sentence.
    """
    options = {
        name: param for param in command.params for name in (*param.opts, *param.secondary_opts)
    }
    room = sum(not param.opts[0].startswith("-") for param in command.params)
    taken = list[str]()
    rest = [word.rstrip(",.:)'\"") for word in words]
    while rest:
        word = rest.pop(0)
        if word in options:
            taken.append(word)
            if not getattr(options[word], "is_flag", False) and rest:
                taken.append(rest.pop(0))
        elif room and word[:1] in "{0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            room -= 1
            taken.append(word)
        else:
            break
    return taken


def path_of(text: list[str]) -> list[str]:
    """The words that name a command: those before its own."""
    found, inner = list[str](), APP
    for word in text:
        inner = getattr(inner, "commands", {}).get(word)
        if inner is None:
            break
        found.append(word)
    return found


def called(tree: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """Commands that are put together of words, with {} for those that are not written there."""
    for node in ast.walk(tree):
        doors = ("command", "elsewhere", "hints.command", "hints.elsewhere")
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in doors:
            continue
        words = [
            argument.value if isinstance(argument, ast.Constant) else "{}"
            for argument in node.args
            if not isinstance(argument, ast.Starred)
        ]
        if words and words[0] not in ("{}", "--home"):
            yield node.lineno, [str(word) for word in words]


def hints() -> dict[str, str]:
    """Every command of a text or a call of ours, and where it stands first."""
    found = dict[str, str]()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        where = f"{path.relative_to(ROOT)}:"
        for node, text in texts(tree, above(tree)):
            for command, words, match in commands(text):
                named = path_of([match[2], *match[3].split()])
                whole = " ".join([*named, *words_of(command, words)])
                found.setdefault(whole, f"{where}{node.lineno}")
        for line, words in called(tree):
            found.setdefault(" ".join(words), f"{where}{line}")
    return found


HINTS: Final = hints()
#: These go on until somebody ends them: that they begin is tried elsewhere.
ENDLESS: Final = ("serve",)
#: These make a home.
NEW: Final = ("init", "restore")
_OFFER: Final = ("handover", "offer", "{item}", "--to-person", "4712", "--basis", "x")
#: What was done before, where a command goes on with it.
BEFORE: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "case close": (("case", "open", "2026-117"),),
    "case show": (("case", "open", "2026-117"),),
    "list": (("case", "open", "2026-117"),),
    "handover withdraw": (_OFFER,),
    "handover pause": (_OFFER,),
    "dispose approve": (("dispose", "request", "{item}", "--reason", "x"),),
    "record unrestrict": (
        ("record", "restrict", "{item}", "--handling", "privileged", "--reason", "x"),
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder with the home of an agency: an item, its bundle and trust root, a backup, a
    colleague, and somebody who asks to join.
    """
    folder = tmp_path_factory.mktemp("desk")
    home, photo = folder / "home", folder / "photo.jpg"
    photo.write_bytes(os.urandom(5000))
    (folder / "secret").write_text("a secret of a daemon")
    done = [within("init", "--agency", "NL-POL", "--person", "4711", home=home)]
    done.append(within("upload", photo, "--case", "2026-117", "--exhibit", "A1", home=home))
    done.append(within("anchor", home=home))
    item = json.loads(within("list", "--json", home=home)[1])["items"][0]["evidence"]
    bundle = ("bundle", item, "-o", folder / "photo.bundle", "--basis", "x")
    done += [
        within(*words, home=home) for words in (bundle, ("trust", "-o", folder / "trust.json"))
    ]
    with Desk(home) as desk:
        colleague = joined(desk, folder / "colleague", "officer", "custodian", number="4712")
        asking = invited(desk, folder / "asking", number="4713")
        asking.enrol()
        (folder / "invitation.json").write_bytes(asking.given.encode())
        who, fingerprint = colleague.pseudonym, desk.client.people()[-1].fingerprint
    keys = ("backup", folder / "backups", "--keys", folder / "keys.json")
    done += [within(*words, home=home) for words in (keys, ("field", "prepare"))]
    assert [code for code, _, _ in done if code not in (0, 3)] == [], done
    return {"folder": str(folder), "item": item, "who": who, "fingerprint": fingerprint}


def filled(whole: str, made: dict[str, str]) -> list[str]:
    """A command with its places filled in.

    Raises:
        AssertionError: one of them is of no known kind, so that nobody tried the command.
    """
    words = whole.split(" ")
    named = " ".join(path_of([word for word in words if word != "--offline"]))
    out = list[str]()
    for number, word in enumerate(words):
        before = words[number - 1] if number else ""
        if word.startswith("{") or (word.isupper() and not word.startswith("-")):
            value = ARE.get((named, before if before.startswith("-") else word), FILLED.get(word))
            assert value is not None, f"{whole}: nobody tried it; what is {word} of {named}?"
            word = value.format(**made)  # noqa: PLW2901
        out.append(word)
    return out


@pytest.mark.parametrize("whole", sorted(HINTS))
def test_every_command_that_we_name_runs(
    made: dict[str, str], whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(made["folder"], tmp_path / "desk"))
    monkeypatch.chdir(folder)
    words = filled(whole, made)
    home = folder / ("new" if words[0] in NEW else "home")
    for before in BEFORE.get(" ".join(path_of(words)), ()):
        code, out, said = within(*(word.format(**made) for word in before), home=home)
        assert code == 0, (before, out, said)
    misused = list[str]()
    monkeypatch.setattr(main, "_misused", lambda error: misused.append(str(error)) or 2)
    code, out, said = within(
        *words, *(["--help"] if whole in ENDLESS else []), home=home, typed="y\n" * 9
    )
    shown = re.sub(r"\s*\\\n\s*", " ", out + said)  # as long as the terminal were wide enough
    expected, told = OTHERWISE.get(whole, (0, ""))
    assert misused == []
    assert (code, told in shown) == (expected, True), f"{HINTS[whole]} {code} {words}\n{out}{said}"
    assert "internal error" not in said
