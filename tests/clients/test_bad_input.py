"""Input that a client library would not send, and names at the edge of what is allowed."""

import base64
import hashlib
import json
import re
import socket
from urllib.parse import quote

import pytest

from harness.errors import refused
from harness.server import sign_headers

MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"


@pytest.fixture
def bucket(account):
    return account.bucket()


def answers(answer, status, code, message=None):
    got = (answer.status, answer.code, answer.message)
    assert got[:2] == (status, code), got
    if message is not None:
        assert got[2] == message
    assert answer.headers["content-type"] == "application/xml"
    assert answer.text_of("RequestId") == answer.headers["x-amz-request-id"]


# ----- XML, JSON, Query ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["versioning", "tagging", "cors", "lifecycle", "ownershipControls", "publicAccessBlock", "encryption"],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"no xml", b"<a>", b"<a></b>", b"<Unheard-of/>", b"\xff\xfe<a/>", b"<a/><b/>"],
    ids=["empty", "text", "unclosed", "crossed", "unknown", "bytes", "two roots"],
)
def test_a_setting_that_is_not_its_xml_is_malformed(server, account, bucket, query, body):
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    answer = server.send(
        "PUT", f"/{bucket}?{query}", account.admin, body=body, headers={"Content-MD5": md5}
    )
    assert answer.status == 400
    # An empty body is, for some of these operations, a missing one.
    assert answer.code in ({"MalformedXML", "MissingRequestBodyError"} if not body else {"MalformedXML"})
    if body:
        assert answer.message == MALFORMED_XML


def test_xml_that_wants_to_read_files_or_to_grow_is_refused(server, account, bucket):
    reads = b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/hostname">]><Tagging><TagSet>&f;</TagSet></Tagging>'
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    grows = f'<!DOCTYPE a [<!ENTITY l0 "lol">{lol}]><Tagging><TagSet>&l9;</TagSet></Tagging>'.encode()
    deep = b"<a>" * 50_000
    for body in (reads, grows, deep):
        answer = server.send("PUT", f"/{bucket}?tagging", account.admin, body=body)
        assert (answer.status, answer.code) == (400, "MalformedXML")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        (' {"Version": "2012-10-17"', "Policies must be valid JSON and the first byte must be '{'"),
        ('{"Version": "2012-10-17", }', "This policy contains invalid Json"),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Version": "2013-01-01", "Statement": [{}]}', "The policy must contain a valid version string"),
    ],
)
def test_a_malformed_bucket_policy_is_told_what_is_wrong(server, account, bucket, text, message):
    answer = server.send("PUT", f"/{bucket}?policy", account.admin, body=text.encode())
    if not text:
        assert answer.status == 400
        return
    answers(answer, 400, "MalformedPolicy", message)


def bucket_policy(bucket, **changes):
    made = {
        "Effect": "Allow",
        "Principal": {"AWS": "111122223333"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    } | changes
    made = {name: value for name, value in made.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [made]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Action": "iam:GetUser"}, "Policy has invalid action"),
        ({"Action": "s3:MakeCoffee"}, "Policy has invalid action"),
        ({"Action": "s3:CreateBucket"}, "Policy has invalid action"),
        ({"Resource": "arn:aws:s3:::another-bucket/*"}, "Policy has invalid resource"),
        ({"Resource": "nothing"}, "Policy has invalid resource"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Principal": {"AWS": "arn:aws:iam::1:user/u"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, "Invalid principal in policy"),
        ({"Condition": {"StringLooksLike": {"aws:Referer": "x"}}}, "Invalid Condition type : StringLooksLike"),
        ({"Condition": {"StringEquals": {"s3:coffee": "x"}}}, "Policy has an invalid condition key"),
        (
            {"Condition": {"StringEquals": {"s3:prefix": "x"}}},
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        (
            {"Condition": {"IpAddress": {"aws:SourceIp": "300.1.1.1/8"}}},
            "Invalid IP address in Conditions",
        ),
    ],
)
def test_a_bucket_policy_that_cannot_be_meant_is_refused(account, bucket, other_account, changes, message):
    text = bucket_policy(bucket, **changes).replace("111122223333", other_account.id)
    with refused("MalformedPolicy", message, 400):
        account.boto("s3").put_bucket_policy(Bucket=bucket, Policy=text)
    with refused("NoSuchBucketPolicy", status=404):
        account.boto("s3").get_bucket_policy(Bucket=bucket)


def test_a_bucket_policy_has_20_kib_at_most(server, account, bucket):
    resources = [f"arn:aws:s3:::{bucket}/{'k' * 500}{number}" for number in range(45)]
    text = bucket_policy(bucket, Resource=resources).replace("111122223333", account.id)
    assert len(text) > 20480
    answer = server.send("PUT", f"/{bucket}?policy", account.admin, body=text.encode())
    answers(
        answer,
        400,
        "MalformedPolicy",
        "Normalized policy document exceeds the maximum allowed size of 20480 bytes",
    )
    with refused("NoSuchBucketPolicy", status=404):
        account.boto("s3").get_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize(
    "body",
    [b"", b"Action", b"Action=%zz", b"Action=CreateUser&UserName=%ff%fe", b"\x00" * 100, b"&&&==="],
    ids=["empty", "no value", "bad escape", "no text", "zeros", "signs"],
)
def test_a_query_body_that_makes_no_sense_is_a_plain_error(server, account, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = server.send("POST", "/", account.admin, body=body, headers=headers, service="iam")
    # AWS gives a malformed query string the status 404.
    assert answer.status == (404 if answer.code == "MalformedQueryString" else 400)
    assert answer.code and answer.message
    assert server.healthy()


# ----- names of buckets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper-Case",
        "under_score",
        "-begins",
        "ends-",
        ".begins",
        "two..dots",
        "192.168.5.4",
        "xn--begins",
        "name-s3alias",
        "b%C3%BCro",
        "blank%20inside",
    ],
)
def test_a_bucket_name_that_aws_would_not_take_is_refused(server, account, name):
    answer = server.send("PUT", f"/{name}", account.admin)
    answers(answer, 400, "InvalidBucketName", "The specified bucket is not valid.")


@pytest.mark.parametrize("name", ["a.b.{}", "3{}", "{}" + "-" + "x" * 40])
def test_a_bucket_name_at_the_edge_is_taken(server, account, name):
    name = name.format(server.fresh_bucket_name().removeprefix("bucket-"))
    assert 3 <= len(name) <= 63
    assert account.bucket(name) == name


# ----- names of objects -----------------------------------------------------------------------------

KEYS = [
    ".",
    "..",
    "../../etc/passwd",
    "a/../b",
    "a/./b",
    "/",
    "//",
    "/leading",
    "trailing/",
    "a//b",
    "a///b/",
    "\\back\\slash",
    "a b",
    " leading blank",
    "trailing blank ",
    "a+b",
    "a%2Fb",
    "a%b",
    "100%",
    "a?b",
    "a#b",
    "a&b=c",
    "a;b",
    "a:b@c",
    "a'b\"c",
    "a<b>c",
    "a*b|c",
    "~tilde",
    "$dollar,comma",
    "h\u00e9",
    "he\u0301",
    "\u65e5\u672c\u8a9e",
    "\u202egnp",
    "\U0001f600",
    "tab\there",
    "line\nbreak",
    "\x01\x1f\x7f",
    "CON",
    "aux.txt",
    "." * 255,
    "k" * 1024,
    "\u00e4" * 512,
    "/".join("d" * 511),
]


@pytest.mark.parametrize("key", KEYS, ids=[ascii(key)[1:40] for key in KEYS])
def test_a_key_is_kept_as_it_is(account, bucket, key):
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.put_object(Bucket=bucket, Key="another", Body=b"another")
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == key.encode()
    listed = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == {key, "another"}
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"][0]["Key"] == key
    s3.delete_object(Bucket=bucket, Key=key)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["another"]


def test_a_listing_without_encoding_escapes_what_xml_cannot_hold(server, account, bucket):
    account.boto("s3").put_object(Bucket=bucket, Key="a\x01b<c>&d", Body=b"")
    answer = server.send("GET", f"/{bucket}?list-type=2", account.admin)
    assert answer.status == 200
    assert b"<Key>a&#x1;b&lt;c&gt;&amp;d</Key>" in answer.body


@pytest.mark.parametrize("key", ["k" * 1025, "\u00e4" * 513], ids=["1025 bytes", "1026 bytes"])
def test_a_key_of_more_than_1024_bytes_is_too_long(server, account, bucket, key):
    for method in ("PUT", "GET", "DELETE"):
        answer = server.send(method, f"/{bucket}/{quote(key)}", account.admin)
        answers(answer, 400, "KeyTooLongError", "Your key is too long")


def test_a_key_that_is_not_utf8_is_refused(server, account, bucket):
    answer = server.send("PUT", f"/{bucket}/a%FFb", account.admin, body=b"x")
    assert answer.status == 400
    assert account.boto("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


# ----- tags, metadata, numbers ------------------------------------------------------------------------


def test_tags_of_an_object_have_their_limits(account, bucket):
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")

    def tag(*pairs):
        tags = [{"Key": key, "Value": value} for key, value in pairs]
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})

    tag(*((f"k{number}", "v" * 256) for number in range(10)))
    with refused("BadRequest", "Object tags cannot be greater than 10", 400):
        tag(*((f"k{number}", "") for number in range(11)))
    with refused("InvalidTag", "The TagKey you have provided is invalid", 400):
        tag(("k" * 129, ""))
    with refused("InvalidTag", "The TagValue you have provided is invalid", 400):
        tag(("k", "v" * 257))
    with refused("InvalidTag", "Cannot provide multiple Tags with the same key", 400):
        tag(("k", "1"), ("k", "2"))
    with refused("InvalidTag", re.compile(".*aws:.*|System tags cannot be added/updated by requester"), 400):
        tag(("aws:mine", ""))
    with refused(
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "
        "tag name duplicates.",
        400,
    ):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1&a=2")
    assert len(s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]) == 10


def test_metadata_has_2_kib_at_most(account, bucket):
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "v" * 2047})
    with refused("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "v" * 2048})


@pytest.mark.parametrize("number", ["-1", "abc", "99999999999999999999"])
def test_a_page_size_that_is_none_is_refused(server, account, bucket, number):
    answer = server.send("GET", f"/{bucket}?list-type=2&max-keys={number}", account.admin)
    answers(answer, 400, "InvalidArgument")
    assert answer.text_of("ArgumentName") in ("max-keys", "maxKeys")


def test_an_unknown_encoding_of_a_listing_is_refused(server, account, bucket):
    answer = server.send("GET", f"/{bucket}?encoding-type=morse", account.admin)
    answers(answer, 400, "InvalidArgument", "Invalid Encoding Method specified in Request")


def test_more_than_a_thousand_keys_are_not_deleted_at_once(account, bucket):
    keys = [{"Key": f"k{number}"} for number in range(1001)]
    with refused("MalformedXML", MALFORMED_XML, 400):
        account.boto("s3").delete_objects(Bucket=bucket, Delete={"Objects": keys})


def test_an_upload_without_a_length_is_refused(server, account, bucket):
    headers = sign_headers(account.admin, "s3", "PUT", f"{server.endpoint}/{bucket}/k", {}, b"")
    lines = [f"PUT /{bucket}/k HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    raw = server.send_bytes(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert raw.startswith(b"HTTP/1.1 411 ")
    assert b"<Code>MissingContentLength</Code>" in raw


def test_an_upload_of_more_than_5_gib_in_one_piece_is_refused_before_it_is_sent(
    server, account, bucket
):
    size = 5 * 1024**3 + 1
    headers = {"Content-Length": str(size), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    headers = sign_headers(account.admin, "s3", "PUT", f"{server.endpoint}/{bucket}/k", headers, b"")
    lines = [f"PUT /{bucket}/k HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>EntityTooLarge</Code>" in answer


# ----- bytes that are no request ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Header: " + b"v" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 nonsense\r\n\r\n",
        b"GET /?X-Amz-Algorithm=AWS4-HMAC-SHA256 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=[
        "zeros", "version", "no version", "long path", "long header", "two hosts", "length", "smuggling",
        "authorization", "presigned",
    ],
)
def test_bytes_that_are_no_request_do_no_harm(server, raw):
    answer = server.send_bytes(raw)
    assert not answer or re.match(rb"HTTP/1\.1 4\d\d ", answer), answer[:100]
    assert server.healthy()


def test_an_authorization_header_that_makes_no_sense_is_told(server, account, bucket):
    for value, code in [
        ("AWS4-HMAC-SHA256 nonsense", "AuthorizationHeaderMalformed"),
        ("Basic dXNlcjpwYXNz", "InvalidArgument"),
    ]:
        answer = server.send("GET", f"/{bucket}", headers={"Authorization": value})
        assert (answer.status, answer.code) == (400, code)


def test_a_bucket_that_is_not_there_is_said_before_what_is_wrong_with_the_body(server, account):
    for credentials in (account.admin, None):
        answer = server.send("PUT", "/no-such-bucket-here?acl", credentials, body=b"<broken")
        assert (answer.status, answer.code) == (404, "NoSuchBucket")
