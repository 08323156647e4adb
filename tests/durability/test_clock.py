"""The clock jumps, also back: nothing is lost, and the newest version is the one that was written last."""

import os
import time

import pytest

from harness import Server

MIB = 1024 * 1024


@pytest.fixture
def turned(tmp_path):
    """A development server of this test's own: its clock can be turned, until it is started again."""
    running = Server(tmp_path / "turned", dev=True).start()
    yield running
    running.close()


def test_versions_keep_their_order_whatever_the_clock_says(turned):
    account = turned.create_account()
    s3, bucket = account.boto("s3"), account.bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    written = []
    for jump in ("0d", "400d", "-800d", "1d", "-1d"):
        turned.command("clock", "advance", jump)
        for _ in range(3):
            body = os.urandom(100)
            made = s3.put_object(Bucket=bucket, Key="k", Body=body)
            written.append((made["VersionId"], body))
    years = set()
    for round in range(2):
        listed = s3.list_object_versions(Bucket=bucket)["Versions"]
        assert [entry["VersionId"] for entry in listed] == [version for version, _ in reversed(written)]
        assert [entry["IsLatest"] for entry in listed] == [True] + [False] * (len(written) - 1)
        years = {entry["LastModified"].year for entry in listed}
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == written[-1][1]
        for version, body in written:
            got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
            assert got["Body"].read() == body
        # The second time after a crash, with the real clock.
        turned.restart()
        s3 = account.boto("s3", user_agent_extra=f"round/{round}")
    assert len(years) >= 2, "the clock was turned"


def test_uploads_that_a_rule_aborts_leave_no_bytes(turned):
    account = turned.create_account()
    s3, bucket = account.boto("s3"), account.bucket()
    rule = {
        "ID": "abort", "Status": "Enabled", "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="kept", Body=os.urandom(MIB))
    for number in range(2):
        named = {"Bucket": bucket, "Key": f"k{number}"}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        for part in (1, 2):
            s3.upload_part(**named, PartNumber=part, Body=os.urandom(MIB))
    assert len(extents(turned)) == 5
    turned.command("clock", "advance", "3d")
    turned.command("lifecycle", "run", "--json")
    deadline = time.monotonic() + 20
    while len(extents(turned)) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(extents(turned)) == 1
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert len(s3.get_object(Bucket=bucket, Key="kept")["Body"].read()) == MIB


def extents(server) -> list:
    """Files of large bodies (DESIGN.md of engine-local)."""
    return [path for path in (server.data / "store" / "extents").rglob("*") if path.is_file()]
