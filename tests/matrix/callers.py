"""The kinds of callers: the columns of the matrix, and the accounts and policies that make them."""

from __future__ import annotations

import dataclasses
import re

import botocore
import botocore.exceptions

from harness import Account, Credentials, Server

from .case import Case, Need, Target, document

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# How open the target's resource policy is.
CLOSED, NAMED, PUBLIC = "closed", "named", "public"


@dataclasses.dataclass(frozen=True)
class Caller:
    """A column."""

    heading: str
    meaning: str
    access: str = CLOSED


CALLERS = [
    Caller("anon", "unsigned"),
    Caller("badsig", "an administrator's access key id with another secret"),
    Caller("inactive", "an administrator whose access key is inactive"),
    Caller("closed", "an administrator of an account that was closed"),
    Caller("root", "the root user of the owner's account"),
    Caller("admin", "a user there with AdministratorAccess"),
    Caller("none", "a user there without policies"),
    Caller("exact", "a user there who is allowed exactly what the operation needs, on the target"),
    Caller("less", "the same with one of the needed actions missing; every one in turn"),
    Caller("deny", "as `exact`, in a group whose policy denies one of the actions"),
    Caller("bound", "as `exact`, with a permissions boundary that allows everything else"),
    Caller("sess", "a session of a role there that is allowed exactly what is needed"),
    Caller("sess-", "the same with a session policy that allows everything else"),
    Caller("xroot", "the root user of another account"),
    Caller("xadmin", "a user there with AdministratorAccess"),
    Caller("named", "as `none`, named by the target's resource policy", NAMED),
    Caller("xroot+", "as `xroot`, its account named by the target's resource policy", NAMED),
    Caller("xadmin+", "as `xadmin`, its account named by the target's resource policy", NAMED),
    Caller("xnone+", "a user there without policies, its account named by the resource policy", NAMED),
    Caller("anon+", "unsigned, with a resource policy for everybody", PUBLIC),
]


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a call ended."""

    status: int
    # AWS's code; None when the call was served.
    code: str | None
    message: str
    request_id: str
    seen: object

    @property
    def served(self) -> bool:
        return self.code is None


class World:
    """A server with the accounts and principals of all columns, and grants that change case by case."""

    def __init__(self, server: Server):
        self.server = server
        self.owner: Account = server.create_account()
        self.other: Account = server.create_account()
        self.calls = 0
        iam = self.client("iam", self.owner.root)
        self.boundary = self._policy("boundary")
        self.needed = self._policy("needed")
        self._versions: dict[str, str] = {}
        self.users = {
            name: self.owner.user(name).credentials for name in ("none", "exact", "less", "deny", "bound")
        }
        self.named_arn = self.owner.user("named").credentials
        self.users["named"] = self.named_arn
        for name in ("exact", "deny", "bound"):
            iam.attach_user_policy(UserName=name, PolicyArn=self.needed)
        iam.create_group(GroupName="deniers")
        iam.add_user_to_group(GroupName="deniers", UserName="deny")
        iam.put_user_permissions_boundary(UserName="bound", PermissionsBoundary=self.boundary)
        self.users["admin"] = self.owner.admin
        self.users["badsig"] = dataclasses.replace(self.owner.admin, secret_access_key="x" * 40)
        self.users["inactive"] = self._inactive()
        self.users["closed"] = self._closed()
        self.users["root"] = self.owner.root
        self.users["xroot"] = self.users["xroot+"] = self.other.root
        self.users["xadmin"] = self.users["xadmin+"] = self.other.admin
        self.users["xnone+"] = self.other.user("none").credentials
        trust = [{"Effect": "Allow", "Principal": {"AWS": self.owner.id}, "Action": "sts:AssumeRole"}]
        self.worker = iam.create_role(
            RoleName="worker", AssumeRolePolicyDocument=document(trust)
        )["Role"]["Arn"]
        iam.attach_role_policy(RoleName="worker", PolicyArn=self.needed)
        self.users["sess"] = self._session()

    # --- principals ---------------------------------------------------------------------------

    def _policy(self, name: str) -> str:
        nothing = document([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}])
        iam = self.client("iam", self.owner.root)
        return iam.create_policy(PolicyName=name, PolicyDocument=nothing)["Policy"]["Arn"]

    def _inactive(self) -> Credentials:
        user = self.owner.user("inactive")
        iam = self.client("iam", self.owner.root)
        iam.attach_user_policy(UserName="inactive", PolicyArn=ADMINISTRATOR)
        iam.update_access_key(
            UserName="inactive", AccessKeyId=user.credentials.access_key_id, Status="Inactive"
        )
        return user.credentials

    def _closed(self) -> Credentials:
        account = self.server.create_account()
        credentials = account.admin
        self.server.command("account", "close", account.id)
        return credentials

    def _session(self, policy: str | None = None) -> Credentials:
        more = {"Policy": policy} if policy else {}
        made = self.client("sts", self.owner.admin).assume_role(
            RoleArn=self.worker, RoleSessionName="sweep", **more
        )
        return Credentials.of_session(made["Credentials"])

    def _set(self, policy: str, statements: list[dict]) -> None:
        """Gives a managed policy a new only version."""
        iam = self.client("iam", self.owner.root)
        made = iam.create_policy_version(
            PolicyArn=policy, PolicyDocument=document(statements), SetAsDefault=True
        )
        old = self._versions.get(policy, "v1")
        iam.delete_policy_version(PolicyArn=policy, VersionId=old)
        self._versions[policy] = made["PolicyVersion"]["VersionId"]

    def grant(self, case: Case) -> None:
        """Makes the policies of the columns those of a case."""
        iam = self.client("iam", self.owner.root)
        self._set(self.needed, case.statements(self.owner.id))
        others = [{"Effect": "Allow", "NotAction": case.actions(), "Resource": "*"}]
        self._set(self.boundary, others)
        deny = [{"Effect": "Deny", "Action": case.needs[-1].action, "Resource": "*"}]
        iam.put_group_policy(GroupName="deniers", PolicyName="deny", PolicyDocument=document(deny))
        self.users["sess-"] = self._session(document(others))

    def grant_less(self, case: Case, missing: Need) -> None:
        """Allows the column `less` all but one of what is needed."""
        rest = tuple(need for need in case.needs if need.action != missing.action)
        self.client("iam", self.owner.root).put_user_policy(
            UserName="less", PolicyName="inline", PolicyDocument=document(case.statements(self.owner.id, rest))
        )

    def principals(self) -> list[str]:
        """Whom the columns with a resource policy are named by."""
        return [f"arn:aws:iam::{self.other.id}:root", self.named_arn.arn]

    # --- calls --------------------------------------------------------------------------------

    def client(self, service: str, credentials: Credentials | None):
        """A client of the server, reached by its plain address whatever the service."""
        client = self.server.boto(service, credentials, parameter_validation=False)
        if service == "s3control":
            # Registered again, it replaces itself.
            client.meta.events.register("before-sign.s3-control", _plain_address, unique_id="plain-address")
        return client

    def call_as(self, caller: Caller, case: Case, target: Target) -> Answer:
        credentials = None if caller.heading in ("anon", "anon+") else self.users[caller.heading]
        return self.call(case.service, credentials, case.operation, case.arguments(target))

    def call(self, service: str, credentials: Credentials | None, operation: str, arguments: dict) -> Answer:
        """One call, and how it ended."""
        self.calls += 1
        client = self.client(service, credentials)
        try:
            answer = getattr(client, botocore.xform_name(operation))(**arguments)
        except botocore.exceptions.ClientError as error:
            answer = error.response
            about = answer["ResponseMetadata"]
            told = answer["Error"]
            return Answer(
                about["HTTPStatusCode"],
                told.get("Code") or "",
                told.get("Message") or "",
                about.get("RequestId") or "",
                told.get("Code"),
            )
        about = answer.pop("ResponseMetadata")
        for refused in answer.get("Errors") or ():
            # DeleteObjects answers 200 and tells key by key.
            told = about.get("RequestId") or ""
            return Answer(about["HTTPStatusCode"], refused["Code"], refused.get("Message") or "", told, None)
        body = answer.get("Body")
        if body is not None:
            answer["Body"] = body.read()
        return Answer(about["HTTPStatusCode"], None, "", about.get("RequestId") or "", _stable(answer))


def _plain_address(request, **_) -> None:
    """S3 Control puts the account before the host, which is an address here and has no names below it."""
    request.url = re.sub(r"^(http://)\d{12}\.", r"\1", request.url)


def _stable(answer):
    """Without when a principal was last used: that may change with any call."""
    if isinstance(answer, dict):
        return {
            name: _stable(value)
            for name, value in answer.items()
            if not re.search("LastUsed", name)
        }
    if isinstance(answer, list):
        return [_stable(value) for value in answer]
    return answer
