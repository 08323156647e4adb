"""Buckets reached by a host of their own, with curl, which signs as well and knows nothing of S3."""

import subprocess


def curl(server, account, host: str, path: str, *more: str) -> str:
    """One signed request to `host`, which curl finds at the server's address; answers body and status."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--write-out",
            " %{http_code}",
            "--resolve",
            f"{host}:{server.port}:127.0.0.1",
            "--aws-sigv4",
            "aws:amz:us-east-1:s3",
            "--user",
            f"{account.admin.access_key_id}:{account.admin.secret_access_key}",
            "--header",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD",
            *more,
            f"http://{host}:{server.port}{path}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_host_names_the_bucket(server, account, tmp_path):
    """Written by one style, read by the other, for both domains that need no configuration."""
    bucket = account.bucket()
    body = tmp_path / "body.txt"
    body.write_text("by its own host")
    for domain in ("s3.localhost", "localhost"):
        host = f"{bucket}.{domain}"
        assert curl(server, account, host, "/a/key.txt", "--upload-file", str(body)) == " 200"
        assert curl(server, account, host, "/a/key.txt") == "by its own host 200"
        got = account.boto("s3").get_object(Bucket=bucket, Key="a/key.txt")
        assert got["Body"].read() == b"by its own host"


def test_a_bucket_that_the_host_names_and_is_not_there_is_told(server, account):
    """As S3 tells it: the first label is a bucket's name, whatever it is."""
    answer = curl(server, account, "no-such-bucket-anywhere.s3.localhost", "/key")
    assert "<Code>NoSuchBucket</Code>" in answer
    assert answer.endswith(" 404")
