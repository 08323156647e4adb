"""The refusals of S3 that everybody meets: code, text and status, and to whom they tell how much."""

import datetime
import json
from unittest import mock

import pytest

from harness import Credentials
from harness.errors import refused
from harness.server import exchange, sign_headers


def statement(effect, actions, resources, principal=None, **more):
    made = {"Effect": effect, "Action": actions, "Resource": resources, **more}
    return made if principal is None else made | {"Principal": principal}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.fixture
def stored(account):
    """A bucket of `account` with the object `k`."""
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"body")
    return bucket


# ----- who is it? ---------------------------------------------------------------------------------


def test_an_unknown_key_id_a_wrong_secret_and_a_wrong_token_are_three_errors(server, account, stored):
    admin = account.admin
    with refused(
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
    ):
        server.boto("s3", Credentials("AKIAIOSFODNN7EXAMPLE", admin.secret_access_key)).get_object(
            Bucket=stored, Key="k"
        )
    with refused(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key "
        "and signing method.",
        403,
    ):
        server.boto("s3", Credentials(admin.access_key_id, "x" * 40)).get_object(Bucket=stored, Key="k")
    with refused("InvalidToken", "The provided token is malformed or otherwise invalid.", 400):
        server.boto(
            "s3", Credentials(admin.access_key_id, admin.secret_access_key, "invented")
        ).get_object(Bucket=stored, Key="k")


def test_an_inactive_key_is_as_good_as_none(account, stored):
    user = account.user("u", document(statement("Allow", "s3:*", "*")))
    s3 = account.boto("s3", user.credentials)
    assert s3.get_object(Bucket=stored, Key="k")["ContentLength"] == 4
    iam = account.boto("iam")
    key = user.credentials.access_key_id
    iam.update_access_key(UserName="u", AccessKeyId=key, Status="Inactive")
    with refused("InvalidAccessKeyId", status=403):
        s3.get_object(Bucket=stored, Key="k")
    iam.update_access_key(UserName="u", AccessKeyId=key, Status="Active")
    assert s3.get_object(Bucket=stored, Key="k")["ContentLength"] == 4


def test_a_body_that_is_not_the_signed_one_is_refused_and_not_stored(server, account, stored):
    url = f"{server.endpoint}/{stored}/k"
    headers = sign_headers(account.admin, "s3", "PUT", url, {}, b"signed")
    answer = exchange(server.port, "PUT", f"/{stored}/k", headers, b"sented")
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert answer.message == "The provided 'x-amz-content-sha256' header does not match what was computed."
    assert account.boto("s3").get_object(Bucket=stored, Key="k")["Body"].read() == b"body"


def test_a_request_from_yesterday_is_too_old(server, account, stored):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    path = f"/{stored}/k"
    with mock.patch("botocore.auth.get_current_datetime", return_value=yesterday.replace(tzinfo=None)):
        headers = sign_headers(account.admin, "s3", "GET", f"{server.endpoint}{path}", {}, b"")
    assert headers["X-Amz-Date"].startswith(f"{yesterday:%Y%m%d}")
    answer = exchange(server.port, "GET", path, headers, b"")
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
    assert answer.message == "The difference between the request time and the current time is too large."


# ----- may they? ----------------------------------------------------------------------------------


def test_inside_an_account_the_refusal_names_what_is_missing(account, stored):
    user = account.user("u")
    arn = f'"arn:aws:s3:::{stored}/k"'
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: s3:GetObject on resource: {arn} because no "
        "identity-based policy allows the s3:GetObject action",
        403,
    ):
        account.boto("s3", user.credentials).get_object(Bucket=stored, Key="k")
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: s3:ListAllMyBuckets because no identity-based "
        "policy allows the s3:ListAllMyBuckets action",
        403,
    ):
        account.boto("s3", user.credentials).list_buckets()


def test_an_explicit_deny_is_told_apart_from_a_missing_allow(account, stored):
    user = account.user(
        "u",
        document(
            statement("Allow", "s3:*", "*"), statement("Deny", "s3:DeleteObject", "*")
        ),
    )
    s3 = account.boto("s3", user.credentials)
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: s3:DeleteObject on resource: "
        f'"arn:aws:s3:::{stored}/k" with an explicit deny in an identity-based policy',
        403,
    ):
        s3.delete_object(Bucket=stored, Key="k")
    account.boto("s3").put_bucket_policy(
        Bucket=stored,
        Policy=json.dumps(
            document(statement("Deny", "s3:GetObject", f"arn:aws:s3:::{stored}/*", "*"))
        ),
    )
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::{stored}/k" with an explicit deny in a resource-based policy',
        403,
    ):
        s3.get_object(Bucket=stored, Key="k")


def test_a_boundary_that_does_not_reach_far_enough_is_named(account, stored):
    user = account.user("u", document(statement("Allow", "s3:*", "*")))
    iam = account.boto("iam")
    boundary = iam.create_policy(
        PolicyName="boundary", PolicyDocument=json.dumps(document(statement("Allow", "s3:GetObject", "*")))
    )["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=boundary)
    s3 = account.boto("s3", user.credentials)
    assert s3.get_object(Bucket=stored, Key="k")["ContentLength"] == 4
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{stored}/k" because no permissions boundary allows the s3:PutObject action',
        403,
    ):
        s3.put_object(Bucket=stored, Key="k", Body=b"")


def test_strangers_and_the_unsigned_are_told_nothing(server, account, other_account, stored):
    for caller in (other_account.admin, other_account.root, None):
        s3 = server.boto("s3", caller)
        with refused("AccessDenied", "Access Denied", 403):
            s3.get_object(Bucket=stored, Key="k")
        with refused("AccessDenied", "Access Denied", 403):
            s3.get_object(Bucket=stored, Key="no such key")
        with refused("AccessDenied", "Access Denied", 403):
            s3.put_object(Bucket=stored, Key="k", Body=b"")
        text = "Access Denied" if caller else "Anonymous users cannot invoke this API. Please authenticate."
        with refused("AccessDenied", text, 403):
            s3.delete_bucket(Bucket=stored)
        with refused("403", "Forbidden", 403):
            s3.head_object(Bucket=stored, Key="k")
        with refused("NoSuchBucket", "The specified bucket does not exist", 404):
            s3.get_object(Bucket="no-such-bucket-anywhere", Key="k")


def test_a_missing_key_is_404_only_for_who_may_list(account, stored):
    resource = f"arn:aws:s3:::{stored}/*"
    reader = account.user("reader", document(statement("Allow", "s3:GetObject", resource)))
    s3 = account.boto("s3", reader.credentials)
    with refused(
        "AccessDenied",
        f"User: {reader.arn} is not authorized to perform: s3:ListBucket on resource: "
        f'"arn:aws:s3:::{stored}" because no identity-based policy allows the s3:ListBucket action',
        403,
    ):
        s3.get_object(Bucket=stored, Key="none")
    lister = account.user(
        "lister",
        document(
            statement("Allow", "s3:GetObject", resource),
            statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{stored}"),
        ),
    )
    with refused("NoSuchKey", "The specified key does not exist.", 404):
        account.boto("s3", lister.credentials).get_object(Bucket=stored, Key="none")


def test_both_accounts_have_to_say_yes(account, other_account, stored):
    arn = f"arn:aws:s3:::{stored}/*"
    user = other_account.user("u")
    s3 = other_account.boto("s3", user.credentials)
    allow_account = document(
        statement("Allow", "s3:GetObject", arn, {"AWS": f"arn:aws:iam::{other_account.id}:root"})
    )
    owner = account.boto("s3")
    owner.put_bucket_policy(Bucket=stored, Policy=json.dumps(allow_account))
    with refused("AccessDenied", "Access Denied", 403):
        s3.get_object(Bucket=stored, Key="k")
    iam = other_account.boto("iam")
    iam.put_user_policy(
        UserName="u", PolicyName="p",
        PolicyDocument=json.dumps(document(statement("Allow", "s3:GetObject", arn))),
    )
    assert s3.get_object(Bucket=stored, Key="k")["Body"].read() == b"body"
    owner.delete_bucket_policy(Bucket=stored)
    with refused("AccessDenied", "Access Denied", 403):
        s3.get_object(Bucket=stored, Key="k")


def test_a_deleted_and_recreated_namesake_does_not_inherit_access(account, other_account, stored):
    arn = f"arn:aws:s3:::{stored}/*"
    mine = document(statement("Allow", "s3:GetObject", arn))
    first = other_account.user("u", mine)
    account.boto("s3").put_bucket_policy(
        Bucket=stored,
        Policy=json.dumps(document(statement("Allow", "s3:GetObject", arn, {"AWS": first.arn}))),
    )
    assert other_account.boto("s3", first.credentials).get_object(Bucket=stored, Key="k")
    iam = other_account.boto("iam")
    iam.delete_user_policy(UserName="u", PolicyName="inline")
    iam.delete_access_key(UserName="u", AccessKeyId=first.credentials.access_key_id)
    iam.delete_user(UserName="u")
    second = other_account.user("u", mine)
    assert (second.arn, second.id == first.id) == (first.arn, False)
    with refused("AccessDenied", "Access Denied", 403):
        other_account.boto("s3", second.credentials).get_object(Bucket=stored, Key="k")
    shown = json.loads(account.boto("s3").get_bucket_policy(Bucket=stored)["Policy"])
    assert shown["Statement"][0]["Principal"]["AWS"] == first.id


def test_delete_objects_refuses_key_by_key(account, stored):
    account.boto("s3").put_object(Bucket=stored, Key="mine", Body=b"")
    user = account.user(
        "u", document(statement("Allow", "s3:DeleteObject", f"arn:aws:s3:::{stored}/mine"))
    )
    answer = account.boto("s3", user.credentials).delete_objects(
        Bucket=stored, Delete={"Objects": [{"Key": "k"}, {"Key": "mine"}]}
    )
    assert [entry["Key"] for entry in answer["Deleted"]] == ["mine"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("k", "AccessDenied")]


def test_another_account_may_not_change_a_bucket_policy_whatever_the_policy_says(
    account, other_account, stored
):
    account.boto("s3").put_bucket_policy(
        Bucket=stored,
        Policy=json.dumps(
            document(
                statement(
                    "Allow", "s3:*", [f"arn:aws:s3:::{stored}", f"arn:aws:s3:::{stored}/*"],
                    {"AWS": other_account.id},
                )
            )
        ),
    )
    stranger = other_account.boto("s3")
    assert stranger.get_object(Bucket=stored, Key="k")["ContentLength"] == 4
    with refused("MethodNotAllowed", "The specified method is not allowed against this resource.", 405):
        stranger.get_bucket_policy(Bucket=stored)
    with refused("MethodNotAllowed", "The specified method is not allowed against this resource.", 405):
        stranger.delete_bucket_policy(Bucket=stored)


def test_the_owners_root_gets_back_in_after_a_policy_that_denies_everybody(account, stored):
    resources = [f"arn:aws:s3:::{stored}", f"arn:aws:s3:::{stored}/*"]
    account.boto("s3").put_bucket_policy(
        Bucket=stored, Policy=json.dumps(document(statement("Deny", "s3:*", resources, "*")))
    )
    root = account.boto("s3", account.root)
    with refused("AccessDenied", status=403):
        account.boto("s3").get_bucket_policy(Bucket=stored)
    with refused("AccessDenied", status=403):
        root.get_object(Bucket=stored, Key="k")
    root.get_bucket_policy(Bucket=stored)
    root.delete_bucket_policy(Bucket=stored)
    assert account.boto("s3").get_object(Bucket=stored, Key="k")["ContentLength"] == 4


def test_the_expected_owner_must_be_the_owner(account, other_account, stored):
    s3 = account.boto("s3")
    assert s3.get_object(Bucket=stored, Key="k", ExpectedBucketOwner=account.id)["ContentLength"] == 4
    with refused("AccessDenied", "Access Denied", 403):
        s3.get_object(Bucket=stored, Key="k", ExpectedBucketOwner=other_account.id)
    with refused("InvalidBucketOwnerAWSAccountID", status=400):
        s3.get_object(Bucket=stored, Key="k", ExpectedBucketOwner="12345")


# ----- public access ------------------------------------------------------------------------------


def test_a_public_policy_is_refused_until_the_block_is_lifted(server, account, stored):
    s3 = account.boto("s3")
    public = json.dumps(document(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{stored}/*", "*")))
    with refused(
        "AccessDenied",
        f"User: {account.admin.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
        f'"arn:aws:s3:::{stored}" because public policies are prevented by the BlockPublicPolicy setting '
        "in S3 Block Public Access.",
        403,
    ):
        s3.put_bucket_policy(Bucket=stored, Policy=public)
    s3.delete_public_access_block(Bucket=stored)
    s3.put_bucket_policy(Bucket=stored, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=stored)["PolicyStatus"]["IsPublic"] is True
    assert server.send("GET", f"/{stored}/k").body == b"body"
    s3.put_public_access_block(
        Bucket=stored, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    refusal = server.send("GET", f"/{stored}/k")
    assert (refusal.status, refusal.code, refusal.message) == (403, "AccessDenied", "Access Denied")
