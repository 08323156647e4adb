"""Asserts on refusals: code, text and status together, for a right answer with a wrong reason is a bug."""

from __future__ import annotations

import contextlib
import re

import botocore.exceptions
import pytest


@contextlib.contextmanager
def refused(code: str, message: str | re.Pattern | None = None, status: int | None = None):
    """Expects the call inside to be refused with exactly this code, text and HTTP status.

    `message` is the whole text, or a compiled pattern that the whole text must match.
    """
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield caught
    check(caught.value, code, message, status)


def check(
    error: botocore.exceptions.ClientError,
    code: str,
    message: str | re.Pattern | None = None,
    status: int | None = None,
) -> None:
    """Compares an error that a client raised."""
    answer = error.response
    got = (
        answer["Error"].get("Code"),
        answer["Error"].get("Message"),
        answer["ResponseMetadata"]["HTTPStatusCode"],
    )
    assert got[0] == code, f"expected code {code}, got {got}"
    if status is not None:
        assert got[2] == status, f"expected status {status}, got {got}"
    if isinstance(message, re.Pattern):
        assert message.fullmatch(got[1] or ""), f"expected text like {message.pattern!r}, got {got}"
    elif message is not None:
        assert got[1] == message, f"expected text {message!r}, got {got}"
