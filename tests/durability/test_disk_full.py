"""A full disk: writes are refused and leave nothing, reads go on, and writes resume without a restart."""

import hashlib
import json
import os
import pathlib
import subprocess
import time

import botocore.exceptions
import pytest

from harness import Server
from harness.errors import refused

MIB = 1024 * 1024
DISK_BYTES = 160 * MIB
# What is on the disk beside the server's data, to be removed.
FILLER_BYTES = 40 * MIB
FULL = "The store has no space left for writes. Please try again later."


@pytest.fixture
def on_small_disk(tmp_path):
    """A server whose data lie on a file system of 160 MiB, and a file that fills some of it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        filler = disk / "filler"
        filler.write_bytes(os.urandom(MIB) * (FILLER_BYTES // MIB))
        server = Server(disk / "server", extra=("--journal-mib", "1")).start()
        # The log of the server lies there, too: nothing may depend on it.
        yield server, filler
        server.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def write_until_full(s3, bucket: str, prefix: str, size: int, stored: dict) -> dict:
    """Writes objects of a size until one is refused; answers the refusal."""
    for number in range(10_000):
        body = os.urandom(size)
        try:
            s3.put_object(Bucket=bucket, Key=f"{prefix}{number}", Body=body)
        except botocore.exceptions.ClientError as refusal:
            return refusal.response
        stored[f"{prefix}{number}"] = hashlib.sha256(body).hexdigest()
    raise AssertionError("the disk was never full")


def is_full(answer: dict):
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == ("ServiceUnavailable", FULL)


def read_all(s3, bucket: str, stored: dict):
    listed = {
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    }
    assert listed == set(stored)
    for key, digest in stored.items():
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert hashlib.sha256(body).hexdigest() == digest, key


def resumes(write, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return write()
        except botocore.exceptions.ClientError as refusal:
            is_full(refusal.response)
            assert time.monotonic() < deadline, "writes did not resume"
            time.sleep(0.2)


def test_a_full_disk_refuses_writes_loses_nothing_and_takes_writes_again(on_small_disk):
    server, filler = on_small_disk
    account = server.create_account()
    bucket = account.bucket()
    s3, iam = account.boto("s3"), account.boto("iam")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    process = server.process
    stored: dict[str, str] = {}
    # Large ones first: what they leave is filled by smaller ones.
    for prefix, size in (("huge/", 8 * MIB), ("large/", MIB), ("middle/", 200_000), ("small/", 10_000)):
        is_full(write_until_full(s3, bucket, prefix, size, stored))
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * MIB)
    is_full(refusal.value.response)
    read_all(s3, bucket, stored)

    # IAM writes little, and gets what is left.
    users = []
    # Tags make a user large.
    for tag_count in (40, 0):
        with pytest.raises(botocore.exceptions.ClientError) as refusal:
            for number in range(100_000):
                name = f"user{tag_count}-{number}"
                tags = [{"Key": f"k{n}", "Value": "v" * 250} for n in range(tag_count)]
                iam.create_user(UserName=name, Tags=tags)
                users.append(name)
        is_full(refusal.value.response)
    there = {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}
    assert there == {*users, "administrator"}
    told = server.command("account", "create", "--name", "more", check=False)
    assert told.returncode != 0 and "no space left" in told.stderr
    # STS keeps nothing.
    assert account.boto("sts").get_session_token()["Credentials"]

    # Room that somebody else makes.
    filler.unlink()
    resumes(lambda: s3.put_object(Bucket=bucket, Key="after", Body=b"again"))
    stored["after"] = hashlib.sha256(b"again").hexdigest()
    resumes(lambda: iam.create_user(UserName="after"))
    read_all(s3, bucket, stored)

    # And room that deletes make, on a disk that is full again.
    is_full(write_until_full(s3, bucket, "huge2/", 8 * MIB, stored))
    is_full(write_until_full(s3, bucket, "small2/", 100_000, stored))
    for key in [key for key in stored if key.startswith("huge")]:
        s3.delete_object(Bucket=bucket, Key=key)
        del stored[key]
    body = os.urandom(MIB)
    resumes(lambda: s3.put_object(Bucket=bucket, Key="resumed", Body=body))
    stored["resumed"] = hashlib.sha256(body).hexdigest()
    read_all(s3, bucket, stored)
    assert server.process is process and process.poll() is None

    server.restart()
    read_all(account.boto("s3", user_agent_extra="restarted"), bucket, stored)
    iam = account.boto("iam", user_agent_extra="restarted")
    there = {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}
    assert there == {*users, "administrator", "after"}
    assert server.stop() == 0
    done = server.command("fsck", str(server.data), "--scrub", "--json", check=False)
    assert (json.loads(done.stdout)["problems"], done.returncode) == ([], 0)


def test_a_server_starts_on_a_full_disk_and_serves_what_is_there(on_small_disk):
    server, filler = on_small_disk
    account = server.create_account()
    bucket = account.bucket()
    stored: dict[str, str] = {}
    s3 = account.boto("s3")
    for prefix, size in (("huge/", 8 * MIB), ("large/", MIB), ("small/", 100_000)):
        is_full(write_until_full(s3, bucket, prefix, size, stored))
    server.restart()
    s3 = account.boto("s3", user_agent_extra="restarted")
    read_all(s3, bucket, stored)
    filler.unlink()
    resumes(lambda: s3.put_object(Bucket=bucket, Key="after", Body=b"again"))


class Unheard(Server):
    """A server that cannot write its log, and has something to say about each call."""

    def environment(self):
        return super().environment() | {"STRONGROOM_LOG": "info"}

    def tail(self, lines: int = 0):
        return "(it cannot write)"


def test_a_log_that_cannot_be_written_fails_no_call(tmp_path):
    server = Unheard(tmp_path / "server")
    server.log = pathlib.Path("/dev/full")
    server.start()
    try:
        account = server.create_account()
        bucket = account.bucket()
        s3 = account.boto("s3")
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        with refused("NoSuchKey", "The specified key does not exist.", 404):
            s3.get_object(Bucket=bucket, Key="absent")
        assert server.stop() == 0
    finally:
        server.close()
