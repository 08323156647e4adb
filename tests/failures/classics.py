"""The classic failures: which there are, and how people search for them."""

from __future__ import annotations

import functools

import pytest

from harness.story import Failure, Story

CLASSICS = [
    Failure(
        1,
        "bucket-policy-names-the-account",
        "The bucket policy names my account, and my user still gets AccessDenied",
        "`PutObject` AccessDenied, though the bucket policy has `Principal: arn:aws:iam::ACCOUNT:root`",
    ),
    Failure(
        2,
        "identity-policy-allows-everything",
        "My policy allows s3:*, and the other account's bucket still says AccessDenied",
        "AccessDenied in another account's bucket with `s3:*` on `*`",
    ),
    Failure(
        3,
        "assume-role-access-denied",
        "AccessDenied when calling the AssumeRole operation",
        "`is not authorized to perform: sts:AssumeRole`",
    ),
    Failure(
        4,
        "external-id",
        "AssumeRole is refused, and the external id is missing or wrong",
        "`sts:AssumeRole` refused by a vendor's or customer's role",
    ),
    Failure(
        5,
        "recreated-principal",
        "A user or role was made anew under the same name, and the policy no longer works",
        "`AIDA…` or `AROA…` in a policy where an ARN was",
    ),
    Failure(
        6,
        "invalid-principal-in-policy",
        "MalformedPolicy: Invalid principal in policy",
        "`Invalid principal in policy` on `PutBucketPolicy`, `CreateRole`, `UpdateAssumeRolePolicy`",
    ),
    Failure(
        7,
        "object-of-another-account",
        "The bucket's owner cannot read an object that another account uploaded",
        "`GetObject` AccessDenied in one's own bucket",
    ),
    Failure(
        8,
        "upload-with-an-acl",
        "The upload works, but with --acl bucket-owner-full-control it is AccessDenied",
        "`PutObject` AccessDenied only with `--acl`",
    ),
    Failure(
        9,
        "acl-not-supported",
        "AccessControlListNotSupported: The bucket does not allow ACLs",
        "`AccessControlListNotSupported`, often from tools that always send `private`",
    ),
    Failure(
        10,
        "deny-unless-full-control",
        "A bucket policy denies uploads without bucket-owner-full-control, and a tool does not send it",
        "`with an explicit deny in a resource-based policy`, often in multipart uploads",
    ),
    Failure(
        11,
        "kms-key-of-another-account",
        "The S3 policies are fine, and the object encrypted with KMS is still AccessDenied",
        "AccessDenied on objects with SSE-KMS",
    ),
    Failure(
        12,
        "aws-managed-key",
        "An object under aws/s3 or a key alias cannot be used from another account",
        "SSE-KMS across accounts with `aws/s3` or `alias/NAME`",
    ),
    Failure(
        13,
        "403-instead-of-404",
        "403 Forbidden for an object that does not exist",
        "`HeadObject` or `GetObject` 403 where 404 was expected",
    ),
    Failure(
        14,
        "bucket-or-its-objects",
        "s3:* on the bucket, and ListObjects or GetObject is AccessDenied",
        "`arn:aws:s3:::BUCKET` or `arn:aws:s3:::BUCKET/*`",
    ),
    Failure(
        15,
        "session-duration",
        "DurationSeconds exceeds the MaxSessionDuration, or the 1 hour limit of role chaining",
        "`ValidationError` when calling AssumeRole",
    ),
    Failure(
        16,
        "not-principal",
        "A Deny with NotPrincipal lists the role, and its sessions are denied",
        "`with an explicit deny in a resource-based policy` for a role that is listed",
    ),
    Failure(
        17,
        "copy-between-accounts",
        "aws s3 cp or sync between two accounts is AccessDenied",
        "`CopyObject` or `GetObjectTagging` AccessDenied in a copy",
    ),
    Failure(
        18,
        "presigned-url",
        "A presigned URL stops working before its time",
        "`Request has expired` or AccessDenied from a link that worked",
    ),
    Failure(
        19,
        "session-policy-or-boundary",
        "The role allows it, and its session may not",
        "`because no session policy allows` or `because no permissions boundary allows`",
    ),
    Failure(
        20,
        "block-public-access",
        "PutBucketPolicy is refused, or all other accounts are shut out at once",
        "`Principal: \"*\"` and Block Public Access",
    ),
    Failure(
        21,
        "wrong-identity",
        "The command runs as somebody else than you think",
        "AccessDenied, `InvalidAccessKeyId` or `InvalidToken` with keys that should work",
    ),
    Failure(
        22,
        "not-modelled",
        "What is not modelled: organizations, VPC endpoints, Requester Pays",
        "SCP, RCP, VPC endpoint policy, Requester Pays",
    ),
]


def tells(number: int):
    """Marks the test that tells a failure; at its end the page is compared with the committed one."""
    failure = next(failure for failure in CLASSICS if failure.number == number)

    def decorate(test):
        @pytest.mark.failure(failure)
        @functools.wraps(test)
        def told(story: Story):
            test(story)
            story.finish()

        return told

    return decorate
