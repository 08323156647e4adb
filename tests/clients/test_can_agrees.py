"""`strongroom can` and iam:SimulatePrincipalPolicy say beforehand what then happens.

One world of three accounts, every principal with every question: the answer of `can`, of AWS's simulator
where it has what it needs, and of the call itself are the same.
"""

from __future__ import annotations

import dataclasses
import json

import botocore.exceptions
import pytest

from harness import Credentials

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def statement(effect, action, resource=None, **more) -> dict:
    resource = {} if resource is None else {"Resource": resource}
    return {"Effect": effect, "Action": action, **resource, **more}


def document(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who asks: for `can`, for the simulator and with keys."""

    name: str
    account: object
    arn: str
    credentials: Credentials | None
    # The user or role whose policies the simulator takes; "" where it takes none.
    source: str = ""
    arguments: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked, and the call that asks it."""

    action: str
    on: str
    service: str
    operation: str
    parameters: dict
    owner: object
    # The policy of the resource; None where more than policies decides.
    policy: str | None
    context: tuple[tuple[str, str], ...] = ()
    # IAM calls are about the caller's account.
    own_account_only: bool = False


@pytest.fixture
def world(account, other_account, third_account, tmp_path):
    """The principals and the questions."""
    a, b, c = account, other_account, third_account
    plain, acls = a.bucket(), a.bucket(ownership="ObjectWriter")
    iam, s3 = a.boto("iam"), a.boto("s3")

    reader = a.user("reader")
    iam.put_user_policy(
        UserName="reader",
        PolicyName="read",
        PolicyDocument=document(
            statement("Allow", ["s3:GetObject", "s3:GetObjectTagging"], f"arn:aws:s3:::{plain}/in/*"),
            statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{plain}/*"),
            statement("Allow", ["iam:GetUser", "sts:AssumeRole"], f"arn:aws:iam::{a.id}:*"),
        ),
    )
    grouped = a.user("grouped")
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=READ_ONLY)
    iam.put_group_policy(
        GroupName="readers",
        PolicyName="not-out",
        PolicyDocument=document(statement("Deny", "s3:GetObject", f"arn:aws:s3:::{plain}/out/*")),
    )
    iam.add_user_to_group(GroupName="readers", UserName="grouped")
    bounded = a.user("bounded")
    iam.put_user_policy(
        UserName="bounded",
        PolicyName="all",
        PolicyDocument=document(statement("Allow", ["s3:*", "iam:*", "sts:*"], "*")),
    )
    iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=READ_ONLY)
    near = a.user("near")
    iam.put_user_policy(
        UserName="near",
        PolicyName="near",
        PolicyDocument=document(
            statement("Allow", "s3:*", "*", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
        ),
    )
    writer = b.user("writer")
    b.boto("iam").put_user_policy(
        UserName="writer",
        PolicyName="write",
        PolicyDocument=document(statement("Allow", ["s3:*", "sts:AssumeRole"], "*")),
    )
    silent = b.user("silent")

    names = {"AWS": [f"arn:aws:iam::{a.id}:root", f"arn:aws:iam::{b.id}:root"]}
    trust = document(statement("Allow", "sts:AssumeRole", Principal=names))
    visitors = a.role("visitors", json.loads(trust))
    iam.put_role_policy(
        RoleName="visitors",
        PolicyName="visit",
        PolicyDocument=document(
            statement("Allow", ["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{plain}/in/*"),
            statement("Allow", "s3:GetObject", f"arn:aws:s3:::{acls}/*"),
        ),
    )
    hop_trust = document(statement("Allow", "sts:AssumeRole", Principal={"AWS": b.id}))
    hop = b.role("hop", json.loads(hop_trust))
    b.boto("iam").put_role_policy(
        RoleName="hop",
        PolicyName="all",
        PolicyDocument=document(statement("Allow", ["s3:*", "sts:AssumeRole"], "*")),
    )

    plain_policy = document(
        statement(
            "Allow",
            ["s3:GetObject", "s3:GetObjectTagging"],
            f"arn:aws:s3:::{plain}/in/*",
            Principal={"AWS": f"arn:aws:iam::{b.id}:root"},
        ),
        statement(
            "Allow",
            "s3:ListBucket",
            f"arn:aws:s3:::{plain}",
            Principal={"AWS": b.id},
            Condition={"StringLike": {"s3:prefix": "in/*"}},
        ),
        statement(
            "Allow", "s3:PutObject", f"arn:aws:s3:::{plain}/drop/*", Principal={"AWS": writer.arn}
        ),
        statement("Allow", "s3:DeleteObject", f"arn:aws:s3:::{plain}/in/*", Principal={"AWS": hop}),
        statement(
            "Allow",
            "s3:GetObject",
            f"arn:aws:s3:::{plain}/in/*",
            Principal={"CanonicalUser": c.canonical_id},
        ),
        statement("Allow", "s3:GetObject", f"arn:aws:s3:::{plain}/out/*", Principal={"AWS": visitors}),
        statement(
            "Deny",
            "s3:GetObject",
            f"arn:aws:s3:::{plain}/secret/*",
            Principal="*",
            Condition={"ArnNotEquals": {"aws:PrincipalArn": a.admin.arn}},
        ),
    )
    s3.put_bucket_policy(Bucket=plain, Policy=plain_policy)
    for key in ("in/k", "out/k", "secret/k"):
        s3.put_object(Bucket=plain, Key=key, Body=b"x")
    s3.put_bucket_policy(
        Bucket=acls,
        Policy=document(
            statement(
                "Allow",
                ["s3:PutObject", "s3:PutObjectAcl", "s3:GetObject"],
                f"arn:aws:s3:::{acls}/*",
                Principal={"AWS": [writer.arn, c.id]},
            )
        ),
    )
    upload = b.boto("s3", writer.credentials).put_object
    upload(Bucket=acls, Key="theirs", Body=b"x")
    upload(Bucket=acls, Key="shared", Body=b"x", ACL="bucket-owner-full-control")
    s3.put_object(Bucket=acls, Key="granted", Body=b"x", GrantRead=f"id={b.canonical_id}")

    def assumed(caller, role, **more):
        answer = caller.assume_role(RoleArn=role, RoleSessionName="session", **more)
        return Credentials.of_session(answer["Credentials"], answer["AssumedRoleUser"]["Arn"])

    by_writer = b.boto("sts", writer.credentials)
    visiting, hopped = assumed(by_writer, visitors), assumed(by_writer, hop)
    narrow = document(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{plain}/out/*"))
    narrowed = assumed(by_writer, visitors, Policy=narrow)
    file = tmp_path / "narrow.json"
    file.write_text(narrow)

    def user(name, of, one):
        return Principal(name, of, one.arn, one.credentials, one.arn)

    principals = [
        user("A's administrator", a, a.admin_user),
        Principal("A's root user", a, a.root.arn, a.root),
        user("reader", a, reader),
        user("grouped", a, grouped),
        user("bounded", a, bounded),
        user("near", a, near),
        user("B's administrator", b, b.admin_user),
        Principal("B's root user", b, b.root.arn, b.root),
        user("writer", b, writer),
        user("silent", b, silent),
        Principal("a session of visitors", a, visitors, visiting, visitors),
        Principal(
            "a narrowed session", a, visitors, narrowed, "", ("--session-policy", str(file))
        ),
        Principal("a session of hop", b, hop, hopped, hop),
        user("C's administrator", c, c.admin_user),
        Principal("nobody", None, "anonymous", None),
    ]

    def of_bucket(action, operation, bucket=plain, key=None, context=(), **more):
        of_key = {} if key is None else {"Key": key}
        return Question(
            f"s3:{action}",
            f"arn:aws:s3:::{bucket}" + ("" if key is None else f"/{key}"),
            "s3",
            operation,
            {"Bucket": bucket, **of_key, **more},
            a,
            plain_policy if bucket == plain else None,
            tuple(context),
        )

    questions = [
        of_bucket("GetObject", "get_object", key="in/k"),
        of_bucket("GetObject", "get_object", key="out/k"),
        of_bucket("GetObject", "head_object", key="secret/k"),
        of_bucket("GetObjectTagging", "get_object_tagging", key="in/k"),
        of_bucket("PutObject", "put_object", key="in/new", Body=b"x"),
        of_bucket("PutObject", "put_object", key="drop/new", Body=b"x"),
        of_bucket("PutObject", "create_multipart_upload", key="drop/large"),
        of_bucket("DeleteObject", "delete_object", key="in/gone"),
        of_bucket("ListBucket", "list_objects_v2"),
        of_bucket("ListBucket", "head_bucket"),
        of_bucket(
            "ListBucket", "list_objects_v2", context=[("s3:prefix", "in/2026/")], Prefix="in/2026/"
        ),
        of_bucket("GetBucketPolicy", "get_bucket_policy"),
        of_bucket("GetBucketLocation", "get_bucket_location"),
        of_bucket("GetObject", "get_object", acls, "theirs"),
        of_bucket("GetObject", "get_object", acls, "shared"),
        of_bucket("GetObject", "get_object", acls, "granted"),
        of_bucket("GetObjectAcl", "get_object_acl", acls, "theirs"),
        of_bucket("DeleteObject", "delete_object", acls, "gone"),
        Question(
            "sts:AssumeRole",
            visitors,
            "sts",
            "assume_role",
            {"RoleArn": visitors, "RoleSessionName": "session"},
            a,
            trust,
        ),
        Question(
            "iam:GetUser", reader.arn, "iam", "get_user", {"UserName": "reader"}, a, "", (), True
        ),
        Question("iam:ListUsers", "*", "iam", "list_users", {}, a, "", (), True),
    ]
    return principals, questions


def says_can(server, who: Principal, question: Question) -> bool:
    """The answer of `strongroom can`."""
    given = [("aws:SourceIp", "127.0.0.1"), *question.context]
    conditions = [word for key, value in given for word in ("--with", f"{key}={value}")]
    done = server.command(
        "can", "--as", who.arn, "--do", question.action, "--on", question.on, *who.arguments,
        *conditions, "--brief", check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def says_simulator(who: Principal, question: Question) -> bool | None:
    """The answer of AWS's simulator; None where it does not take the question."""
    if not who.source or question.policy is None:
        return None
    more = {}
    if question.policy:
        more = {
            "ResourcePolicy": question.policy,
            "ResourceOwner": f"arn:aws:iam::{question.owner.id}:root",
            "CallerArn": who.source,
        }
    entries = [("aws:SourceIp", "127.0.0.1", "ip")]
    entries += [(key, value, "string") for key, value in question.context]
    answer = who.account.boto("iam").simulate_principal_policy(
        PolicySourceArn=who.source,
        ActionNames=[question.action],
        ResourceArns=[question.on],
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": of}
            for key, value, of in entries
        ],
        **more,
    )
    return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def happens(server, who: Principal, question: Question) -> bool:
    """Whether the call is allowed."""
    client = server.boto(question.service, who.credentials)
    try:
        getattr(client, question.operation)(**question.parameters)
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status == 403, f"{who.name}, {question}: {error}"
        return False
    return True


def test_can_and_the_simulator_say_what_then_happens(server, world):
    principals, questions = world
    asked, wrong, allowed, simulated = 0, [], 0, 0
    for who in principals:
        for question in questions:
            if question.own_account_only and who.account is not question.owner:
                continue
            if question.service == "sts" and who.credentials is None:
                continue
            can = says_can(server, who, question)
            simulator = says_simulator(who, question)
            real = happens(server, who, question)
            asked += 1
            allowed += real
            simulated += simulator is not None
            if can != real or simulator not in (None, real):
                wrong.append(
                    f"{who.name}: {question.action} on {question.on} ({question.operation}): "
                    f"can {can}, simulator {simulator}, really {real}"
                )
    assert not wrong, "\n".join(wrong)
    # The world is worth asking about: many questions, and both answers.
    assert asked > 250 and simulated > 150 and 60 < allowed < asked - 60
