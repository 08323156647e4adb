"""The AWS SDK for Rust."""

import pathlib

from harness.sdk import SdkSuite, built, open_pattern, quoted

FOLDER = pathlib.Path(__file__).resolve().parent


class TestRust(SdkSuite):
    """Nothing about the address is set: to an IP address this SDK sends the bucket in the path by itself."""

    def command(self):
        built(FOLDER, "cargo", "build", "--quiet", "--locked")
        return [str(FOLDER / "target" / "debug" / "sdk")]

    def refusal(self, service, operation, code, message, status, request_id):
        """The error's metadata, as this SDK displays it."""
        host = 's3_extended_request_id: "...", ' if service == "S3" else ""
        return open_pattern(
            f'Error {{ code: "{code}", message: {quoted(message)}, ...aws_request_id: "{request_id}"... }}'
        )
