"""ACLs and object ownership (rules S-6 to S-8): who owns, who grants, and what a grant is worth."""

import json

import pytest

from harness.errors import refused

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def grants(acl: dict) -> list[tuple]:
    return sorted(
        (grant["Grantee"].get("ID") or grant["Grantee"].get("URI"), grant["Permission"])
        for grant in acl["Grants"]
    )


@pytest.fixture
def with_acls(account):
    """A bucket of `account` in which ACLs count."""
    return account.bucket(ownership="ObjectWriter")


def let_in(owner, bucket, other, *actions):
    """A bucket policy that lets another account put objects."""
    owner.boto("s3").put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": other.id},
                        "Action": list(actions),
                        "Resource": f"arn:aws:s3:::{bucket}/*",
                    }
                ],
            }
        ),
    )


def test_the_writer_owns_what_it_writes_and_the_bucket_owner_cannot_read_it(
    account, other_account, with_acls
):
    let_in(account, with_acls, other_account, "s3:PutObject")
    writer = other_account.boto("s3")
    writer.put_object(Bucket=with_acls, Key="k", Body=b"body")
    assert writer.get_object(Bucket=with_acls, Key="k")["Body"].read() == b"body"
    for credentials in (account.admin, account.root):
        with refused("AccessDenied", status=403):
            account.boto("s3", credentials).get_object(Bucket=with_acls, Key="k")
    acl = writer.get_object_acl(Bucket=with_acls, Key="k")
    assert acl["Owner"]["ID"] == other_account.canonical_id
    assert grants(acl) == [(other_account.canonical_id, "FULL_CONTROL")]
    account.boto("s3").delete_object(Bucket=with_acls, Key="k")


def test_a_grant_to_an_account_needs_that_accounts_identity_policies_too(
    account, other_account, with_acls
):
    account.boto("s3").put_object(
        Bucket=with_acls, Key="k", Body=b"body", GrantRead=f'id="{other_account.canonical_id}"'
    )
    assert other_account.boto("s3").get_object(Bucket=with_acls, Key="k")["ContentLength"] == 4
    assert other_account.boto("s3", other_account.root).get_object(Bucket=with_acls, Key="k")
    nobody = other_account.user("nobody")
    with refused("AccessDenied", "Access Denied", 403):
        other_account.boto("s3", nobody.credentials).get_object(Bucket=with_acls, Key="k")
    with refused("AccessDenied", "Access Denied", 403):
        other_account.boto("s3").get_object_acl(Bucket=with_acls, Key="k")


def test_the_bucket_owner_cannot_hand_on_what_it_does_not_own(
    account, other_account, third_account, with_acls
):
    let_in(account, with_acls, other_account, "s3:PutObject")
    other_account.boto("s3").put_object(
        Bucket=with_acls, Key="k", Body=b"", GrantFullControl=f"id={account.canonical_id}"
    )
    assert account.boto("s3").get_object(Bucket=with_acls, Key="k")["ContentLength"] == 0
    let_in(account, with_acls, third_account, "s3:GetObject")
    with refused("AccessDenied", "Access Denied", 403):
        third_account.boto("s3").get_object(Bucket=with_acls, Key="k")


def test_bucket_owner_preferred_takes_ownership_of_what_is_offered(account, other_account):
    bucket = account.bucket(ownership="BucketOwnerPreferred")
    let_in(account, bucket, other_account, "s3:PutObject", "s3:PutObjectAcl")
    writer = other_account.boto("s3")
    writer.put_object(Bucket=bucket, Key="offered", Body=b"", ACL="bucket-owner-full-control")
    writer.put_object(Bucket=bucket, Key="kept", Body=b"")
    s3 = account.boto("s3")
    assert s3.get_object_acl(Bucket=bucket, Key="offered")["Owner"]["ID"] == account.canonical_id
    assert writer.get_object_acl(Bucket=bucket, Key="kept")["Owner"]["ID"] == other_account.canonical_id
    with refused("AccessDenied", status=403):
        s3.get_object(Bucket=bucket, Key="kept")


def test_canned_acls_of_a_bucket_become_grants(account, with_acls):
    s3 = account.boto("s3")
    s3.delete_public_access_block(Bucket=with_acls)
    s3.put_bucket_acl(Bucket=with_acls, ACL="public-read")
    assert grants(s3.get_bucket_acl(Bucket=with_acls)) == sorted(
        [(account.canonical_id, "FULL_CONTROL"), (ALL_USERS, "READ")]
    )
    s3.put_bucket_acl(Bucket=with_acls, ACL="private")
    assert grants(s3.get_bucket_acl(Bucket=with_acls)) == [(account.canonical_id, "FULL_CONTROL")]


def test_a_public_read_object_is_read_by_anyone_and_listed_by_nobody(server, account, with_acls):
    s3 = account.boto("s3")
    with refused(
        "AccessDenied",
        f"User: {account.admin.arn} is not authorized to perform: s3:PutObjectAcl on resource: "
        f'"arn:aws:s3:::{with_acls}/k" because public ACLs are prevented by the BlockPublicAcls setting '
        "in S3 Block Public Access.",
        403,
    ):
        s3.put_object(Bucket=with_acls, Key="k", Body=b"body")
        s3.put_object_acl(Bucket=with_acls, Key="k", ACL="public-read")
    s3.delete_public_access_block(Bucket=with_acls)
    s3.put_object_acl(Bucket=with_acls, Key="k", ACL="public-read")
    anyone = server.boto("s3", None)
    assert anyone.get_object(Bucket=with_acls, Key="k")["Body"].read() == b"body"
    with refused("AccessDenied", "Access Denied", 403):
        anyone.list_objects_v2(Bucket=with_acls)
    s3.put_public_access_block(
        Bucket=with_acls, PublicAccessBlockConfiguration={"IgnorePublicAcls": True}
    )
    with refused("AccessDenied", "Access Denied", 403):
        anyone.get_object(Bucket=with_acls, Key="k")


def test_acl_requests_that_make_no_sense_are_told_why(server, account, with_acls):
    s3 = account.boto("s3")
    s3.put_object(Bucket=with_acls, Key="k", Body=b"")
    with refused("InvalidArgument", status=400) as caught:
        s3.put_object_acl(Bucket=with_acls, Key="k", ACL="everybody")
    assert caught.value.response["Error"]["ArgumentName"] == "x-amz-acl"
    assert caught.value.response["Error"]["ArgumentValue"] == "everybody"
    with refused("InvalidArgument", "Invalid group uri", 400):
        s3.put_object_acl(Bucket=with_acls, Key="k", GrantRead='uri="http://acs.amazonaws.com/groups/x"')
    with refused("InvalidArgument", "Invalid id", 400):
        s3.put_object_acl(Bucket=with_acls, Key="k", GrantRead='id="1234"')
    with refused("InvalidArgument", "Argument format not recognized", 400):
        s3.put_object_acl(Bucket=with_acls, Key="k", GrantRead="somebody")
    with refused(
        "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed", 400
    ):
        s3.put_object_acl(
            Bucket=with_acls, Key="k", ACL="private", GrantRead=f'id="{account.canonical_id}"'
        )
    nothing = server.send("PUT", f"/{with_acls}/k?acl", account.admin)
    assert (nothing.status, nothing.code) == (400, "MissingSecurityHeader")
    assert nothing.message == "Your request was missing a required header"
    bad = server.send("PUT", f"/{with_acls}/k?acl", account.admin, body=b"<AccessControlPolicy>")
    assert (bad.status, bad.code) == (400, "MalformedACLError")


def test_a_bucket_without_acls_says_so(account, other_account):
    bucket = account.bucket()
    s3 = account.boto("s3")
    text = "The bucket does not allow ACLs"
    with refused("AccessControlListNotSupported", text, 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", GrantRead=f"id={other_account.canonical_id}")
    with refused("AccessControlListNotSupported", text, 400):
        s3.put_bucket_acl(Bucket=bucket, GrantRead=f"id={other_account.canonical_id}")
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    s3.put_object(Bucket=bucket, Key="k", Body=b"", GrantFullControl=f"id={account.canonical_id}")
    with refused("AccessControlListNotSupported", text, 400):
        s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f"id={other_account.canonical_id}")
    with refused(
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        400,
    ):
        account.bucket(ACL="public-read")


def test_enforcing_ownership_hides_old_acls_and_lifting_it_brings_them_back(
    account, other_account, with_acls
):
    s3 = account.boto("s3")
    s3.put_object(Bucket=with_acls, Key="k", Body=b"", GrantRead=f"id={other_account.canonical_id}")
    reader = other_account.boto("s3")
    assert reader.get_object(Bucket=with_acls, Key="k")
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=with_acls, OwnershipControls=rules)
    with refused("AccessDenied", "Access Denied", 403):
        reader.get_object(Bucket=with_acls, Key="k")
    assert grants(s3.get_object_acl(Bucket=with_acls, Key="k")) == [
        (account.canonical_id, "FULL_CONTROL")
    ]
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=with_acls, OwnershipControls=rules)
    assert reader.get_object(Bucket=with_acls, Key="k")
