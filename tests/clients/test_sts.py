"""STS: who am I, becoming a role, and every way in which that is refused."""

import json

import pytest

from harness import Credentials
from harness.errors import refused


def policy(action="*", resource="*", effect="Allow", **more) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}],
    }


def trust(principal, action="sts:AssumeRole", **more) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": action, **more}],
    }


def assume(account, role, credentials=None, name="session", **more) -> dict:
    return account.boto("sts", credentials).assume_role(RoleArn=role, RoleSessionName=name, **more)


def session(answer) -> Credentials:
    return Credentials.of_session(answer["Credentials"], answer["AssumedRoleUser"]["Arn"])


def test_get_caller_identity_tells_everyone_who_they_are(account):
    nobody = account.user("nobody", policy(effect="Deny"), path="/people/")
    sts = account.boto("sts", nobody.credentials)
    answer = sts.get_caller_identity()
    assert (answer["Account"], answer["Arn"], answer["UserId"]) == (account.id, nobody.arn, nobody.id)
    assert answer["Arn"] == f"arn:aws:iam::{account.id}:user/people/nobody"
    root = account.boto("sts", account.root).get_caller_identity()
    assert (root["Arn"], root["UserId"]) == (f"arn:aws:iam::{account.id}:root", account.id)


def test_a_role_of_another_account_needs_trust_and_leave(account, other_account):
    role = account.role("r", trust({"AWS": other_account.id}), policy("s3:ListAllMyBuckets"))
    user = other_account.user("u")
    refusal = f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with refused("AccessDenied", refusal, 403):
        assume(other_account, role, user.credentials)
    other_account.boto("iam").put_user_policy(
        UserName="u", PolicyName="p", PolicyDocument=json.dumps(policy("sts:AssumeRole", role))
    )
    answer = assume(other_account, role, user.credentials)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/r/session"
    assert "PackedPolicySize" not in answer
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    in_role = session(answer)
    whoami = account.boto("sts", in_role).get_caller_identity()
    assert whoami["Arn"] == in_role.arn
    assert whoami["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    account.boto("s3", in_role).list_buckets()
    with refused(
        "AccessDenied",
        f"User: {in_role.arn} is not authorized to perform: iam:ListUsers on resource: "
        "* because no identity-based policy allows the iam:ListUsers action",
        403,
    ):
        account.boto("iam", in_role).list_users()


def test_an_administrator_without_trust_and_a_role_that_is_not_there_read_alike(
    account, other_account
):
    role = account.role("r", trust({"Service": "ec2.amazonaws.com"}))
    admin = other_account.admin_user
    for arn in (role, f"arn:aws:iam::{account.id}:role/ghost", "arn:aws:iam::999999999999:role/ghost"):
        with refused(
            "AccessDenied",
            f"User: {admin.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            403,
        ):
            assume(other_account, arn)


def test_the_external_id_must_be_the_agreed_one(account, other_account):
    role = account.role(
        "r",
        trust({"AWS": other_account.id}, Condition={"StringEquals": {"sts:ExternalId": "agreed"}}),
    )
    with refused("AccessDenied", status=403):
        assume(other_account, role)
    with refused("AccessDenied", status=403):
        assume(other_account, role, ExternalId="guessed")
    assert assume(other_account, role, ExternalId="agreed")


def test_root_never_becomes_a_role(account):
    role = account.role("r", trust({"AWS": account.id}))
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        assume(account, role, account.root)


def test_durations_have_their_limits(account):
    role = account.role("r", trust({"AWS": account.id}), policy())
    with refused(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    ):
        assume(account, role, DurationSeconds=7200)
    account.boto("iam").update_role(RoleName="r", MaxSessionDuration=7200)
    assert assume(account, role, DurationSeconds=7200)
    with refused(
        "ValidationError",
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 900",
        400,
    ):
        # The client would refuse this itself.
        account.boto("sts", parameter_validation=False).assume_role(
            RoleArn=role, RoleSessionName="session", DurationSeconds=899
        )
    other = account.role("other", trust({"AWS": account.id}))
    in_role = session(assume(account, role))
    with refused(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        400,
    ):
        assume(account, other, in_role, DurationSeconds=3601)
    assert assume(account, other, in_role, DurationSeconds=3600)


def test_session_names_and_role_arns_are_checked(account):
    role = account.role("r", trust({"AWS": account.id}))
    with refused(
        "ValidationError",
        "1 validation error detected: Value 'two words' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
        400,
    ):
        assume(account, role, name="two words")
    with refused("ValidationError", "nothing-valid-in-here is invalid", 400):
        assume(account, "nothing-valid-in-here")


def test_a_session_policy_only_narrows(account):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    role = account.role("r", trust({"AWS": account.id}), policy("s3:*"))
    narrow = assume(account, role, Policy=json.dumps(policy("s3:GetObject")))
    assert narrow["PackedPolicySize"] > 0
    in_role = session(narrow)
    s3 = account.boto("s3", in_role)
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    with refused(
        "AccessDenied",
        f"User: {in_role.arn} is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{bucket}/k" because no session policy allows the s3:PutObject action',
        403,
    ):
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
    wide = session(assume(account, role, Policy=json.dumps(policy())))
    with refused("AccessDenied", status=403):
        account.boto("iam", wide).list_users()


def test_a_malformed_session_policy_is_told(account):
    role = account.role("r", trust({"AWS": account.id}))
    with refused("MalformedPolicyDocument", status=400):
        assume(account, role, Policy="{")


def test_tags_of_a_session_need_trust_and_reach_conditions(account):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="red/k", Body=b"x")
    account.boto("s3").put_object(Bucket=bucket, Key="blue/k", Body=b"x")
    own = "arn:aws:s3:::" + bucket + "/${aws:PrincipalTag/team}/*"
    tags = [{"Key": "team", "Value": "red"}]
    strict = account.role("strict", trust({"AWS": account.id}), policy("s3:GetObject", own))
    with refused(
        "AccessDenied",
        f"User: {account.admin.arn} is not authorized to perform: sts:TagSession on resource: {strict}",
        403,
    ):
        assume(account, strict, Tags=tags)
    role = account.role(
        "r", trust({"AWS": account.id}, ["sts:AssumeRole", "sts:TagSession"]), policy("s3:GetObject", own)
    )
    s3 = account.boto("s3", session(assume(account, role, Tags=tags)))
    assert s3.get_object(Bucket=bucket, Key="red/k")["ContentLength"] == 1
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="blue/k")
    with refused(
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        400,
    ):
        assume(account, role, Tags=[*tags, {"Key": "Team", "Value": "x"}])
    with refused(
        "InvalidParameterValue",
        "The specified transitive tag key must be included in the requested tags.",
        400,
    ):
        assume(account, role, Tags=tags, TransitiveTagKeys=["other"])


def test_a_session_follows_its_role_at_once_and_ends_with_it(account):
    role = account.role("r", trust({"AWS": account.id}), policy("s3:*"))
    in_role = session(assume(account, role))
    s3 = account.boto("s3", in_role)
    s3.list_buckets()
    iam = account.boto("iam")
    iam.delete_role_policy(RoleName="r", PolicyName="inline")
    with refused("AccessDenied", status=403):
        s3.list_buckets()
    iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=json.dumps(policy("s3:*")))
    s3.list_buckets()
    iam.delete_role_policy(RoleName="r", PolicyName="inline")
    iam.delete_role(RoleName="r")
    with refused(
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
    ):
        s3.list_buckets()
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        account.boto("sts", in_role).get_caller_identity()


def test_a_session_key_without_its_token_is_no_key(account, server):
    role = account.role("r", trust({"AWS": account.id}), policy("s3:*"))
    in_role = session(assume(account, role))
    bare = Credentials(in_role.access_key_id, in_role.secret_access_key)
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        server.boto("sts", bare).get_caller_identity()
    with refused(
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
    ):
        server.boto("s3", bare).list_buckets()


def test_get_session_token_keeps_the_users_rights_but_not_for_iam_and_sts(account):
    admin = account.admin_user
    answer = account.boto("sts").get_session_token()["Credentials"]
    temporary = Credentials.of_session(answer, admin.arn)
    account.boto("s3", temporary).list_buckets()
    assert account.boto("sts", temporary).get_caller_identity()["Arn"] == admin.arn
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        account.boto("iam", temporary).list_users()
    with refused(
        "AccessDenied", "Cannot call GetSessionToken with session credentials", 403
    ):
        account.boto("sts", temporary).get_session_token()


def test_get_access_key_info_tells_the_account_of_a_key(account, other_account):
    answer = account.boto("sts").get_access_key_info(AccessKeyId=other_account.admin.access_key_id)
    assert answer["Account"] == other_account.id


def test_an_operation_that_is_not_built_says_so(account):
    with refused("NotImplemented", "AssumeRoot is not implemented.", 501):
        account.boto("sts").assume_root(
            TargetPrincipal=account.id,
            TaskPolicyArn={"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
        )
