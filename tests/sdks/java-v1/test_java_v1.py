"""The AWS SDK for Java 1.x: the programs of walkthroughs 000 and 001 as they stand in those pages."""

import pathlib

from harness.write_ups import AccessSuite, CopySuite

FOLDER = pathlib.Path(__file__).resolve().parent
S3 = (
    "(Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: <ID>; "
    "S3 Extended Request ID: ...; Proxy: null)"
)
STS = (
    "(Service: AWSSecurityTokenService; Status Code: 403; Error Code: AccessDenied; Request ID: <ID>; "
    "Proxy: null)"
)


class TestCopyToCustomerBucket(CopySuite):
    """000, with clients made by constructors, which have no region and take their endpoint afterwards."""

    FOLDER = FOLDER
    S3_REFUSAL = S3
    STS_REFUSAL = STS
    STS_EXCEPTION = "com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException"


class TestCrossAccountAccess(AccessSuite):
    """001, with builders. To an IP address this SDK sends the bucket in the path by itself."""

    FOLDER = FOLDER
    S3_REFUSAL = S3
    STS_REFUSAL = STS
    CAUGHT = "AmazonServiceException"
    ERROR_TYPE = ["Error Type: Client"]
