"""Runs the AWS CLI as a user would, with a home directory of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

from .server import REGION, Credentials, Server, clean_environment

# The programs of the environment that runs the tests: `aws` stands beside `python`.
PROGRAMS = pathlib.Path(sys.executable).parent


@dataclasses.dataclass(frozen=True)
class Completed:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self):
        """What the command printed, read as JSON."""
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The error line that the AWS CLI printed."""
        return self.stderr.strip()


def client_environment(server: Server, home: pathlib.Path) -> dict[str, str]:
    """The variables for any AWS client that a test starts as a program of its own."""
    config = home / ".aws" / "config"
    if not config.exists():
        # Left alone, version 1 of the AWS CLI makes links with signature version 2; those have a test
        # of their own.
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
    environment = clean_environment() | server.environment()
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment.get('PATH', '')}"
    return environment | {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def aws(
    *arguments: str,
    server: Server,
    home: pathlib.Path,
    credentials: Credentials | None = None,
    check: bool = True,
    seconds: float = 300,
) -> Completed:
    """Runs `aws …`; with `check`, a refusal fails the test with what was printed."""
    environment = client_environment(server, home)
    if credentials is not None:
        environment |= credentials.environment()
    began = time.monotonic()
    done = subprocess.run(
        ["aws", *arguments],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    completed = Completed(done.returncode, done.stdout, done.stderr, time.monotonic() - began)
    if check and completed.code != 0:
        raise AssertionError(
            f"`aws {' '.join(arguments)}` ended with {completed.code}:\n{done.stdout}{done.stderr}"
        )
    return completed
