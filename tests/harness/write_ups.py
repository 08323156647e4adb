"""The Java programs of walkthroughs 000 and 001, for both major versions of the SDK for Java."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from .sdk import EXTERNAL_ID, CrossAccount, Shown, built, open_pattern, recorded, run


def java(folder: pathlib.Path, program: str) -> list[str]:
    """A command that starts a class of a Maven project, built when it must."""
    built(folder, "mvn", "--batch-mode", "--quiet", "package")
    # Programs of a few seconds: what the JVM would spend on optimizing itself is not earned back.
    tuned = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    quiet = ["-Daws.java.v1.disableDeprecationAnnouncement=true"]
    path = f"{folder / 'target' / 'classes'}:{folder / 'target' / 'libraries'}/*"
    return ["java", *tuned, *quiet, "-cp", path, program]


class CopySuite:
    """000: the service's machine lists what it has delivered to a customer's bucket."""

    FOLDER: pathlib.Path
    # What the SDK adds to the service's text; `<ID>` stands for the request id, `...` for any text.
    S3_REFUSAL: str
    STS_REFUSAL: str
    STS_EXCEPTION: str

    @pytest.fixture
    def parties(self, server):
        return CrossAccount(server)

    def copy(self, parties: CrossAccount, tmp_path, check=True, **more: str) -> Shown:
        variables = parties.user.credentials.environment()
        variables |= {"ROLE_ARN": parties.role_arn, "CUSTOMER_BUCKET": parties.bucket} | more
        command = java(self.FOLDER, "CopyToCustomerBucket")
        return run(command, parties.server, tmp_path / "home", variables, check)

    def trust_everybody_of_the_firm(self, parties: CrossAccount) -> None:
        """The role as it is made when nobody asks for an external id."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{parties.firm.id}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        parties.customer.boto("iam").update_assume_role_policy(
            RoleName="cross-account-s3-access", PolicyDocument=json.dumps(trust)
        )

    def test_at_most_fifteen_keys_are_printed(self, parties, tmp_path):
        """Whatever the bucket holds."""
        self.trust_everybody_of_the_firm(parties)
        for number in range(17):
            parties.s3.put_object(Bucket=parties.bucket, Key=f"report-{number:02}", Body=b"")
        shown = self.copy(parties, tmp_path)
        expected = [f"report-{number:02}" for number in range(15)]
        assert list(shown.lines) == [f"List objects of bucket {parties.bucket}", *expected], str(shown)

    def test_a_bucket_that_may_not_be_listed_is_told(self, parties, tmp_path):
        """The program catches the refusal and prints the SDK's text."""
        self.trust_everybody_of_the_firm(parties)
        shown = self.copy(parties, tmp_path, CUSTOMER_BUCKET=parties.second_bucket)
        message = (
            f"User: arn:aws:sts::{parties.customer.id}:assumed-role/cross-account-s3-access/demo is not "
            f'authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::{parties.second_bucket}" '
            f"because no identity-based policy allows the s3:ListBucket action"
        )
        told = f"Can't list objects of bucket {parties.second_bucket} due to: {message} {self.S3_REFUSAL}"
        assert list(shown.lines) == [f"List objects of bucket {parties.second_bucket}"]
        found = re.search(open_pattern(told).replace("<ID>", "(?P<id>[A-Z0-9]+)"), shown.errors)
        assert found, f"{shown}\nwas to have\n{told}"
        assert recorded(parties.server, found["id"])["operation"] == "ListObjectsV2"

    def test_without_the_external_id_the_program_ends_with_the_exception(self, parties, tmp_path):
        """The program sends none; once the trust policy asks for one, nothing is caught."""
        shown = self.copy(parties, tmp_path, check=False)
        assert (shown.code, shown.lines) == (1, ())
        told = f'Exception in thread "main" {self.STS_EXCEPTION}: {parties.no_trust} {self.STS_REFUSAL}'
        first = next(line for line in shown.errors.splitlines() if line.startswith("Exception"))
        found = re.fullmatch(open_pattern(told).replace("<ID>", "(?P<id>[0-9a-f-]+)"), first)
        assert found, f"{shown}\nwas to have\n{told}"
        assert recorded(parties.server, found["id"])["operation"] == "AssumeRole"


class AccessSuite:
    """001: a user of account A writes and reads in account B through a role with an external id."""

    FOLDER: pathlib.Path
    S3_REFUSAL: str
    STS_REFUSAL: str
    CAUGHT: str
    # Version 2 has no error types any more.
    ERROR_TYPE: list[str]

    @pytest.fixture
    def parties(self, server):
        """The role as 001 makes it: it may put and get in one bucket, and nothing else."""
        made = CrossAccount(server)
        only = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Stmt1512121576471",
                    "Action": ["s3:PutObject", "s3:GetObject"],
                    "Effect": "Allow",
                    "Resource": f"arn:aws:s3:::{made.bucket}/*",
                }
            ],
        }
        made.customer.boto("iam").put_role_policy(
            RoleName="cross-account-s3-access", PolicyName="inline", PolicyDocument=json.dumps(only)
        )
        return made

    def access(self, parties: CrossAccount, tmp_path, *steps: str, **more: str | None) -> Shown:
        variables = parties.user.credentials.environment()
        variables |= {"ROLE_ARN": parties.role_arn, "EXTERNAL_ID": EXTERNAL_ID, "BUCKET_NAME": parties.bucket}
        variables = {name: value for name, value in (variables | more).items() if value is not None}
        command = [*java(self.FOLDER, "CrossAccountAccess"), *steps]
        return run(command, parties.server, tmp_path / "home", variables)

    def assert_caught(self, shown: Shown, parties, message: str, form: str, operation: str, last: str) -> None:
        """The handler's lines, one by one, and the server knows the request id."""
        request_id = next(
            line.removeprefix("Request ID: ") for line in shown.lines if line.startswith("Request ID: ")
        )
        expected = [
            f"Caught an {self.CAUGHT}: the service was reached and refused.",
            f"Error Message: {message} {form.replace('<ID>', request_id)}",
            "HTTP Status Code: 403",
            "AWS Error Code: AccessDenied",
            *self.ERROR_TYPE,
            f"Request ID: {request_id}",
            last,
        ]
        assert len(shown.lines) == len(expected), str(shown)
        for line, pattern in zip(shown.lines, expected):
            assert re.fullmatch(open_pattern(pattern), line), f"{line}\nwas to be like\n{pattern}\n{shown}"
        record = recorded(parties.server, request_id)
        assert (record["operation"], record["status"], record["error"]) == (operation, 403, "AccessDenied")

    def test_upload_and_download_through_the_role(self, parties, tmp_path):
        """What 001 prints, to the letter."""
        shown = self.access(parties, tmp_path, "upload", "download")
        assert list(shown.lines) == [
            "validated Upload : true",
            "Read File from S3 bucket. Content : This is from cross account!",
            "validated Download : true",
        ], str(shown)

    def test_a_wrong_external_id_is_refused(self, parties, tmp_path):
        """The handler prints what STS said."""
        shown = self.access(parties, tmp_path, "upload", EXTERNAL_ID="GUESSED")
        last = "validated Upload : false"
        self.assert_caught(shown, parties, parties.no_trust, self.STS_REFUSAL, "AssumeRole", last)

    def test_a_missing_external_id_is_refused(self, parties, tmp_path):
        """With the same words: the refusal does not tell what the trust policy asks for."""
        shown = self.access(parties, tmp_path, "download", EXTERNAL_ID=None)
        last = "validated Download : false"
        self.assert_caught(shown, parties, parties.no_trust, self.STS_REFUSAL, "AssumeRole", last)

    def test_a_second_bucket_is_refused(self, parties, tmp_path):
        """The role's policy names one bucket."""
        shown = self.access(parties, tmp_path, "upload", BUCKET_NAME=parties.second_bucket)
        message = self.no_policy(parties, parties.second_bucket, "s3:PutObject")
        self.assert_caught(shown, parties, message, self.S3_REFUSAL, "PutObject", "validated Upload : false")

    def test_another_action_is_refused(self, parties, tmp_path):
        """Who may put and get may not delete."""
        shown = self.access(parties, tmp_path, "delete")
        message = self.no_policy(parties, parties.bucket, "s3:DeleteObject")
        self.assert_caught(shown, parties, message, self.S3_REFUSAL, "DeleteObject", "validated Delete : false")

    def no_policy(self, parties: CrossAccount, bucket: str, action: str) -> str:
        return (
            f"User: arn:aws:sts::{parties.customer.id}:assumed-role/cross-account-s3-access/testSession is not "
            f'authorized to perform: {action} on resource: "arn:aws:s3:::{bucket}/test.txt" '
            f"because no identity-based policy allows the {action} action"
        )
