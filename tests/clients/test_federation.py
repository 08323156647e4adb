"""GetFederationToken: credentials for somebody who is no IAM user, and what they open."""

import json

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


def federate(account, credentials=None, name="guest", **more) -> dict:
    return account.boto("sts", credentials).get_federation_token(Name=name, **more)


def session(answer) -> Credentials:
    return Credentials.of_session(answer["Credentials"], answer["FederatedUser"]["Arn"])


def guest_arn(account) -> str:
    return f"arn:aws:sts::{account.id}:federated-user/guest"


def test_the_federated_user_is_who_it_says(account):
    answer = federate(account)
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{account.id}:guest",
        "Arn": guest_arn(account),
    }
    assert answer["PackedPolicySize"] == 0
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    whoami = account.boto("sts", session(answer)).get_caller_identity()
    assert (whoami["Arn"], whoami["UserId"]) == (guest_arn(account), f"{account.id}:guest")


def test_the_user_needs_leave_for_this_federated_user(account):
    user = account.user("u")
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: sts:GetFederationToken on resource: "
        f"{guest_arn(account)} because no identity-based policy allows the sts:GetFederationToken action",
        403,
    ):
        federate(account, user.credentials)
    other = account.user("other", policy("sts:GetFederationToken", guest_arn(account)))
    assert federate(account, other.credentials)
    with refused("AccessDenied", status=403):
        federate(account, other.credentials, name="stranger")


def test_both_the_user_and_the_passed_policy_must_allow(account):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    user = account.user("u", policy(["sts:GetFederationToken", "s3:GetObject", "s3:PutObject"]))
    guest = session(
        federate(account, user.credentials, Policy=json.dumps(policy(["s3:GetObject", "s3:DeleteObject"])))
    )
    s3 = account.boto("s3", guest)
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 1
    with refused(
        "AccessDenied",
        f'User: {guest.arn} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::{bucket}/k" '
        "because no session policy allows the s3:PutObject action",
        403,
    ):
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
    with refused(
        "AccessDenied",
        f'User: {guest.arn} is not authorized to perform: s3:DeleteObject on resource: "arn:aws:s3:::{bucket}/k" '
        "because no identity-based policy allows the s3:DeleteObject action",
        403,
    ):
        s3.delete_object(Bucket=bucket, Key="k")
    account.boto("iam").delete_user_policy(UserName="u", PolicyName="inline")
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="k")


def test_without_a_policy_only_a_bucket_that_names_the_session_is_open(account):
    named, silent = account.bucket(), account.bucket()
    s3 = account.boto("s3")
    for bucket in (named, silent):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    grant = policy("s3:GetObject", f"arn:aws:s3:::{named}/*", Principal={"AWS": guest_arn(account)})
    s3.put_bucket_policy(Bucket=named, Policy=json.dumps(grant))
    guest = account.boto("s3", session(federate(account)))
    assert guest.get_object(Bucket=named, Key="k")["ContentLength"] == 1
    with refused("AccessDenied", status=403):
        guest.get_object(Bucket=silent, Key="k")


def test_a_bucket_of_another_account_needs_the_passed_policy_as_well(account, other_account):
    bucket = other_account.bucket()
    owner = other_account.boto("s3")
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    grant = policy("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": guest_arn(account)})
    owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(grant))
    with refused("AccessDenied", status=403):
        account.boto("s3", session(federate(account))).get_object(Bucket=bucket, Key="k")
    guest = session(federate(account, Policy=json.dumps(policy("s3:GetObject"))))
    assert account.boto("s3", guest).get_object(Bucket=bucket, Key="k")["ContentLength"] == 1


def test_the_credentials_call_neither_iam_nor_sts(account):
    guest = session(federate(account, Policy=json.dumps(policy())))
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        account.boto("iam", guest).list_users()
    sts = account.boto("sts", guest)
    with refused("AccessDenied", "Cannot call GetFederationToken with session credentials", 403):
        sts.get_federation_token(Name="guest")
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        sts.get_session_token()
    role = account.role("r", trust({"AWS": guest_arn(account)}))
    with refused("AccessDenied", status=403):
        sts.assume_role(RoleArn=role, RoleSessionName="session")


def test_a_role_session_does_not_federate(account):
    role = account.role("r", trust({"AWS": account.id}), policy())
    answer = account.boto("sts").assume_role(RoleArn=role, RoleSessionName="session")
    in_role = Credentials.of_session(answer["Credentials"], answer["AssumedRoleUser"]["Arn"])
    with refused("AccessDenied", "Cannot call GetFederationToken with session credentials", 403):
        federate(account, in_role)


def test_root_federates_for_an_hour_at_most(account):
    bucket = account.bucket()
    answer = federate(account, account.root, DurationSeconds=129_600, Policy=json.dumps(policy("s3:*")))
    user = federate(account, DurationSeconds=129_600)
    assert (user["Credentials"]["Expiration"] - answer["Credentials"]["Expiration"]).total_seconds() > 120_000
    account.boto("s3", session(answer)).head_bucket(Bucket=bucket)


def test_names_and_durations_are_checked(account):
    loose = account.boto("sts", parameter_validation=False)
    with refused(
        "ValidationError",
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 900",
        400,
    ):
        loose.get_federation_token(Name="guest", DurationSeconds=899)
    with refused(
        "ValidationError",
        "1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2",
        400,
    ):
        loose.get_federation_token(Name="x")
    with refused("MalformedPolicyDocument", "Syntax errors in policy.", 400):
        federate(account, Policy="{")


def test_tags_of_the_session_reach_conditions(account):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="red/k", Body=b"x")
    own = f"arn:aws:s3:::{bucket}/" + "${aws:PrincipalTag/team}/*"
    tags = [{"Key": "team", "Value": "red"}]
    untagged = account.user("untagged", policy("sts:GetFederationToken"))
    with refused(
        "AccessDenied",
        f"User: {untagged.arn} is not authorized to perform: sts:TagSession on resource: "
        f"{guest_arn(account)}",
        403,
    ):
        federate(account, untagged.credentials, Tags=tags)
    answer = federate(account, Tags=tags, Policy=json.dumps(policy("s3:GetObject", own)))
    assert answer["PackedPolicySize"] > 0
    s3 = account.boto("s3", session(answer))
    assert s3.get_object(Bucket=bucket, Key="red/k")["ContentLength"] == 1
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="blue/k")


def test_the_aws_cli_federates(account, run_aws):
    bucket = account.bucket()
    made = run_aws(
        "sts", "get-federation-token", "--name", "guest", "--policy", json.dumps(policy("s3:*")),
        credentials=account.admin,
    ).json
    assert made["FederatedUser"]["Arn"] == guest_arn(account)
    guest = Credentials.of_session(made["Credentials"], guest_arn(account))
    run_aws("s3", "ls", f"s3://{bucket}", credentials=guest)
