"""What one request asks of several features at once."""

import base64
import hashlib
import json
import os

import pytest

from clients.test_post_forms import post, presigned, told
from harness.errors import refused

MIB = 1 << 20
TAKES = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]}
AGREED = {"RequestPayer": "requester"}


def md5(key):
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def customer(key):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def of_source(key):
    return {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def other(other_account):
    return other_account.boto("s3")


@pytest.fixture
def key():
    return os.urandom(32)


@pytest.fixture
def bucket(account, s3):
    """It keeps versions, takes customers' keys, expires what is tagged, and its callers pay."""
    name = account.bucket()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=TAKES)
    rule = {
        "ID": "tagged",
        "Status": "Enabled",
        "Filter": {"Tag": {"Key": "keep", "Value": "short"}},
        "Expiration": {"Days": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    s3.delete_public_access_block(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    s3.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
    return name


def test_a_form_with_everything(account, other, bucket, key):
    fields = {
        "tagging": "<Tagging><TagSet><Tag><Key>keep</Key><Value>short</Value></Tag></TagSet></Tagging>",
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": base64.b64encode(key).decode(),
        "x-amz-server-side-encryption-customer-key-MD5": md5(key),
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"hello").digest()).decode(),
        "success_action_status": "201",
    }
    form = presigned(other, bucket, "k", fields, [{name: value} for name, value in fields.items()])
    assert told(post(account.server, bucket, form)) == (403, "AccessDenied", "Access Denied")
    fields["x-amz-request-payer"] = "requester"
    form = presigned(other, bucket, "k", fields, [{name: value} for name, value in fields.items()])
    answer = post(account.server, bucket, form)
    assert answer.status == 201, answer.body
    headers = answer.headers
    assert headers["x-amz-server-side-encryption-customer-key-md5"] == md5(key)
    assert "x-amz-server-side-encryption" not in headers
    assert headers["x-amz-request-charged"] == "requester"
    assert 'rule-id="tagged"' in headers["x-amz-expiration"]
    assert len(headers["x-amz-version-id"]) == 32
    kept = other.get_object(Bucket=bucket, Key="k", **customer(key), **AGREED)
    assert kept["Body"].read() == b"hello"
    assert kept["TagCount"] == 1 and kept["RequestCharged"] == "requester"
    assert kept["VersionId"] == headers["x-amz-version-id"]
    with refused("InvalidRequest"):
        other.get_object(Bucket=bucket, Key="k", **AGREED)
    wrong = fields | {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()}
    form = presigned(other, bucket, "wrong", wrong, [{name: value} for name, value in wrong.items()])
    assert told(post(account.server, bucket, form))[:2] == (400, "BadDigest")


def test_parts_that_are_copied_between_keys(s3, bucket, key):
    content = os.urandom(5 * MIB + 7)
    s3.put_object(Bucket=bucket, Key="plain", Body=content)
    s3.put_object(Bucket=bucket, Key="locked", Body=content, **customer(key))
    for algorithm in ["SHA256", "CRC32", "CRC64NVME"]:
        for to, at in [({}, {}), (customer(key), customer(key))]:
            name = f"to-{algorithm}-{len(to)}"
            upload = s3.create_multipart_upload(
                Bucket=bucket, Key=name, ChecksumAlgorithm=algorithm, Tagging="keep=short", **to
            )
            ids = {"Bucket": bucket, "Key": name, "UploadId": upload["UploadId"]}
            parts = []
            sources = [("plain", {}), ("locked", of_source(key)), ("plain", {})]
            for number, (source, source_key) in enumerate(sources, 1):
                part = s3.upload_part_copy(
                    **ids, PartNumber=number, CopySource=f"{bucket}/{source}", **source_key, **at
                )
                assert "CopySourceVersionId" in part
                result = part["CopyPartResult"]
                parts.append(
                    {"PartNumber": number}
                    | {name: value for name, value in result.items() if name != "LastModified"}
                )
            done = s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": parts}, **at)
            assert 'rule-id="tagged"' in done["Expiration"]
            assert f"Checksum{algorithm}" in done
            again = s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": parts}, **at)
            assert again["ETag"] == done["ETag"] and again["VersionId"] == done["VersionId"]
            got = s3.get_object(Bucket=bucket, Key=name, **at)
            assert got["Body"].read() == content * 3
            first, last = len(content) - 3, len(content) + 3
            ranged = s3.get_object(Bucket=bucket, Key=name, Range=f"bytes={first}-{last}", **at)
            assert ranged["Body"].read() == content[-3:] + content[:4]
            source_key = of_source(key) if to else {}
            copied = s3.copy_object(
                Bucket=bucket,
                Key=name + "-copy",
                CopySource=f"{bucket}/{name}",
                ChecksumAlgorithm="SHA256",
                **source_key,
            )
            assert 'rule-id="tagged"' in copied["Expiration"]
            whole = base64.b64encode(hashlib.sha256(content * 3).digest()).decode()
            assert copied["CopyObjectResult"]["ChecksumSHA256"] == whole
            assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(content * 3).hexdigest()}"'
            s3.delete_object(Bucket=bucket, Key=name, VersionId=done["VersionId"])
            assert s3.get_object(Bucket=bucket, Key=name + "-copy")["Body"].read() == content * 3


def test_a_part_of_a_copy_of_one_part(s3, bucket):
    content = os.urandom(6 * MIB)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="one")["UploadId"]
    ids = {"Bucket": bucket, "Key": "one", "UploadId": upload}
    part = s3.upload_part(**ids, PartNumber=7, Body=content)
    s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": [{"PartNumber": 7, "ETag": part["ETag"]}]})
    s3.copy_object(Bucket=bucket, Key="two", CopySource=f"{bucket}/one")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="three")["UploadId"]
    ids = {"Bucket": bucket, "Key": "three", "UploadId": upload}
    parts = []
    for number, source in enumerate(["one", "two"], 1):
        copied = s3.upload_part_copy(**ids, PartNumber=number, CopySource=f"{bucket}/{source}")
        assert copied["CopyPartResult"]["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": parts})
    for name in ["one", "two"]:
        for version in s3.list_object_versions(Bucket=bucket, Prefix=name)["Versions"]:
            s3.delete_object(Bucket=bucket, Key=name, VersionId=version["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="three")["Body"].read() == content * 2
    assert s3.head_object(Bucket=bucket, Key="three", PartNumber=2)["PartsCount"] == 2


def test_a_suspended_bucket(account, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    form = presigned(s3, bucket, "k")
    answer = post(account.server, bucket, form, file=b"second")
    assert answer.status == 204 and "x-amz-version-id" not in answer.headers
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert copied["CopySourceVersionId"] == "null" and "VersionId" not in copied
    onto = s3.copy_object(
        Bucket=bucket, Key="k", CopySource=f"{bucket}/k?versionId=null", MetadataDirective="REPLACE"
    )
    assert "VersionId" not in onto
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]) == 2
