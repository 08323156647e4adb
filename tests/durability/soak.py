"""A mixed load with faulty clients, and what it leaves: memory, descriptors, threads, disk.

`cargo xtask soak --minutes N` builds the program and runs this. It exits with 1 if something grew beyond its
bound, if a read was not what had been written, or if a call failed in a way that no client caused.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import pathlib
import random
import socket
import sys
import tempfile
import threading
import time

import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import Account, Server  # noqa: E402
from harness.sockets import connect, head  # noqa: E402

MIB = 1024 * 1024
WORKERS = 4
FAULTY = 2
KEYS_PER_WORKER = 40
SIZES = (0, 100, 5_000, 60_000, 400_000, 2 * MIB)
# Once every so many writes a worker's versions are deleted.
VERSIONS_MAX = 60
# The load before the first look, for caches, pools and the segments of the log to have their size.
WARM_UP_SECONDS_MAX = 60
# How long the load rests before each look: connections are closed, what nobody needs is removed.
REST_SECONDS = 12
# How often it is told what the server holds under load.
TOLD_SECONDS = 60
LIMITS = ("--idle-seconds", "5", "--head-seconds", "5", "--body-seconds", "5", "--write-seconds", "5",
          "--journal-mib", "64")

# What may be more after the load than before it. Memory: one memtable of 32 MiB that is full, another that is
# merged, and what the allocator keeps of them. Disk: segments of the log are at most half empty, are 256 MiB
# long, and up to three of them wait for the next look at them; the journal has 64 MiB.
GROWTH_MAX = {"resident": 160 * MIB, "descriptors": 24, "threads": 16, "disk": 1024 * MIB}


@dataclasses.dataclass
class Look:
    """What the server holds."""

    resident: int
    descriptors: int
    threads: int
    disk: int

    @staticmethod
    def at(server: Server) -> "Look":
        process = pathlib.Path(f"/proc/{server.process.pid}")
        disk = 0
        for path in server.data.rglob("*"):
            try:
                disk += path.lstat().st_blocks * 512
            except FileNotFoundError:
                pass
        return Look(
            resident=server.resident_bytes(),
            descriptors=len(list((process / "fd").iterdir())),
            threads=len(list((process / "task").iterdir())),
            disk=disk,
        )

    def __str__(self):
        return (
            f"resident {self.resident / MIB:.1f} MiB, {self.descriptors} descriptors, "
            f"{self.threads} threads, disk {self.disk / MIB:.1f} MiB"
        )


class Load(threading.Thread):
    """Calls until told to stop; counts them, and keeps the first failure."""

    def __init__(self, account: Account, seed: int, stop: threading.Event):
        super().__init__(daemon=True)
        self.account, self.stop = account, stop
        self.random = random.Random(seed)
        self.calls = 0
        self.failure: BaseException | None = None

    def run(self):
        try:
            self.prepare()
            while not self.stop.is_set():
                self.call()
                self.calls += 1
        except BaseException as failure:
            self.failure = failure

    def prepare(self):
        pass

    def call(self):
        raise NotImplementedError


class Careful(Load):
    """Writes, reads back and compares; its data do not grow."""

    def prepare(self):
        self.s3, self.iam = self.account.boto("s3"), self.account.boto("iam")
        self.sts = self.account.boto("sts")
        self.plain, self.versioned = self.account.bucket(), self.account.bucket()
        self.s3.put_bucket_versioning(
            Bucket=self.versioned, VersioningConfiguration={"Status": "Enabled"}
        )
        self.written: dict[str, str] = {}
        self.versions = 0

    def call(self):
        kind = self.random.choices(
            (self.put, self.get, self.delete, self.list, self.multipart, self.version, self.identity),
            (5, 6, 2, 1, 1, 2, 1),
        )[0]
        kind()

    def key(self) -> str:
        return f"k{self.random.randrange(KEYS_PER_WORKER)}"

    def body(self) -> bytes:
        return self.random.randbytes(self.random.choice(SIZES))

    def put(self):
        key, body = self.key(), self.body()
        self.s3.put_object(Bucket=self.plain, Key=key, Body=body)
        self.written[key] = hashlib.sha256(body).hexdigest()

    def get(self):
        key = self.key()
        if key not in self.written:
            return
        body = self.s3.get_object(Bucket=self.plain, Key=key)["Body"].read()
        if hashlib.sha256(body).hexdigest() != self.written[key]:
            raise AssertionError(f"{key} is not what was written")

    def delete(self):
        key = self.key()
        self.s3.delete_object(Bucket=self.plain, Key=key)
        self.written.pop(key, None)

    def list(self):
        listed = self.s3.list_objects_v2(Bucket=self.plain).get("Contents", [])
        if {entry["Key"] for entry in listed} != set(self.written):
            raise AssertionError("the listing is not what was written")

    def multipart(self):
        named = {"Bucket": self.plain, "Key": self.key()}
        named["UploadId"] = self.s3.create_multipart_upload(**named)["UploadId"]
        body = self.body()
        part = self.s3.upload_part(**named, PartNumber=1, Body=body)
        if self.random.random() < 0.5:
            self.s3.abort_multipart_upload(**named)
            return
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
        self.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        self.written[named["Key"]] = hashlib.sha256(body).hexdigest()

    def version(self):
        self.s3.put_object(Bucket=self.versioned, Key=self.key(), Body=self.body())
        self.versions += 1
        if self.versions < VERSIONS_MAX:
            return
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.versioned):
            for entry in page.get("Versions", []):
                self.s3.delete_object(
                    Bucket=self.versioned, Key=entry["Key"], VersionId=entry["VersionId"]
                )
        self.versions = 0

    def identity(self):
        name = f"u{self.random.getrandbits(64):x}"
        self.iam.create_user(UserName=name)
        self.iam.delete_user(UserName=name)
        self.sts.get_caller_identity()


class Faulty(Load):
    """Breaks off, stalls, is refused."""

    def prepare(self):
        self.bucket = self.account.bucket()
        self.stalled: list[socket.socket] = []
        self.account.boto("s3").put_object(Bucket=self.bucket, Key="big", Body=b"x" * (8 * MIB))

    def call(self):
        server, admin = self.account.server, self.account.admin
        kind = self.random.randrange(6)
        connection = connect(server, receive_bytes=4096)
        if kind == 0:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        elif kind == 1:
            connection.sendall(head(server, admin, "PUT", f"/{self.bucket}/part", MIB) + b"x" * 300_000)
        elif kind == 2:
            connection.sendall(head(server, admin, "GET", f"/{self.bucket}/big"))
        elif kind == 3:
            connection.sendall(b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n")
        elif kind == 4:
            try:
                self.account.boto("s3").get_object(Bucket=self.bucket, Key="absent")
            except botocore.exceptions.ClientError:
                pass
        else:
            # Reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if self.random.random() < 0.5:
            self.stalled.append(connection)
        else:
            connection.close()
        while len(self.stalled) > 100:
            self.stalled.pop(0).close()
        time.sleep(0.02)


def run(server: Server, accounts: list[Account], seed: int, seconds: float) -> int:
    """Puts the load on the server for so long; answers how many calls there were."""
    stop = threading.Event()
    kinds = [Careful] * WORKERS + [Faulty] * FAULTY
    load = [kind(account, seed + n, stop) for n, (kind, account) in enumerate(zip(kinds, accounts))]
    for thread in load:
        thread.start()
    began = time.monotonic()
    deadline, told = began + seconds, began
    while time.monotonic() < deadline and all(thread.failure is None for thread in load):
        time.sleep(0.2)
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            print(f"after {told - began:.0f} s: {Look.at(server)}", flush=True)
        if server.process.poll() is not None:
            break
    stop.set()
    for thread in load:
        thread.join(timeout=120)
    for thread in load:
        if thread.failure is not None:
            raise thread.failure
        if isinstance(thread, Faulty):
            for connection in thread.stalled:
                connection.close()
    if server.process.poll() is not None:
        raise AssertionError(f"the server ended:\n{server.tail()}")
    empty(accounts)
    return sum(thread.calls for thread in load)


def empty(accounts: list[Account]):
    """Removes what the load left, so that before and after there is the same."""
    for account in accounts:
        s3 = account.boto("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
                for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
                    s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
            for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
                s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
            s3.delete_bucket(Bucket=name)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10, help="of load, after the warm-up")
    arguments.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = arguments.parse_args()
    print(f"program {os.environ.get('STRONGROOM_BIN')}, {given.minutes} minutes, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        server = Server(pathlib.Path(directory) / "server", extra=LIMITS).start()
        try:
            return soak(server, given.minutes * 60, given.seed)
        finally:
            server.close()


def soak(server: Server, seconds: float, seed: int) -> int:
    accounts = [server.create_account() for _ in range(WORKERS + FAULTY)]
    for account in accounts:
        account.admin
    run(server, accounts, seed, min(WARM_UP_SECONDS_MAX, seconds))
    time.sleep(REST_SECONDS)
    before = Look.at(server)
    print(f"before: {before}", flush=True)
    calls = run(server, accounts, seed + 1000, seconds)
    time.sleep(REST_SECONDS)
    after = Look.at(server)
    print(f"after:  {after}")
    print(f"{calls} calls in {seconds:.0f} s")
    grown = [
        f"{name} grew by {getattr(after, name) - getattr(before, name)}, more than {most}"
        for name, most in GROWTH_MAX.items()
        if getattr(after, name) - getattr(before, name) > most
    ]
    print("\n".join(grown) or "nothing grew beyond its bound")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
