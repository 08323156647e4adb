"""The policy simulator of IAM: what it answers is what the calls themselves are answered."""

import json

import pytest

from harness import Credentials
from harness.errors import refused


def policy(action="*", resource="*", effect="Allow", **more) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}],
    }


def trust(principal) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }


def simulate(account, source: str, actions: list[str], resource: str | None = None, **more) -> list[dict]:
    """The results for a user, group or role of the account."""
    if resource is not None:
        more["ResourceArns"] = [resource]
    answer = account.boto("iam").simulate_principal_policy(
        PolicySourceArn=source, ActionNames=actions, **more
    )
    assert not answer["IsTruncated"]
    return answer["EvaluationResults"]


def decisions(results: list[dict]) -> dict[str, str]:
    return {result["EvalActionName"]: result["EvalDecision"] for result in results}


def test_the_aws_cli_shows_what_aws_shows(account, run_aws):
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
        '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
    )
    shown = run_aws(
        "iam", "simulate-custom-policy", "--policy-input-list", document,
        "--action-names", "dynamodb:CreateBackup", "--context-entries",
        "ContextKeyName='aws:CurrentTime',ContextKeyValues='2019-04-25T11:00:00Z',ContextKeyType=date",
        credentials=account.admin,
    )
    assert shown.json == {
        "EvaluationResults": [
            {
                "EvalActionName": "dynamodb:CreateBackup",
                "EvalResourceName": "*",
                "EvalDecision": "allowed",
                "MatchedStatements": [
                    {
                        "SourcePolicyId": "PolicyInputList.1",
                        "SourcePolicyType": "IAM Policy",
                        "StartPosition": {"Line": 1, "Column": 38},
                        "EndPosition": {"Line": 1, "Column": 167},
                    }
                ],
                "MissingContextValues": [],
            }
        ]
    }
    keys = run_aws(
        "iam", "get-context-keys-for-custom-policy", "--policy-input-list", document,
        credentials=account.admin,
    )
    assert keys.json == {"ContextKeyNames": ["aws:CurrentTime"]}


def test_a_user_is_simulated_with_groups_and_boundary(account):
    iam = account.boto("iam")
    user = account.user("u", policy(["s3:GetObject", "s3:PutObject"]))
    iam.create_group(GroupName="g")
    iam.put_group_policy(
        GroupName="g", PolicyName="p", PolicyDocument=json.dumps(policy("s3:DeleteObject"))
    )
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    before = decisions(simulate(account, user.arn, actions))
    assert before == {
        "s3:GetObject": "allowed",
        "s3:PutObject": "allowed",
        "s3:DeleteObject": "implicitDeny",
    }
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_user_permissions_boundary(
        UserName="u", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    )
    get, put, delete = simulate(account, user.arn, actions)
    assert get["EvalDecision"] == "allowed"
    assert get["MatchedStatements"][0]["SourcePolicyId"] == "user_u_inline"
    assert get["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    for one in (put, delete):
        assert one["EvalDecision"] == "implicitDeny"
        assert one["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    [delete] = simulate(
        account,
        user.arn,
        ["s3:DeleteObject"],
        PermissionsBoundaryPolicyInputList=[json.dumps(policy("s3:*"))],
    )
    assert delete["EvalDecision"] == "allowed"
    assert delete["MatchedStatements"][0]["SourcePolicyId"] == "group_g_p"


@pytest.mark.parametrize("by_user", ["allowed", "silent"])
@pytest.mark.parametrize("by_bucket", ["allowed", "silent"])
def test_between_accounts_it_says_what_then_happens(account, other_account, by_user, by_bucket):
    bucket = other_account.bucket()
    owner = other_account.boto("s3")
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    user = account.user("u", policy("s3:GetObject" if by_user == "allowed" else "s3:PutObject"))
    action = "s3:GetObject" if by_bucket == "allowed" else "s3:PutObject"
    grant = json.dumps(policy(action, f"arn:aws:s3:::{bucket}/*", Principal={"AWS": user.arn}))
    owner.put_bucket_policy(Bucket=bucket, Policy=grant)
    [result] = simulate(
        account,
        user.arn,
        ["s3:GetObject"],
        f"arn:aws:s3:::{bucket}/k",
        ResourcePolicy=grant,
        ResourceOwner=f"arn:aws:iam::{other_account.id}:root",
    )
    word = {"allowed": "allowed", "silent": "implicitDeny"}
    assert result["EvalDecisionDetails"] == {
        "IAM Policy": word[by_user],
        "Resource Policy": word[by_bucket],
    }
    s3 = account.boto("s3", user.credentials)
    if by_user == by_bucket == "allowed":
        assert result["EvalDecision"] == "allowed"
        assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    else:
        assert result["EvalDecision"] == "implicitDeny"
        with refused("AccessDenied", status=403):
            s3.get_object(Bucket=bucket, Key="k")


def test_a_role_and_a_bucket_policy_are_simulated_as_they_are_enforced(account):
    """AWS's simulator refuses this; see docs/compatibility.md."""
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    role = account.role("r", trust({"AWS": account.id}))
    grant = json.dumps(policy("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": role}))
    account.boto("s3").put_bucket_policy(Bucket=bucket, Policy=grant)
    actions, resource = ["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/k"
    answer = account.boto("sts").assume_role(RoleArn=role, RoleSessionName="session")
    in_role = Credentials.of_session(answer["Credentials"], answer["AssumedRoleUser"]["Arn"])
    for caller in ({}, {"CallerArn": role}, {"CallerArn": in_role.arn}):
        got = simulate(account, role, actions, resource, ResourcePolicy=grant, **caller)
        assert decisions(got) == {"s3:GetObject": "allowed", "s3:PutObject": "implicitDeny"}
        matched = got[0]["ResourceSpecificResults"][0]["MatchedStatements"]
        assert [one["SourcePolicyId"] for one in matched] == ["ResourcePolicy"]
    s3 = account.boto("s3", in_role)
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    with refused("AccessDenied", status=403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"")


def test_a_trust_policy_is_looked_at(account, other_account):
    """AWS's simulator ignores it; see docs/compatibility.md."""
    user = other_account.user("u", policy("sts:AssumeRole"))
    names_user = trust({"AWS": user.arn})
    names_nobody = trust({"AWS": account.id})
    for document, decision in ((names_user, "allowed"), (names_nobody, "implicitDeny")):
        name = f"r-{decision}"
        role = account.role(name, document)
        [result] = simulate(
            other_account, user.arn, ["sts:AssumeRole"], role, ResourcePolicy=json.dumps(document)
        )
        assert result["EvalDecision"] == decision
        sts = other_account.boto("sts", user.credentials)
        if decision == "allowed":
            assert sts.assume_role(RoleArn=role, RoleSessionName="session")
        else:
            with refused("AccessDenied", status=403):
                sts.assume_role(RoleArn=role, RoleSessionName="session")


def test_what_is_missing_is_named_and_can_be_passed(account):
    bucket = "arn:aws:s3:::b"
    document = policy(
        "s3:ListBucket", bucket, Condition={"StringLike": {"s3:prefix": "home/${aws:username}/*"}}
    )
    user = account.user("u", document)
    names = account.boto("iam").get_context_keys_for_principal_policy(PolicySourceArn=user.arn)
    assert names["ContextKeyNames"] == ["aws:username", "s3:prefix"]
    [result] = simulate(account, user.arn, ["s3:ListBucket"], bucket)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["s3:prefix"])
    for prefix, decision in (("home/u/x", "allowed"), ("home/v/x", "implicitDeny")):
        entry = {"ContextKeyName": "s3:prefix", "ContextKeyType": "string", "ContextKeyValues": [prefix]}
        [result] = simulate(account, user.arn, ["s3:ListBucket"], bucket, ContextEntries=[entry])
        assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, [])


def test_pages_are_followed_by_the_client(account):
    user = account.user("u", policy("s3:Get*"))
    actions = ["s3:GetObject", "s3:PutObject", "s3:GetBucketAcl", "iam:GetUser", "ec2:RunInstances"]
    pages = account.boto("iam").get_paginator("simulate_principal_policy")
    results = pages.paginate(
        PolicySourceArn=user.arn, ActionNames=actions, PaginationConfig={"PageSize": 2}
    )
    seen = [one["EvalActionName"] for page in results for one in page["EvaluationResults"]]
    assert seen == actions


def test_it_needs_leave_on_the_principal(account):
    user = account.user("u", policy("iam:GetUser"))
    iam = account.boto("iam", user.credentials)
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:SimulatePrincipalPolicy on resource: "
        "user u because no identity-based policy allows the iam:SimulatePrincipalPolicy action",
        403,
    ):
        iam.simulate_principal_policy(PolicySourceArn=user.arn, ActionNames=["s3:GetObject"])
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:SimulateCustomPolicy on resource: "
        "* because no identity-based policy allows the iam:SimulateCustomPolicy action",
        403,
    ):
        iam.simulate_custom_policy(
            PolicyInputList=[json.dumps(policy())], ActionNames=["s3:GetObject"]
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ActionNames": ["s3:Get*"]}, "Invalid Action Name: s3:Get*"),
        ({"ResourceArns": ["b/k"]}, "ResourceNames are not in a valid ARN format: b/k."),
        ({"ResourceOwner": "123456789012"}, "'123456789012' is not a valid as a Resource Owner."),
        (
            {"ResourcePolicy": json.dumps(policy(Principal="*"))},
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        ({"PolicyInputList": ["{"]}, "Invalid policy PolicyInputList.1: Syntax errors in policy."),
    ],
)
def test_what_makes_no_sense_is_refused(account, arguments, message):
    request = {"PolicyInputList": [json.dumps(policy())], "ActionNames": ["s3:GetObject"]} | arguments
    with refused("InvalidInput", message, 400):
        account.boto("iam").simulate_custom_policy(**request)


def test_whose_policies_are_asked_for_must_be_here(account, other_account):
    iam = account.boto("iam")

    def ask(arn):
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])

    with refused("NoSuchEntity", "The role with name ghost cannot be found.", 404):
        ask(f"arn:aws:iam::{account.id}:role/ghost")
    session = f"arn:aws:sts::{account.id}:assumed-role/r/session"
    with refused(
        "InvalidInput",
        f"Invalid Entity Arn: {session} does not clearly define entity type and name.",
        400,
    ):
        ask(session)
    with refused(
        "InvalidInput",
        f"Invalid Policy Source Arn: caller's account {account.id} does not have access to policies in "
        f"account {other_account.id}",
        400,
    ):
        ask(f"arn:aws:iam::{other_account.id}:user/x")
