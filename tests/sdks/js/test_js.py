"""The AWS SDK for JavaScript, version 3."""

import pathlib

from harness.sdk import SdkSuite, open_pattern

FOLDER = pathlib.Path(__file__).resolve().parent


class TestJavaScript(SdkSuite):
    """Nothing about the address is set: to an IP address this SDK sends the bucket in the path by itself."""

    MULTIPART_CHECKSUM_TYPE = "COMPOSITE"

    def command(self):
        return ["node", str(FOLDER / "client.mjs")]

    def refusal(self, service, operation, code, message, status, request_id):
        """`String(error)`: code and text; the rest is in `$metadata`."""
        return open_pattern(f"{code}: {message}")

    def test_roles_come_in_pages(self, client, parties, server):
        """IAM's marker is followed by the SDK's paginator."""
        iam = parties.customer.boto("iam")
        trust = iam.get_role(RoleName="cross-account-s3-access")["Role"]["AssumeRolePolicyDocument"]
        for name in ("extra-1", "extra-2"):
            parties.customer.role(name, trust)
        shown = client("roles", PAGE_SIZE="2", **parties.customer.admin.environment())
        assert shown.all("page") == ["cross-account-s3-access extra-1", "extra-2"]

    def test_iam_refuses_in_its_own_words(self, client, parties, server):
        """A firm's user without permission to read users."""
        shown = client("user")
        message = (
            f"User: {parties.user.arn} is not authorized to perform: iam:GetUser on resource: "
            f"arn:aws:iam::{parties.firm.id}:user/nobody because no identity-based policy allows "
            f"the iam:GetUser action"
        )
        self.assert_refused(shown, server, "IAM", "GetUser", "AccessDenied", message, 403)
