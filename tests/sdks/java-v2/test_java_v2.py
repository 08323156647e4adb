"""The AWS SDK for Java 2.x."""

import pathlib

from harness.sdk import SdkSuite, open_pattern
from harness.write_ups import AccessSuite, CopySuite, java

FOLDER = pathlib.Path(__file__).resolve().parent
S3 = "(Service: S3, Status Code: 403, Request ID: <ID>, Extended Request ID: ...) (SDK Attempt Count: 1)"
STS = "(Service: Sts, Status Code: 403, Request ID: <ID>) (SDK Attempt Count: 1)"


class TestJava(SdkSuite):
    """Nothing about the address is set: to an IP address this SDK sends the bucket in the path by itself."""

    def command(self):
        return java(FOLDER, "Client")

    def refusal(self, service, operation, code, message, status, request_id):
        """The exception as it is printed: its class, the text, and what is known of the call."""
        kind = {"STS": "sts.model.StsException", "S3": "s3.model.S3Exception"}[service]
        if code == "NoSuchKey":
            kind = "s3.model.NoSuchKeyException"
        name = {"STS": "Sts"}.get(service, service)
        host = ", Extended Request ID: ..." if service == "S3" else ""
        return open_pattern(
            f"software.amazon.awssdk.services.{kind}: {message} (Service: {name}, Status Code: {status}, "
            f"Request ID: {request_id}{host}) (SDK Attempt Count: 1)"
        )


class TestCopyToCustomerBucket(CopySuite):
    """000 again."""

    FOLDER = FOLDER
    S3_REFUSAL = S3
    STS_REFUSAL = STS
    STS_EXCEPTION = "software.amazon.awssdk.services.sts.model.StsException"


class TestCrossAccountAccess(AccessSuite):
    """001 again."""

    FOLDER = FOLDER
    S3_REFUSAL = S3
    STS_REFUSAL = STS
    CAUGHT = "AwsServiceException"
    ERROR_TYPE = []
