"""The runner of pages: a block that does not do what it says must fail its page."""

import pathlib

import pytest

from harness import Server
from harness.page import JAVA_SOURCES, PageFailed, Session, read_page, run_page


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session without a running server: these pages call no AWS."""
    program = tmp_path / "strongroom"
    program.write_text("")
    monkeypatch.setenv("STRONGROOM_BIN", str(program))
    with Session(Server(tmp_path / "server"), tmp_path / "page", {"COLOUR": "green"}) as opened:
        yield opened


def page(tmp_path: pathlib.Path, text: str) -> pathlib.Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_variables_stay_from_block_to_block_and_outputs_are_compared(session, tmp_path):
    text = (
        "Say:\n```sh\nthing=door\ncat > /tmp/a <<E\n$COLOUR\nE\n```\n"
        "then\n```sh\necho the $(cat /tmp/a) $thing >&2\n```\n```output\nthe green door\n```\n"
    )
    assert run_page(page(tmp_path, text), session) == 2


def test_a_failing_block_fails_the_page_and_names_its_line(session, tmp_path):
    with pytest.raises(PageFailed, match="page.md:2: this must succeed, but ended with 3"):
        run_page(page(tmp_path, "x\n```sh\n(exit 3)\n```\n"), session)


def test_a_refusal_that_does_not_come_fails_the_page(session, tmp_path):
    with pytest.raises(PageFailed, match="must be refused"):
        run_page(page(tmp_path, "```sh refused\ntrue\n```\n"), session)


def test_other_output_fails_the_page(session, tmp_path):
    with pytest.raises(PageFailed, match="expected 'one'"):
        run_page(page(tmp_path, "```sh\necho two\n```\n```output\none\n```\n"), session)


def test_a_block_that_leaves_the_shell_fails_the_page(session, tmp_path):
    with pytest.raises(PageFailed, match="the shell ended"):
        run_page(page(tmp_path, "```sh\nexit 0\n```\n"), session)


def test_a_language_that_nobody_runs_fails_the_page(session, tmp_path):
    with pytest.raises(PageFailed, match="nothing runs a block of `fortran`"):
        run_page(page(tmp_path, "```fortran\nEND\n```\n"), session)


def test_a_page_without_blocks_fails(session, tmp_path):
    with pytest.raises(PageFailed, match="no block to run"):
        run_page(page(tmp_path, "```sh reader\nstrongroom serve --dev\n```\n"), session)


def test_an_output_without_a_block_before_it_fails(tmp_path):
    with pytest.raises(PageFailed, match="no block stands before"):
        read_page(page(tmp_path, "```output\nx\n```\n"))


def test_a_program_is_saved_for_the_blocks_after_it(session, tmp_path):
    source = (JAVA_SOURCES / "CopyToCustomerBucket.java").read_text()
    text = f"```java file=CopyToCustomerBucket.java\n{source}```\n```sh\ntest -s /tmp/CopyToCustomerBucket.java\n```\n"
    assert run_page(page(tmp_path, text), session) == 2


def test_a_program_that_is_not_the_tested_one_fails_the_page(session, tmp_path):
    for name in ("CopyToCustomerBucket.java", "Nothing.java"):
        with pytest.raises(PageFailed, match=f"not what stands in .*{name}"):
            run_page(page(tmp_path, f"```java file={name}\nclass Other {{}}\n```\n"), session)
