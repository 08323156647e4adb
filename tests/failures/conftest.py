"""Each failure is played on a server of its own, in the development mode that a reader starts."""

from __future__ import annotations

import pytest

from harness import Server
from harness.story import Failure, Story


def pytest_configure(config):
    config.addinivalue_line("markers", "failure(failure): the failure whose page a test writes")


@pytest.fixture
def story(request, tmp_path):
    """The story of the failure that the test is marked with."""
    failure = request.node.get_closest_marker("failure").args[0]
    assert isinstance(failure, Failure)
    server = Server(tmp_path / "server", dev=True).start()
    told = None
    try:
        told = Story(failure, server, tmp_path / "page")
        yield told
    finally:
        if told is not None:
            told.session.close()
        server.close()
