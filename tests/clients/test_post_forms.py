"""POST policy forms, as browsers send them and boto3 makes them."""

import base64
import json
import re

import pytest

from harness.server import Credentials, exchange

ERROR = re.compile(rb"<Code>(.*?)</Code><Message>(.*?)</Message>")


@pytest.fixture
def bucket(account):
    return account.bucket()


def post(server, bucket, fields, file=b"hello", filename="a.txt", after=b"", **around):
    """Sends a form; the answer as it came."""
    boundary = b"----form"
    body = b""
    for name, value in fields if isinstance(fields, list) else fields.items():
        body += b"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n" % (boundary, name.encode())
        body += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    if file is not None:
        body += b"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n" % (
            boundary,
            filename.encode(),
        )
        body += b"Content-Type: text/plain\r\n\r\n" + file + b"\r\n" + after
    body += b"--" + boundary + b"--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=" + boundary.decode()} | around
    return exchange(server.port, "POST", f"/{bucket}", headers, body)


def told(answer):
    found = ERROR.search(answer.body)
    return (answer.status, *(part.decode() for part in found.groups())) if found else (answer.status,)


def presigned(client, bucket, key="k", fields=None, conditions=None, seconds=60):
    return client.generate_presigned_post(bucket, key, fields, conditions, seconds)["fields"]


@pytest.fixture(params=["s3v4", "s3"])
def s3(account, request):
    """A client that signs forms by version 4, and by version 2 as boto3 does for other endpoints."""
    return account.boto("s3", signature_version=request.param)


def test_a_form_stores_what_its_fields_say(account, s3, bucket):
    fields = {
        "acl": "bucket-owner-full-control",
        "Content-Type": "image/png",
        "Cache-Control": "no-cache",
        "x-amz-meta-note": "café",
        "tagging": "<Tagging><TagSet><Tag><Key>a b</Key><Value>1+2</Value></Tag></TagSet></Tagging>",
        "success_action_status": "201",
    }
    form = presigned(s3, bucket, "up/${filename}", fields, [{name: value} for name, value in fields.items()])
    answer = post(account.server, bucket, form, filename="C:\\photos\\a b.png", file=b"\r\n--x\r\n" * 9)
    assert answer.status == 201, answer.body
    assert answer.text_of("Bucket") == bucket and answer.text_of("Key") == "up/a b.png"
    location = f"{account.server.endpoint}/{bucket}/up/a%20b.png"
    assert answer.headers["location"] == answer.text_of("Location") == location
    kept = account.boto("s3").get_object(Bucket=bucket, Key="up/a b.png")
    assert kept["Body"].read() == b"\r\n--x\r\n" * 9
    assert (kept["ContentType"], kept["CacheControl"]) == ("image/png", "no-cache")
    assert kept["Metadata"] == {"note": "=?UTF-8?B?Y2Fmw6k=?="}
    assert answer.headers["etag"] == kept["ETag"]
    tags = account.boto("s3").get_object_tagging(Bucket=bucket, Key="up/a b.png")["TagSet"]
    assert tags == [{"Key": "a b", "Value": "1+2"}]


def test_a_form_says_how_it_is_answered(account, s3, bucket):
    assert post(account.server, bucket, presigned(s3, bucket)).status == 204
    ways = [("success_action_status", "200", 200), ("success_action_redirect", "http://page/done?x=1", 303)]
    for name, value, status in ways:
        answer = post(account.server, bucket, presigned(s3, bucket, "k", {name: value}, [{name: value}]))
        assert answer.status == status and answer.body == b""
    assert answer.headers["location"].startswith(f"http://page/done?x=1&bucket={bucket}&key=k&etag=%22")


def test_what_the_policy_does_not_allow(account, s3, bucket):
    def refused(form, **more):
        return told(post(account.server, bucket, form, **more))

    form = presigned(s3, bucket)
    assert refused(form | {"key": "other"}) == (
        403,
        "AccessDenied",
        'Invalid according to Policy: Policy Condition failed: ["eq", "$key", "k"]',
    )
    assert refused({"Content-Type": "text/html"} | form)[2] == (
        "Invalid according to Policy: Extra input fields: Content-Type"
    )
    assert refused(form | {"policy": base64.b64encode(b"{}").decode()})[1] == "SignatureDoesNotMatch"
    assert refused(presigned(s3, bucket, seconds=-9))[2] == "Invalid according to Policy: Policy expired."
    ranged = presigned(s3, bucket, conditions=[["content-length-range", 3, 5]])
    assert refused(ranged, file=b"123456")[:2] == (400, "EntityTooLarge")
    assert refused(ranged, file=b"1" * 1_000_000)[:2] == (400, "EntityTooLarge")
    assert refused(ranged, file=b"12")[:2] == (400, "EntityTooSmall")
    # Nothing of all this was stored.
    assert "Contents" not in account.boto("s3").list_objects_v2(Bucket=bucket)
    assert refused(ranged, file=b"12345") == (204,)


def test_what_the_policy_allows_is_what_is_stored(account, s3, bucket):
    fields = {"acl": "private", "Content-Type": "text/plain"}
    form = list(presigned(s3, bucket, "k", fields, [{name: value} for name, value in fields.items()]).items())
    for name, value in [("acl", "public-read"), ("content-type", "text/html")]:
        answer = post(account.server, bucket, [*form, (name, value)])
        text = "A form must not have several values for one field."
        assert told(answer) == (400, "InvalidArgument", text)
    assert post(account.server, bucket, form).status == 204


def test_forms_that_are_broken(account, s3, bucket):
    server = account.server
    form = presigned(s3, bucket)
    assert told(post(server, bucket, form, file=None))[1:] == (
        "InvalidArgument",
        "POST requires exactly one file upload per request.",
    )
    without_key = {name: value for name, value in form.items() if name != "key"}
    assert "must contain a field named 'key'" in told(post(server, bucket, without_key))[2]
    signature = next(name for name in form if name.lower() in ("x-amz-signature", "signature"))
    without = {name: value for name, value in form.items() if name != signature}
    assert told(post(server, bucket, without))[:2] == (400, "InvalidArgument")
    assert told(post(server, bucket, {"key": "k", "x-ignore-it": "a" * 30_000}))[:2] == (
        400,
        "MaxPostPreDataLengthExceededError",
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    broken = exchange(server.port, "POST", f"/{bucket}", headers, b"--x\r\nnothing")
    assert told(broken)[:2] == (400, "MalformedPOSTRequest")
    other = exchange(server.port, "POST", f"/{bucket}", {"content-type": "text/plain"}, b"key=k")
    assert told(other)[:2] == (412, "PreconditionFailed")
    assert other.text_of("Condition") == "Bucket POST must be of the enclosure-type multipart/form-data"
    # A file that is cut off is not stored.
    cut = b"--x\r\nContent-Disposition: form-data; name=key\r\n\r\nk\r\n"
    cut += b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nabc"
    account.boto("s3").delete_public_access_block(Bucket=bucket)
    allow_all(account, bucket)
    assert told(exchange(server.port, "POST", f"/{bucket}", headers, cut))[:2] == (400, "IncompleteBody")
    assert "Contents" not in account.boto("s3").list_objects_v2(Bucket=bucket)
    assert told(post(server, "no-such-bucket-here", {"key": "k"}))[:2] == (404, "NoSuchBucket")


def allow_all(account, bucket, **condition):
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement | condition]}
    account.boto("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_whoever_sends_a_form_must_be_allowed_to_put(account, s3, bucket):
    server = account.server
    assert told(post(server, bucket, {"key": "k"}))[:2] == (403, "AccessDenied")
    account.boto("s3").delete_public_access_block(Bucket=bucket)
    allow_all(account, bucket)
    assert post(server, bucket, {"key": "k"}).status == 204
    # A user who may put, and one who may only read.
    version = s3.meta.config.signature_version
    for name, action, status in [("putter", "s3:PutObject", 204), ("reader", "s3:GetObject", 403)]:
        user = account.user(
            name,
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]},
        )
        account.boto("s3").delete_bucket_policy(Bucket=bucket)
        client = account.boto("s3", user.credentials, signature_version=version)
        answer = post(server, bucket, presigned(client, bucket))
        assert answer.status == status, answer.body
    assert "s3:PutObject" in told(answer)[2]


def test_a_form_that_its_policy_refuses_was_sent_by_whom_it_names(account, s3, bucket):
    answer = post(account.server, bucket, presigned(s3, bucket) | {"acl": "private"})
    assert told(answer) == (403, "AccessDenied", "Invalid according to Policy: Extra input fields: acl")
    why = account.server.command("why", answer.headers["x-amz-request-id"]).stdout
    assert f"Caller   {account.admin.arn}" in why, why


def test_policies_see_that_it_is_a_form(account, s3, bucket):
    deny = {"Effect": "Deny", "Condition": {"StringEquals": {"s3:authType": "POST"}}}
    allow_all(account, bucket, **deny)
    assert told(post(account.server, bucket, presigned(s3, bucket)))[1] == "AccessDenied"
    account.boto("s3").put_object(Bucket=bucket, Key="k")


def test_headers_around_a_form_meet_no_condition(account, bucket):
    account.boto("s3").delete_public_access_block(Bucket=bucket)
    allow_all(account, bucket, Condition={"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})
    around = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert told(post(account.server, bucket, {"key": "k"}, **around))[:2] == (403, "AccessDenied")
    put = exchange(account.server.port, "PUT", f"/{bucket}/k", around, b"x")
    assert put.status == 200, put.body


def test_sessions_send_forms(account, s3, bucket):
    session = account.boto("sts").get_session_token()["Credentials"]
    version = s3.meta.config.signature_version
    client = account.boto("s3", Credentials.of_session(session), signature_version=version)
    form = presigned(client, bucket)
    assert post(account.server, bucket, form).status == 204
    token = next(name for name in form if name.lower() == "x-amz-security-token")
    without = {name: value for name, value in form.items() if name != token}
    assert post(account.server, bucket, without).status == 403
