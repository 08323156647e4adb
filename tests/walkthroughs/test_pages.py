"""Every walkthrough page is run as a reader would: its own blocks, against a server of its own."""

import pathlib

import pytest

from harness import Server
from harness.page import Session, run_page

PAGES = sorted(
    (pathlib.Path(__file__).resolve().parents[2] / "docs" / "walkthroughs").glob("[0-9]*.md")
)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_does_what_it_says(page, tmp_path):
    """A reader starts `strongroom serve --dev` and pastes the line that it prints; so do we."""
    server = Server(tmp_path / "server", dev=True).start()
    try:
        line = server.printed(r"\n *export (AWS_CONFIG_FILE=.*)\n")
        pasted = dict(assignment.split("=", 1) for assignment in line.split())
        with Session(server, tmp_path / "page", pasted) as session:
            assert run_page(page, session) > 0
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n--- server ---\n{server.tail(30)}") from None
    finally:
        server.close()


def test_there_are_pages():
    """An empty folder must not pass for a folder of right pages."""
    assert PAGES
