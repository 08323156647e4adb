"""The small pattern language of ```output blocks.

An output block is what a reader must see. It is compared line by line, strictly, but for:

* Blank lines and blanks at the end of a line do not count, on either side. What a terminal would
  have overwritten (progress that ends with a carriage return) does not count either.
* `...` within a line stands for any text on that line, at least one character.
* A line that is only `...` stands for any lines, or none.
* `<NAME>` (capital letters, digits, `_`) stands for any text without blanks or quotes; where the
  same name comes again, on this page, it must stand for the same text.
* From a line that is `{` or `[` to the line that closes it, the text is JSON and compared as data:
  members may come in any order, but none may be missing and none may be added. A string "..."
  stands for any value; `...` and `<NAME>` work inside strings and names too.
"""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(r"\.\.\.|<[A-Z][A-Z0-9_]*>")
_PLACE = {"{": "}", "[": "]"}


class Differs(Exception):
    """What was printed is not what the page says; the text tells where."""


def compare(pattern: str, printed: str, names: dict[str, str]) -> None:
    """Raises `Differs` unless `printed` fits. What `<NAME>`s stand for is kept in `names`."""
    found = dict(names)
    _match(_items(pattern, "the page"), _items(printed, "the output"), found)
    names.update(found)


def _items(text: str, whose: str) -> list:
    """Lines as strings, JSON values as ("json", value)."""
    lines = [line.rstrip().rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")]
    items, at = [], 0
    while at < len(lines):
        line = lines[at]
        if line in ("{", "["):
            try:
                end = lines.index(_PLACE[line], at)
            except ValueError:
                raise Differs(f"{whose} has `{line}` on a line that nothing closes") from None
            block = "\n".join(lines[at : end + 1])
            try:
                items.append(("json", json.loads(block)))
            except json.JSONDecodeError as error:
                raise Differs(f"{whose} has JSON that does not parse ({error}):\n{block}") from None
            at = end + 1
            continue
        if line in ("{}", "[]"):
            items.append(("json", json.loads(line)))
        elif line:
            items.append(line)
        at += 1
    return items


def _match(pattern: list, printed: list, names: dict[str, str]) -> None:
    """Compares item by item; a lone `...` tries every number of printed items."""
    at = 0
    for index, wanted in enumerate(pattern):
        if wanted == "...":
            rest = pattern[index + 1 :]
            for start in range(at, len(printed) + 1):
                attempt = dict(names)
                try:
                    _match(rest, printed[start:], attempt)
                except Differs:
                    continue
                names.update(attempt)
                return
            raise Differs(f"nothing after `...` fits {rest!r}")
        if at >= len(printed):
            raise Differs(f"the output ends before {_show(wanted)}")
        _match_item(wanted, printed[at], names)
        at += 1
    if at < len(printed):
        raise Differs(f"the output has more than the page says: {_show(printed[at])}")


def _match_item(wanted, got, names: dict[str, str]) -> None:
    if isinstance(wanted, tuple) and isinstance(got, tuple):
        _match_json(wanted[1], got[1], names, "$")
    elif isinstance(wanted, str) and isinstance(got, str):
        _match_text(wanted, got, names)
    else:
        raise Differs(f"expected {_show(wanted)}\n     got {_show(got)}")


def _match_json(wanted, got, names: dict[str, str], where: str) -> None:
    if wanted == "...":
        return
    if isinstance(wanted, str) and isinstance(got, str):
        _match_text(wanted, got, names, where)
    elif isinstance(wanted, dict) and isinstance(got, dict):
        _match_members(wanted, got, names, where)
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            raise Differs(f"{where} has {len(got)} entries, expected {len(wanted)}: {_show(got)}")
        for index, (one, other) in enumerate(zip(wanted, got)):
            _match_json(one, other, names, f"{where}[{index}]")
    elif type(wanted) is not type(got) or wanted != got:
        raise Differs(f"{where} is {_show(got)}, expected {_show(wanted)}")


def _match_members(wanted: dict, got: dict, names: dict[str, str], where: str) -> None:
    left = dict(got)
    for name, value in wanted.items():
        if name in left:
            found = name
        else:
            found = next((other for other in left if _fits(name, other, names)), None)
        if found is None:
            raise Differs(f"{where} lacks {name!r}; it has {sorted(got)}")
        _match_json(value, left.pop(found), names, f"{where}.{name}")
    if left:
        raise Differs(f"{where} has more than the page says: {sorted(left)}")


def _fits(wanted: str, got: str, names: dict[str, str]) -> bool:
    try:
        _match_text(wanted, got, names)
    except Differs:
        return False
    return True


def _match_text(wanted: str, got: str, names: dict[str, str], where: str = "") -> None:
    expression, groups, end = "", {}, 0
    for token in _TOKEN.finditer(wanted):
        expression += re.escape(wanted[end : token.start()])
        end = token.end()
        name = token.group()[1:-1]
        if token.group() == "...":
            expression += ".+?"
        elif name in names:
            expression += re.escape(names[name])
        elif name in groups:
            expression += f"(?P={groups[name]})"
        else:
            groups[name] = f"g{len(groups)}"
            expression += f"(?P<{groups[name]}>[^\\s\"']+?)"
    expression += re.escape(wanted[end:])
    found = re.fullmatch(expression, got, re.S)
    if not found:
        place = f"{where}: " if where else ""
        known = {n: names[n] for n in names if f"<{n}>" in wanted}
        raise Differs(
            f"{place}expected {wanted!r}\n{' ' * len(place)}     got {got!r}"
            + (f"\nwhere {known}" if known else "")
        )
    for name, group in groups.items():
        names[name] = found.group(group)


def _show(item) -> str:
    if isinstance(item, tuple):
        item = item[1]
    return item if isinstance(item, str) else json.dumps(item, indent=2)
