"""The matrix of authorization: a sweep over the running server, compared with the file that people review."""

from __future__ import annotations

import json
import pathlib

import pytest

from . import iam, s3, sts, table
from .case import Case
from .sweep import Sweep, served_operations

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "crates" / "policy" / "data"
SERVICES = {
    "S3 and S3 Control": (
        ("s3", "s3control"),
        s3.ROWS,
        "Callers with a `+` are let in by the bucket policy; `sess-` and `bound` allow all actions but the needed.",
    ),
    "IAM": (
        ("iam",),
        iam.ROWS,
        "There are no resource policies. Users of another account call things of their own by the same names, which "
        "are not there; only policies have ARNs that lead into this account.",
    ),
    "STS": (("sts",), sts.ROWS, "Callers with a `+` are let in by the role's trust policy."),
}


@pytest.mark.parametrize("title", SERVICES)
def test_every_operation_answers_every_kind_of_caller_as_the_file_says(server, title):
    services, rows, note = SERVICES[title]
    served = {operation for operation in served_operations(server) if operation[0] in services}
    swept = {(case.service, case.operation) for case in rows}
    assert served - swept == set(), "the sweep knows no call of these: add rows in tests/matrix"
    assert swept - served == set(), "these are not served"
    sweep = Sweep(server)
    sweep.run(rows)
    assert not sweep.wrong, "\n".join([f"{len(sweep.wrong)} are wrong:", *sweep.wrong[:40]])
    table.check(title, table.section(title, note, sweep.rows()))


def test_the_legend_is_that_of_the_sweep():
    table.check(table.ABOUT, table.legend())


@pytest.mark.parametrize("case", [row for _, rows, _ in SERVICES.values() for row in rows], ids=lambda case: case.title)
def test_what_an_operation_needs_is_in_awss_service_authorization_reference(case: Case):
    for need in case.needs:
        service, action = need.action.split(":")
        reference = json.loads((REFERENCE / f"{service}-actions.json").read_text())["actions"]
        assert action in reference
        kinds = {kind["name"] for kind in reference[action]["resourceTypes"]}
        assert need.on in (kinds or {"*"})
