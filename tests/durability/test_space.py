"""Bytes that nobody can read any more do not stay on the disk."""

import os
import time

from harness.sockets import connect, head

MIB = 1024 * 1024
SECONDS_MAX = 20


def extents(server) -> list:
    """Files of large bodies (DESIGN.md of engine-local)."""
    return [path for path in (server.data / "store" / "extents").rglob("*") if path.is_file()]


def become(server, count: int) -> bool:
    deadline = time.monotonic() + SECONDS_MAX
    while len(extents(server)) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(extents(server)) == count


def test_an_aborted_upload_leaves_no_bytes(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    uploads = []
    for number in range(3):
        named = {"Bucket": bucket, "Key": f"k{number}"}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        for part in (1, 2, 2, 3):
            s3.upload_part(**named, PartNumber=part, Body=os.urandom(MIB))
        uploads.append(named)
    # A part that was sent twice is kept once.
    assert become(own_server, 9)
    s3.abort_multipart_upload(**uploads[0])
    assert become(own_server, 6)
    own_server.restart()
    s3 = account.boto("s3", user_agent_extra="restarted")
    assert len(extents(own_server)) == 6
    for named in uploads[1:]:
        s3.abort_multipart_upload(**named)
    assert become(own_server, 0)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_overwritten_and_deleted_bodies_go(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    for number in range(4):
        s3.put_object(Bucket=bucket, Key="k", Body=os.urandom(MIB))
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=os.urandom(MIB))
    assert become(own_server, 5)
    for key in ("k", "k0", "k1", "k2", "k3"):
        s3.delete_object(Bucket=bucket, Key=key)
    assert become(own_server, 0)


def test_uploads_that_break_off_leave_no_bytes_also_when_the_server_dies(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    for _ in range(5):
        connection = connect(own_server)
        connection.sendall(head(own_server, account.admin, "PUT", f"/{bucket}/k", 4 * MIB) + b"x" * (3 * MIB))
        connection.close()
    assert become(own_server, 0)
    connection = connect(own_server)
    connection.sendall(head(own_server, account.admin, "PUT", f"/{bucket}/k", 4 * MIB) + b"x" * (3 * MIB))
    assert become(own_server, 1)
    own_server.kill()
    assert len(extents(own_server)) == 1
    own_server.start()
    assert become(own_server, 0)
    assert account.boto("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
