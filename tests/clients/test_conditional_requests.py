"""`If-Match` and `If-None-Match` on writes, completions and deletes."""

import re

import pytest

from harness.errors import refused


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def bucket(account):
    return account.bucket()


@pytest.fixture
def versioned(s3, account):
    name = account.bucket()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def begin(s3, bucket, key="k"):
    """An upload of one part; answers what completes it."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"part")
    return {
        "Bucket": bucket,
        "Key": key,
        "UploadId": upload,
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    }


CONFLICT = "The conditional request cannot succeed due to a conflicting operation against this resource."


def test_an_upload_that_wants_no_object_fails_if_one_was_deleted_meanwhile(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    upload = begin(s3, bucket)
    with refused("PreconditionFailed"):
        s3.complete_multipart_upload(**upload, IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("ConditionalRequestConflict", CONFLICT) as told:
        s3.complete_multipart_upload(**upload, IfNoneMatch="*")
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert told.value.response["Error"]["Condition"] == "If-None-Match"
    assert told.value.response["Error"]["Key"] == "k"
    # The upload is still there, and one that began later is completed.
    s3.list_parts(Bucket=bucket, Key="k", UploadId=upload["UploadId"])
    s3.complete_multipart_upload(**begin(s3, bucket), IfNoneMatch="*")


def test_an_upload_that_wants_no_object_fails_if_one_was_put_meanwhile(s3, bucket):
    upload = begin(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("PreconditionFailed"):
        s3.complete_multipart_upload(**upload, IfNoneMatch="*")


def test_an_upload_that_wants_no_object_sees_a_marker_that_was_made_meanwhile(s3, versioned):
    upload = begin(s3, versioned)
    s3.put_object(Bucket=versioned, Key="k", Body=b"x")
    s3.delete_object(Bucket=versioned, Key="k")
    with refused("ConditionalRequestConflict"):
        s3.complete_multipart_upload(**upload, IfNoneMatch="*")
    s3.complete_multipart_upload(**begin(s3, versioned), IfNoneMatch="*")


def test_an_upload_that_wants_an_etag_fails_if_it_was_written_meanwhile(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    upload = begin(s3, bucket)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    s3.complete_multipart_upload(**upload, IfMatch=etag)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    upload = begin(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    with refused("PreconditionFailed"):
        s3.complete_multipart_upload(**upload, IfMatch=etag)
    # The same content again is another object.
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("ConditionalRequestConflict", CONFLICT) as told:
        s3.complete_multipart_upload(**upload, IfMatch=etag)
    assert told.value.response["Error"]["Condition"] == "If-Match"
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey"):
        s3.complete_multipart_upload(**upload, IfMatch=etag)


def test_a_delete_under_a_condition(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    with refused("PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"other"')
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    for condition in [etag, "*"]:
        with refused("NoSuchKey"):
            s3.delete_object(Bucket=bucket, Key="k", IfMatch=condition)
    told = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": "*"}]})
    assert told["Errors"][0]["Code"] == "NoSuchKey"


def test_a_delete_marker_is_no_object(s3, versioned):
    etag = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["ETag"]
    assert s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")["DeleteMarker"]
    with refused("PreconditionFailed"):
        s3.delete_object(Bucket=versioned, Key="k", IfMatch="*")
    with refused("NoSuchKey"):
        s3.delete_object(Bucket=versioned, Key="k", IfMatch=etag)
    told = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "ETag": "*"}]})
    assert told["Errors"][0]["Code"] == "PreconditionFailed"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action, **more):
    return {"Effect": "Allow", "Action": action, "Resource": "*"} | more


def test_who_names_an_etag_must_be_allowed_to_read(account, s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    deleter = account.boto("s3", account.user("deleter", policy(allow("s3:DeleteObject"))).credentials)
    reads = re.compile(r".* to perform: s3:GetObject on resource: .*")
    with refused("AccessDenied", reads):
        deleter.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    told = deleter.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": etag}]})
    assert reads.match(told["Errors"][0]["Message"])
    deleter.delete_object(Bucket=bucket, Key="k", IfMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    both = account.user("both", policy(allow(["s3:DeleteObject", "s3:GetObject"])))
    account.boto("s3", both.credentials).delete_object(Bucket=bucket, Key="k", IfMatch=etag)


def test_policies_see_the_condition_of_a_delete(account, s3, bucket):
    only_conditional = allow("s3:DeleteObject", Condition={"Null": {"s3:if-match": "false"}})
    user = account.user("careful", policy(allow("s3:GetObject"), only_conditional))
    careful = account.boto("s3", user.credentials)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    with refused("AccessDenied"):
        careful.delete_object(Bucket=bucket, Key="k")
    told = careful.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert told["Errors"][0]["Code"] == "AccessDenied"
    told = careful.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": etag}]})
    assert [entry["Key"] for entry in told["Deleted"]] == ["k"]


def test_to_bypass_governance_is_a_permission_of_its_own(account, s3, versioned):
    version = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["VersionId"]
    named = {"Bucket": versioned, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    deletes = policy(allow(["s3:DeleteObject", "s3:DeleteObjectVersion"]))
    deleter = account.boto("s3", account.user("deleter", deletes).credentials)
    with refused("AccessDenied", re.compile(r".* to perform: s3:BypassGovernanceRetention on resource: .*")):
        deleter.delete_object(**named)
    # A delete marker bypasses nothing.
    deleter.delete_object(Bucket=versioned, Key="k", BypassGovernanceRetention=True)
    told = deleter.delete_objects(
        Bucket=versioned,
        Delete={"Objects": [{"Key": "k", "VersionId": version}, {"Key": "k"}]},
        BypassGovernanceRetention=True,
    )
    assert [entry["Code"] for entry in told["Errors"]] == ["AccessDenied"] and len(told["Deleted"]) == 1
    s3.delete_object(**named)
