"""The pattern language of ```output blocks is strict: these are its rules."""

import pytest

from harness.pattern import Differs, compare


def fits(pattern: str, printed: str, names: dict | None = None) -> bool:
    try:
        compare(pattern, printed, {} if names is None else names)
    except Differs:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("upload: a to b", "upload: a to b\n"),
        ("two\nlines", "\ntwo  \n\nlines\n"),
        ("upload: ... to b", "upload: x/y to b"),
        ("first\n...\nlast", "first\nlast"),
        ("first\n...\nlast", "first\n1\n2\nlast"),
        ("...", ""),
        ('{\n  "A": 1, "B": "x"\n}', '{\n    "B": "x",\n    "A": 1\n}'),
        ('{\n  "A": "..."\n}', '{\n    "A": {\n        "B": []\n    }\n}'),
        ('{\n  "A": "arn:...:user/u"\n}', '{\n "A": "arn:aws:iam::1:user/u"\n}'),
        ('{\n  "A": "<ID>", "B": "<ID>"\n}', '{\n "A": "x",\n "B": "x"\n}'),
        ("{\n}\nafter", "{}\nafter"),
        ("a <X> b <X>", "a 1 b 1"),
        ("upload: a to b", "Completed 1 of 2\rCompleted 2 of 2   \rupload: a to b   \n"),
    ],
)
def test_what_fits(pattern, printed):
    assert fits(pattern, printed)


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("upload: a to b", "upload: a to c"),
        ("one", "one\ntwo"),
        ("one\ntwo", "one"),
        ("upload: ... to b", "upload:  to b"),
        ("first\n...\nlast", "first\nlast\nmore"),
        ('{\n  "A": 1\n}', '{\n "A": 1,\n "B": 2\n}'),
        ('{\n  "A": 1, "B": 2\n}', '{\n "A": 1\n}'),
        ('{\n  "A": 1\n}', '{\n "A": "1"\n}'),
        ('{\n  "A": true\n}', '{\n "A": 1\n}'),
        ('{\n  "A": [1, 2]\n}', '{\n "A": [2, 1]\n}'),
        ('{\n  "A": "<ID>", "B": "<ID>"\n}', '{\n "A": "x",\n "B": "y"\n}'),
        ("a <X> b <X>", "a 1 b 2"),
        ("a <X>", "a two words"),
        ("text", "{\n}"),
        ("a.c", "abc"),
    ],
)
def test_what_differs(pattern, printed):
    assert not fits(pattern, printed)


def test_a_name_keeps_its_meaning_from_block_to_block():
    names: dict[str, str] = {}
    assert fits("key <KEY>", "key AKIA1", names)
    assert fits("again <KEY>", "again AKIA1", names)
    assert not fits("again <KEY>", "again AKIA2", names)


def test_a_comparison_that_fails_teaches_no_names():
    names: dict[str, str] = {}
    assert not fits("key <KEY>\nmore", "key AKIA1", names)
    assert names == {}
