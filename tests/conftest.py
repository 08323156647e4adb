"""Fixtures of all client tests. A server is started once per test process; accounts are fresh per test."""

from __future__ import annotations

import functools

import pytest

# What is asserted there is told as in a test file.
pytest.register_assert_rewrite("harness.sdk", "harness.write_ups")

from harness import Server, aws  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One running server for this test process, ended when the tests end."""
    running = Server(tmp_path_factory.mktemp("server")).start()
    yield running
    running.close()


@pytest.fixture
def own_server(tmp_path):
    """A server that this test alone uses, to stop, kill or restart it."""
    running = Server(tmp_path / "own-server").start()
    yield running
    running.close()


@pytest.fixture
def account(server):
    """A fresh account."""
    return server.create_account()


@pytest.fixture
def other_account(server):
    """Another fresh account."""
    return server.create_account()


@pytest.fixture
def third_account(server):
    """A third fresh account."""
    return server.create_account()


@pytest.fixture
def run_aws(server, tmp_path):
    """The AWS CLI against the server: `run_aws("s3", "ls", credentials=account.admin)`."""
    return functools.partial(aws, server=server, home=tmp_path / "home")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its servers' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Server):
                report.sections.append((f"log of `{name}`", value.tail()))
