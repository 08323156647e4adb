"""Versions of objects, delete markers, and who may see them."""

import re

import pytest

from harness.errors import refused


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def bucket(account, s3):
    name = account.bucket()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(s3, bucket, key, body):
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


def body(s3, bucket, key, **version):
    return s3.get_object(Bucket=bucket, Key=key, **version)["Body"].read()


def test_a_bucket_says_whether_it_keeps_versions(account, s3):
    name = account.bucket()
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    assert "VersionId" not in s3.put_object(Bucket=name, Key="k", Body=b"before")
    for status in ["Enabled", "Suspended"]:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == status
    # What was there before is the version `null`.
    assert s3.head_object(Bucket=name, Key="k")["VersionId"] == "null"
    with refused("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={})


def test_every_write_is_a_version_and_a_delete_is_a_marker(s3, bucket):
    one = put(s3, bucket, "k", b"one")
    two = put(s3, bucket, "k", b"two")
    assert one != two and len(one) == 32
    assert body(s3, bucket, "k") == b"two"
    assert body(s3, bucket, "k", VersionId=one) == b"one"
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert deleted["DeleteMarker"] is True
    marker = deleted["VersionId"]
    with pytest.raises(s3.exceptions.NoSuchKey) as told:
        s3.get_object(Bucket=bucket, Key="k")
    headers = told.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker
    with refused("MethodNotAllowed") as told:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    listed = s3.list_object_versions(Bucket=bucket)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(two, False), (one, False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker, True)]
    # Without the marker the object is back.
    gone = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert gone["DeleteMarker"] is True and gone["VersionId"] == marker
    assert body(s3, bucket, "k") == b"two"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    assert body(s3, bucket, "k") == b"one"
    with refused(
        "BucketNotEmpty",
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
    ):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=one)
    s3.delete_bucket(Bucket=bucket)


def test_suspended_writes_replace_the_null_version(s3, bucket):
    kept = put(s3, bucket, "k", b"kept")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    # Who writes is told only the ids of versions that are made.
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    assert "VersionId" not in s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE")
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    done = s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload=parts)
    assert "VersionId" not in done
    s3.delete_object(Bucket=bucket, Key="big", VersionId="null")
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [v["VersionId"] for v in listed] == ["null", kept]
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    assert body(s3, bucket, "k", VersionId=kept) == b"kept"


def test_ids_that_are_none(s3, bucket):
    mine = put(s3, bucket, "mine", b"x")
    put(s3, bucket, "other", b"x")
    with refused("InvalidArgument"):
        s3.get_object(Bucket=bucket, Key="mine", VersionId="bad-version")
    # Well formed, yet never made, or not for this key.
    for key, version in [("mine", "a" * 32), ("mine", mine[:-4] + "ABCD"), ("other", mine)]:
        named = {"Bucket": bucket, "Key": key, "VersionId": version}
        source = {"Bucket": bucket, "Key": key, "VersionId": version}
        for call in [
            lambda: s3.get_object(**named),
            lambda: s3.delete_object(**named),
            lambda: s3.get_object_tagging(**named),
            lambda: s3.delete_object_tagging(**named),
            lambda: s3.get_object_attributes(**named, ObjectAttributes=["ETag"]),
            lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=source),
        ]:
            with refused("InvalidArgument", "Invalid version id specified") as told:
                call()
            assert told.value.response["Error"]["ArgumentValue"] == version
    # DeleteObjects tells no difference.
    for version in ["bad-version", "a" * 32]:
        gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mine", "VersionId": version}]})
        assert gone["Errors"] == [
            {
                "Key": "mine",
                "VersionId": version,
                "Code": "NoSuchVersion",
                "Message": "The specified version does not exist.",
            }
        ]
    assert body(s3, bucket, "other") == b"x"
    # One that was made and is gone is another thing.
    s3.delete_object(Bucket=bucket, Key="mine", VersionId=mine)
    s3.delete_object(Bucket=bucket, Key="mine", VersionId=mine)
    with refused("NoSuchVersion", "The specified version does not exist."):
        s3.get_object(Bucket=bucket, Key="mine", VersionId=mine)


def test_listings_go_on_where_they_ended(s3, bucket):
    wanted = []
    for key in ["a/1", "a/2", "b", "c"]:
        wanted += reversed([(key, put(s3, bucket, key, bytes([n]))) for n in range(3)])
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    found = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
    assert found == wanted
    grouped = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert [p["Prefix"] for p in grouped["CommonPrefixes"]] == ["a/"]
    assert grouped["IsTruncated"] and grouped["NextKeyMarker"] == "b"
    with refused("InvalidArgument"):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker=wanted[0][1])


def test_versions_and_markers_stand_in_one_order(account, s3, bucket):
    put(s3, bucket, "a", b"x")
    put(s3, bucket, "b", b"x")
    s3.delete_object(Bucket=bucket, Key="b")
    put(s3, bucket, "b", b"y")
    s3.delete_object(Bucket=bucket, Key="c")
    answer = account.server.send("GET", f"/{bucket}?versions", account.admin)
    told = re.findall(rb"<(Version|DeleteMarker)><Key>(.)|<(?:Version|DeleteMarker)><ETag>.*?<Key>(.)", answer.body)
    order = re.findall(rb"<(Version|DeleteMarker)>", answer.body)
    assert order == [b"Version", b"Version", b"DeleteMarker", b"Version", b"DeleteMarker"], told


def test_a_marker_below_a_common_prefix_has_passed_it(s3, bucket):
    for key in ["a/1", "a/2", "b/1"]:
        version = put(s3, bucket, key, b"x")
    below = s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker="a/1")
    assert [p["Prefix"] for p in below["CommonPrefixes"]] == ["b/"]
    last = s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker="b/1", VersionIdMarker=version)
    assert "CommonPrefixes" not in last and not last["IsTruncated"]
    below = s3.list_objects_v2(Bucket=bucket, Delimiter="/", StartAfter="a/1")
    assert [p["Prefix"] for p in below["CommonPrefixes"]] == ["b/"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a/3")["UploadId"]
    s3.create_multipart_upload(Bucket=bucket, Key="b/3")
    below = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker="a/3", UploadIdMarker=upload)
    assert [p["Prefix"] for p in below["CommonPrefixes"]] == ["b/"]


def test_the_restore_status_of_what_was_never_archived_is_not_shown(s3, bucket):
    put(s3, bucket, "k", b"x")
    wanted = {"Bucket": bucket, "OptionalObjectAttributes": ["RestoreStatus"]}
    assert "RestoreStatus" not in s3.list_object_versions(**wanted)["Versions"][0]
    assert "RestoreStatus" not in s3.list_objects_v2(**wanted)["Contents"][0]
    assert "RestoreStatus" not in s3.list_objects(**wanted)["Contents"][0]
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["Color"])


def test_copies_uploads_tags_and_deletions_know_versions(s3, bucket):
    one = put(s3, bucket, "k", b"one")
    put(s3, bucket, "k", b"two")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k", "VersionId": one})
    assert copied["CopySourceVersionId"] == one
    assert body(s3, bucket, "copy", VersionId=copied["VersionId"]) == b"one"
    # So a version is restored.
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": one})
    assert body(s3, bucket, "k") == b"one"
    s3.put_object_tagging(
        Bucket=bucket, Key="k", VersionId=one, Tagging={"TagSet": [{"Key": "stage", "Value": "old"}]}
    )
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    tagged = s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=one)
    assert tagged["VersionId"] == one and tagged["TagSet"][0]["Value"] == "old"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key="big",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]},
    )
    assert body(s3, bucket, "big", VersionId=done["VersionId"]) == b"x"
    gone = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": one}, {"Key": "copy"}]}
    )["Deleted"]
    by_key = {entry["Key"]: entry for entry in gone}
    assert by_key["k"]["VersionId"] == one
    assert by_key["copy"]["DeleteMarker"] is True and by_key["copy"]["DeleteMarkerVersionId"]


def test_old_versions_have_actions_of_their_own(account, s3, bucket):
    one = put(s3, bucket, "k", b"one")
    put(s3, bucket, "k", b"two")
    user = account.user(
        "reader",
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": "s3:DeleteObjectVersion",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"s3:VersionId": one}},
                },
            ],
        },
    )
    theirs = account.boto("s3", user.credentials)
    assert body(theirs, bucket, "k") == b"two"
    with refused("AccessDenied", re.compile(r".* to perform: s3:GetObjectVersion on resource: .*")):
        theirs.get_object(Bucket=bucket, Key="k", VersionId=one)
    with refused("AccessDenied", re.compile(r".* to perform: s3:ListBucketVersions on resource: .*")):
        theirs.list_object_versions(Bucket=bucket)
    with refused("AccessDenied", re.compile(r".* to perform: s3:DeleteObject on resource: .*")):
        theirs.delete_object(Bucket=bucket, Key="k")
    theirs.delete_object(Bucket=bucket, Key="k", VersionId=one)


def test_the_aws_cli(account, bucket, run_aws):
    target = ["--bucket", bucket]
    credentials = account.admin
    enabled = run_aws(
        "s3api",
        "put-bucket-versioning",
        *target,
        "--versioning-configuration",
        "Status=Enabled",
        credentials=credentials,
    )
    assert (enabled.code, enabled.stderr) == (0, "")
    assert run_aws("s3api", "get-bucket-versioning", *target, credentials=credentials).json == {"Status": "Enabled"}
    deleted = run_aws("s3api", "delete-object", *target, "--key", "k", credentials=credentials)
    assert deleted.json["DeleteMarker"] is True
    listed = run_aws("s3api", "list-object-versions", *target, credentials=credentials)
    assert [marker["Key"] for marker in listed.json["DeleteMarkers"]] == ["k"]
