"""Every row against every column, and what must be so in each cell; then the table of it all."""

from __future__ import annotations

import dataclasses
import json
import time

from harness import Server

from .callers import CALLERS, CLOSED, Answer, Caller, World
from .case import Case, Target

# How long the server's journal may take to reach its file.
JOURNAL_SECONDS_MAX = 15

SYMBOLS = {
    "AccessDenied": "✘",
    "MissingAuthenticationToken": "T",
    "InvalidAccessKeyId": "K",
    "InvalidClientTokenId": "K",
    "SignatureDoesNotMatch": "S",
    "MethodNotAllowed": "M",
    "NoSuchKey": "∅",
    "NoSuchEntity": "∅",
    "InvalidInput": "I",
}
# Why the gate refuses, by column, in the journal's words.
IDENTITY = "Identity"
REASONS = {
    "anon": ("ImplicitDeny", "Resource"),
    "none": ("ImplicitDeny", IDENTITY),
    "less": ("ImplicitDeny", IDENTITY),
    "deny": ("ExplicitDeny", IDENTITY),
    "bound": ("ImplicitDeny", "Boundary"),
    "sess-": ("ImplicitDeny", "Session"),
    "xroot": ("ImplicitDeny", "Resource"),
    "xadmin": ("ImplicitDeny", "Resource"),
    "xnone+": ("ImplicitDeny", IDENTITY),
}
SERVED, NOT_APPLICABLE = "✔", "–"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One call of the sweep."""

    case: Case
    caller: Caller
    answer: Answer

    @property
    def place(self) -> str:
        return f"{self.case.service} {self.case.title} by `{self.caller.heading}`"


class Sweep:
    """One run over rows, with everything that was found wrong on the way."""

    def __init__(self, server: Server):
        self.world = World(server)
        self.cells: list[Cell] = []
        self.swept: list[Case] = []
        self.wrong: list[str] = []

    def run(self, rows: list[Case]) -> None:
        for case in rows:
            self.world.grant(case)
            Row(self, case).run()
            self.swept.append(case)
        self._check_answers()
        self._check_journal()

    # --- what must be so ----------------------------------------------------------------------

    def _check_answers(self) -> None:
        for cell in self.cells:
            answer = cell.answer
            if not answer.request_id:
                self.wrong.append(f"{cell.place}: no request id")
            bodiless = cell.case.operation.startswith("Head")
            if not answer.served and not bodiless and not (answer.code and answer.message):
                self.wrong.append(f"{cell.place}: refused without code or text: {answer}")

    def _check_journal(self) -> None:
        """Each call has one record, which says what the caller was told; and what was asked."""
        records = self._records()
        for place, cell in enumerate(self.cells):
            found = records.get(cell.answer.request_id, [])
            if len(found) != 1:
                self.wrong.append(f"{cell.place}: {len(found)} records in the journal")
                continue
            [record] = found
            told = (cell.case.operation, cell.answer.status)
            if (record["operation"], record["status"]) != told:
                self.wrong.append(f"{cell.place}: answered {told}, recorded {record}")
            error = record.get("error")
            if cell.case.operation.startswith("Head") and not cell.answer.served:
                # Answers without a body have no code; the journal has it.
                self.cells[place] = dataclasses.replace(
                    cell, answer=dataclasses.replace(cell.answer, code=error)
                )
            elif cell.answer.status != 200 and error != cell.answer.code:
                self.wrong.append(f"{cell.place}: told {cell.answer.code}, recorded {error}")
            self._check_asked(cell, record)

    def _check_asked(self, cell: Cell, record: dict) -> None:
        """Right for the right reason: what the gate was asked, and which layer said no."""
        case, heading = cell.case, cell.caller.heading
        asked = [question for question in record["asked"] if question["action"] not in case.probes]
        if heading == "admin":
            names = {question["action"] for question in asked}
            expected = set(case.actions()) - set(case.probes) if case.asks else set()
            if names != expected:
                self.wrong.append(f"{cell.place}: asked {sorted(names)}, expected {sorted(expected)}")
        # Checks that come before the policies, such as that anybody signed, are told as such.
        refusals = [question for question in asked if question["verdict"] in ("ExplicitDeny", "ImplicitDeny")]
        if cell.answer.served and refusals:
            self.wrong.append(f"{cell.place}: served, with {refusals}")
        if cell.answer.code == "AccessDenied" and refusals:
            layer = (refusals[-1].get("layer") or "").replace("Trust", "Resource")
            told = (refusals[-1]["verdict"], layer)
            expected = REASONS.get(heading)
            if told != expected:
                self.wrong.append(f"{cell.place}: refused because of {told}, expected {expected}")

    def _records(self) -> dict[str, list[dict]]:
        wanted = {cell.answer.request_id for cell in self.cells}
        deadline = time.monotonic() + JOURNAL_SECONDS_MAX
        while True:
            records: dict[str, list[dict]] = {}
            for path in sorted((self.world.server.data / "journal").glob("*.jsonl")):
                for line in path.read_text(errors="replace").splitlines(keepends=True):
                    if line.endswith("\n"):
                        record = json.loads(line)
                        # A policy that was written beside its records has no request id.
                        if "request_id" in record:
                            records.setdefault(record["request_id"], []).append(record)
            if wanted <= records.keys() or time.monotonic() > deadline:
                return records
            time.sleep(0.1)

    # --- the table ----------------------------------------------------------------------------

    def rows(self) -> list[list[str]]:
        """The table's lines, without its head."""
        shown: dict[tuple[int, str], str] = {}
        for cell in self.cells:
            place = (id(cell.case), cell.caller.heading)
            text = symbol(cell.answer)
            # `less` has several calls; they must agree to be one cell.
            shown[place] = text if shown.get(place, text) == text else f"{shown[place]} {text}"
        lines = []
        for case in self.swept:
            needed = ", ".join(case.actions())
            cells = [shown.get((id(case), caller.heading), NOT_APPLICABLE) for caller in CALLERS]
            lines.append([case.title, *cells, needed])
        return lines


def symbol(answer: Answer) -> str:
    if answer.served:
        return SERVED
    return SYMBOLS.get(answer.code or "", answer.code or str(answer.status))


class Row:
    """The calls of one row, each against a target that is as the row's set-up made it."""

    def __init__(self, sweep: Sweep, case: Case):
        self.sweep = sweep
        self.case = case
        self.target: Target | None = None
        self.before = None

    def run(self) -> None:
        for caller in CALLERS:
            if caller.access != CLOSED and self.case.open is None:
                continue
            if caller.heading == "anon+" and self.case.service != "s3":
                continue
            if caller.heading != "less":
                self.call(caller)
                continue
            actions = {need.action: need for need in self.case.needs}
            for need in actions.values() if len(actions) > 1 else ():
                self.sweep.world.grant_less(self.case, need)
                self.call(caller)

    def call(self, caller: Caller) -> None:
        target = self._target(caller.access)
        answer = self.sweep.world.call_as(caller, self.case, target)
        cell = Cell(self.case, caller, answer)
        self.sweep.cells.append(cell)
        if self.case.describe is None:
            return
        # A call of IAM is for the caller's own account, so another's changes nothing here.
        elsewhere = self.case.service == "iam" and caller.heading in ("xroot", "xadmin")
        if not answer.served or elsewhere:
            after = self.case.describe(target)
            if after != self.before:
                self.sweep.wrong.append(f"{cell.place}: {answer.code}, yet {self.before} became {after}")
                self.target = None
        if answer.served:
            # The next caller must find what this one found.
            self.target = None

    def _target(self, access: str) -> Target:
        fresh = self.target is None
        if self.target is None:
            self.target = Target(self.sweep.world, self.case.slug)
            self.case.make(self.target)
            self.target.access = CLOSED
        if self.target.access != access and self.case.open is not None:
            self.case.open(self.target, access)
            self.target.access = access
            fresh = True
        if fresh and self.case.describe is not None:
            self.before = self.case.describe(self.target)
        return self.target


def served_operations(server: Server) -> set[tuple[str, str]]:
    """What the program says that it serves."""
    told = json.loads(server.command("operations", "--json").stdout)["operations"]
    return {(operation["service"], operation["operation"]) for operation in told}
