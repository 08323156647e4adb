"""What the sweep knows of an operation: a valid call, what it needs allowed, and what it works on."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Callable
from typing import Any

_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Need:
    """An action that must be allowed, on a kind of resource as AWS's service authorization reference names
    it. `*` for actions without a kind."""

    action: str
    on: str


def needs(*pairs: str) -> tuple[Need, ...]:
    """`needs("s3:GetObject object", …)`."""
    return tuple(Need(*pair.split(" ")) for pair in pairs)


class Target:
    """What one call is made against: fresh for a case, and fresh again after it was changed."""

    def __init__(self, world, slug: str):
        self.world = world
        self.account = world.owner
        self.slug = slug
        # Policies name the case's targets by this prefix, so that they need not change with each of them.
        self.name = f"{slug}-{next(_numbers)}"
        self.access: str | None = None
        self.facts: dict[str, Any] = {}

    def __getattr__(self, fact: str):
        try:
            return self.__dict__["facts"][fact]
        except KeyError:
            raise AttributeError(fact) from None

    def note(self, **facts) -> None:
        """Remembers what the set-up made."""
        self.facts |= facts

    def root(self, service: str):
        """A client of the owner account's root user."""
        return self.world.client(service, self.account.root)

    def look(self, service: str, operation: str, **arguments):
        """What the owner sees: the answer without what differs from call to call, or the refusal's code."""
        answer = self.world.call(service, self.account.root, operation, arguments)
        return answer.seen if answer.served else answer.code


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of the matrix."""

    service: str
    operation: str
    needs: tuple[Need, ...]
    # The call's arguments, given its target.
    arguments: Callable[[Target], dict]
    # Makes what the call needs.
    make: Callable[[Target], None] = lambda target: None
    # What must be as before after a refused call. None: the operation changes nothing.
    describe: Callable[[Target], Any] | None = None
    # Opens the target to others by its resource policy. None: it has none.
    open: Callable[[Target, str], None] | None = None
    # What distinguishes the row from others of the operation.
    variant: str = ""
    # Whether the gate is asked at all (GetCallerIdentity).
    asks: bool = True
    # Actions that the gate is asked about, whose no does not refuse the call.
    probes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.operation}{', ' + self.variant if self.variant else ''}"

    @functools.cached_property
    def slug(self) -> str:
        return f"m{next(_numbers)}-{self.operation.lower()}"[:40].rstrip("-")

    def actions(self) -> list[str]:
        return sorted({need.action for need in self.needs})

    def statements(self, account_id: str, needs: tuple[Need, ...] | None = None) -> list[dict]:
        """Allows what is needed, on this case's targets alone."""
        return [
            {"Effect": "Allow", "Action": need.action, "Resource": self.resource(need.on, account_id)}
            for need in (self.needs if needs is None else needs)
        ]

    def resource(self, kind: str, account_id: str) -> str:
        if kind == "*":
            return "*"
        if kind == "bucket":
            return f"arn:aws:s3:::{self.slug}-*"
        if kind == "object":
            return f"arn:aws:s3:::{self.slug}-*/*"
        service = "sts" if kind == "federated-user" else "iam"
        return f"arn:aws:{service}::{account_id}:{kind}/{self.slug}-*"


def document(statements: list[dict]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})

