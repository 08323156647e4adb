"""`aws s3api …`: every bucket setting is written, read back as AWS shows it, and taken away again."""

import json

import pytest

UNSET = {
    "get-bucket-tagging": ("GetBucketTagging", "NoSuchTagSet", "The TagSet does not exist"),
    "get-bucket-cors": (
        "GetBucketCors",
        "NoSuchCORSConfiguration",
        "The CORS configuration does not exist",
    ),
    "get-bucket-lifecycle-configuration": (
        "GetBucketLifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "get-bucket-policy": (
        "GetBucketPolicy",
        "NoSuchBucketPolicy",
        "The bucket policy does not exist",
    ),
}


@pytest.fixture
def s3api(account, run_aws):
    """`s3api("get-bucket-cors", …)` on a fresh bucket, as its owner."""
    bucket = account.bucket()

    def call(command: str, *arguments: str, check: bool = True):
        return run_aws(
            "s3api", command, "--bucket", bucket, *arguments, credentials=account.admin, check=check
        )

    call.bucket = bucket
    call.account = account
    return call


# What is not built says so, with its name, and does nothing.
NOT_BUILT = {
    "GetBucketWebsite": ("get-bucket-website",),
    "GetBucketReplication": ("get-bucket-replication",),
    "GetObjectLockConfiguration": ("get-object-lock-configuration",),
    "RenameObject": ("rename-object", "--key", "new", "--rename-source", "old"),
}


@pytest.mark.parametrize("operation", NOT_BUILT)
def test_an_operation_that_is_not_built_says_so(s3api, operation):
    command, *arguments = NOT_BUILT[operation]
    answer = s3api(command, *arguments, check=False)
    assert answer.code == 255
    assert answer.error == (
        f"An error occurred (NotImplemented) when calling the {operation} operation: "
        f"The operation {operation} is not implemented."
    )


@pytest.mark.parametrize("command", UNSET)
def test_a_setting_that_nobody_made_is_an_error_of_its_own(s3api, command):
    operation, code, message = UNSET[command]
    answer = s3api(command, check=False)
    assert answer.code == 255
    assert answer.error == f"An error occurred ({code}) when calling the {operation} operation: {message}"


def test_a_new_bucket_has_todays_defaults(s3api):
    assert s3api("get-public-access-block").json == {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        }
    }
    assert s3api("get-bucket-ownership-controls").json == {
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    }
    encryption = s3api("get-bucket-encryption").json["ServerSideEncryptionConfiguration"]
    assert encryption == {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BucketKeyEnabled": False,
                "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
            }
        ]
    }
    assert s3api("get-bucket-location").json == {"LocationConstraint": None}
    assert s3api("get-bucket-versioning").stdout == ""
    acl = s3api("get-bucket-acl").json
    owner = s3api.account.canonical_id
    assert acl["Owner"]["ID"] == owner
    assert [(grant["Grantee"]["ID"], grant["Permission"]) for grant in acl["Grants"]] == [
        (owner, "FULL_CONTROL")
    ]


def test_lifecycle_rules_come_back_as_they_were_set(s3api):
    rules = {
        "Rules": [
            {
                "ID": "old logs",
                "Filter": {"Prefix": "logs/"},
                "Status": "Enabled",
                "Expiration": {"Days": 30},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    }
    s3api("put-bucket-lifecycle-configuration", "--lifecycle-configuration", json.dumps(rules))
    assert s3api("get-bucket-lifecycle-configuration").json["Rules"] == rules["Rules"]
    s3api("delete-bucket-lifecycle")
    assert "(NoSuchLifecycleConfiguration)" in s3api(
        "get-bucket-lifecycle-configuration", check=False
    ).error


def test_a_bucket_policy_comes_back_and_says_whether_it_is_public(s3api, other_account):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{other_account.id}:root"},
                "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": f"arn:aws:s3:::{s3api.bucket}/*",
            }
        ],
    }
    s3api("put-bucket-policy", "--policy", json.dumps(policy))
    assert json.loads(s3api("get-bucket-policy").json["Policy"]) == policy
    assert s3api("get-bucket-policy-status").json == {"PolicyStatus": {"IsPublic": False}}
    s3api("delete-bucket-policy")
    s3api("delete-bucket-policy")
    assert "(NoSuchBucketPolicy)" in s3api("get-bucket-policy", check=False).error
    assert "(NoSuchBucketPolicy)" in s3api("get-bucket-policy-status", check=False).error


def test_public_access_is_blocked_flag_by_flag(s3api):
    s3api(
        "put-public-access-block",
        "--public-access-block-configuration",
        "BlockPublicAcls=true,IgnorePublicAcls=false,BlockPublicPolicy=false,RestrictPublicBuckets=true",
    )
    assert s3api("get-public-access-block").json["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True,
    }
    s3api("delete-public-access-block")
    assert s3api("get-public-access-block", check=False).error == (
        "An error occurred (NoSuchPublicAccessBlockConfiguration) when calling the GetPublicAccessBlock "
        "operation: The public access block configuration was not found"
    )


def test_ownership_controls_are_set_and_taken_away(s3api):
    s3api("put-bucket-ownership-controls", "--ownership-controls", "Rules=[{ObjectOwnership=ObjectWriter}]")
    assert s3api("get-bucket-ownership-controls").json == {
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    }
    s3api("delete-bucket-ownership-controls")
    assert s3api("get-bucket-ownership-controls", check=False).error == (
        "An error occurred (OwnershipControlsNotFoundError) when calling the GetBucketOwnershipControls "
        "operation: The bucket ownership controls were not found"
    )


def test_a_bucket_name_is_taken_once_for_all_accounts(s3api, other_account, run_aws):
    taken = run_aws(
        "s3api", "create-bucket", "--bucket", s3api.bucket, credentials=other_account.admin, check=False
    )
    assert taken.error == (
        "An error occurred (BucketAlreadyExists) when calling the CreateBucket operation: The requested "
        "bucket name is not available. The bucket namespace is shared by all users of the system. Please "
        "select a different name and try again."
    )


def test_head_bucket_tells_strangers_nothing_but_that_it_exists(s3api, other_account, run_aws):
    head = run_aws(
        "s3api", "head-bucket", "--bucket", s3api.bucket, credentials=other_account.admin, check=False
    )
    assert head.error == "An error occurred (403) when calling the HeadBucket operation: Forbidden"
    none = run_aws(
        "s3api", "head-bucket", "--bucket", "no-such-bucket-anywhere", credentials=other_account.admin,
        check=False,
    )
    assert none.error == "An error occurred (404) when calling the HeadBucket operation: Not Found"
