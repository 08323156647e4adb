"""Clients that are slow, silent, gone or too many cost the others nothing."""

import concurrent.futures
import os
import pathlib
import resource
import socket
import time

import pytest

from harness import Server
from harness.errors import refused
from harness.sockets import answer, connect, head, seconds_until_closed

MIB = 1024 * 1024
KIB = 1024
# Seconds of the server's limits, here short, and what a busy machine may take more.
IDLE, HEAD, BODY, WRITE, STOP = 3, 3, 2, 3, 4
SLACK = 3
# The server wants two descriptors for each. A common limit of containers is 20,000; fewer are opened
# where it is lower.
IDLE_CONNECTIONS = 9_800
# What an idle connection takes of the memory of the server. Measured: 16 to 19 KiB.
IDLE_BYTES_MAX = 32 * KIB
CLOSED = b""


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A server with short limits, and an account of it."""
    limits = {"idle": IDLE, "head": HEAD, "body": BODY, "write": WRITE, "stop": STOP}
    extra = [word for name, value in limits.items() for word in (f"--{name}-seconds", str(value))]
    running = Server(tmp_path_factory.mktemp("quick"), extra=tuple(extra)).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def owner(quick):
    return quick.create_account()


def descriptors(server) -> int:
    """Files and sockets that the server has open."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def until(holds, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_body_that_pauses_is_told_request_timeout_and_leaves_nothing(quick, owner):
    bucket = owner.bucket()
    s3 = owner.boto("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    for key, size in (("k", 10 * KIB), ("large", MIB)):
        connection = connect(quick)
        connection.sendall(head(quick, owner.admin, "PUT", f"/{bucket}/{key}", size) + b"x" * 1000)
        began = time.monotonic()
        told = answer(connection)
        assert BODY - 0.1 <= time.monotonic() - began < BODY + SLACK
        assert (told.status, told.code) == (400, "RequestTimeout")
        assert told.message == (
            "Your socket connection to the server was not read from or written to within the timeout period."
        )
        assert told.headers["connection"] == "close"
        assert seconds_until_closed(connection) [1] == CLOSED
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"
    with refused("404", "Not Found", 404):
        s3.head_object(Bucket=bucket, Key="large")


def test_a_body_of_iam_that_pauses_is_told_request_timeout(quick, owner):
    connection = connect(quick)
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 100\r\n\r\nAction=ListUsers"
    )
    told = answer(connection)
    assert (told.status, told.code) == (400, "RequestTimeout")


def test_a_slow_body_that_does_not_pause_is_stored(quick, owner):
    bucket = owner.bucket()
    connection = connect(quick)
    connection.sendall(head(quick, owner.admin, "PUT", f"/{bucket}/slow", 8))
    for _ in range(8):
        time.sleep(BODY / 4)
        connection.sendall(b"x")
    assert answer(connection).status == 200
    assert owner.boto("s3").get_object(Bucket=bucket, Key="slow")["Body"].read() == b"x" * 8


def test_a_head_that_trickles_ends_the_connection(quick, owner):
    connection = connect(quick)
    began = time.monotonic()
    with pytest.raises(OSError):
        for byte in head(quick, owner.admin, "GET", "/" + "k" * 500):
            connection.sendall(bytes([byte]))
            time.sleep(0.1)
    assert HEAD - 0.5 <= time.monotonic() - began < HEAD + SLACK


def test_connections_without_a_request_are_closed(quick, owner):
    silent = connect(quick)
    after_one = connect(quick)
    after_one.sendall(head(quick, owner.admin, "GET", "/"))
    told = answer(after_one)
    assert (told.status, told.headers.get("connection")) == (200, None)
    for connection in (silent, after_one):
        seconds, said = seconds_until_closed(connection)
        assert said == CLOSED and seconds < IDLE + SLACK


def test_a_connection_that_is_used_stays(quick, owner):
    connection = connect(quick)
    for _ in range(6):
        time.sleep(IDLE / 4)
        connection.sendall(head(quick, owner.admin, "GET", "/"))
        assert answer(connection).status == 200


def test_a_client_that_does_not_read_is_given_up(quick, owner):
    bucket = owner.bucket()
    owner.boto("s3").put_object(Bucket=bucket, Key="big", Body=b"x" * (32 * MIB))
    time.sleep(0.2)
    before = descriptors(quick)
    stuck = []
    for _ in range(5):
        connection = connect(quick, receive_bytes=4096)
        connection.sendall(head(quick, owner.admin, "GET", f"/{bucket}/big"))
        stuck.append(connection)
    assert until(lambda: descriptors(quick) >= before + 5)
    assert until(lambda: descriptors(quick) <= before, WRITE + IDLE + SLACK + 5)
    for connection in stuck:
        received = 0
        try:
            while part := connection.recv(MIB):
                received += len(part)
        except ConnectionResetError:
            pass
        assert received < 32 * MIB


def test_a_body_shorter_than_declared_is_incomplete_and_leaves_nothing(quick, owner):
    bucket = owner.bucket()
    for key, size in (("short", 10 * KIB), ("large", MIB)):
        connection = connect(quick)
        connection.sendall(head(quick, owner.admin, "PUT", f"/{bucket}/{key}", size) + b"x" * (size - 1))
        connection.shutdown(socket.SHUT_WR)
        told = answer(connection)
        assert (told.status, told.code) == (400, "IncompleteBody")
        assert told.message == "The request body terminated unexpectedly"
        with refused("404", "Not Found", 404):
            owner.boto("s3").head_object(Bucket=bucket, Key=key)


def test_what_is_sent_after_a_body_is_not_part_of_it(quick, owner):
    bucket = owner.bucket()
    connection = connect(quick)
    connection.sendall(head(quick, owner.admin, "PUT", f"/{bucket}/long", 10) + b"0123456789 and more\r\n\r\n")
    assert answer(connection).status == 200
    # It is no request either.
    _, said = seconds_until_closed(connection)
    assert said.startswith(b"HTTP/1.1 400 ") or said == CLOSED
    assert owner.boto("s3").get_object(Bucket=bucket, Key="long")["Body"].read() == b"0123456789"


def test_clients_that_vanish_hold_nothing(quick, owner):
    bucket = owner.bucket()
    time.sleep(0.2)
    before = descriptors(quick)
    for number in range(50):
        connection = connect(quick)
        request = head(quick, owner.admin, "PUT", f"/{bucket}/{number}", MIB)
        connection.sendall((request + b"x" * 300_000)[: 40 + number * 6_000])
        if number % 2:
            # Reset, as by a machine that is switched off and on again.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert until(lambda: descriptors(quick) <= before, BODY + HEAD + SLACK)
    assert "Contents" not in owner.boto("s3").list_objects_v2(Bucket=bucket)
    extents = quick.data / "store" / "extents"
    names = owner.boto("s3").list_objects_v2(Bucket=bucket)["KeyCount"]
    assert names == 0 and until(lambda: unfinished(extents) == 0)


def unfinished(extents: pathlib.Path) -> int:
    """Files of bodies whose header, which is written last, is not there."""
    count = 0
    for path in extents.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                count += file.read(8) != b"SRMEXTNT"
    return count


def test_more_connections_than_may_be_are_told_so_and_then_served(tmp_path):
    server = Server(tmp_path / "few", extra=("--max-connections", "8")).start()
    try:
        account = server.create_account()
        account.admin
        # The clients that made them keep connections.
        server.restart()
        held = [connect(server) for _ in range(8)]
        time.sleep(0.3)
        for _ in range(3):
            told = server.send("GET", "/", account.admin)
            assert (told.status, told.code) == (503, "SlowDown")
            assert told.message == "Please reduce your request rate."
            assert told.headers["connection"] == "close" and told.headers["x-amz-request-id"]
        # One goes, another comes: an SDK that tries again notices nothing.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            patient = account.boto("s3", retries={"total_max_attempts": 8, "mode": "standard"})
            waiting = pool.submit(patient.list_buckets)
            time.sleep(0.3)
            for connection in held:
                connection.close()
            assert waiting.result(timeout=30)["Buckets"] == []
        assert server.healthy()
    finally:
        server.close()


def test_a_process_without_descriptors_does_not_spin_and_recovers(own_server):
    pid = own_server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    assert soft == hard, "the server raises its limit"
    account = own_server.create_account()
    bucket = account.bucket()
    highest = max(int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
    waiting = [connect(own_server) for _ in range(20)]
    before = processor_seconds(pid)
    time.sleep(2)
    assert processor_seconds(pid) - before < 1
    assert own_server.process.poll() is None
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    for connection in waiting:
        connection.sendall(head(own_server, account.admin, "GET", f"/{bucket}"))
        assert answer(connection).status == 200
        connection.close()


def processor_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_stop_waits_for_no_idle_connection_and_for_no_client_that_stalls(tmp_path):
    server = Server(tmp_path / "stopped", extra=("--stop-seconds", str(STOP))).start()
    try:
        account = server.create_account()
        bucket = account.bucket()
        silent, used = connect(server), connect(server)
        used.sendall(head(server, account.admin, "GET", "/"))
        assert answer(used).status == 200
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < STOP - 1
        assert seconds_until_closed(silent)[1] == seconds_until_closed(used)[1] == CLOSED
        server.start()
        stalled = connect(server)
        stalled.sendall(head(server, account.admin, "PUT", f"/{bucket}/k", MIB) + b"x")
        half = connect(server)
        half.sendall(b"GET / HT")
        time.sleep(0.3)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < STOP + SLACK
    finally:
        server.close()


def test_thousands_of_idle_connections_cost_little_and_others_are_served(tmp_path):
    count = IDLE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY:
        count = min(count, (hard - 400) // 2)
    server = Server(tmp_path / "idle", extra=("--max-connections", str(count + 50))).start()
    try:
        account = server.create_account()
        bucket = account.bucket()
        s3 = account.boto("s3")
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        request = head(server, account.admin, "GET", f"/{bucket}/k")
        opened, before = descriptors(server), server.resident_bytes()
        used = [connect(server) for _ in range(count // 10)]
        for connection in used:
            connection.sendall(request)
        for connection in used:
            assert answer(connection).body == b"x"
        between = server.resident_bytes()
        silent = []
        while len(used) + len(silent) < count:
            some = min(1000, count - len(used) - len(silent))
            silent += [connect(server) for _ in range(some)]
            # The system keeps some thousand that are not accepted yet, and drops what is more.
            assert until(lambda: descriptors(server) >= opened + len(used) + len(silent))
        of_used = (between - before) / len(used)
        of_silent = (server.resident_bytes() - between) / len(silent)
        print(f"{len(used)} connections that were used: {of_used / KIB:.1f} KiB each")
        print(f"{len(silent)} that never were: {of_silent / KIB:.1f} KiB each")
        assert max(of_used, of_silent) < IDLE_BYTES_MAX
        began = time.monotonic()
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        assert time.monotonic() - began < 5
        for connection in (*used, *silent):
            connection.close()
        assert until(lambda: descriptors(server) <= opened + 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.close()
