"""The file that people review: docs/authorization-matrix.md, one section for each service."""

from __future__ import annotations

import difflib
import os
import pathlib

from .callers import CALLERS
from .sweep import NOT_APPLICABLE, SERVED, SYMBOLS

FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "authorization-matrix.md"
REGENERATE = "cargo xtask matrix"
ABOUT = "Legend"
TITLES = [ABOUT, "S3 and S3 Control", "IAM", "STS"]

INTRODUCTION = f"""\
# The matrix of authorization

Every operation that is served, by every kind of caller, as the running server answered. `tests/matrix` makes this
file and compares it; after a change that is meant, `{REGENERATE}` writes it anew, to be reviewed as a difference.
Each refused call was seen to change nothing, and each call to leave one record in the journal.
"""


def legend() -> str:
    codes: dict[str, list[str]] = {}
    for code, mark in SYMBOLS.items():
        codes.setdefault(mark, []).append(f"`{code}`")
    lines = [INTRODUCTION, f"## {ABOUT}", "", "| in a cell | |", "|---|---|", f"| {SERVED} | served |"]
    lines += [f"| {mark} | refused: {', '.join(told)} |" for mark, told in codes.items()]
    lines += [f"| {NOT_APPLICABLE} | there is no such case |"]
    lines += ["", "| caller | |", "|---|---|"]
    lines += [f"| {caller.heading} | {caller.meaning} |" for caller in CALLERS]
    return "\n".join(lines) + "\n"


def section(title: str, note: str, rows: list[list[str]]) -> str:
    """A table whose columns are aligned, so that differences are of cells."""
    head = ["operation", *(caller.heading for caller in CALLERS), "needs"]
    columns = [column for column in zip(head, *rows) if set(column[1:]) != {NOT_APPLICABLE}]
    widths = [max(map(len, column)) for column in columns]
    lines = [f"## {title}", "", note, ""]
    first, *others = zip(*columns)
    for row in [first, ["-" * width for width in widths], *others]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def check(title: str, made: str) -> None:
    """Fails with what differs from the file's section; writes it instead when that is asked for."""
    sections = _sections()
    kept = sections.get(title, "")
    if os.environ.get("STRONGROOM_MATRIX") == "write":
        sections[title] = made
        parts = [sections[title].strip("\n") for title in TITLES if title in sections]
        FILE.write_text("\n\n".join(parts) + "\n")
        return
    before, after = kept.strip("\n").splitlines(), made.strip("\n").splitlines()
    names = (f"{FILE.name} ({title})", "the server")
    told = "\n".join(difflib.unified_diff(before, after, *names, n=1, lineterm=""))
    assert not told, f"\n{told}\n\nIf this is meant: {REGENERATE}, and review the difference."


def _sections() -> dict[str, str]:
    """The file in pieces; the first is everything up to the first service."""
    sections: dict[str, str] = {}
    text = FILE.read_text() if FILE.exists() else ""
    title = ABOUT
    for line in text.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        sections[title] = sections.get(title, "") + line + "\n"
    return sections
