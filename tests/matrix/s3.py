"""The rows of S3 and S3 Control."""

from __future__ import annotations

import hashlib

from .callers import PUBLIC
from .case import Case, Need, Target, document, needs

PART = b"one part"


# --- targets ----------------------------------------------------------------------------------


def nothing(target: Target) -> None:
    """For calls that make what they name."""


def bucket(target: Target) -> None:
    target.root("s3").create_bucket(Bucket=target.name)


def bucket_with_acls(target: Target) -> None:
    target.root("s3").create_bucket(Bucket=target.name, ObjectOwnership="BucketOwnerPreferred")


def an_object(target: Target) -> None:
    bucket(target)
    target.root("s3").put_object(Bucket=target.name, Key="kept", Body=b"kept", Tagging="a=1")


def an_object_with_acls(target: Target) -> None:
    bucket_with_acls(target)
    target.root("s3").put_object(Bucket=target.name, Key="kept", Body=b"kept")


def an_upload(target: Target) -> None:
    an_object(target)
    s3 = target.root("s3")
    upload = s3.create_multipart_upload(Bucket=target.name, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=target.name, Key="big", UploadId=upload, PartNumber=1, Body=PART)
    target.note(upload=upload, etag=part["ETag"])


def a_policy(target: Target) -> None:
    """With a policy that allows nothing that the rows ask for."""
    bucket(target)
    target.root("s3").put_bucket_policy(Bucket=target.name, Policy=own_policy(target, "s3:PutObject"))


def a_lifecycle(target: Target) -> None:
    bucket(target)
    target.root("s3").put_bucket_lifecycle_configuration(Bucket=target.name, LifecycleConfiguration=LIFECYCLE)


def cors_rules(target: Target) -> None:
    bucket(target)
    target.root("s3").put_bucket_cors(Bucket=target.name, CORSConfiguration=CORS)


def bucket_tags(target: Target) -> None:
    bucket(target)
    target.root("s3").put_bucket_tagging(Bucket=target.name, Tagging=TAGGING)


def takes_customer_keys(target: Target) -> None:
    bucket(target)
    target.root("s3").put_bucket_encryption(
        Bucket=target.name, ServerSideEncryptionConfiguration=TAKES_CUSTOMER_KEYS
    )


def an_object_under_a_customers_key(target: Target) -> None:
    an_object(target)
    s3 = target.root("s3")
    s3.put_bucket_encryption(Bucket=target.name, ServerSideEncryptionConfiguration=TAKES_CUSTOMER_KEYS)
    s3.put_object(Bucket=target.name, Key="locked", Body=b"locked", **CUSTOMER_KEY)


def an_account_block(target: Target) -> None:
    target.root("s3control").put_public_access_block(
        AccountId=target.account.id, PublicAccessBlockConfiguration={"IgnorePublicAcls": True}
    )


def resource_policy(needed: tuple[Need, ...]):
    """Opens the bucket: a policy that allows what the row needs, and no more."""

    def open(target: Target, access: str) -> None:
        s3 = target.root("s3")
        principal = "*" if access == PUBLIC else {"AWS": target.world.principals()}
        if access == PUBLIC:
            s3.delete_public_access_block(Bucket=target.name)
        statements = [
            {
                "Effect": "Allow",
                "Principal": principal,
                "Action": need.action,
                "Resource": f"arn:aws:s3:::{target.name}{'/*' if need.on == 'object' else ''}",
            }
            for need in needed
        ]
        s3.put_bucket_policy(Bucket=target.name, Policy=document(statements))

    return open


# --- what must not change ---------------------------------------------------------------------


def objects(target: Target):
    return [
        target.look("s3", "ListObjectsV2", Bucket=target.name),
        target.look("s3", "GetObjectTagging", Bucket=target.name, Key="kept"),
        target.look("s3", "GetObjectAcl", Bucket=target.name, Key="kept"),
    ]


def uploads(target: Target):
    seen = [
        target.look("s3", "ListObjectsV2", Bucket=target.name),
        target.look("s3", "ListMultipartUploads", Bucket=target.name),
    ]
    if "upload" in target.facts:
        seen.append(target.look("s3", "ListParts", Bucket=target.name, Key="big", UploadId=target.upload))
    return seen


def looks(*operations: str):
    """What these reads of the bucket show."""
    return lambda target: [target.look("s3", operation, Bucket=target.name) for operation in operations]


def account_block(target: Target):
    return target.look("s3control", "GetPublicAccessBlock", AccountId=target.account.id)


# --- rows -------------------------------------------------------------------------------------

LIFECYCLE = {
    "Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 9}}]
}
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://app.example"]}]}
TAGGING = {"TagSet": [{"Key": "team", "Value": "red"}]}
TAKES_CUSTOMER_KEYS = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]}
CUSTOMER_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
BLOCK = {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
CONTROLS = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}}
KEPT = {"Key": "kept"}
MISSING = {"Key": "missing"}
VERSION = {"Key": "kept", "VersionId": "null"}
# The MD5 of `kept`.
KEPT_ETAG = "\"%s\"" % hashlib.md5(b"kept").hexdigest()


def row(operation: str, needed: str | tuple[str, ...], more=None, make=bucket, describe=None, **other) -> Case:
    """A row on a bucket; `more` are arguments beside its name."""
    asked = needs(*([needed] if isinstance(needed, str) else needed))

    def arguments(target: Target) -> dict:
        return {"Bucket": target.name} | (more(target) if callable(more) else more or {})

    other.setdefault("open", resource_policy(asked))
    return Case("s3", operation, asked, arguments, make, describe, **other)


def account_row(operation: str, action: str, more=None, describe=None) -> Case:
    """A row on the owner's account."""

    def arguments(target: Target) -> dict:
        return {"AccountId": target.account.id} | (more or {})

    needed = needs(f"{action} *")
    return Case(
        "s3control", operation, needed, arguments, an_account_block, describe, variant="of the account"
    )


def own_policy(target: Target, action: str = "s3:ListBucket") -> str:
    resource = f"arn:aws:s3:::{target.name}{'/*' if action.endswith('Object') else ''}"
    statement = {"Effect": "Allow", "Principal": {"AWS": target.account.id}, "Action": action, "Resource": resource}
    return document([statement])


def source(target: Target) -> dict:
    return {"Key": "copy", "CopySource": f"{target.name}/kept"}


def of_upload(**more):
    return lambda target: {"Key": "big", "UploadId": target.upload} | more


def part_copy(target: Target) -> dict:
    return of_upload(PartNumber=2)(target) | {"CopySource": f"{target.name}/kept"}


def completion(target: Target) -> dict:
    return of_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": target.etag}]})(target)


def granted(**more):
    """A grant that is not public."""
    return lambda target: more | {"GrantRead": f'id="{target.world.other.canonical_id}"'}


ROWS = [
    # Objects.
    row("GetObject", "s3:GetObject object", KEPT, an_object, probes=("s3:GetObjectTagging",)),
    row(
        "GetObject",
        "s3:GetObjectVersion object",
        VERSION,
        an_object,
        variant="by version",
        probes=("s3:GetObjectVersionTagging",),
    ),
    row("GetObject", "s3:GetObject object", MISSING, an_object, variant="missing key", probes=("s3:ListBucket",)),
    row(
        "GetObject",
        ("s3:GetObject object", "s3:ListBucket bucket"),
        MISSING,
        an_object,
        variant="missing key, may list",
    ),
    row("HeadObject", "s3:GetObject object", KEPT, an_object, probes=("s3:GetObjectTagging",)),
    row("HeadObject", "s3:GetObject object", MISSING, an_object, variant="missing key", probes=("s3:ListBucket",)),
    row(
        "GetObjectAttributes",
        ("s3:GetObject object", "s3:GetObjectAttributes object"),
        KEPT | {"ObjectAttributes": ["ETag"]},
        an_object,
    ),
    row(
        "HeadObject",
        "s3:GetObjectVersion object",
        VERSION,
        an_object,
        variant="by version",
        probes=("s3:GetObjectVersionTagging",),
    ),
    row(
        "GetObjectAttributes",
        ("s3:GetObjectVersion object", "s3:GetObjectVersionAttributes object"),
        VERSION | {"ObjectAttributes": ["ETag"]},
        an_object,
        variant="by version",
    ),
    row("GetObjectTagging", "s3:GetObjectTagging object", KEPT, an_object),
    row("GetObjectTagging", "s3:GetObjectVersionTagging object", VERSION, an_object, variant="by version"),
    row("GetObjectAcl", "s3:GetObjectAcl object", KEPT, an_object),
    row("GetObjectAcl", "s3:GetObjectVersionAcl object", VERSION, an_object, variant="by version"),
    row("PutObject", "s3:PutObject object", KEPT | {"Body": b"new"}, an_object, objects),
    row(
        "PutObject",
        ("s3:PutObject object", "s3:PutObjectTagging object", "s3:PutObjectAcl object"),
        {"Key": "new", "Body": b"new", "Tagging": "a=1", "ACL": "bucket-owner-full-control"},
        an_object,
        objects,
        variant="with tags and ACL",
    ),
    row(
        "PutObject",
        "s3:PutObject object",
        {"Key": "new", "Body": b"new"} | CUSTOMER_KEY,
        an_object_under_a_customers_key,
        objects,
        variant="under a customer's key",
    ),
    row(
        "GetObject",
        "s3:GetObject object",
        {"Key": "locked"} | CUSTOMER_KEY,
        an_object_under_a_customers_key,
        variant="under a customer's key",
    ),
    row("CopyObject", ("s3:PutObject object", "s3:GetObject object"), source, an_object_with_acls, objects),
    row(
        "CopyObject",
        (
            "s3:PutObject object",
            "s3:PutObjectTagging object",
            "s3:GetObject object",
            "s3:GetObjectTagging object",
        ),
        source,
        an_object,
        objects,
        variant="of a tagged object",
    ),
    row("PutObjectTagging", "s3:PutObjectTagging object", KEPT | {"Tagging": {"TagSet": []}}, an_object, objects),
    row("DeleteObjectTagging", "s3:DeleteObjectTagging object", KEPT, an_object, objects),
    row(
        "PutObjectTagging",
        "s3:PutObjectVersionTagging object",
        VERSION | {"Tagging": {"TagSet": []}},
        an_object,
        objects,
        variant="by version",
    ),
    row(
        "DeleteObjectTagging",
        "s3:DeleteObjectVersionTagging object",
        VERSION,
        an_object,
        objects,
        variant="by version",
    ),
    row("PutObjectAcl", "s3:PutObjectAcl object", granted(**KEPT), an_object_with_acls, objects),
    row(
        "PutObjectAcl",
        "s3:PutObjectVersionAcl object",
        granted(**VERSION),
        an_object_with_acls,
        objects,
        variant="by version",
    ),
    row("DeleteObject", "s3:DeleteObject object", KEPT, an_object, objects),
    row("DeleteObject", "s3:DeleteObjectVersion object", VERSION, an_object, objects, variant="by version"),
    row(
        "DeleteObject",
        ("s3:DeleteObject object", "s3:GetObject object"),
        KEPT | {"IfMatch": KEPT_ETAG},
        an_object,
        objects,
        variant="with an ETag",
    ),
    row(
        "DeleteObject",
        ("s3:DeleteObjectVersion object", "s3:GetObjectVersion object"),
        VERSION | {"IfMatch": KEPT_ETAG},
        an_object,
        objects,
        variant="by version, with an ETag",
    ),
    row(
        "DeleteObject",
        ("s3:DeleteObjectVersion object", "s3:BypassGovernanceRetention object"),
        VERSION | {"BypassGovernanceRetention": True},
        an_object,
        objects,
        variant="by version, bypassing governance",
    ),
    row("DeleteObjects", "s3:DeleteObject object", {"Delete": {"Objects": [KEPT]}}, an_object, objects),
    row(
        "DeleteObjects",
        "s3:DeleteObjectVersion object",
        {"Delete": {"Objects": [VERSION]}},
        an_object,
        objects,
        variant="by version",
    ),
    row(
        "DeleteObjects",
        ("s3:DeleteObject object", "s3:GetObject object"),
        {"Delete": {"Objects": [KEPT | {"ETag": KEPT_ETAG}]}},
        an_object,
        objects,
        variant="with an ETag",
    ),
    row("ListObjects", "s3:ListBucket bucket", None, an_object),
    row("ListObjectsV2", "s3:ListBucket bucket", None, an_object),
    row("ListObjectVersions", "s3:ListBucketVersions bucket", None, an_object),
    # Multipart uploads.
    row("CreateMultipartUpload", "s3:PutObject object", {"Key": "big"}, bucket, uploads),
    row("UploadPart", "s3:PutObject object", of_upload(PartNumber=2, Body=PART), an_upload, uploads),
    row("UploadPartCopy", ("s3:PutObject object", "s3:GetObject object"), part_copy, an_upload, uploads),
    row("CompleteMultipartUpload", "s3:PutObject object", completion, an_upload, uploads),
    row("AbortMultipartUpload", "s3:AbortMultipartUpload object", of_upload(), an_upload, uploads),
    row("ListParts", "s3:ListMultipartUploadParts object", of_upload(), an_upload),
    row("ListMultipartUploads", "s3:ListBucketMultipartUploads bucket", None, an_upload),
    # Buckets.
    Case("s3", "ListBuckets", needs("s3:ListAllMyBuckets *"), lambda target: {}),
    row("CreateBucket", "s3:CreateBucket bucket", None, nothing, looks("HeadBucket"), open=None),
    row(
        "CreateBucket",
        ("s3:CreateBucket bucket", "s3:PutBucketOwnershipControls bucket", "s3:PutBucketAcl bucket"),
        granted(ObjectOwnership="BucketOwnerPreferred"),
        nothing,
        looks("HeadBucket"),
        variant="with ownership and ACL",
        open=None,
    ),
    row("HeadBucket", "s3:ListBucket bucket"),
    row("DeleteBucket", "s3:DeleteBucket bucket", None, bucket, looks("HeadBucket")),
    row("GetBucketLocation", "s3:GetBucketLocation bucket"),
    row("GetBucketVersioning", "s3:GetBucketVersioning bucket"),
    row(
        "PutBucketVersioning",
        "s3:PutBucketVersioning bucket",
        {"VersioningConfiguration": {"Status": "Enabled"}},
        describe=looks("GetBucketVersioning"),
    ),
    row("GetBucketEncryption", "s3:GetEncryptionConfiguration bucket"),
    row(
        "PutBucketEncryption",
        "s3:PutEncryptionConfiguration bucket",
        {"ServerSideEncryptionConfiguration": TAKES_CUSTOMER_KEYS},
        describe=looks("GetBucketEncryption"),
    ),
    row(
        "DeleteBucketEncryption",
        "s3:PutEncryptionConfiguration bucket",
        None,
        takes_customer_keys,
        looks("GetBucketEncryption"),
    ),
    row("GetBucketRequestPayment", "s3:GetBucketRequestPayment bucket"),
    row(
        "PutBucketRequestPayment",
        "s3:PutBucketRequestPayment bucket",
        {"RequestPaymentConfiguration": {"Payer": "Requester"}},
        describe=looks("GetBucketRequestPayment"),
    ),
    row("GetBucketAcl", "s3:GetBucketAcl bucket"),
    row("PutBucketAcl", "s3:PutBucketAcl bucket", granted(), bucket_with_acls, looks("GetBucketAcl")),
    row("GetBucketPolicy", "s3:GetBucketPolicy bucket", None, a_policy),
    row("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus bucket", None, a_policy),
    row(
        "PutBucketPolicy",
        "s3:PutBucketPolicy bucket",
        lambda target: {"Policy": own_policy(target)},
        a_policy,
        looks("GetBucketPolicy"),
    ),
    row("DeleteBucketPolicy", "s3:DeleteBucketPolicy bucket", None, a_policy, looks("GetBucketPolicy")),
    row("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock bucket"),
    row(
        "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock bucket", BLOCK, describe=looks("GetPublicAccessBlock")
    ),
    row(
        "DeletePublicAccessBlock",
        "s3:PutBucketPublicAccessBlock bucket",
        None,
        describe=looks("GetPublicAccessBlock"),
    ),
    row("GetBucketOwnershipControls", "s3:GetBucketOwnershipControls bucket"),
    row(
        "PutBucketOwnershipControls",
        "s3:PutBucketOwnershipControls bucket",
        CONTROLS,
        describe=looks("GetBucketOwnershipControls"),
    ),
    row(
        "DeleteBucketOwnershipControls",
        "s3:PutBucketOwnershipControls bucket",
        None,
        describe=looks("GetBucketOwnershipControls"),
    ),
    row("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration bucket", None, a_lifecycle),
    row(
        "PutBucketLifecycleConfiguration",
        "s3:PutLifecycleConfiguration bucket",
        {"LifecycleConfiguration": LIFECYCLE},
        describe=looks("GetBucketLifecycleConfiguration"),
    ),
    row(
        "DeleteBucketLifecycle",
        "s3:PutLifecycleConfiguration bucket",
        None,
        a_lifecycle,
        looks("GetBucketLifecycleConfiguration"),
    ),
    row("GetBucketCors", "s3:GetBucketCORS bucket", None, cors_rules),
    row(
        "PutBucketCors",
        "s3:PutBucketCORS bucket",
        {"CORSConfiguration": CORS},
        describe=looks("GetBucketCors"),
    ),
    row("DeleteBucketCors", "s3:PutBucketCORS bucket", None, cors_rules, looks("GetBucketCors")),
    row("GetBucketTagging", "s3:GetBucketTagging bucket", None, bucket_tags),
    row(
        "PutBucketTagging",
        "s3:PutBucketTagging bucket",
        {"Tagging": TAGGING},
        describe=looks("GetBucketTagging"),
    ),
    row("DeleteBucketTagging", "s3:PutBucketTagging bucket", None, bucket_tags, looks("GetBucketTagging")),
    # Accounts.
    account_row("GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"),
    account_row("PutPublicAccessBlock", "s3:PutAccountPublicAccessBlock", BLOCK, account_block),
    account_row("DeletePublicAccessBlock", "s3:PutAccountPublicAccessBlock", None, account_block),
]
