"""kill -9 under load, again and again: what was acknowledged is there, what was not is whole or absent.

`STRONGROOM_KILL_ROUNDS` sets how often (here 5), `STRONGROOM_SEED` what is drawn; both are printed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import threading
import time

import botocore.exceptions

ROUNDS = int(os.environ.get("STRONGROOM_KILL_ROUNDS", "5"))
SEED = int(os.environ.get("STRONGROOM_SEED", str(random.randrange(2**32))))
WORKERS = 6
KEYS_PER_WORKER = 8
# Below and above the border between the log and files of their own, and none at all.
SIZES = (0, 1, 900, 40_000, 128 * 1024, 300_000)
# Versions of earlier rounds that are read again in each round; all are after the last.
VERSIONS_READ_AGAIN = 40

ABSENT = None


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclasses.dataclass
class Key:
    """What one key must hold. Only one worker writes it, one write at a time."""

    bucket: str
    name: str
    # Of the newest version: its digest, or ABSENT.
    acknowledged: str | None = ABSENT
    # What a write that was not answered would make of it.
    under_way: list = dataclasses.field(default_factory=list)
    # Of a versioned bucket: version id to digest, ABSENT for a delete marker.
    versions: dict = dataclasses.field(default_factory=dict)
    fresh: set = dataclasses.field(default_factory=set)


class Worker(threading.Thread):
    """Writes to its own keys until the server is gone."""

    def __init__(self, s3, iam, keys: list[Key], seed: int, users: dict):
        super().__init__()
        self.s3, self.iam, self.keys, self.users = s3, iam, keys, users
        self.random = random.Random(seed)
        self.acknowledged = 0
        self.failure: Exception | None = None

    def run(self):
        try:
            while True:
                self.write()
                self.acknowledged += 1
        except (botocore.exceptions.HTTPClientError, botocore.exceptions.EndpointConnectionError):
            # The server was killed.
            pass
        except Exception as failure:
            self.failure = failure

    def body(self) -> bytes:
        return self.random.randbytes(self.random.choice(SIZES))

    def write(self):
        key = self.random.choice(self.keys)
        kind = self.random.choices(("put", "delete", "multipart", "user"), (6, 2, 1, 1))[0]
        if kind == "put":
            body = self.body()
            key.under_way = [digest(body)]
            made = self.s3.put_object(Bucket=key.bucket, Key=key.name, Body=body)
            self.done(key, digest(body), made.get("VersionId"))
        elif kind == "delete":
            key.under_way = [ABSENT]
            made = self.s3.delete_object(Bucket=key.bucket, Key=key.name)
            self.done(key, ABSENT, made.get("VersionId"))
        elif kind == "multipart":
            self.multipart(key)
        else:
            name = f"u{self.random.getrandbits(64):x}"
            self.users[name] = False
            self.iam.create_user(UserName=name)
            self.users[name] = True

    def multipart(self, key: Key):
        named = {"Bucket": key.bucket, "Key": key.name}
        named["UploadId"] = self.s3.create_multipart_upload(**named)["UploadId"]
        body = self.body()
        part = self.s3.upload_part(**named, PartNumber=1, Body=body)
        if self.random.random() < 0.3:
            self.s3.abort_multipart_upload(**named)
            return
        key.under_way = [digest(body)]
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
        made = self.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        self.done(key, digest(body), made.get("VersionId"))

    @staticmethod
    def done(key: Key, value: str | None, version: str | None):
        key.acknowledged, key.under_way = value, []
        if version is not None:
            key.versions[version] = value
            key.fresh.add(version)


def newest(s3, key: Key) -> str | None:
    try:
        return digest(s3.get_object(Bucket=key.bucket, Key=key.name)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return ABSENT


def versions_of(s3, bucket: str) -> dict[str, dict[str, bool]]:
    """Of each key its version ids, and whether each is a delete marker."""
    found: dict[str, dict[str, bool]] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for member in ("Versions", "DeleteMarkers"):
            for entry in page.get(member, []):
                found.setdefault(entry["Key"], {})[entry["VersionId"]] = member == "DeleteMarkers"
    return found


def check(s3, keys: list[Key], versioned: str, drawn: random.Random, read_all: bool):
    """Compares what is there with what was acknowledged, and takes over what was not."""
    listed = versions_of(s3, versioned)
    older = [
        (key, version)
        for key in keys
        for version, value in key.versions.items()
        if version not in key.fresh and value is not ABSENT
    ]
    again = older if read_all else drawn.sample(older, min(len(older), VERSIONS_READ_AGAIN))
    for key in keys:
        value = newest(s3, key)
        allowed = [key.acknowledged, *key.under_way]
        assert value in allowed, f"{key}: {value} is there"
        key.acknowledged = value
        if key.bucket == versioned:
            there = listed.get(key.name, {})
            missing = set(key.versions) - set(there)
            assert not missing, f"{key}: versions {missing} are gone"
            for version, is_marker in there.items():
                if version not in key.versions:
                    # The write that was not answered: there as a whole.
                    value = ABSENT if is_marker else read_version(s3, key, version)
                    assert value in key.under_way, f"{key}: {version} was never written"
                    key.versions[version] = value
                assert (key.versions[version] is ABSENT) == is_marker
            for version in key.fresh:
                if key.versions[version] is not ABSENT:
                    again.append((key, version))
        key.under_way, key.fresh = [], set()
    for key, version in again:
        assert read_version(s3, key, version) == key.versions[version], f"{key}: {version}"


def read_version(s3, key: Key, version: str) -> str:
    return digest(s3.get_object(Bucket=key.bucket, Key=key.name, VersionId=version)["Body"].read())


def check_users(iam, users: dict):
    there = {
        user["UserName"]
        for page in iam.get_paginator("list_users").paginate()
        for user in page["Users"]
    }
    missing = {name for name, acknowledged in users.items() if acknowledged} - there
    assert not missing, f"users {missing} are gone"


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(own_server):
    print(f"STRONGROOM_KILL_ROUNDS={ROUNDS} STRONGROOM_SEED={SEED}")
    drawn = random.Random(SEED)
    account = own_server.create_account()
    plain, versioned = account.bucket(), account.bucket()
    account.boto("s3").put_bucket_versioning(
        Bucket=versioned, VersioningConfiguration={"Status": "Enabled"}
    )
    keys = [
        [Key((plain, versioned)[number % 2], f"{worker}/{number}") for number in range(KEYS_PER_WORKER)]
        for worker in range(WORKERS)
    ]
    all_keys = [key for own in keys for key in own]
    users: dict[str, bool] = {}
    acknowledged = 0
    for round in range(ROUNDS):
        # A client of its own: no connection of the server before.
        s3 = account.boto("s3", user_agent_extra=f"round/{round}")
        iam = account.boto("iam", user_agent_extra=f"round/{round}")
        workers = [Worker(s3, iam, own, drawn.getrandbits(64), users) for own in keys]
        for worker in workers:
            worker.start()
        time.sleep(drawn.uniform(0.2, 1.5))
        own_server.kill()
        for worker in workers:
            worker.join(timeout=60)
            if worker.failure is not None:
                raise worker.failure
        acknowledged += sum(worker.acknowledged for worker in workers)
        own_server.start()
        s3 = account.boto("s3", user_agent_extra=f"check/{round}")
        check(s3, all_keys, versioned, drawn, read_all=round == ROUNDS - 1)
        check_users(account.boto("iam", user_agent_extra=f"check/{round}"), users)
    print(f"{acknowledged} writes were acknowledged in {ROUNDS} rounds")
    assert acknowledged > 10 * ROUNDS, "there was something to lose"
    assert own_server.stop() == 0
    done = own_server.command("fsck", str(own_server.data), "--scrub", "--json", check=False)
    assert json.loads(done.stdout)["problems"] == [] and done.returncode == 0
