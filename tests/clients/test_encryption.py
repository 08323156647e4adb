"""Encryption as callers see it: keys that customers bring (SSE-C), what buckets take, and copies."""

import base64
import hashlib
import json
import os

import pytest
from boto3.s3.transfer import S3Transfer, TransferConfig

from harness.errors import refused

MISSING = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)
WRONG = (
    "Requests specifying Server Side Encryption with Customer provided keys "
    "must provide the correct secret key."
)
TAKES = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]}
MIB = 1 << 20


def customer(key: bytes) -> dict:
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def of_source(key: bytes) -> dict:
    return {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}


def md5(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key).digest()).decode()


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def bucket(account, s3):
    """It takes customers' keys."""
    name = account.bucket()
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=TAKES)
    return name


@pytest.fixture
def key():
    return os.urandom(32)


def body(s3, bucket, name, **more):
    return s3.get_object(Bucket=bucket, Key=name, **more)["Body"].read()


def test_what_is_written_with_a_key_is_read_with_that_key_alone(s3, bucket, key):
    content = os.urandom(300_000)
    put = s3.put_object(Bucket=bucket, Key="k", Body=content, **customer(key))
    assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", md5(key))
    assert "ServerSideEncryption" not in put
    assert put["ETag"].strip('"') != hashlib.md5(content).hexdigest()
    got = s3.get_object(Bucket=bucket, Key="k", **customer(key))
    assert got["Body"].read() == content
    assert (got["ETag"], got["SSECustomerKeyMD5"]) == (put["ETag"], md5(key))
    assert body(s3, bucket, "k", Range="bytes=65530-65540", **customer(key)) == content[65530:65541]
    head = s3.head_object(Bucket=bucket, Key="k", **customer(key))
    assert head["ContentLength"] == len(content)
    with refused("InvalidRequest", MISSING, 400):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("400", status=400):
        s3.head_object(Bucket=bucket, Key="k")
    with refused("AccessDenied", WRONG, 403):
        s3.get_object(Bucket=bucket, Key="k", **customer(os.urandom(32)))
    with refused("403", status=403):
        s3.head_object(Bucket=bucket, Key="k", **customer(os.urandom(32)))
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    with refused("InvalidRequest", "The encryption parameters are not applicable to this object."):
        s3.get_object(Bucket=bucket, Key="plain", **customer(key))
    # Listing, tagging and deleting need no key.
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(content)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3.delete_object(Bucket=bucket, Key="k")


def test_the_attributes_of_an_object_need_its_key(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256", **customer(key))
    wanted = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ETag", "Checksum", "ObjectSize"]}
    # The SDK encodes keys for other calls, not for this one.
    encoded = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": md5(key),
    }
    told = s3.get_object_attributes(**wanted, **encoded)
    assert told["ObjectSize"] == 5
    assert told["Checksum"]["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    with refused("InvalidRequest", MISSING):
        s3.get_object_attributes(**wanted)


def test_keys_that_make_no_sense_are_refused_and_nothing_is_stored(s3, bucket, key):
    cases = [
        ({"SSECustomerKey": key}, "InvalidArgument", "must provide a valid encryption algorithm."),
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument", "must provide an appropriate secret key."),
        (customer(b"1234567890"), "InvalidArgument", "The secret key was invalid for the specified algorithm."),
        (
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(key).decode(), "SSECustomerKeyMD5": "x"},
            "InvalidArgument",
            "The calculated MD5 hash of the key did not match the hash that was provided.",
        ),
        (
            customer(key) | {"SSECustomerAlgorithm": "AES128"},
            "InvalidEncryptionAlgorithmError",
            "Supported value: AES256.",
        ),
        (
            customer(key) | {"ServerSideEncryption": "AES256"},
            "InvalidArgument",
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        ),
    ]
    for more, code, text in cases:
        with refused(code, status=400) as told:
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)
        error = told.value.response["Error"]
        assert error["Message"].endswith(text)
        assert error["ArgumentName"] == "x-amz-server-side-encryption"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copies_open_the_source_with_its_key_and_lock_the_copy_with_another(s3, bucket, key):
    other = os.urandom(32)
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", Metadata={"a": "1"}, **customer(key))
    source = {"Bucket": bucket, "Key": "k"}
    with refused("InvalidRequest", MISSING):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    with refused("AccessDenied", WRONG):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **of_source(other))
    plain = s3.copy_object(Bucket=bucket, Key="plain", CopySource=source, **of_source(key))
    assert plain["ServerSideEncryption"] == "AES256"
    assert plain["CopyObjectResult"]["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert body(s3, bucket, "plain") == b"hello"
    locked = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **of_source(key), **customer(other))
    assert locked["SSECustomerKeyMD5"] == md5(other)
    assert body(s3, bucket, "copy", **customer(other)) == b"hello"
    assert s3.head_object(Bucket=bucket, Key="copy", **customer(other))["Metadata"] == {"a": "1"}
    # From the server's keys to a customer's: the source needs nothing.
    back = {"Bucket": bucket, "Key": "plain"}
    s3.copy_object(Bucket=bucket, Key="again", CopySource=back, **customer(key))
    assert body(s3, bucket, "again", **customer(key)) == b"hello"


def test_each_version_has_a_key_of_its_own(s3, bucket, key):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    other = os.urandom(32)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"one", **customer(key))["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"two", **customer(other))["VersionId"]
    assert body(s3, bucket, "k", VersionId=one, **customer(key)) == b"one"
    assert body(s3, bucket, "k", VersionId=two, **customer(other)) == b"two"
    with refused("AccessDenied", WRONG):
        s3.get_object(Bucket=bucket, Key="k", VersionId=one, **customer(other))


def test_a_big_file_goes_up_in_parts_under_one_key(s3, bucket, key, tmp_path):
    source = tmp_path / "big"
    source.write_bytes(os.urandom(11 * MIB + 5))
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    transfer = S3Transfer(s3, config)
    transfer.upload_file(str(source), bucket, "big", extra_args=customer(key))
    head = s3.head_object(Bucket=bucket, Key="big", **customer(key))
    assert head["ETag"].endswith('-3"') and head["SSECustomerKeyMD5"] == md5(key)
    down = tmp_path / "down"
    transfer.download_file(bucket, "big", str(down), extra_args=customer(key))
    assert down.read_bytes() == source.read_bytes()
    with refused("InvalidRequest", MISSING):
        s3.get_object(Bucket=bucket, Key="big")


def test_parts_need_the_key_of_their_upload(s3, bucket, key):
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **customer(key))["UploadId"]
    with refused("InvalidRequest", "The multipart upload initiate requested encryption. Subsequent part "
                 "requests must include the appropriate encryption parameters."):
        s3.upload_part(**upload, PartNumber=1, Body=b"x")
    with refused("InvalidRequest", "The provided encryption parameters did not match the ones used originally."):
        s3.upload_part(**upload, PartNumber=1, Body=b"x", **customer(os.urandom(32)))
    s3.put_object(Bucket=bucket, Key="source", Body=b"hello")
    copied = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"}, **customer(key)
    )
    assert copied["SSECustomerKeyMD5"] == md5(key)
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **customer(key))
    assert body(s3, bucket, "k", **customer(key)) == b"hello"


def test_a_new_bucket_takes_no_customers_keys_until_it_is_told_to(account, s3, key):
    name = account.bucket()
    arn = f"arn:aws:s3:::{name}/k"
    with refused("AccessDenied", status=403) as told:
        s3.put_object(Bucket=name, Key="k", Body=b"x", **customer(key))
    assert told.value.response["Error"]["Message"].endswith(
        f'is not authorized to perform: s3:PutObject on resource: "{arn}" because this bucket has blocked upload '
        "requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a "
        "different server-side encryption type"
    )
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=TAKES)
    s3.put_object(Bucket=name, Key="k", Body=b"x", **customer(key))
    s3.delete_bucket_encryption(Bucket=name)
    with refused("AccessDenied"):
        s3.create_multipart_upload(Bucket=name, Key="k", **customer(key))
    # What is there stays readable.
    assert body(s3, name, "k", **customer(key)) == b"x"


def test_the_encryption_of_a_bucket_comes_back_as_it_was_set(account, run_aws):
    name = account.bucket()

    def s3api(command, *more, check=True):
        return run_aws("s3api", command, "--bucket", name, *more, credentials=account.admin, check=check)

    def put(rule, check=True):
        text = json.dumps({"Rules": [rule]})
        return s3api("put-bucket-encryption", "--server-side-encryption-configuration", text, check=check)

    by_default = {"SSEAlgorithm": "AES256"}
    rule = {
        "ApplyServerSideEncryptionByDefault": by_default,
        "BucketKeyEnabled": True,
        "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
    }
    put(rule)
    shown = s3api("get-bucket-encryption").json["ServerSideEncryptionConfiguration"]
    assert shown == {"Rules": [rule]}
    for algorithm in ["aws:kms", "aws:kms:dsse"]:
        told = put({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}, check=False).error
        assert "(NotImplemented)" in told and f"The SSEAlgorithm {algorithm} is not implemented." in told
    assert s3api("get-bucket-encryption").json["ServerSideEncryptionConfiguration"] == shown
    s3api("delete-bucket-encryption")
    shown = s3api("get-bucket-encryption").json["ServerSideEncryptionConfiguration"]
    assert shown["Rules"][0]["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}


def test_encryption_by_the_servers_keys_may_be_asked_for(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    with refused("NotImplemented", status=501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")


def test_aws_s3_cp_with_a_key(account, run_aws, bucket, key, tmp_path):
    admin = account.admin
    (tmp_path / "key").write_bytes(key)
    sse_c = ["--sse-c", "AES256", "--sse-c-key", f"fileb://{tmp_path / 'key'}"]
    small, big, down = tmp_path / "small", tmp_path / "big", tmp_path / "down"
    small.write_bytes(b"hello")
    big.write_bytes(os.urandom(17 * MIB))
    for source in [small, big]:
        run_aws("s3", "cp", str(source), f"s3://{bucket}/{source.name}", *sse_c, "--quiet", credentials=admin)
        run_aws("s3", "cp", f"s3://{bucket}/{source.name}", str(down), *sse_c, "--quiet", credentials=admin)
        assert down.read_bytes() == source.read_bytes()
        told = run_aws("s3", "cp", f"s3://{bucket}/{source.name}", "-", credentials=admin, check=False)
        assert told.code == 1 and "(400)" in told.stderr
    # From key to key, in parts and as a whole.
    (tmp_path / "other").write_bytes(os.urandom(32))
    other = ["--sse-c", "AES256", "--sse-c-key", f"fileb://{tmp_path / 'other'}"]
    source_key = ["--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", f"fileb://{tmp_path / 'key'}"]
    for source in [small, big]:
        names = [f"s3://{bucket}/{source.name}", f"s3://{bucket}/turned-{source.name}"]
        run_aws("s3", "cp", *names, *other, *source_key, "--quiet", credentials=admin)
        run_aws("s3", "cp", names[1], str(down), *other, "--quiet", credentials=admin)
        assert down.read_bytes() == source.read_bytes()


def test_a_copy_is_there_when_its_source_is_gone(account, s3):
    one, two = account.bucket(), account.bucket()
    content = os.urandom(3 * MIB)
    put = s3.put_object(Bucket=one, Key="k", Body=content)
    copied = s3.copy_object(Bucket=two, Key="copy", CopySource={"Bucket": one, "Key": "k"})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    s3.delete_object(Bucket=one, Key="k")
    s3.delete_bucket(Bucket=one)
    assert body(s3, two, "copy") == content
    assert body(s3, two, "copy", Range=f"bytes={MIB}-{MIB + 9}") == content[MIB : MIB + 10]
