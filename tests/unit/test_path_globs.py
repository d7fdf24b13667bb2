"""Patterns for paths of a folder mean what people know them to mean from git, and nothing else."""

from __future__ import annotations

import pytest

from ledger.domain.errors import UsageError
from ledger.domain.files.path_globs import PathGlobs


@pytest.mark.parametrize(
    ("pattern", "means", "not_"),
    [
        ("*.jpg", [b"a.jpg", b"DCIM/a.jpg", b".jpg"], [b"a.JPG", b"a.jpg2", b"jpg"]),
        ("DCIM", [b"DCIM", b"x/DCIM", b"DCIM/a"], [b"DCIM2", b"dcim"]),
        ("DCIM/*.jpg", [b"DCIM/a.jpg"], [b"x/DCIM/a.jpg", b"DCIM/b/a.jpg"]),
        ("/notes", [b"notes", b"notes/a"], [b"x/notes"]),
        ("a/**/b", [b"a/b", b"a/x/b", b"a/x/y/b/c"], [b"x/a/b", b"ab"]),
        ("**/b", [b"b", b"a/b"], [b"ab"]),
        ("a/**", [b"a/x", b"a/x/y"], [b"a"]),
        ("?.txt", [b"a.txt"], [b"ab.txt", b".txt"]),
        ("[a-c]1", [b"a1", b"c1"], [b"d1", b"A1"]),
        ("[!a-c]1", [b"d1"], [b"a1"]),
        ("[z-a]", [b"[z-a]"], [b"m"]),
        ("a[", [b"a["], [b"a"]),
        ("a+(b).c", [b"a+(b).c"], [b"aab.c"]),
        ("[^a]", [b"^", b"a"], [b"b"]),
        ("d\udcff/*", [b"d\xff/a"], [b"d/a"]),
    ],
)
def test_a_pattern_means_these_paths_and_not_those(
    pattern: str, means: list[bytes], not_: list[bytes]
) -> None:
    globs = PathGlobs([pattern])
    assert [path for path in means if not globs.match_below(path)] == []
    assert [path for path in not_ if globs.match_below(path)] == []


def test_a_stroke_at_the_end_means_folders_alone_and_what_lies_in_them() -> None:
    globs = PathGlobs(["tmp/"])
    assert not globs.match_below(b"tmp")
    assert globs.match_below(b"tmp", is_folder=True)
    assert globs.match_below(b"a/tmp/b")


@pytest.mark.parametrize("pattern", ["", "/", "..", "../x", "a/./b", "a\0b", "x" * 1001])
def test_a_pattern_that_means_nothing_in_a_folder_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        PathGlobs([pattern])
