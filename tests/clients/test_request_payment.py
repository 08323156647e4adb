"""Requester Pays: other accounts agree to pay, or are refused."""

import json
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness.errors import refused

AGREED = {"RequestPayer": "requester"}


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def other(other_account):
    return other_account.boto("s3")


@pytest.fixture
def bucket(account, s3):
    """A bucket that is open to everybody, whose callers pay."""
    name = account.bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"body")
    s3.delete_public_access_block(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    pays(s3, name)
    return name


def pays(s3, bucket, payer="Requester"):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})


def calls(bucket):
    """Name and parameters of calls that take `RequestPayer`, each of which succeeds by itself."""
    at = {"Bucket": bucket, "Key": "k"}
    return [
        ("get_object", at),
        ("head_object", at),
        ("get_object_tagging", at),
        ("get_object_attributes", at | {"ObjectAttributes": ["ETag"]}),
        ("put_object", {"Bucket": bucket, "Key": "new", "Body": b"x"}),
        ("copy_object", {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}),
        ("create_multipart_upload", {"Bucket": bucket, "Key": "parts"}),
        ("list_objects", {"Bucket": bucket}),
        ("list_objects_v2", {"Bucket": bucket}),
        ("list_object_versions", {"Bucket": bucket}),
        ("list_multipart_uploads", {"Bucket": bucket}),
        ("delete_objects", {"Bucket": bucket, "Delete": {"Objects": [{"Key": "none"}]}}),
        ("delete_object", {"Bucket": bucket, "Key": "new"}),
    ]


def test_a_bucket_says_who_pays(account, s3):
    name = account.bucket()
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"
    for payer in ["Requester", "BucketOwner"]:
        pays(s3, name, payer)
        assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == payer
    with refused("MalformedXML", status=400):
        pays(s3, name, "Nobody")
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"


def test_another_account_that_agrees_is_served_and_charged(bucket, other):
    for name, parameters in calls(bucket):
        answer = getattr(other, name)(**parameters, **AGREED)
        # AWS's answer to GetObjectTagging has no such member.
        wanted = None if name == "get_object_tagging" else "requester"
        assert answer.get("RequestCharged") == wanted, name


def test_another_account_that_does_not_agree_is_refused(bucket, other, s3):
    for name, parameters in calls(bucket):
        code = "403" if name == "head_object" else "AccessDenied"
        message = "Forbidden" if name == "head_object" else "Access Denied"
        with refused(code, message, status=403):
            getattr(other, name)(**parameters)
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
    # The bucket's owner takes it back.
    pays(s3, bucket, "BucketOwner")
    assert "RequestCharged" not in other.get_object(Bucket=bucket, Key="k", **AGREED)
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"


def test_settings_of_the_bucket_cost_nothing(bucket, other):
    assert other.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert other.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    with refused("403", "Forbidden", status=403):
        other.head_bucket(Bucket=bucket)


def test_a_refusal_by_policies_is_told_before_the_payment(server, account, bucket, s3, other):
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("AccessDenied", "Access Denied", status=403) as told:
        other.get_object(Bucket=bucket, Key="k")
    request_id = told.value.response["ResponseMetadata"]["RequestId"]
    assert "Requester Pays" not in server.command("why", request_id).stdout


def test_the_owners_account_need_not_agree(account, bucket, s3):
    for name, parameters in calls(bucket):
        assert "RequestCharged" not in getattr(s3, name)(**parameters), name
    answer = s3.get_object(Bucket=bucket, Key="k", **AGREED)
    assert "RequestCharged" not in answer


def test_who_does_not_sign_is_refused_even_when_agreeing(server, bucket):
    anonymous = server.boto("s3", None)
    for agreed in [{}, AGREED]:
        with refused("AccessDenied", "Access Denied", status=403):
            anonymous.get_object(Bucket=bucket, Key="k", **agreed)


def test_a_presigned_url_of_version_2_carries_the_agreement(other_account, bucket):
    client = other_account.boto("s3", signature_version="s3")
    at = {"Bucket": bucket, "Key": "k"}
    with urllib.request.urlopen(client.generate_presigned_url("get_object", at | AGREED)) as answer:
        assert answer.read() == b"body"
        assert answer.headers["x-amz-request-charged"] == "requester"
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(client.generate_presigned_url("get_object", at))
    assert told.value.code == 403


def test_a_presigned_url_carries_the_agreement(server, other_account, bucket):
    """As a parameter, which boto3 does not write: it signs the header, which must be sent then."""
    keys = other_account.admin
    signer = botocore.auth.S3SigV4QueryAuth(
        botocore.credentials.Credentials(keys.access_key_id, keys.secret_access_key), "s3", "us-east-1"
    )

    def get(parameters, **headers):
        url = f"{server.endpoint}/{bucket}/k"
        request = botocore.awsrequest.AWSRequest("GET", url, params=parameters, headers=headers)
        signer.add_auth(request)
        return urllib.request.urlopen(urllib.request.Request(request.url, headers=headers))

    payer = {"x-amz-request-payer": "requester"}
    for carried in [get(payer), get({}, **payer)]:
        with carried as answer:
            assert answer.read() == b"body"
            assert answer.headers["x-amz-request-charged"] == "requester"
    with pytest.raises(urllib.error.HTTPError) as told:
        get({})
    assert told.value.code == 403


def test_a_copy_out_of_a_bucket_whose_callers_pay_needs_the_agreement(other_account, other, bucket):
    own = other_account.bucket()
    copy = {"Bucket": own, "Key": "copy", "CopySource": f"{bucket}/k"}
    with refused("AccessDenied", "Access Denied", status=403):
        other.copy_object(**copy)
    assert other.copy_object(**copy, **AGREED)["RequestCharged"] == "requester"


def test_why_names_the_agreement_that_is_missing(server, account, bucket, other):
    with refused("AccessDenied") as told:
        other.get_object(Bucket=bucket, Key="k")
    request_id = told.value.response["ResponseMetadata"]["RequestId"]
    why = server.command("why", request_id).stdout
    assert "Requester Pays" in why and "x-amz-request-payer: requester" in " ".join(why.split())


def test_it_outlives_a_kill(own_server):
    account, other = own_server.create_account(), own_server.create_account()
    s3 = account.boto("s3")
    name = account.bucket()
    pays(s3, name)
    own_server.restart()
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "Requester"
    with refused("AccessDenied", "Access Denied", status=403):
        other.boto("s3").list_objects_v2(Bucket=name)
