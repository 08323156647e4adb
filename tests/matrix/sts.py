"""The rows of STS."""

from __future__ import annotations

from .case import Case, Target, document, needs


def trust(target: Target, *principals: str) -> str:
    # Its own account is trusted always: a role without any trust cannot be.
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{target.account.id}:root", *principals]},
        "Action": "sts:AssumeRole",
    }
    return document([statement])


def a_role(target: Target) -> None:
    made = target.root("iam").create_role(RoleName=target.name, AssumeRolePolicyDocument=trust(target))
    target.note(role=made["Role"]["Arn"])


def trusted(target: Target, _access: str) -> None:
    target.root("iam").update_assume_role_policy(
        RoleName=target.name, PolicyDocument=trust(target, *target.world.principals())
    )


def a_message(target: Target) -> None:
    """The id of a request that was refused and is about both accounts: to each its own side is told."""
    role = {"RoleArn": f"arn:aws:iam::{target.account.id}:role/{target.name}", "RoleSessionName": "sweep"}
    target.root("iam").create_role(RoleName=target.name, AssumeRolePolicyDocument=trust(target))
    answer = target.world.call("sts", target.world.other.admin, "AssumeRole", role)
    assert answer.code == "AccessDenied", answer
    target.note(message=answer.request_id)


ROWS = [
    Case(
        "sts",
        "AssumeRole",
        needs("sts:AssumeRole role"),
        lambda target: {"RoleArn": target.role, "RoleSessionName": "sweep"},
        a_role,
        open=trusted,
    ),
    Case("sts", "GetCallerIdentity", needs("sts:GetCallerIdentity *"), lambda target: {}, asks=False),
    Case(
        "sts",
        "GetAccessKeyInfo",
        needs("sts:GetAccessKeyInfo *"),
        lambda target: {"AccessKeyId": target.account.root.access_key_id},
    ),
    # It needs no allow, yet a deny refuses it.
    Case(
        "sts",
        "GetSessionToken",
        needs("sts:GetSessionToken *"),
        lambda target: {},
        probes=("sts:GetSessionToken",),
    ),
    Case(
        "sts",
        "GetFederationToken",
        needs("sts:GetFederationToken federated-user"),
        # At most 32 characters.
        lambda target: {"Name": target.name},
    ),
    Case(
        "sts",
        "DecodeAuthorizationMessage",
        needs("sts:DecodeAuthorizationMessage *"),
        lambda target: {"EncodedMessage": target.message},
        a_message,
    ),
]
