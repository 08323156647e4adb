"""What every SDK must be able to do, whatever its language; a folder of tests/sdks adds how.

A folder's client is a program that does one scenario and prints what its SDK showed, as `name=value`
lines; a name may come more than once. A refusal is printed too (`refused-code`, `refused-message`, …)
and is no failure of the program. The tests are here, so that all SDKs are asked the same.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

import pytest

from .aws import client_environment
from .server import Account, Server, User, clean_environment

EXTERNAL_ID = "SECRET"
BODY = b"This is from cross account!"
BUILD_SECONDS_MAX = 900
SCENARIO_SECONDS_MAX = 120
JOURNAL_SECONDS_MAX = 10


def build(folder: pathlib.Path, *command: str) -> None:
    """Runs a folder's build; test processes side by side take turns."""
    target = folder / "target"
    target.mkdir(exist_ok=True)
    with (target / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
        )
    if done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a client printed."""

    lines: tuple[str, ...]
    errors: str
    code: int

    def all(self, name: str) -> list[str]:
        """Every value of a name, in order."""
        start = f"{name}="
        return [line.removeprefix(start) for line in self.lines if line.startswith(start)]

    def __getitem__(self, name: str) -> str:
        """The one value of a name."""
        values = self.all(name)
        assert len(values) == 1, f"`{name}` was shown {len(values)} times:\n{self}"
        return values[0]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __str__(self) -> str:
        return "\n".join(self.lines) + f"\n--- errors (status {self.code}) ---\n{self.errors}"


def run(
    command: list[str], server: Server, home: pathlib.Path, variables: dict[str, str], check: bool = True
) -> Shown:
    """Runs a client; with `check`, it must end with 0."""
    environment = client_environment(server, home) | variables
    done = subprocess.run(
        command,
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SCENARIO_SECONDS_MAX,
    )
    shown = Shown(tuple(done.stdout.splitlines()), done.stderr, done.returncode)
    if check and done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` ended with {done.returncode}:\n{shown}")
    return shown


def recorded(server: Server, request_id: str) -> dict:
    """What the server's journal says of the call that it answered with this request id."""
    deadline = time.monotonic() + JOURNAL_SECONDS_MAX
    while time.monotonic() < deadline:
        for path in sorted((server.data / "journal").glob("*.jsonl")):
            for line in path.read_text(errors="replace").splitlines():
                if request_id in line:
                    with contextlib.suppress(json.JSONDecodeError):
                        record = json.loads(line)
                        # A policy that was written beside its records has no request id.
                        if record.get("request_id") == request_id:
                            return record
        time.sleep(0.05)
    raise AssertionError(f"the server answered no call with the request id {request_id!r}")


class CrossAccount:
    """A firm with a user, and a customer with a role, a bucket for it and a second bucket that is not."""

    def __init__(self, server: Server):
        self.server = server
        self.firm: Account = server.create_account()
        self.customer: Account = server.create_account()
        self.user: User = self.firm.user(
            "deliverer",
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
            },
        )
        self.bucket = self.customer.bucket()
        self.second_bucket = self.customer.bucket()
        self.role_arn = self.customer.role(
            "cross-account-s3-access",
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{self.firm.id}:root"},
                        "Action": "sts:AssumeRole",
                        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
                    }
                ],
            },
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
                        "NotResource": f"arn:aws:s3:::{self.second_bucket}/*",
                    },
                    {
                        "Effect": "Allow",
                        "Action": "s3:ListBucket",
                        "Resource": f"arn:aws:s3:::{self.bucket}",
                    },
                    {
                        "Effect": "Deny",
                        "Action": "s3:DeleteObject",
                        "Resource": f"arn:aws:s3:::{self.bucket}/kept/*",
                    },
                ],
            },
        )
        self.s3 = self.customer.boto("s3")

    @property
    def session_arn(self) -> str:
        """The caller that the role's sessions of the clients are."""
        return f"arn:aws:sts::{self.customer.id}:assumed-role/cross-account-s3-access/sdk"

    @property
    def no_trust(self) -> str:
        """AWS's text when the trust policy does not let the user in."""
        return (
            f"User: {self.user.arn} is not authorized to perform: sts:AssumeRole "
            f"on resource: {self.role_arn}"
        )

    def variables(self, **more: str) -> dict[str, str]:
        """What a client is told."""
        told = {"ROLE_ARN": self.role_arn, "EXTERNAL_ID": EXTERNAL_ID, "BUCKET": self.bucket, "KEY": "test.txt"}
        return self.user.credentials.environment() | told | more


class SdkSuite:
    """The tests of one SDK. A subclass says how its client is built and started, and how it tells a refusal."""

    # FULL_OBJECT is over the object's bytes, COMPOSITE over its parts' checksums. S3 takes the latter for CRC-32
    # when nobody says, as the helpers that split by themselves do not.
    MULTIPART_CHECKSUM_TYPE = "FULL_OBJECT"

    def command(self) -> list[str]:
        """The client's program and first arguments; builds it when it must."""
        raise NotImplementedError

    def refusal(self, service: str, operation: str, code: str, message: str, status: int, request_id: str) -> str:
        """A pattern of the text that this SDK prints for such a refusal."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def parties(self, server) -> CrossAccount:
        """The accounts, made once for all tests of an SDK: they differ in keys only."""
        return CrossAccount(server)

    @pytest.fixture
    def client(self, server, parties, tmp_path):
        """Runs a scenario: `client("objects", KEY="report.txt")`. A value of None takes the variable away."""

        def scenario(name: str, **more: str | None) -> Shown:
            variables = parties.variables(**{k: v for k, v in more.items() if v is not None})
            for absent in (k for k, v in more.items() if v is None):
                variables.pop(absent, None)
            return run([*self.command(), name], server, tmp_path / "home", variables)

        return scenario

    def assert_refused(self, shown: Shown, server, service, operation, code, message, status) -> None:
        """The refusal has these words in every part that the SDK shows, and the server knows it by its id."""
        got = (shown["refused-code"], shown["refused-message"], shown["refused-status"])
        assert got == (code, message, str(status)), str(shown)
        request_id = shown["refused-request-id"]
        record = recorded(server, request_id)
        assert (record["service"], record["operation"]) == (service.lower(), operation)
        assert (record["status"], record["error"]) == (status, code)
        pattern = self.refusal(service, operation, code, message, status, request_id)
        assert re.fullmatch(pattern, shown["refused-shown"]), f"{shown}\nwas to be like\n{pattern}"

    def test_a_user_of_another_account_becomes_the_role_with_the_external_id(self, client, parties):
        """The session belongs to the customer's account and lasts an hour unless asked otherwise."""
        shown = client("session")
        assert shown["arn"] == parties.session_arn
        assert shown["account"] == parties.customer.id
        assert 3590 <= int(shown["seconds"]) <= 3601

    def test_a_wrong_external_id_is_refused(self, client, parties, server):
        """The trust policy wants another one."""
        shown = client("session", EXTERNAL_ID="GUESSED")
        self.assert_refused(shown, server, "STS", "AssumeRole", "AccessDenied", parties.no_trust, 403)

    def test_no_external_id_is_refused(self, client, parties, server):
        """The condition needs the key to be there."""
        shown = client("session", EXTERNAL_ID=None)
        self.assert_refused(shown, server, "STS", "AssumeRole", "AccessDenied", parties.no_trust, 403)

    def test_an_object_is_written_read_copied_listed_and_deleted(self, client, parties, server):
        """The whole life of an object in the customer's bucket, by the role's session."""
        key = "life/a b+ü.txt"
        # Most SDKs leave it to their caller to encode this header.
        shown = client("objects", KEY=key, COPY_SOURCE=urllib.parse.quote(f"{parties.bucket}/{key}"))
        etag = f'"{hashlib.md5(BODY).hexdigest()}"'
        assert shown["put-etag"] == etag
        assert shown["put-crc32"] == crc32(BODY), "the SDK adds a checksum unless told otherwise"
        assert shown["body"] == BODY.decode()
        assert shown["metadata-from"] == "firm"
        assert (shown["range-body"], shown["range"]) == ("from", f"bytes 8-11/{len(BODY)}")
        assert (shown["length"], shown["type"]) == (str(len(BODY)), "text/plain")
        assert shown["copy-etag"] == etag
        assert shown.all("listed") == [f"{key} {len(BODY)}", f"{key}-copy {len(BODY)}"]
        text = "The specified key does not exist."
        self.assert_refused(shown, server, "S3", "GetObject", "NoSuchKey", text, 404)

    def test_a_multipart_upload_has_the_checksum_that_the_sdk_adds(self, client, parties):
        """Three parts, each with its own, and one for the whole."""
        size = 11 * 1024 * 1024
        body = (b"strongroom" * (size // 10 + 1))[:size]
        shown = client("multipart", KEY="large.bin")
        part = 5 * 1024 * 1024
        parts = [body[at : at + part] for at in range(0, size, part)]
        etag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        assert shown["etag"] == f'"{etag}-3"'
        assert shown["length"] == str(size)
        assert shown["sha256"] == hashlib.sha256(body).hexdigest()
        expected = crc32(body)
        if self.MULTIPART_CHECKSUM_TYPE == "COMPOSITE":
            expected = crc32(b"".join(base64.b64decode(crc32(part)) for part in parts)) + "-3"
        assert (shown["crc32"], shown["crc32-type"]) == (expected, self.MULTIPART_CHECKSUM_TYPE)
        head = parties.s3.head_object(Bucket=parties.bucket, Key="large.bin", ChecksumMode="ENABLED")
        assert (head["ChecksumCRC32"], head["ChecksumType"]) == (expected, self.MULTIPART_CHECKSUM_TYPE)

    def test_a_second_bucket_of_the_customer_is_refused(self, client, parties, server):
        """The role's policy leaves it out; inside one account S3 says what is missing."""
        shown = client("attempt", ACTION="put", BUCKET=parties.second_bucket)
        message = (
            f"User: {parties.session_arn} is not authorized to perform: s3:PutObject on resource: "
            f'"arn:aws:s3:::{parties.second_bucket}/test.txt" because no identity-based policy allows '
            f"the s3:PutObject action"
        )
        self.assert_refused(shown, server, "S3", "PutObject", "AccessDenied", message, 403)

    def test_an_explicit_deny_is_told(self, client, parties, server):
        """The role may delete, but not under kept/."""
        shown = client("attempt", ACTION="delete", KEY="kept/report.txt")
        message = (
            f"User: {parties.session_arn} is not authorized to perform: s3:DeleteObject on resource: "
            f'"arn:aws:s3:::{parties.bucket}/kept/report.txt" with an explicit deny in an identity-based policy'
        )
        self.assert_refused(shown, server, "S3", "DeleteObject", "AccessDenied", message, 403)

    def test_a_bucket_of_a_third_account_is_refused_without_a_reason(self, client, third_account, server):
        """The role's policy would allow it; the bucket's owner does not, and S3 tells a stranger no more."""
        shown = client("attempt", ACTION="put", BUCKET=third_account.bucket())
        self.assert_refused(shown, server, "S3", "PutObject", "AccessDenied", "Access Denied", 403)

    def test_a_list_comes_in_pages(self, client, parties):
        """Five keys, two to a page, in the order of their bytes."""
        for name in "edcba":
            parties.s3.put_object(Bucket=parties.bucket, Key=f"pages/{name}", Body=b"")
        shown = client("pages", PREFIX="pages/", PAGE_SIZE="2")
        assert shown.all("page") == ["pages/a pages/b", "pages/c pages/d", "pages/e"]

    def test_presigned_addresses_need_no_sdk(self, client, parties):
        """Whoever has the address writes or reads that key, and no other."""
        shown = client("presign", KEY="by address.txt")
        assert _fetch(shown["put"], b"by a bare client") == (200, b"")
        assert _fetch(shown["get"]) == (200, b"by a bare client")
        status, answer = _fetch(shown["get"].replace("address.txt", "address.doc"))
        assert (status, b"<Code>SignatureDoesNotMatch</Code>" in answer) == (403, True), answer


def crc32(body: bytes) -> str:
    """A CRC-32 as S3's checksum headers have it."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def _fetch(address: str, body: bytes | None = None) -> tuple[int, bytes]:
    """GET, or PUT when there is a body, without any AWS client."""
    request = urllib.request.Request(address, data=body, method="GET" if body is None else "PUT")
    # urllib would say that a body is a form, but what was signed says nothing of its type.
    request.add_unredirected_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@functools.cache
def built(folder: pathlib.Path, *command: str) -> pathlib.Path:
    """Builds a folder once for each test process and answers the folder."""
    build(folder, *command)
    return folder


def quoted(text: str) -> str:
    """As Rust and JSON write a string."""
    return json.dumps(text, ensure_ascii=False)


def open_pattern(text: str) -> str:
    """A pattern of `text` in which `...` stands for any text."""
    return re.escape(text).replace(re.escape("..."), ".*")
