"""Asks the server what it knows: a condition key is known by the conditions that hold.

Nothing shows the request context of a call, so each claim about a key is tried with policies that allow
an action under one condition and everything else without: what the answer is tells what the key was.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from .server import Account, Answer, Credentials

ABSENT = None


@dataclasses.dataclass(frozen=True)
class Text:
    """A single value, which need not be this one exactly: an operator that holds, and one that does not."""

    holds: dict
    fails: dict


Value = None | str | list[str] | Text


def everything_but(action: str, condition: dict) -> dict:
    """A policy that allows `action` under the condition, and every other action always."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "NotAction": action, "Resource": "*"},
            {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition},
        ],
    }


class Subject:
    """A user whose only policy is put anew for each claim."""

    def __init__(self, account: Account, name: str = "subject"):
        self.account = account
        self.user = account.user(name)

    def may(self, policy: dict) -> None:
        """Gives the user this policy and no other."""
        self.account.boto("iam").put_user_policy(
            UserName=self.user.name, PolicyName="only", PolicyDocument=json.dumps(policy)
        )

    def check(self, action: str, key: str, value: Value, send: Callable[[Credentials], Answer]) -> None:
        """Claims that during `send` the key has exactly this value; `ABSENT` and lists are values too."""

        def outcome(condition: dict) -> Answer:
            self.may(everything_but(action, condition))
            return send(self.user.credentials)

        check(outcome, key, value, f"because no identity-based policy allows the {action} action")


def check(
    outcome: Callable[[dict], Answer], key: str, value: Value, refusal: str | None = None
) -> None:
    """Tries the conditions that tell whether `key` has this value."""

    def holds(condition: dict) -> None:
        answer = outcome(condition)
        assert answer.status < 300, f"{condition} should hold: {answer.status} {answer.body[:600]!r}"

    def fails(condition: dict) -> None:
        answer = outcome(condition)
        assert answer.status == 403, f"{condition} should fail: {answer.status} {answer.body[:600]!r}"
        if answer.body and refusal is not None:
            assert refusal in (answer.message or ""), f"{condition}: {answer.body[:600]!r}"

    if value is ABSENT:
        holds({"Null": {key: "true"}})
        fails({"Null": {key: "false"}})
    elif isinstance(value, list):
        holds({"ForAllValues:StringEquals": {key: value}, "Null": {key: "false"}})
        for one in value:
            holds({"ForAnyValue:StringEquals": {key: one}})
            fails({"ForAnyValue:StringNotEquals": {key: value}})
    elif isinstance(value, Text):
        holds(value.holds)
        fails(value.fails)
        fails({"Null": {key: "true"}})
    else:
        holds({"StringEquals": {key: value}})
        fails({"StringNotEquals": {key: value}})
        fails({"StringEquals": {key: f"{value}-and-more"}})
