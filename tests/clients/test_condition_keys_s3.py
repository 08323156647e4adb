"""The condition keys of S3 (rule S-4), each filled from the request as AWS documents it, or absent.

Each case is one claim: during this request, while this action is judged, the key has this value. It
is tried by `harness.judgement`. One account and one bucket serve all cases, each of which writes to a
key of its own: what a case changes is the one policy of the one user who asks.
"""

import dataclasses
import datetime
import hashlib
import itertools
import json
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness.judgement import ABSENT, Subject, Text, check, everything_but
from harness.server import Answer, Credentials, exchange, sign_headers

PARTS = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
TAGS = (
    "<Tagging><TagSet><Tag><Key>team</Key><Value>red</Value></Tag>"
    "<Tag><Key>Cost</Key><Value>a=b</Value></Tag></TagSet></Tagging>"
)
PRIVATE = (
    '<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>{id}</ID></Owner>'
    '<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:type="CanonicalUser"><ID>{id}</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>'
    "</AccessControlList></AccessControlPolicy>"
)
BODY_SHA256 = hashlib.sha256(b"hello").hexdigest()
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Scene:
    """An account with a bucket, three objects and a user whose only policy each case sets."""

    def __init__(self, server):
        self.server = server
        self.account = server.create_account()
        self.subject = Subject(self.account)
        self.bucket = self.account.bucket(ownership="BucketOwnerPreferred")
        self.numbers = itertools.count(1)
        self.s3 = self.account.boto("s3")
        self.s3.delete_public_access_block(Bucket=self.bucket)
        self.s3.put_bucket_encryption(
            Bucket=self.bucket,
            ServerSideEncryptionConfiguration={"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]},
        )
        self.s3.put_object(Bucket=self.bucket, Key="plain", Body=b"hello")
        self.s3.put_object(Bucket=self.bucket, Key="sp ace", Body=b"hello")
        self.tag("tagged")

    def tag(self, key: str) -> None:
        """An object with tags, made anew."""
        tagging = urllib.parse.urlencode({"Team": "red", "GRÖSSE": "xl"})
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"hello", Tagging=tagging)

    def upload(self, **more) -> dict[str, str]:
        """An upload with one part."""
        key = f"upload-{next(self.numbers)}"
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key, **more)["UploadId"]
        customer = {name: value for name, value in more.items() if name.startswith("SSECustomer")}
        part = self.s3.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"hello", **customer
        )
        return {"upload_key": key, "upload": upload, "etag": part["ETag"]}

    def fill(self, request: "Request") -> dict[str, str]:
        """The names that texts of cases may use in braces; each try has new ones."""
        names = {
            "bucket": self.bucket,
            "id": self.account.canonical_id,
            "account": self.account.id,
            "new": f"new-{next(self.numbers)}",
            "new_bucket": self.server.fresh_bucket_name(),
            "etag": '"5d41402abc4b2a76b9719d911017c592"',
        }
        texts = [request.path, request.body, *request.headers.values()]
        if any("{upload" in text for text in texts):
            names |= self.upload(**request.upload)
        if any("{fresh" in text for text in texts):
            names["fresh"] = f"fresh-{next(self.numbers)}"
            self.tag(names["fresh"])
        return names

    def send(self, request: "Request", credentials: Credentials | None) -> Answer:
        """Sends it, filled in, signed in the headers."""
        names = self.fill(request)
        headers = {name: text.format_map(names) for name, text in request.headers.items()}
        body = request.body.format_map(names).encode()
        path = request.path.format_map(names)
        return self.server.send(request.method, path, credentials, body=body, headers=headers)


@pytest.fixture(scope="module")
def scene(server):
    return Scene(server)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, with names in braces that `Scene.fill` knows."""

    method: str
    path: str
    headers: dict = dataclasses.field(default_factory=dict)
    body: str = ""
    upload: dict = dataclasses.field(default_factory=dict)


def request(line: str, body: str = "", upload: dict | None = None, **headers: str) -> Request:
    method, path = line.split(" ", 1)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Request(method, path, named, body, upload or {})


PUT = "PUT /{bucket}/{new}"
COPY = "PUT /{bucket}/{new}"
START = "POST /{bucket}/{new}?uploads"
PART = "PUT /{bucket}/{upload_key}?partNumber=1&uploadId={upload}"
DONE = "POST /{bucket}/{upload_key}?uploadId={upload}"
LIST_V1 = "GET /{bucket}"
LIST_V2 = "GET /{bucket}?list-type=2"
ACCOUNT = "PUT /v20180820/configuration/publicAccessBlock"
NO_BLOCK = (
    '<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">'
    "<BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>"
)
SSE = {"ServerSideEncryption": "AES256"}
CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
SSE_C = {
    "x_amz_server_side_encryption_customer_algorithm": "AES256",
    "x_amz_server_side_encryption_customer_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "x_amz_server_side_encryption_customer_key_md5": "KYvwGXoFFJ42a2u2GDWhwQ==",
}
SSE_C_UPLOAD = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "01234567890123456789012345678901"}
LOCATION = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
)


def copy(source: str = "{bucket}/plain", line: str = COPY, **headers: str) -> Request:
    return request(line, x_amz_copy_source=source, **headers)


#: (key, action, value, request)
CASES = [
    # Parameters of listings: as sent, decoded; absent when not sent.
    ("s3:prefix", "s3:ListBucket", "a/b c", request(f"{LIST_V1}?prefix=a%2Fb%20c")),
    ("s3:prefix", "s3:ListBucket", "a/b c", request(f"{LIST_V2}&prefix=a%2Fb%20c")),
    ("s3:prefix", "s3:ListBucket", "", request(f"{LIST_V2}&prefix=")),
    ("s3:prefix", "s3:ListBucket", ABSENT, request(LIST_V1)),
    ("s3:prefix", "s3:ListBucket", ABSENT, request(LIST_V2)),
    ("s3:prefix", "s3:ListBucket", ABSENT, request("HEAD /{bucket}")),
    ("s3:prefix", "s3:ListBucket", ABSENT, request("HEAD /{bucket}?prefix=a")),
    ("s3:prefix", "s3:ListBucketMultipartUploads", ABSENT, request("GET /{bucket}?uploads&prefix=a")),
    ("s3:delimiter", "s3:ListBucket", "/", request(f"{LIST_V1}?delimiter=%2F")),
    ("s3:delimiter", "s3:ListBucket", "/", request(f"{LIST_V2}&delimiter=%2F")),
    ("s3:delimiter", "s3:ListBucket", "", request(f"{LIST_V2}&delimiter=")),
    ("s3:delimiter", "s3:ListBucket", ABSENT, request(LIST_V2)),
    ("s3:max-keys", "s3:ListBucket", "7", request(f"{LIST_V1}?max-keys=7")),
    ("s3:max-keys", "s3:ListBucket", "5000", request(f"{LIST_V2}&max-keys=5000")),
    ("s3:max-keys", "s3:ListBucket", Text(
        {"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"NumericGreaterThan": {"s3:max-keys": "10"}}
    ), request(f"{LIST_V2}&max-keys=10")),
    ("s3:max-keys", "s3:ListBucket", ABSENT, request(LIST_V2)),
    # versionId: for the actions on versions only.
    ("s3:VersionId", "s3:GetObjectVersion", "null", request("GET /{bucket}/plain?versionId=null")),
    ("s3:VersionId", "s3:GetObjectVersion", "null", request("HEAD /{bucket}/plain?versionId=null")),
    ("s3:VersionId", "s3:GetObjectVersion", "null", copy("{bucket}/plain?versionId=null")),
    ("s3:VersionId", "s3:GetObjectVersion", "null", copy("{bucket}/plain?versionId=null", PART)),
    ("s3:VersionId", "s3:GetObjectVersionAttributes", "null", request(
        "GET /{bucket}/plain?attributes&versionId=null", x_amz_object_attributes="ETag")),
    ("s3:VersionId", "s3:GetObjectVersionAcl", "null", request("GET /{bucket}/plain?acl&versionId=null")),
    ("s3:VersionId", "s3:PutObjectVersionAcl", "null", request(
        "PUT /{bucket}/plain?acl&versionId=null", x_amz_acl="private")),
    ("s3:VersionId", "s3:GetObjectVersionTagging", "null", request("GET /{bucket}/tagged?tagging&versionId=null")),
    ("s3:VersionId", "s3:PutObjectVersionTagging", "null", request(
        "PUT /{bucket}/{fresh}?tagging&versionId=null", TAGS)),
    ("s3:VersionId", "s3:DeleteObjectVersionTagging", "null", request(
        "DELETE /{bucket}/{fresh}?tagging&versionId=null")),
    ("s3:VersionId", "s3:DeleteObjectVersion", "null", request("DELETE /{bucket}/{fresh}?versionId=null")),
    ("s3:VersionId", "s3:GetObject", ABSENT, request("GET /{bucket}/plain")),
    ("s3:VersionId", "s3:DeleteObject", ABSENT, request("DELETE /{bucket}/{fresh}")),
    # Canned ACLs.
    ("s3:x-amz-acl", "s3:PutObject", "public-read", request(PUT, x_amz_acl="public-read")),
    ("s3:x-amz-acl", "s3:PutObjectAcl", "public-read", request(PUT, x_amz_acl="public-read")),
    ("s3:x-amz-acl", "s3:PutObject", "private", request(START, x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:PutObject", "private", copy(x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:PutObjectAcl", "private", request("PUT /{bucket}/plain?acl", x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:PutObjectVersionAcl", "private", request(
        "PUT /{bucket}/plain?acl&versionId=null", x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:PutBucketAcl", "private", request("PUT /{bucket}?acl", x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:CreateBucket", "private", request("PUT /{new_bucket}", x_amz_acl="private")),
    ("s3:x-amz-acl", "s3:CreateBucket", ABSENT, request("PUT /{new_bucket}")),
    ("s3:x-amz-acl", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:x-amz-acl", "s3:PutObject", ABSENT, request(PART, "hello")),
    ("s3:x-amz-acl", "s3:PutObjectAcl", ABSENT, request("PUT /{bucket}/plain?acl", PRIVATE)),
    ("s3:x-amz-acl", "s3:PutBucketAcl", ABSENT, request("PUT /{bucket}?acl", PRIVATE)),
    # The header of a copy's source, as sent.
    ("s3:x-amz-copy-source", "s3:PutObject", "{bucket}/plain", copy()),
    ("s3:x-amz-copy-source", "s3:PutObject", "/{bucket}/sp%20ace", copy("/{bucket}/sp%20ace")),
    ("s3:x-amz-copy-source", "s3:PutObject", "{bucket}/plain?versionId=null", copy("{bucket}/plain?versionId=null")),
    ("s3:x-amz-copy-source", "s3:PutObject", "/{bucket}/plain", copy("/{bucket}/plain", PART)),
    ("s3:x-amz-copy-source", "s3:GetObject", ABSENT, copy()),
    ("s3:x-amz-copy-source", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:x-amz-metadata-directive", "s3:PutObject", "COPY", copy(x_amz_metadata_directive="COPY")),
    ("s3:x-amz-metadata-directive", "s3:PutObject", "REPLACE", copy(x_amz_metadata_directive="REPLACE")),
    ("s3:x-amz-metadata-directive", "s3:PutObject", ABSENT, copy()),
    ("s3:x-amz-metadata-directive", "s3:PutObject", ABSENT, copy("{bucket}/plain", PART)),
    ("s3:x-amz-metadata-directive", "s3:PutObject", ABSENT, copy(
        "{bucket}/plain", PART, x_amz_metadata_directive="COPY")),
    # Encryption as asked for, not as it is by default; parts have what their upload asked for.
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", request(PUT, x_amz_server_side_encryption="AES256")),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", request(START, x_amz_server_side_encryption="AES256")),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", copy(x_amz_server_side_encryption="AES256")),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", ABSENT, request(START)),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", request(PART, "hello", SSE)),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", dataclasses.replace(
        copy("{bucket}/plain", PART), upload=SSE)),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", "AES256", request(DONE, PARTS, SSE)),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", ABSENT, request(PART, "hello")),
    ("s3:x-amz-server-side-encryption", "s3:PutObject", ABSENT, request(DONE, PARTS)),
    ("s3:x-amz-server-side-encryption", "s3:AbortMultipartUpload", ABSENT, request(
        "DELETE /{bucket}/{upload_key}?uploadId={upload}", upload=SSE)),
    # The algorithm of a customer's key: each request that brings the key says it.
    (CUSTOMER, "s3:PutObject", "AES256", request(PUT, **SSE_C)),
    (CUSTOMER, "s3:PutObject", "AES256", request(START, **SSE_C)),
    (CUSTOMER, "s3:PutObject", "AES256", copy(**SSE_C)),
    (CUSTOMER, "s3:PutObject", "AES256", request(PART, "hello", SSE_C_UPLOAD, **SSE_C)),
    (CUSTOMER, "s3:PutObject", "AES256", dataclasses.replace(
        copy("{bucket}/plain", PART, **SSE_C), upload=SSE_C_UPLOAD)),
    (CUSTOMER, "s3:PutObject", ABSENT, request(PUT)),
    (CUSTOMER, "s3:PutObject", ABSENT, request(PUT, x_amz_server_side_encryption="AES256")),
    (CUSTOMER, "s3:PutObject", ABSENT, copy()),
    (CUSTOMER, "s3:GetObject", ABSENT, request("GET /{bucket}/plain")),
    # What else uploads ask for.
    ("s3:x-amz-storage-class", "s3:PutObject", "STANDARD_IA", request(PUT, x_amz_storage_class="STANDARD_IA")),
    ("s3:x-amz-storage-class", "s3:PutObject", "STANDARD", request(START, x_amz_storage_class="STANDARD")),
    ("s3:x-amz-storage-class", "s3:PutObject", "GLACIER_IR", copy(x_amz_storage_class="GLACIER_IR")),
    ("s3:x-amz-storage-class", "s3:PutObjectAcl", "STANDARD", request(
        PUT, x_amz_storage_class="STANDARD", x_amz_acl="private")),
    ("s3:x-amz-storage-class", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:x-amz-storage-class", "s3:PutObjectAcl", ABSENT, request("PUT /{bucket}/plain?acl", x_amz_acl="private")),
    ("s3:x-amz-website-redirect-location", "s3:PutObject", "/elsewhere", request(
        PUT, x_amz_website_redirect_location="/elsewhere")),
    ("s3:x-amz-website-redirect-location", "s3:PutObject", "https://example.com/", request(
        START, x_amz_website_redirect_location="https://example.com/")),
    ("s3:x-amz-website-redirect-location", "s3:PutObject", "/elsewhere", copy(
        x_amz_website_redirect_location="/elsewhere")),
    ("s3:x-amz-website-redirect-location", "s3:PutObject", ABSENT, request(PUT)),
    # Buckets to be.
    ("s3:x-amz-object-ownership", "s3:CreateBucket", "ObjectWriter", request(
        "PUT /{new_bucket}", x_amz_object_ownership="ObjectWriter")),
    ("s3:x-amz-object-ownership", "s3:CreateBucket", ABSENT, request("PUT /{new_bucket}")),
    ("s3:x-amz-object-ownership", "s3:PutBucketOwnershipControls", ABSENT, request(
        "PUT /{new_bucket}", x_amz_object_ownership="ObjectWriter")),
    ("s3:locationconstraint", "s3:CreateBucket", ABSENT, request("PUT /{new_bucket}")),
    # The header alone, not a URL's parameter.
    ("s3:x-amz-content-sha256", "s3:PutObject", BODY_SHA256, request(PUT, "hello")),
    ("s3:x-amz-content-sha256", "s3:GetObject", EMPTY_SHA256, request("GET /{bucket}/plain")),
    ("s3:x-amz-content-sha256", "s3:PutObject", "UNSIGNED-PAYLOAD", request(
        PUT, "hello", x_amz_content_sha256="UNSIGNED-PAYLOAD")),
    # Conditions on writes, as sent.
    ("s3:if-none-match", "s3:PutObject", "*", request(PUT, If_None_Match="*")),
    ("s3:if-none-match", "s3:PutObject", "*", copy(If_None_Match="*")),
    ("s3:if-none-match", "s3:PutObject", "*", request(DONE, PARTS, If_None_Match="*")),
    ("s3:if-none-match", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:if-match", "s3:PutObject", "{etag}", request("PUT /{bucket}/{fresh}", "hello", If_Match="{etag}")),
    ("s3:if-match", "s3:PutObject", "{etag}", copy(line="PUT /{bucket}/{fresh}", If_Match="{etag}")),
    ("s3:if-match", "s3:DeleteObject", "{etag}", request("DELETE /{bucket}/{fresh}", If_Match="{etag}")),
    ("s3:if-match", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:if-match", "s3:DeleteObject", ABSENT, request("DELETE /{bucket}/{fresh}")),
    ("s3:if-match", "s3:GetObject", ABSENT, request("GET /{bucket}/plain", If_Match="{etag}")),
    # Whether the call makes an object.
    ("s3:ObjectCreationOperation", "s3:PutObject", "true", request(PUT, "hello")),
    ("s3:ObjectCreationOperation", "s3:PutObject", "true", copy()),
    ("s3:ObjectCreationOperation", "s3:PutObject", "true", request(DONE, PARTS)),
    ("s3:ObjectCreationOperation", "s3:PutObject", "false", request(START)),
    ("s3:ObjectCreationOperation", "s3:PutObject", "false", request(PART, "hello")),
    ("s3:ObjectCreationOperation", "s3:PutObject", "false", copy("{bucket}/plain", PART)),
    ("s3:ObjectCreationOperation", "s3:GetObject", ABSENT, request("GET /{bucket}/plain")),
    # Tags of the stored object.
    *[
        ("s3:ExistingObjectTag/team", action, "red", case)
        for action, case in [
            ("s3:GetObject", request("GET /{bucket}/tagged")),
            ("s3:GetObject", request("HEAD /{bucket}/tagged")),
            ("s3:GetObject", copy("{bucket}/tagged", PART)),
            ("s3:GetObjectVersion", request("GET /{bucket}/tagged?versionId=null")),
            ("s3:GetObjectAcl", request("GET /{bucket}/tagged?acl")),
            ("s3:GetObjectVersionAcl", request("GET /{bucket}/tagged?acl&versionId=null")),
            ("s3:PutObjectAcl", request("PUT /{bucket}/tagged?acl", x_amz_acl="private")),
            ("s3:PutObjectVersionAcl", request("PUT /{bucket}/tagged?acl&versionId=null", x_amz_acl="private")),
            ("s3:GetObjectTagging", request("GET /{bucket}/tagged?tagging")),
            ("s3:GetObjectVersionTagging", request("GET /{bucket}/tagged?tagging&versionId=null")),
            ("s3:PutObjectTagging", request("PUT /{bucket}/{fresh}?tagging", TAGS)),
            ("s3:PutObjectVersionTagging", request("PUT /{bucket}/{fresh}?tagging&versionId=null", TAGS)),
            ("s3:DeleteObjectTagging", request("DELETE /{bucket}/{fresh}?tagging")),
            ("s3:DeleteObjectVersionTagging", request("DELETE /{bucket}/{fresh}?tagging&versionId=null")),
        ]
    ],
    ("s3:ExistingObjectTag/größe", "s3:GetObject", ABSENT, request("GET /{bucket}/tagged")),
    ("s3:ExistingObjectTag/grösse", "s3:GetObject", "xl", request("GET /{bucket}/tagged")),
    ("s3:ExistingObjectTag/Team", "s3:GetObject", ABSENT, request("GET /{bucket}/plain")),
    ("s3:ExistingObjectTag/Team", "s3:GetObject", ABSENT, copy("{bucket}/tagged")),
    ("s3:ExistingObjectTag/Team", "s3:GetObjectVersion", ABSENT, copy("{bucket}/tagged?versionId=null")),
    ("s3:ExistingObjectTag/Team", "s3:GetObjectAttributes", ABSENT, request(
        "GET /{bucket}/tagged?attributes", x_amz_object_attributes="ETag")),
    ("s3:ExistingObjectTag/Team", "s3:GetObjectVersionAttributes", ABSENT, request(
        "GET /{bucket}/tagged?attributes&versionId=null", x_amz_object_attributes="ETag")),
    ("s3:ExistingObjectTag/Team", "s3:PutObject", ABSENT, request("PUT /{bucket}/{fresh}", "hello")),
    ("s3:ExistingObjectTag/Team", "s3:DeleteObject", ABSENT, request("DELETE /{bucket}/{fresh}")),
    ("s3:ExistingObjectTag/Team", "s3:DeleteObjectVersion", ABSENT, request("DELETE /{bucket}/{fresh}?versionId=null")),
    # Tags of the request.
    *[
        (key, action, value, case)
        for key, value in [
            ("s3:RequestObjectTag/TEAM", "red"),
            ("s3:RequestObjectTag/cost", "a=b"),
            ("s3:RequestObjectTag/other", ABSENT),
            ("s3:RequestObjectTagKeys", ["team", "Cost"]),
        ]
        for action, case in [
            ("s3:PutObject", request(PUT, x_amz_tagging="team=red&Cost=a%3Db")),
            ("s3:PutObjectTagging", request(PUT, x_amz_tagging="team=red&Cost=a%3Db")),
            ("s3:PutObject", request(START, x_amz_tagging="team=red&Cost=a%3Db")),
            ("s3:PutObject", copy(x_amz_tagging_directive="REPLACE", x_amz_tagging="team=red&Cost=a%3Db")),
            ("s3:PutObjectTagging", request("PUT /{bucket}/{fresh}?tagging", TAGS)),
            ("s3:PutObjectVersionTagging", request("PUT /{bucket}/{fresh}?tagging&versionId=null", TAGS)),
        ]
    ],
    ("s3:RequestObjectTag/ÄRA", "s3:PutObject", "now", request(PUT, x_amz_tagging="%C3%84ra=now")),
    ("s3:RequestObjectTag/team", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:RequestObjectTagKeys", "s3:PutObject", ABSENT, request(PUT)),
    ("s3:RequestObjectTagKeys", "s3:PutObject", ABSENT, request(PART, "hello")),
    # Tags that a copy takes along are not in its request.
    ("s3:RequestObjectTag/team", "s3:PutObject", ABSENT, copy("{bucket}/tagged")),
    ("s3:RequestObjectTag/team", "s3:PutObject", ABSENT, copy("{bucket}/tagged", x_amz_tagging="team=red")),
    ("s3:RequestObjectTag/team", "s3:PutObjectTagging", ABSENT, copy("{bucket}/tagged")),
    # Who owns what is asked for.
    ("s3:ResourceAccount", "s3:PutAccountPublicAccessBlock", "{account}", request(ACCOUNT, NO_BLOCK, x_amz_account_id="{account}")),
    ("s3:ResourceAccount", "s3:GetObject", "{account}", request("GET /{bucket}/plain")),
    ("s3:ResourceAccount", "s3:ListBucket", "{account}", request(LIST_V2)),
    ("s3:ResourceAccount", "s3:ListAllMyBuckets", "{account}", request("GET /")),
    ("s3:ResourceAccount", "s3:CreateBucket", "{account}", request("PUT /{new_bucket}")),
    # How the request is signed.
    ("s3:authType", "s3:GetObject", "REST-HEADER", request("GET /{bucket}/plain")),
    ("s3:authType", "s3:PutAccountPublicAccessBlock", "REST-HEADER", request(ACCOUNT, NO_BLOCK, x_amz_account_id="{account}")),
    ("s3:signatureversion", "s3:GetObject", "AWS4-HMAC-SHA256", request("GET /{bucket}/plain")),
    ("s3:signatureAge", "s3:GetObject", ABSENT, request("GET /{bucket}/plain")),
]
# What no request here has a value for: the reasons are in docs/compatibility.md.
NEVER = [
    "s3:TlsVersion",
    "s3:DataAccessPointArn",
    "s3:DataAccessPointAccount",
    "s3:AccessPointNetworkOrigin",
    "s3:BucketTag/team",
    "aws:ResourceTag/team",
    "s3:object-lock-mode",
    "s3:object-lock-legal-hold",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
]
CASES += [(key, "s3:GetObject", ABSENT, request("GET /{bucket}/tagged")) for key in NEVER]
CASES += [(key, "s3:ListBucket", ABSENT, request(LIST_V2)) for key in NEVER]
CASES += [(key, "s3:PutObject", ABSENT, request(PUT)) for key in NEVER]
for header, on_objects in [
    ("x-amz-grant-full-control", True),
    ("x-amz-grant-read", True),
    ("x-amz-grant-read-acp", True),
    ("x-amz-grant-write", False),
    ("x-amz-grant-write-acp", True),
]:
    # To the owner, and to the account that `aws-exec-read` names: nobody gains anything by the cases.
    raw = 'id="{id}",  id="6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"'
    grant = {header.replace("-", "_"): raw}
    CASES += [(f"s3:{header}", "s3:PutBucketAcl", raw, request("PUT /{bucket}?acl", **grant))]
    CASES += [(f"s3:{header}", "s3:CreateBucket", raw, request(
        "PUT /{new_bucket}", x_amz_object_ownership="ObjectWriter", **grant))]
    CASES += [(f"s3:{header}", "s3:PutBucketAcl", ABSENT, request("PUT /{bucket}?acl", x_amz_acl="private"))]
    if on_objects:
        CASES += [
            (f"s3:{header}", "s3:PutObject", raw, request(PUT, **grant)),
            (f"s3:{header}", "s3:PutObject", raw, request(START, **grant)),
            (f"s3:{header}", "s3:PutObject", raw, copy(**grant)),
            (f"s3:{header}", "s3:PutObjectAcl", raw, request(PUT, **grant)),
            (f"s3:{header}", "s3:PutObjectAcl", raw, request("PUT /{bucket}/plain?acl", **grant)),
            (f"s3:{header}", "s3:PutObjectVersionAcl", raw, request("PUT /{bucket}/plain?acl&versionId=null", **grant)),
            (f"s3:{header}", "s3:PutObject", ABSENT, request(PUT)),
        ]


def named(case) -> str:
    key, action, value, sent = case
    text = "absent" if value is ABSENT else "kept" if isinstance(value, (Text, list)) else value
    return f"{key} in {action} of {sent.method} {sent.path.split('?', 1)[-1][:24]} {text}"


@pytest.mark.parametrize("case", CASES, ids=map(named, CASES))
def test_a_key_is_what_the_request_says(scene, case):
    key, action, value, sent = case
    if isinstance(value, str):
        value = value.format(
            bucket=scene.bucket,
            id=scene.account.canonical_id,
            account=scene.account.id,
            etag='"5d41402abc4b2a76b9719d911017c592"',
        )
    scene.subject.check(action, key, value, lambda credentials: scene.send(sent, credentials))


# ----- what one request cannot show ---------------------------------------------------------------


def test_whether_a_missing_key_may_be_known_is_asked_without_the_parameters_of_a_listing(scene):
    """Rule S-3: ListBucket is judged as if nothing of a listing was sent."""
    for condition, status in [
        ({"Null": {"s3:prefix": "true"}}, 404),
        ({"StringLike": {"s3:prefix": "*"}}, 403),
    ]:
        scene.subject.may(everything_but("s3:ListBucket", condition))
        for path in (f"/{scene.bucket}/missing", f"/{scene.bucket}/missing?prefix=a"):
            assert scene.server.send("GET", path, scene.subject.user.credentials).status == status


def test_each_key_of_a_bulk_delete_is_judged_with_its_own_version(scene):
    names = [f"bulk-{next(scene.numbers)}" for _ in range(2)]
    for name in names:
        scene.s3.put_object(Bucket=scene.bucket, Key=name, Body=b"")
    s3 = scene.account.boto("s3", scene.subject.user.credentials)
    objects = [{"Key": names[0], "VersionId": "null"}, {"Key": names[1]}]
    for condition, deleted in [
        ({"StringEquals": {"s3:VersionId": "other"}}, [names[1]]),
        ({"StringEquals": {"s3:VersionId": "null"}}, names),
    ]:
        scene.subject.may(everything_but("s3:DeleteObjectVersion", condition))
        answer = s3.delete_objects(Bucket=scene.bucket, Delete={"Objects": objects})
        assert [item["Key"] for item in answer.get("Deleted", [])] == deleted
        assert len(answer.get("Errors", [])) == len(names) - len(deleted)


def presigned(scene, credentials, signer="s3v4", method="get_object", **more) -> str:
    """The path and query of a presigned URL."""
    s3 = scene.server.boto("s3", credentials, signature_version=signer, s3={"addressing_style": "path"})
    parameters = {"Bucket": scene.bucket, "Key": "plain"} | more
    url = urllib.parse.urlsplit(s3.generate_presigned_url(method, Params=parameters, ExpiresIn=600))
    return f"{url.path}?{url.query}"


def fetch(scene, path: str, method="GET", headers=None) -> Answer:
    host = urllib.parse.urlsplit(scene.server.endpoint).netloc
    return exchange(scene.server.port, method, path, {"Host": host} | (headers or {}), b"")


PRESIGNED = [
    ("s3v4", "s3:authType", "REST-QUERY-STRING"),
    ("s3v4", "s3:signatureversion", "AWS4-HMAC-SHA256"),
    ("s3v4", "s3:x-amz-content-sha256", ABSENT),
    ("s3v4", "s3:signatureAge", Text(
        {"NumericGreaterThanEquals": {"s3:signatureAge": "0"}, "NumericLessThan": {"s3:signatureAge": "60000"}},
        {"NumericGreaterThanEquals": {"s3:signatureAge": "60000"}},
    )),
    ("s3", "s3:authType", "REST-QUERY-STRING"),
    ("s3", "s3:signatureversion", "AWS"),
    ("s3", "s3:signatureAge", ABSENT),
]


@pytest.mark.parametrize("signer, key, value", PRESIGNED)
def test_a_presigned_url_says_how_it_is_signed(scene, signer, key, value):
    scene.subject.check(
        "s3:GetObject", key, value, lambda credentials: fetch(scene, presigned(scene, credentials, signer))
    )


def test_the_age_of_a_presigned_url_is_in_milliseconds(scene, monkeypatch):
    """The policy that AWS documents: presigned URLs are good for two minutes, whatever they say."""
    now = botocore.auth.get_current_datetime

    def early(*arguments, **named):
        return now(*arguments, **named) - datetime.timedelta(seconds=150)

    def send(credentials):
        with monkeypatch.context() as patched:
            patched.setattr(botocore.auth, "get_current_datetime", early)
            path = presigned(scene, credentials)
        return fetch(scene, path)

    scene.subject.check(
        "s3:GetObject",
        "s3:signatureAge",
        Text(
            {
                "NumericGreaterThanEquals": {"s3:signatureAge": "150000"},
                "NumericLessThan": {"s3:signatureAge": "210000"},
            },
            {"NumericLessThanEquals": {"s3:signatureAge": "120000"}},
        ),
        send,
    )


def test_headers_that_stand_in_a_presigned_url_fill_their_keys(scene):
    def send(credentials):
        url = (
            f"{scene.server.endpoint}/{scene.bucket}/new-{next(scene.numbers)}"
            "?x-amz-acl=public-read&x-amz-storage-class=STANDARD_IA&x-amz-tagging=team%3Dred"
        )
        signed = botocore.awsrequest.AWSRequest(method="PUT", url=url)
        keys = botocore.credentials.Credentials(credentials.access_key_id, credentials.secret_access_key)
        botocore.auth.S3SigV4QueryAuth(keys, "s3", "us-east-1").add_auth(signed)
        sent = urllib.parse.urlsplit(signed.url)
        return fetch(scene, f"{sent.path}?{sent.query}", "PUT", {"Content-Length": "0"})

    scene.subject.check("s3:PutObject", "s3:x-amz-acl", "public-read", send)
    scene.subject.check("s3:PutObjectAcl", "s3:x-amz-acl", "public-read", send)
    scene.subject.check("s3:PutObject", "s3:x-amz-storage-class", "STANDARD_IA", send)
    scene.subject.check("s3:PutObject", "s3:RequestObjectTag/team", "red", send)


def test_the_place_of_a_bucket_to_be_is_what_its_element_says(scene, monkeypatch):
    monkeypatch.setattr("harness.server.REGION", "eu-west-1")
    scene.subject.check(
        "s3:CreateBucket",
        "s3:locationconstraint",
        "eu-west-1",
        lambda credentials: scene.send(request("PUT /{new_bucket}", LOCATION), credentials),
    )


class Streaming(botocore.auth.S3SigV4Auth):
    """Signs a body that comes in chunks without signatures of their own."""

    def payload(self, request):
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def test_a_body_in_chunks_is_named_by_its_form(scene, monkeypatch):
    monkeypatch.setattr(botocore.auth, "S3SigV4Auth", Streaming)
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
    }

    def send(credentials):
        path = f"/{scene.bucket}/new-{next(scene.numbers)}"
        url = f"{scene.server.endpoint}{path}"
        signed = sign_headers(credentials, "s3", "PUT", url, headers, body)
        return exchange(scene.server.port, "PUT", path, signed, body)

    scene.subject.check(
        "s3:PutObject", "s3:x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", send
    )


def for_everyone(scene, condition: dict) -> None:
    """A bucket policy that lets everyone read under the condition."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{scene.bucket}/*",
        "Condition": condition,
    }
    scene.s3.put_bucket_policy(
        Bucket=scene.bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@pytest.mark.parametrize(
    "key, value",
    [
        ("s3:authType", ABSENT),
        ("s3:signatureversion", ABSENT),
        ("s3:signatureAge", ABSENT),
        ("s3:x-amz-content-sha256", ABSENT),
    ],
)
def test_a_caller_without_a_signature_has_none_of_its_keys(scene, key, value):
    def outcome(condition):
        for_everyone(scene, condition)
        return scene.server.send("GET", f"/{scene.bucket}/plain")

    check(outcome, key, value, "Access Denied")


def test_the_owner_of_a_bucket_is_known_to_callers_of_other_accounts(scene, other_account):
    def outcome(condition):
        for_everyone(scene, condition)
        return scene.server.send("GET", f"/{scene.bucket}/plain", other_account.admin)

    for key in ("s3:ResourceAccount", "aws:ResourceAccount"):
        check(outcome, key, scene.account.id, "Access Denied")


def test_the_tools_own_requests_fill_the_keys_too(scene, run_aws, tmp_path):
    """The AWS CLI lists with a prefix and uploads with a storage class."""
    credentials = scene.subject.user.credentials
    scene.subject.may(everything_but("s3:ListBucket", {"StringEquals": {"s3:prefix": "home/"}}))
    scene.s3.put_object(Bucket=scene.bucket, Key="home/file", Body=b"")
    assert "file" in run_aws("s3", "ls", f"s3://{scene.bucket}/home/", credentials=credentials).stdout
    denied = run_aws("s3", "ls", f"s3://{scene.bucket}/", credentials=credentials, check=False)
    assert denied.code != 0 and "s3:ListBucket" in denied.error
    file = tmp_path / "file"
    file.write_text("hello")
    scene.subject.may(everything_but("s3:PutObject", {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}))
    put = ("s3", "cp", str(file), f"s3://{scene.bucket}/of-the-cli")
    run_aws(*put, "--storage-class", "STANDARD_IA", credentials=credentials)
    assert "s3:PutObject" in run_aws(*put, credentials=credentials, check=False).error
