"""Nothing that was acknowledged is lost, and nothing that was not is shown half."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import threading
import time

import pytest

from harness import Credentials
from harness.errors import refused
from harness.server import sign_headers

MIB = 1024 * 1024


def test_after_kill_9_every_acknowledged_object_and_identity_is_there(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    stop = threading.Event()
    objects: dict[str, str] = {}
    users: list[tuple[str, str, str]] = []

    def write_objects(worker: int):
        s3 = account.boto("s3")
        number = 0
        while not stop.is_set():
            key = f"{worker}/{number}"
            body = os.urandom([0, 10, 5_000, 300_000][number % 4])
            try:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
            except Exception:
                return
            objects[key] = hashlib.sha256(body).hexdigest()
            number += 1

    def write_users():
        iam = account.boto("iam")
        number = 0
        while not stop.is_set():
            name = f"user{number}"
            try:
                iam.create_user(UserName=name)
                iam.put_user_policy(
                    UserName=name,
                    PolicyName="p",
                    PolicyDocument=json.dumps(
                        {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
                        }
                    ),
                )
                key = iam.create_access_key(UserName=name)["AccessKey"]
            except Exception:
                return
            users.append((name, key["AccessKeyId"], key["SecretAccessKey"]))
            number += 1

    account.admin
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        running = [pool.submit(write_objects, worker) for worker in range(4)]
        running.append(pool.submit(write_users))
        deadline = time.monotonic() + 60
        while (len(objects) < 40 or len(users) < 4) and time.monotonic() < deadline:
            time.sleep(0.05)
        own_server.kill()
        stop.set()
        for future in running:
            future.result(timeout=60)
    assert len(objects) >= 40 and len(users) >= 4, "there was something to lose"

    own_server.start()
    s3 = account.boto("s3")
    listed = {
        entry["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    }
    assert set(objects) <= listed
    for key, digest in objects.items():
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert hashlib.sha256(body).hexdigest() == digest, key
    # What was not acknowledged is there as a whole or not at all.
    for key in listed - set(objects):
        s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    for name, key_id, secret in users:
        own_server.boto("s3", Credentials(key_id, secret)).list_buckets()
    assert own_server.boto("iam", account.admin).get_user(UserName=users[-1][0])


def test_kill_9_again_and_again_loses_nothing(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    expected = {}
    for round in range(4):
        for number in range(10):
            body = f"{round}-{number}".encode() * 100
            account.boto("s3").put_object(Bucket=bucket, Key=f"k{number}", Body=body)
            expected[f"k{number}"] = body
        account.boto("s3").delete_object(Bucket=bucket, Key=f"k{round}")
        del expected[f"k{round}"]
        own_server.kill()
        own_server.start()
        page = account.boto("s3").list_objects_v2(Bucket=bucket)
        assert {entry["Key"] for entry in page["Contents"]} == set(expected)
    for key, body in expected.items():
        assert account.boto("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_settings_uploads_and_sessions_outlive_a_restart(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", Tagging="a=b")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    session = account.boto("sts").get_session_token()["Credentials"]
    temporary = Credentials.of_session(session)
    own_server.kill()
    own_server.start()
    s3 = account.boto("s3", temporary)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload,
        MultipartUpload={
            "Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
        },
    )
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"part"
    shown = own_server.command("account", "show", account.id, check=False)
    assert account.canonical_id in shown.stdout


def slow_upload(server, credentials, bucket: str, key: str, size: int):
    """Opens an upload of `size` bytes and answers the connection, with nothing of the body sent."""
    headers = {"Content-Length": str(size), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    path = f"/{bucket}/{key}"
    headers = sign_headers(credentials, "s3", "PUT", f"{server.endpoint}{path}", headers, b"")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def test_sigterm_lets_running_requests_end_and_takes_no_new_ones(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    connection = slow_upload(own_server, account.admin, bucket, "slow", 10 * MIB)
    connection.send(b"x" * (5 * MIB))
    time.sleep(0.3)
    assert own_server.process is not None
    own_server.process.terminate()
    time.sleep(0.7)
    with pytest.raises(Exception):
        http.client.HTTPConnection("127.0.0.1", own_server.port, timeout=2).request("GET", "/")
    connection.send(b"x" * (5 * MIB))
    assert connection.getresponse().status == 200
    assert own_server.process.wait(timeout=30) == 0
    own_server.start()
    assert account.boto("s3").head_object(Bucket=bucket, Key="slow")["ContentLength"] == 10 * MIB


def test_an_upload_that_breaks_off_leaves_nothing(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"before")
    connection = slow_upload(own_server, account.admin, bucket, "k", MIB)
    connection.send(b"x" * 1000)
    connection.close()
    connection = slow_upload(own_server, account.admin, bucket, "new", MIB)
    connection.send(b"x" * 1000)
    connection.close()
    time.sleep(0.5)
    assert account.boto("s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"
    with refused("404", "Not Found", 404):
        account.boto("s3").head_object(Bucket=bucket, Key="new")


def test_a_big_upload_and_download_do_not_fill_the_memory(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="warm", Body=b"x" * MIB)
    before = own_server.resident_bytes()
    highest = [before]
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            highest[0] = max(highest[0], own_server.resident_bytes())
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    block = os.urandom(MIB)
    digest = hashlib.sha256()
    connection = slow_upload(own_server, account.admin, bucket, "big", 200 * MIB)
    for _ in range(200):
        connection.send(block)
        digest.update(block)
    assert connection.getresponse().status == 200
    body = account.boto("s3").get_object(Bucket=bucket, Key="big")["Body"]
    got = hashlib.sha256()
    for piece in body.iter_chunks(MIB):
        got.update(piece)
    stop.set()
    watcher.join()
    assert got.digest() == digest.digest()
    grown = (highest[0] - before) / MIB
    assert grown < 100, f"the server grew by {grown:.0f} MiB for an object of 200 MiB"


def test_many_callers_at_once_see_only_whole_objects(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    account.admin
    bodies = [bytes([65 + number]) * 200_000 for number in range(4)]
    whole = {hashlib.md5(body).hexdigest() for body in bodies}
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=bodies[0])

    def write(number: int):
        for _ in range(15):
            account.boto("s3").put_object(Bucket=bucket, Key="k", Body=bodies[number])

    def read():
        for _ in range(40):
            got = account.boto("s3").get_object(Bucket=bucket, Key="k")
            assert hashlib.md5(got["Body"].read()).hexdigest() in whole

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(write, number) for number in range(4)]
        running += [pool.submit(read) for _ in range(4)]
        for future in running:
            future.result(timeout=120)


def test_one_of_many_who_create_at_the_same_time_wins(own_server):
    account = own_server.create_account()
    account.admin
    bucket = account.bucket()

    def put(number: int) -> bool:
        try:
            account.boto("s3").put_object(
                Bucket=bucket, Key="lock", Body=str(number).encode(), IfNoneMatch="*"
            )
        except Exception as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(24)))
    assert won.count(True) == 1
    body = account.boto("s3").get_object(Bucket=bucket, Key="lock")["Body"].read()
    assert int(body) == won.index(True)
