"""Lifecycle rules do what they say, as time passes. The clock of a development server is turned for it."""

import datetime
import json
import urllib.error
import urllib.request

import pytest

from harness import Server
from harness.errors import refused

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory):
    """A server whose clock these tests turn, from one test to the next further ahead."""
    running = Server(tmp_path_factory.mktemp("clocked"), dev=True).start()
    yield running
    running.close()


@pytest.fixture
def s3(clocked):
    return clocked.create_account().boto("s3")


@pytest.fixture
def bucket(clocked, s3):
    name = clocked.fresh_bucket_name()
    s3.create_bucket(Bucket=name)
    return name


def clock(server):
    text = server.command("clock", "show").stdout.strip()
    return datetime.datetime.fromisoformat(text)


def days_pass(server, days):
    server.command("clock", "advance", f"{days}d")


def carried_out(server):
    return json.loads(server.command("lifecycle", "run", "--json").stdout)


def midnight_after(time, days):
    """The midnight at which a rule of so many days is due."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0) + (days + 1) * DAY


def rule(id="rule", filter=None, status="Enabled", **actions):
    return {"ID": id, "Filter": filter or {"Prefix": ""}, "Status": status} | actions


def put_rules(s3, bucket, *rules):
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}
    )


def put(s3, bucket, key, body=b"body", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more)


def keys(s3, bucket):
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def versions(s3, bucket, key):
    """Ids of versions and of markers, each from the newest to the oldest."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
    kinds = [listed.get("Versions", []), listed.get("DeleteMarkers", [])]
    return [[found["VersionId"] for found in kind if found["Key"] == key] for kind in kinds]


def enable(s3, bucket, status="Enabled"):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def test_objects_expire_at_the_midnight_after_their_days(clocked, s3, bucket):
    put_rules(s3, bucket, rule(filter={"Prefix": "old/"}, Expiration={"Days": 2}))
    put(s3, bucket, "old/a")
    put(s3, bucket, "kept")
    days_pass(clocked, 2)
    assert keys(s3, bucket) == ["kept", "old/a"]
    put(s3, bucket, "old/b")
    days_pass(clocked, 1)
    assert keys(s3, bucket) == ["kept", "old/b"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="old/a")


def test_objects_expire_on_a_date(clocked, s3, bucket):
    date = midnight_after(clock(clocked), 2)
    put_rules(s3, bucket, rule(Expiration={"Date": date}))
    told = put(s3, bucket, "k")["Expiration"]
    assert told == f'expiry-date="{date:%a, %d %b %Y %H:%M:%S} GMT", rule-id="rule"'
    days_pass(clocked, 1)
    assert keys(s3, bucket) == ["k"]
    clocked.command("clock", "set", f"{date:%Y-%m-%dT%H:%M:%SZ}")
    assert keys(s3, bucket) == []


def test_answers_tell_when_an_object_expires_and_by_which_rule(clocked, s3, bucket):
    put(s3, bucket, "before")
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="before")
    put_rules(
        s3,
        bucket,
        rule("ten days", Expiration={"Days": 10}),
        rule("five", {"Tag": {"Key": "a", "Value": "1"}}, Expiration={"Days": 5}),
        rule("off", Expiration={"Days": 1}, status="Disabled"),
    )

    def told(days, id):
        due = midnight_after(made, days)
        return f'expiry-date="{due:%a, %d %b %Y %H:%M:%S} GMT", rule-id="{id}"'

    made = s3.head_object(Bucket=bucket, Key="before")["LastModified"]
    assert s3.head_object(Bucket=bucket, Key="before")["Expiration"] == told(10, "ten%20days")
    answer = put(s3, bucket, "k", Tagging="a=1")
    made = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert answer["Expiration"] == told(5, "five")
    assert s3.get_object(Bucket=bucket, Key="k")["Expiration"] == told(5, "five")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert copied["Expiration"] == told(5, "five")
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.head_object(Bucket=bucket, Key="k")["Expiration"] == told(10, "ten%20days")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", Tagging="a=1")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert done["Expiration"] == told(5, "five")


def test_filters_and_disabled_rules_spare_what_they_are_not_about(clocked, s3, bucket):
    tag = {"Key": "keep", "Value": "no"}
    put_rules(
        s3,
        bucket,
        rule("off", Expiration={"Days": 1}, status="Disabled"),
        rule("tag", {"Tag": tag}, Expiration={"Days": 1}),
        rule("big", {"ObjectSizeGreaterThan": 100}, Expiration={"Days": 1}),
        rule("small", {"And": {"Prefix": "s/", "ObjectSizeLessThan": 3}}, Expiration={"Days": 1}),
        rule("both", {"And": {"Prefix": "t/", "Tags": [{"Key": "a", "Value": "b"}]}}, Expiration={"Days": 1}),
    )
    put(s3, bucket, "plain")
    put(s3, bucket, "tagged", Tagging="keep=no&other=1")
    put(s3, bucket, "big", b"x" * 101)
    put(s3, bucket, "hundred", b"x" * 100)
    put(s3, bucket, "s/2", b"12")
    put(s3, bucket, "s/3", b"123")
    put(s3, bucket, "t/with", Tagging="a=b")
    put(s3, bucket, "t/without", Tagging="a=c")
    days_pass(clocked, 2)
    assert keys(s3, bucket) == ["hundred", "plain", "s/3", "t/without"]


def test_in_a_bucket_with_versions_an_expired_object_gets_a_delete_marker(clocked, s3, bucket):
    enable(s3, bucket)
    version = put(s3, bucket, "k")["VersionId"]
    put_rules(s3, bucket, rule(Expiration={"Days": 1}))
    days_pass(clocked, 2)
    assert keys(s3, bucket) == []
    listed = s3.list_object_versions(Bucket=bucket)
    assert [found["VersionId"] for found in listed["Versions"]] == [version]
    (marker,) = listed["DeleteMarkers"]
    assert marker["IsLatest"] and marker["VersionId"] != "null"
    assert marker["Owner"]["ID"] == listed["Versions"][0]["Owner"]["ID"]
    assert marker["LastModified"].date() == clock(clocked).date()
    # A marker with a version under it stays, and no second one is made.
    days_pass(clocked, 5)
    assert versions(s3, bucket, "k") == [[version], [marker["VersionId"]]]


def test_in_a_suspended_bucket_the_null_version_becomes_a_null_marker(clocked, s3, bucket):
    put(s3, bucket, "null")
    enable(s3, bucket)
    version = put(s3, bucket, "made")["VersionId"]
    enable(s3, bucket, "Suspended")
    put_rules(s3, bucket, rule(Expiration={"Days": 1}))
    days_pass(clocked, 2)
    assert versions(s3, bucket, "null") == [[], ["null"]]
    assert versions(s3, bucket, "made") == [[version], ["null"]]


def test_noncurrent_versions_go_so_many_days_after_they_became_noncurrent(clocked, s3, bucket):
    enable(s3, bucket)
    put_rules(s3, bucket, rule(NoncurrentVersionExpiration={"NoncurrentDays": 3}))
    one = put(s3, bucket, "k", b"one")["VersionId"]
    days_pass(clocked, 10)
    # Old, but current until now.
    two = put(s3, bucket, "k", b"two")["VersionId"]
    days_pass(clocked, 3)
    assert versions(s3, bucket, "k") == [[two, one], []]
    days_pass(clocked, 1)
    assert versions(s3, bucket, "k") == [[two], []]
    # A deletion makes it noncurrent; then the marker stands alone, and no rule is about that.
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    days_pass(clocked, 4)
    assert versions(s3, bucket, "k") == [[], [marker]]
    # A marker that is noncurrent goes as versions do.
    three = put(s3, bucket, "k", b"three")["VersionId"]
    days_pass(clocked, 4)
    assert versions(s3, bucket, "k") == [[three], []]


def test_so_many_newer_noncurrent_versions_are_kept(clocked, s3, bucket):
    enable(s3, bucket)
    put_rules(
        s3,
        bucket,
        rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}),
    )
    made = [put(s3, bucket, "k", str(n).encode())["VersionId"] for n in range(6)]
    other = [put(s3, bucket, "other", b"x")["VersionId"] for n in range(3)]
    assert len(versions(s3, bucket, "k")[0]) == 6
    days_pass(clocked, 2)
    # The current one, and two noncurrent ones.
    assert versions(s3, bucket, "k")[0] == [made[5], made[4], made[3]]
    assert versions(s3, bucket, "other")[0] == other[::-1]


def test_a_delete_marker_that_is_alone_goes(clocked, s3, bucket):
    enable(s3, bucket)
    version = put(s3, bucket, "alone")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="alone")
    s3.delete_object(Bucket=bucket, Key="alone", VersionId=version)
    kept = put(s3, bucket, "over")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="over")["VersionId"]
    put_rules(s3, bucket, rule(Expiration={"ExpiredObjectDeleteMarker": True}))
    counts = carried_out(clocked)
    assert counts["markers_removed"] == 1
    assert versions(s3, bucket, "alone") == [[], []]
    assert versions(s3, bucket, "over") == [[kept], [marker]]


def test_days_and_noncurrent_days_together_empty_a_bucket(clocked, s3, bucket):
    enable(s3, bucket)
    put_rules(
        s3,
        bucket,
        rule(Expiration={"Days": 1}, NoncurrentVersionExpiration={"NoncurrentDays": 1}),
    )
    for n in range(3):
        put(s3, bucket, "k", str(n).encode())
    for days in [2, 2, 2]:
        days_pass(clocked, days)
    assert versions(s3, bucket, "k") == [[], []]
    s3.delete_bucket(Bucket=bucket)


def test_incomplete_uploads_are_aborted_and_told_so(clocked, s3, bucket):
    s3.create_multipart_upload(Bucket=bucket, Key="other/k")
    put_rules(
        s3,
        bucket,
        rule("a/b c", {"Prefix": "parts/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}),
    )
    created = s3.create_multipart_upload(Bucket=bucket, Key="parts/k")
    upload = {"Bucket": bucket, "Key": "parts/k", "UploadId": created["UploadId"]}
    s3.upload_part(PartNumber=1, Body=b"x" * 100_000, **upload)
    due = midnight_after(clock(clocked), 1)
    listed = s3.list_parts(**upload)
    for answer in [created, listed]:
        assert answer["AbortDate"] == due
        assert answer["AbortRuleId"] == "a%2Fb%20c"
    days_pass(clocked, 1)
    assert s3.list_parts(**upload)["Parts"]
    days_pass(clocked, 1)
    with refused("NoSuchUpload", status=404):
        s3.list_parts(**upload)
    assert [found["Key"] for found in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["other/k"]


def test_more_than_a_page_expires_and_deep_keys_keep_what_they_should(clocked, s3, bucket):
    """More entries than one page of a pass has, in one key and in many."""
    enable(s3, bucket)
    made = [put(s3, bucket, "deep", b"")["VersionId"] for _ in range(1040)]
    for n in range(30):
        put(s3, bucket, f"many/{n:04}")
    put_rules(
        s3,
        bucket,
        rule("deep", {"Prefix": "deep"}, NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 5}),
        rule("many", {"Prefix": "many/"}, Expiration={"Days": 1}),
    )
    days_pass(clocked, 2)
    left = s3.list_object_versions(Bucket=bucket, Prefix="deep")
    assert [found["VersionId"] for found in left["Versions"]] == made[:-7:-1]
    assert keys(s3, bucket) == ["deep"]


def test_rules_are_carried_out_again_after_a_kill(tmp_path):
    server = Server(tmp_path / "killed", dev=True).start()
    try:
        s3 = server.create_account().boto("s3")
        name = server.fresh_bucket_name()
        s3.create_bucket(Bucket=name)
        server.command("clock", "advance", "-3d")
        put(s3, name, "k")
        put_rules(s3, name, rule(Expiration={"Days": 1}))
        assert carried_out(server)["expired"] == 0
        # A restart sets the clock to the real time, at which the object is due.
        server.restart()
        assert clock(server) - datetime.datetime.now(UTC) < DAY
        carried_out(server)
        assert keys(s3, name) == []
    finally:
        server.close()


def test_a_bucket_policy_does_not_stop_its_owners_rules(clocked, s3, bucket):
    put(s3, bucket, "k")
    put_rules(s3, bucket, rule(Expiration={"Days": 1}))
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:DeleteObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
        ],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with refused("AccessDenied", status=403):
        s3.delete_object(Bucket=bucket, Key="k")
    days_pass(clocked, 2)
    assert keys(s3, bucket) == []


def test_enabled_transitions_are_refused_and_change_nothing(s3, bucket):
    put_rules(s3, bucket, rule("first", Expiration={"Days": 9}))
    for actions in [
        {"Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]},
        {"NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}]},
    ]:
        with refused("NotImplemented", status=501):
            put_rules(s3, bucket, rule("second", **actions))
        put_rules(s3, bucket, rule("first", Expiration={"Days": 9}), rule("off", status="Disabled", **actions))
        put_rules(s3, bucket, rule("first", Expiration={"Days": 9}))
    kept = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [found["ID"] for found in kept] == ["first"]


def test_only_a_development_server_lets_its_clock_be_turned(server):
    done = server.command("clock", "advance", "1d", check=False)
    assert done.returncode == 1
    assert "only a server that was started with --dev lets its clock be turned" in done.stderr
    assert abs(clock(server) - datetime.datetime.now(UTC)) < datetime.timedelta(minutes=1)


def test_nobody_without_the_admin_token_turns_the_clock_or_runs_rules(clocked):
    for path, body in [("clock", b'"reset"'), ("lifecycle/run", b"")]:
        request = urllib.request.Request(
            f"{clocked.admin_endpoint}/v1/{path}", data=body, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(request)
        assert told.value.code == 401
