"""Objects through boto3: listing by pages, parts by hand, copies, tags, versions, conditions, ranges."""

import base64
import datetime
import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.errors import refused
from harness.server import exchange, sign_headers

PART = 5 * 1024 * 1024


@pytest.fixture
def s3(account):
    return account.boto("s3")


@pytest.fixture
def bucket(account):
    return account.bucket()


# ----- what is stored is what is returned ---------------------------------------------------------


def test_an_object_keeps_its_body_type_headers_and_metadata(s3, bucket):
    put = s3.put_object(
        Bucket=bucket,
        Key="a",
        Body=b"hello",
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a.txt"',
        ContentEncoding="identity",
        ContentLanguage="de",
        Expires=datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        Metadata={"Colour": "green", "empty": ""},
        StorageClass="STANDARD",
    )
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="a")
    assert got["Body"].read() == b"hello"
    assert got["ContentLength"] == 5
    assert got["AcceptRanges"] == "bytes"
    assert got["ContentType"] == "text/plain; charset=utf-8"
    assert got["CacheControl"] == "max-age=60"
    assert got["ContentDisposition"] == 'attachment; filename="a.txt"'
    assert got["ContentEncoding"] == "identity"
    assert got["ContentLanguage"] == "de"
    assert got["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
    assert got["Metadata"] == {"colour": "green", "empty": ""}
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["ETag"], head["ContentLength"]) == (got["ETag"], 5)


def test_an_object_without_a_type_is_binary(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["ContentType"], got["ContentLength"]) == ("binary/octet-stream", 0)
    assert got["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_checksum_that_a_client_asks_for_is_kept_and_shown(server, account, bucket, algorithm):
    values = {
        "CRC32": base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode(),
        "CRC32C": "mnG7TA==",
        "CRC64NVME": "M3eFcAZSQlc=",
        "SHA1": base64.b64encode(hashlib.sha1(b"hello").digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(b"hello").digest()).decode(),
    }
    header = f"x-amz-checksum-{algorithm.lower()}"
    put = server.send(
        "PUT", f"/{bucket}/a", account.admin, body=b"hello", headers={header: values[algorithm]}
    )
    assert (put.status, put.headers[header]) == (200, values[algorithm])
    head = account.boto("s3").head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == values[algorithm]
    wrong = server.send(
        "PUT", f"/{bucket}/a", account.admin, body=b"hullo", headers={header: values[algorithm]}
    )
    assert (wrong.status, wrong.code) == (400, "BadDigest")
    assert wrong.message == f"The {algorithm} you specified did not match the calculated checksum."
    assert account.boto("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"hello"


def test_a_wrong_content_md5_stores_nothing(server, account, bucket):
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    answer = server.send("PUT", f"/{bucket}/a", account.admin, body=b"hello", headers={"Content-MD5": other})
    assert (answer.status, answer.code) == (400, "BadDigest")
    assert answer.message == "The Content-MD5 you specified did not match what we received."
    with refused("404", "Not Found", 404):
        account.boto("s3").head_object(Bucket=bucket, Key="a")


def test_bodies_that_arrive_at_once_have_each_its_own_etag(account, bucket):
    # From bodies that are hashed at once to those that are hashed beside others, and a wrong digest among them.
    sizes = [0, 1, 63, 64, 65, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 200_001, 1_000_000, 3_000_001]
    bodies = {f"{size}-{turn}": os.urandom(size) for turn in range(4) for size in sizes}
    s3 = account.boto("s3", max_pool_connections=24)

    def put(key):
        return s3.put_object(Bucket=bucket, Key=key, Body=bodies[key])["ETag"]

    def put_wrong(turn):
        wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        with refused("BadDigest", "The Content-MD5 you specified did not match what we received."):
            s3.put_object(Bucket=bucket, Key=f"wrong-{turn}", Body=os.urandom(500_000), ContentMD5=wrong)

    with ThreadPoolExecutor(24) as pool:
        wrong = [pool.submit(put_wrong, turn) for turn in range(4)]
        etags = dict(zip(bodies, pool.map(put, bodies)))
        for one in wrong:
            one.result()
    assert etags == {key: f'"{hashlib.md5(body).hexdigest()}"' for key, body in bodies.items()}
    stored = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert stored == etags


def test_empty_bodies_and_refusals_leave_the_connection_usable(account, other_account):
    # boto3 waits for `100 Continue`. An answer that comes without one must close the connection, or
    # boto3 takes its status line for the next answer's and waits for ever.
    bucket = account.bucket()
    mine = account.boto("s3", max_pool_connections=1, read_timeout=10)
    theirs = other_account.boto("s3", max_pool_connections=1, read_timeout=10)
    for number in range(3):
        mine.put_object(Bucket=bucket, Key=f"empty{number}", Body=b"")
        mine.put_object(Bucket=bucket, Key=f"full{number}", Body=b"body")
        with refused("AccessDenied", "Access Denied", 403):
            theirs.put_object(Bucket=bucket, Key="k", Body=b"body" * 1000)
        with refused("NoSuchBucket", status=404):
            mine.put_object(Bucket="no-such-bucket-anywhere", Key="k", Body=b"body")


# ----- listing -----------------------------------------------------------------------------------


def test_a_listing_comes_in_pages_in_the_order_of_bytes(s3, bucket):
    keys = ["A", "B/1", "B/2", "a", "b/1", "b/2", "b/3", "c d", "\u00e4", "\u20ac", "\U0001f600"]
    for key in reversed(keys):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    )
    assert [page["KeyCount"] for page in pages] == [4, 4, 3]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    listed = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert listed == sorted(keys, key=str.encode)
    first = pages[0]["Contents"][0]
    assert first["ETag"] == f'"{hashlib.md5(b"A").hexdigest()}"'
    assert (first["Size"], first["StorageClass"]) == (1, "STANDARD")


def test_common_prefixes_count_as_one_entry_each(s3, bucket):
    for key in ["a/1", "a/2", "b", "c/1", "c/2", "d"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}
        )
    )
    rows = []
    for page in pages:
        assert page["KeyCount"] == 2
        rows += [entry["Key"] for entry in page.get("Contents", [])]
        rows += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    assert sorted(rows) == ["a/", "b", "c/", "d"]
    below = s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="/")
    assert [entry["Key"] for entry in below["Contents"]] == ["a/1", "a/2"]
    assert "CommonPrefixes" not in below


def test_start_after_and_the_old_listing_with_a_marker_agree(s3, bucket):
    for key in "abcde":
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b")
    assert [entry["Key"] for entry in after["Contents"]] == ["c", "d", "e"]
    old = s3.list_objects(Bucket=bucket, Marker="b", MaxKeys=2)
    assert [entry["Key"] for entry in old["Contents"]] == ["c", "d"]
    assert (old["Marker"], old["IsTruncated"]) == ("b", True)
    none = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)


def test_a_wrong_continuation_token_is_refused(s3, bucket):
    with refused("InvalidArgument", "The continuation token provided is incorrect", 400):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="invented")


# ----- parts -------------------------------------------------------------------------------------


def test_an_upload_in_parts_becomes_one_object(s3, bucket):
    bodies = {1: os.urandom(PART), 2: os.urandom(PART), 7: b"the end"}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", Metadata={"k": "v"})["UploadId"]
    parts = []
    for number in (7, 2, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="big", UploadId=upload, PartNumber=number, Body=bodies[number]
        )
        parts.append(
            {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]}
        )
    with refused("404", "Not Found", 404):
        s3.head_object(Bucket=bucket, Key="big")
    listed = s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2, 7]
    assert [part["Size"] for part in listed["Parts"]] == [PART, PART, 7]
    open_uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(entry["Key"], entry["UploadId"]) for entry in open_uploads] == [("big", upload)]
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key="big",
        UploadId=upload,
        MultipartUpload={"Parts": sorted(parts, key=lambda part: part["PartNumber"])},
    )
    digests = b"".join(hashlib.md5(bodies[number]).digest() for number in (1, 2, 7))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="big")
    assert got["Body"].read() == bodies[1] + bodies[2] + bodies[7]
    assert got["Metadata"] == {"k": "v"}
    second = s3.get_object(Bucket=bucket, Key="big", PartNumber=2)
    assert (second["PartsCount"], second["Body"].read()) == (3, bodies[2])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_parts_that_are_too_small_wrong_or_out_of_order_do_not_complete(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etags = {}
    for number in (1, 2):
        answer = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"tiny")
        etags[number] = {
            "PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]
        }

    def complete(parts):
        s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
        )

    with refused(
        "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400
    ):
        complete([etags[1], etags[2]])
    with refused(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        400,
    ):
        complete([etags[2], etags[1]])
    with refused("InvalidPart", status=400):
        complete([{**etags[1], "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}])
    with refused("InvalidPart", status=400):
        complete([{**etags[1], "PartNumber": 3}])
    complete([etags[2]])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"tiny"


def test_an_aborted_upload_is_gone(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed."
    )
    with refused("NoSuchUpload", text, 404):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, Body=b"x")
    with refused("NoSuchUpload", text, 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


@pytest.mark.parametrize("number", [0, 10001])
def test_a_part_number_is_between_1_and_10000(server, account, s3, bucket, number):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    answer = server.send(
        "PUT", f"/{bucket}/k?partNumber={number}&uploadId={upload}", account.admin, body=b"x"
    )
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.message == "Part number must be an integer between 1 and 10000, inclusive"
    assert answer.text_of("ArgumentName") == "partNumber"
    assert answer.text_of("ArgumentValue") == str(number)


def test_parts_are_copied_from_an_object(s3, bucket):
    body = os.urandom(PART + 100)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, span in ((1, f"bytes=0-{PART - 1}"), (2, f"bytes={PART}-{PART + 99}")):
        copied = s3.upload_part_copy(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "source"}, CopySourceRange=span,
        )["CopyPartResult"]
        part = {"PartNumber": number, "ETag": copied["ETag"]}
        if "ChecksumCRC32" in copied:
            part["ChecksumCRC32"] = copied["ChecksumCRC32"]
        parts.append(part)
    s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


# ----- copies, tags, versions ---------------------------------------------------------------------


def test_a_copy_takes_metadata_along_or_replaces_it(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b+c", Body=b"x", Metadata={"k": "v"}, ContentType="text/plain")
    source = {"Bucket": bucket, "Key": "a b+c"}
    copied = s3.copy_object(Bucket=bucket, Key="same", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"x").hexdigest()}"'
    assert s3.head_object(Bucket=bucket, Key="same")["Metadata"] == {"k": "v"}
    s3.copy_object(
        Bucket=bucket, Key="other", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "w"}
    )
    other = s3.head_object(Bucket=bucket, Key="other")
    assert (other["Metadata"], other["ContentType"]) == ({"n": "w"}, "binary/octet-stream")
    with refused(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing "
        "the object's metadata, storage class, website redirect location or encryption attributes.",
        400,
    ):
        s3.copy_object(Bucket=bucket, Key="a b+c", CopySource=source)
    with refused("NoSuchKey", "The specified key does not exist.", 404):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "none"})


def test_tags_are_set_with_the_object_read_replaced_and_removed(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1&b=two%20words")
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2

    def tags():
        answer = s3.get_object_tagging(Bucket=bucket, Key="k")
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    assert tags() == {"a": "1", "b": "two words"}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert tags() == {"c": ""}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert tags() == {}


def test_many_objects_are_deleted_in_one_call(s3, bucket):
    keys = [f"k{number}" for number in range(20)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "never there"]]}
    )
    assert {entry["Key"] for entry in answer["Deleted"]} == {*keys, "never there"}
    assert "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "x"}], "Quiet": True})
    assert "Deleted" not in quiet


# ----- conditions, ranges, overrides ---------------------------------------------------------------


def test_reads_are_made_on_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    day = datetime.timedelta(days=1)
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["ETag"] == etag
    assert s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=modified - day)["ETag"] == etag
    text = "At least one of the pre-conditions you specified did not hold"
    with refused("PreconditionFailed", text, 412):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    with refused("PreconditionFailed", text, 412):
        s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified - day)
    with refused("304", "Not Modified", 304):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with refused("304", "Not Modified", 304):
        s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=modified)
    with refused("412", "Precondition Failed", 412):
        s3.head_object(Bucket=bucket, Key="k", IfMatch='"other"')


def test_writes_are_made_on_conditions(s3, bucket):
    text = "At least one of the pre-conditions you specified did not hold"
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", text, 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")
    with refused("PreconditionFailed", text, 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch='"other"')
    with refused("NoSuchKey", "The specified key does not exist.", 404):
        s3.put_object(Bucket=bucket, Key="none", Body=b"two", IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    with refused("PreconditionFailed", text, 412):
        s3.copy_object(
            Bucket=bucket, Key="l", CopySource={"Bucket": bucket, "Key": "k"}, CopySourceIfMatch=etag
        )


@pytest.mark.parametrize(
    ("asked", "body", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_of_an_object_is_read(s3, bucket, asked, body, told):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (body, told, len(body))


def test_a_range_behind_the_end_is_refused_and_a_senseless_one_ignored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with refused("InvalidRange", "The requested range is not satisfiable", 416):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    for ignored in ("bytes=5-2", "lines=1-2", "bytes=a-b"):
        got = s3.get_object(Bucket=bucket, Key="k", Range=ignored)
        assert (got["ResponseMetadata"]["HTTPStatusCode"], got["ContentLength"]) == (200, 10)


def test_a_signed_caller_overrides_response_headers_and_an_anonymous_one_may_not(
    server, account, s3, bucket
):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="application/pdf",
        ResponseContentDisposition='attachment; filename="k.pdf"',
        ResponseCacheControl="no-store",
        ResponseContentLanguage="fr",
        ResponseContentEncoding="br",
    )
    assert got["ContentType"] == "application/pdf"
    assert got["ContentDisposition"] == 'attachment; filename="k.pdf"'
    assert (got["CacheControl"], got["ContentLanguage"], got["ContentEncoding"]) == (
        "no-store", "fr", "br",
    )
    answer = server.send("GET", f"/{bucket}/k?response-content-type=text%2Fhtml")
    assert answer.status in (400, 403)


def test_get_object_attributes_tells_what_is_asked_for(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")["ETag"]
    answer = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize", "StorageClass", "Checksum"]
    )
    assert answer["ETag"] == etag.strip('"')
    assert (answer["ObjectSize"], answer["StorageClass"]) == (5, "STANDARD")
    assert answer["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "ObjectParts" not in answer


def test_metadata_that_is_not_ascii_is_shown_as_encoded_words(account):
    bucket = account.bucket()
    server = account.server
    for sent, shown in [
        ("ÄMÄZÕÑ S3", "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="),
        ("=?UTF-8?B?Y2Fmw6k=?=", "=?UTF-8?B?Y2Fmw6k=?="),
        ("=?UTF-8?Q?cafe?=", "cafe"),
    ]:
        headers = sign_headers(
            account.admin, "s3", "PUT", f"{server.endpoint}/{bucket}/k", {"x-amz-meta-note": sent}, b""
        )
        # As bytes of UTF-8: what stands in a header is read byte by byte.
        headers["x-amz-meta-note"] = sent.encode().decode("latin-1")
        put = exchange(server.port, "PUT", f"/{bucket}/k", headers, b"")
        assert put.status == 200, put.body
        assert server.send("HEAD", f"/{bucket}/k", account.admin).headers["x-amz-meta-note"] == shown
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="k", Metadata={"note": "=?UTF-8?B?Y2Fmw6k=?="})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"note": "=?UTF-8?B?Y2Fmw6k=?="}
