"""Starts `strongroom serve` and makes accounts, users and clients for tests.

The program is named by the environment variable STRONGROOM_BIN (`cargo xtask test` sets it).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.session

REGION = "us-east-1"
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30


class ServerFailed(Exception):
    """The program did not start, did not stop, or a command of it failed."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    """Keys of one principal. `arn` is whose they are."""

    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)
    session_token: str | None = dataclasses.field(default=None, repr=False)
    arn: str = ""

    def environment(self) -> dict[str, str]:
        """The variables by which every AWS client takes these credentials."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables

    @staticmethod
    def of_session(answer: dict, arn: str = "") -> "Credentials":
        """From the `Credentials` member of an STS answer."""
        return Credentials(
            answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"], arn
        )


@dataclasses.dataclass(frozen=True)
class User:
    """An IAM user that a test made, with its first access key."""

    name: str
    arn: str
    id: str
    credentials: Credentials


class Account:
    """One AWS-style account of a running server."""

    def __init__(self, server: "Server", id: str, name: str, canonical_id: str, root: Credentials):
        self.server = server
        self.id = id
        self.name = name
        self.canonical_id = canonical_id
        self.root = root

    def __repr__(self) -> str:
        return f"Account({self.id})"

    @functools.cached_property
    def admin_user(self) -> User:
        """An IAM user with AWS's AdministratorAccess, made when first asked for."""
        user = self.user("administrator")
        self.boto("iam", self.root).attach_user_policy(
            UserName=user.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        return user

    @property
    def admin(self) -> Credentials:
        """The credentials of `admin_user`."""
        return self.admin_user.credentials

    def user(self, name: str, policy: dict | None = None, path: str = "/") -> User:
        """Makes an IAM user with an access key and, if given, one inline policy."""
        iam = self.boto("iam", self.root)
        made = iam.create_user(UserName=name, Path=path)["User"]
        if policy is not None:
            iam.put_user_policy(
                UserName=name, PolicyName="inline", PolicyDocument=json.dumps(policy)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"], None, made["Arn"])
        return User(name, made["Arn"], made["UserId"], credentials)

    def role(self, name: str, trust: dict, policy: dict | None = None) -> str:
        """Makes a role with its trust policy and, if given, one inline policy; answers its ARN."""
        iam = self.boto("iam", self.admin)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if policy is not None:
            iam.put_role_policy(
                RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy)
            )
        return arn

    def boto(self, service: str, credentials: Credentials | None = None, **config):
        """A boto3-style client; the account's administrator unless other credentials are given."""
        return self.server.boto(service, credentials or self.admin, **config)

    def bucket(self, name: str | None = None, ownership: str | None = None, **more) -> str:
        """Makes a bucket of this account and answers its name."""
        name = name or self.server.fresh_bucket_name()
        if ownership is not None:
            more["ObjectOwnership"] = ownership
        self.boto("s3").create_bucket(Bucket=name, **more)
        return name


class Server:
    """A running `strongroom serve` with a data directory and ports of its own."""

    def __init__(self, directory: pathlib.Path, dev: bool = False, extra: tuple[str, ...] = ()):
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "server.log"
        self.dev = dev
        self.extra = extra
        self.port, self.admin_port = free_port(), free_port()
        self.process: subprocess.Popen | None = None
        self._clients: dict = {}
        self._client_lock = threading.Lock()
        self._numbers = itertools.count(1)
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def endpoint(self) -> str:
        """The one address of S3, IAM, STS and S3 Control."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_endpoint(self) -> str:
        """The address of the admin API and of /health."""
        return f"http://127.0.0.1:{self.admin_port}"

    def environment(self) -> dict[str, str]:
        """What `strongroom` subcommands need to find this server."""
        return {
            "STRONGROOM_DATA": str(self.data),
            "STRONGROOM_LISTEN": f"127.0.0.1:{self.port}",
            "STRONGROOM_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
        }

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> "Server":
        """Starts the program and waits until it says it is healthy."""
        arguments = [
            str(binary()),
            "serve",
            "--data",
            str(self.data),
            "--listen",
            f"127.0.0.1:{self.port}",
            "--admin-listen",
            f"127.0.0.1:{self.admin_port}",
            *(["--dev"] if self.dev else []),
            *self.extra,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=clean_environment() | self.environment(),
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(
                    f"`{' '.join(arguments)}` ended with {self.process.returncode}:\n{self.tail()}"
                )
            if self.healthy():
                return self
            time.sleep(0.02)
        self.kill()
        raise ServerFailed(f"the server was not healthy after {START_SECONDS_MAX} s:\n{self.tail()}")

    def healthy(self) -> bool:
        """Whether GET /health answers 200."""
        try:
            with urllib.request.urlopen(f"{self.admin_endpoint}/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """Asks the server to end, as a service manager would, and answers its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Ends the server at once, as a power cut would. No file is removed."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=STOP_SECONDS_MAX)

    def restart(self) -> "Server":
        """Starts again on the same data and ports after `stop` or `kill`."""
        self.kill()
        return self.start()

    def close(self) -> None:
        """Kills the server and removes its data."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def tail(self, lines: int = 60) -> str:
        """The end of what the server printed, and how it ended if it has."""
        printed = self.log.read_text(errors="replace") if self.log.exists() else ""
        ended = self.process.poll() if self.process is not None else None
        note = [] if ended is None else [f"(the server ended with {ended})"]
        return "\n".join((printed.splitlines() or ["(the server printed nothing)"])[-lines:] + note)

    def printed(self, pattern: str) -> str:
        """The first group of `pattern` in what the server printed."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found.group(1)
            time.sleep(0.05)
        raise ServerFailed(f"the server did not print {pattern!r}:\n{self.tail()}")

    def resident_bytes(self) -> int:
        """Memory that the server holds now (resident set)."""
        assert self.process is not None
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise ServerFailed("the kernel did not tell the server's memory")

    # --- accounts -----------------------------------------------------------------------------

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a `strongroom` subcommand against this server."""
        done = subprocess.run(
            [str(binary()), *arguments],
            env=clean_environment() | self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check and done.returncode != 0:
            raise ServerFailed(
                f"`strongroom {' '.join(arguments)}` ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}\nserver:\n{self.tail()}"
            )
        return done

    def create_account(self, id: str | None = None, name: str | None = None) -> Account:
        """Makes an account; a fresh id and name unless given."""
        id = id or f"{random.randrange(10**11, 10**12)}"
        name = name or f"account-{next(self._numbers)}"
        done = self.command("account", "create", "--account-id", id, "--name", name, "--json")
        made = json.loads(done.stdout)
        root = Credentials(
            made["access_key_id"], made["secret_access_key"], None, made["root_arn"]
        )
        return Account(self, made["account_id"], made["name"], made["canonical_user_id"], root)

    @staticmethod
    def fresh_bucket_name() -> str:
        """A bucket name that no other test uses."""
        return f"bucket-{uuid.uuid4().hex[:20]}"

    # --- clients ------------------------------------------------------------------------------

    def boto(self, service: str, credentials: Credentials | None, **config):
        """A client of one service. `credentials=None` is an anonymous caller.

        Refusals are not retried, so that a test sees each answer as the server gave it.
        """
        options = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": 10,
            "read_timeout": 120,
            "max_pool_connections": 32,
        } | config
        if credentials is None:
            options["signature_version"] = botocore.UNSIGNED
        key = (service, credentials, repr(sorted(options.items(), key=lambda item: item[0])))
        with self._client_lock:
            if key not in self._clients:
                keys = credentials or Credentials("", "")
                self._clients[key] = _session().create_client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=keys.access_key_id or None,
                    aws_secret_access_key=keys.secret_access_key or None,
                    aws_session_token=keys.session_token,
                    config=botocore.config.Config(**options),
                )
            return self._clients[key]

    def send(
        self,
        method: str,
        path: str,
        credentials: Credentials | None = None,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        service: str = "s3",
        sign: bool = True,
    ) -> "Answer":
        """Sends one HTTP request as written: `path` goes on the wire as it is, with its query.

        Signed for `service` unless `credentials` is None or `sign` is false.
        """
        headers = dict(headers or {})
        if credentials is not None and sign:
            headers = sign_headers(
                credentials, service, method, f"{self.endpoint}{path}", headers, body
            )
        return exchange(self.port, method, path, headers, body)

    def send_bytes(self, raw: bytes, seconds: float = 2) -> bytes:
        """Sends bytes to the port as they are and answers what comes back until it closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(raw)
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except (TimeoutError, ConnectionResetError):
                pass
            return b"".join(parts)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def text_of(self, element: str) -> str | None:
        """The text of the first XML element with this name."""
        found = re.search(rf"<{element}>(.*?)</{element}>".encode(), self.body, re.S)
        return found.group(1).decode() if found else None

    @property
    def code(self) -> str | None:
        """The error code of an S3 or Query error."""
        return self.text_of("Code")

    @property
    def message(self) -> str | None:
        """The error text of an S3 or Query error."""
        return self.text_of("Message")


def exchange(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """One HTTP/1.1 exchange without a client's own improvements to path or headers."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {name.lower() for name in headers}
        if "host" not in sent:
            connection.putheader("Host", f"127.0.0.1:{port}")
        if "content-length" not in sent and "transfer-encoding" not in sent:
            if body or method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Answer(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read(),
        )
    finally:
        connection.close()


def sign_headers(
    credentials: Credentials,
    service: str,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
) -> dict[str, str]:
    """The headers with Signature Version 4 added, by botocore's signer."""
    keys = botocore.credentials.Credentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers, data=body)
    signer = botocore.auth.SigV4Auth
    if service == "s3":
        unsigned = "UNSIGNED-PAYLOAD" in request.headers.values()
        signer = _S3UnsignedPayload if unsigned else botocore.auth.S3SigV4Auth
    signer(keys, service, REGION).add_auth(request)
    return dict(request.headers.items())


class _S3UnsignedPayload(botocore.auth.S3SigV4Auth):
    """For a body that is not known when the headers are signed."""

    def payload(self, request):
        return "UNSIGNED-PAYLOAD"


def binary() -> pathlib.Path:
    """The program under test."""
    named = os.environ.get("STRONGROOM_BIN")
    if not named:
        raise ServerFailed(
            "STRONGROOM_BIN does not name the program; `cargo xtask test` builds and names it"
        )
    path = pathlib.Path(named)
    if not path.is_file():
        raise ServerFailed(f"STRONGROOM_BIN names {path}, which is no file")
    return path.resolve()


def clean_environment() -> dict[str, str]:
    """The environment without anything that would steer an AWS client or the program."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "STRONGROOM_", "BOTO_"))
        and name.lower() not in ("http_proxy", "https_proxy", "all_proxy")
    }


# Below the ports that the system gives to clients (Linux: 32768 and up): tests open thousands of
# connections, and a server that starts again wants its own port back.
PORTS = range(10_000, 32_000)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@functools.cache
def _session() -> botocore.session.Session:
    """One botocore session for all clients: loading AWS's models is what takes time."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    return botocore.session.Session()
