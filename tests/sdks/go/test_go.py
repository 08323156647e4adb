"""The AWS SDK for Go, version 2."""

import pathlib

from harness.sdk import SdkSuite, built, open_pattern

FOLDER = pathlib.Path(__file__).resolve().parent


class TestGo(SdkSuite):
    """Nothing about the address is set: to an IP address this SDK sends the bucket in the path by itself."""

    MULTIPART_CHECKSUM_TYPE = "COMPOSITE"

    def command(self):
        built(FOLDER, "go", "build", "-o", "target/client", ".")
        return [str(FOLDER / "target" / "client")]

    def refusal(self, service, operation, code, message, status, request_id):
        """Operation, status, request id, and for S3 the host id; then code and text, unless Go has a type for it."""
        host = ", HostID: ..." if service == "S3" else ""
        told = f"{code}: {message}" if code == "NoSuchKey" else f"api error {code}: {message}"
        return open_pattern(
            f"operation error {service}: {operation}, https response error StatusCode: {status}, "
            f"RequestID: {request_id}{host}, {told}"
        )

    def test_a_bucket_is_reached_by_its_own_host(self, client, parties):
        """To a name the SDK sends the bucket as part of the host, which the server takes as well."""
        shown = client("virtual-hosted", KEY="by-host.txt")
        port = parties.server.port
        assert set(shown.all("asked")) == {f"{parties.bucket}.s3.localhost:{port}"}
        assert shown["body"] == "by its own host"
        got = parties.s3.get_object(Bucket=parties.bucket, Key="by-host.txt")
        assert got["Body"].read() == b"by its own host"
