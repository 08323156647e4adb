"""The tags of buckets: kept, shown, limited as on AWS, and unseen by policies."""

import pytest

from harness.errors import refused


@pytest.fixture
def tagged(account):
    """A bucket of `account`, and what tags it."""
    bucket = account.bucket()
    s3 = account.boto("s3")

    def tag(*pairs):
        tags = [{"Key": key, "Value": value} for key, value in pairs]
        return s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})

    tag.bucket = bucket
    tag.shown = lambda: [
        (tag["Key"], tag["Value"]) for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    ]
    return tag


def test_tags_are_replaced_as_a_whole_and_taken_away(account, tagged):
    answer = tagged(("team", "red"), ("cost centre", "4/2"))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tagged.shown() == [("team", "red"), ("cost centre", "4/2")]
    tagged(("team", ""))
    assert tagged.shown() == [("team", "")]
    for _ in range(2):
        answer = account.boto("s3").delete_bucket_tagging(Bucket=tagged.bucket)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        with refused("NoSuchTagSet", "The TagSet does not exist", 404):
            tagged.shown()


def test_an_empty_set_is_none(tagged):
    tagged(("team", "red"))
    tagged()
    with refused("NoSuchTagSet", "The TagSet does not exist", 404):
        tagged.shown()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("k", "1"), ("k", "2")], "Cannot provide multiple Tags with the same key"),
        ([("Key1,Key2", "")], "The TagKey you have provided is invalid"),
        ([("k" * 129, "")], "The TagKey you have provided is invalid"),
        ([("k", "Val1,Val2")], "The TagValue you have provided is invalid"),
        ([("k", "v" * 257)], "The TagValue you have provided is invalid"),
        ([("aws:mine", "")], "System tags cannot be added/updated by requester"),
    ],
)
def test_a_wrong_tag_is_refused_and_the_old_ones_stay(tagged, pairs, message):
    tagged(("team", "red"))
    with refused("InvalidTag", message, 400):
        tagged(*pairs)
    assert tagged.shown() == [("team", "red")]


def test_a_bucket_has_50_tags_at_most(tagged):
    full = [(f"{number:03}" + "ü" * 125, "v" * 256) for number in range(50)]
    tagged(*full)
    assert tagged.shown() == full
    with refused("BadRequest", "Bucket tag count cannot be greater than 50", 400):
        tagged(*full, ("one", "more"))
    # AWS looks at each tag before it counts them.
    with refused("InvalidTag", "The TagKey you have provided is invalid", 400):
        tagged(*full, ("one,", "more"))
    assert tagged.shown() == full


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "s3:BucketTag/team"])
def test_policies_do_not_see_them(account, tagged, key):
    """AWS's attribute-based access control of buckets is off by default: the keys are absent."""
    tagged(("team", "red"))
    by_tag = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "*",
                "Condition": {"StringEquals": {key: "red"}},
            },
            {
                "Effect": "Allow",
                "Action": "s3:GetBucketTagging",
                "Resource": "*",
                "Condition": {"Null": {key: "true"}},
            },
        ],
    }
    s3 = account.boto("s3", account.user("reader", by_tag).credentials)
    assert s3.get_bucket_tagging(Bucket=tagged.bucket)["TagSet"] == [{"Key": "team", "Value": "red"}]
    with refused("AccessDenied", status=403):
        s3.list_objects_v2(Bucket=tagged.bucket)
