"""`strongroom fsck`: damage to the data of a server, running or stopped, is found and named, and an index is made anew."""

import json
import os
import shutil
import struct
import threading
import time

import pytest

KIB = 1024
# Between these two lengths lies the border from bodies in the log to files of their own.
SMALL, LARGE = 50_000, 300 * KIB


@pytest.fixture
def stored(own_server):
    """A stopped server, the name of its bucket and its objects."""
    account = own_server.create_account()
    bucket = account.bucket()
    objects = {"empty": b"", "tiny": b"x", "small": os.urandom(SMALL), "dir/large": os.urandom(LARGE)}
    for key, body in objects.items():
        account.boto("s3").put_object(Bucket=bucket, Key=key, Body=body)
    assert own_server.stop() == 0
    return own_server, account, bucket, objects


def fsck(server, *flags: str) -> tuple[int, dict]:
    done = server.command("fsck", str(server.data), "--json", *flags, check=False)
    return done.returncode, json.loads(done.stdout)


def flip(path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def body_in_log(data, bytes_min: int) -> tuple:
    """The file of the log and the offset at which a body of at least this length begins (DESIGN.md of
    engine-local)."""
    for path in sorted((data / "store" / "log").iterdir()):
        with path.open("rb") as file:
            content = file.read(8 * KIB * KIB)
        at = content.find(b"SRR2")
        while content[at : at + 4] == b"SRR2":
            length, rows, body = struct.unpack_from("<III", content, at + 4)
            if body >= bytes_min:
                return path, at + 64 + rows
            at += length
    raise AssertionError("no such body is in the log")


def test_sound_data_are_clean(stored):
    server, _, _, objects = stored
    code, report = fsck(server)
    assert (code, report["clean"], report["problems"]) == (0, True, [])
    assert report["checked"]["versions"] == len(objects)
    assert report["checked"]["bytes_read"] == 0
    code, report = fsck(server, "--scrub")
    assert (code, report["clean"], report["scrubbed"]) == (0, True, True)
    assert report["checked"]["bytes_read"] >= SMALL + LARGE
    told = server.command("fsck", str(server.data), "--scrub").stdout
    assert "4 versions of objects" in told and "Nothing is damaged." in told


def test_a_flipped_byte_of_a_body_in_the_log_names_the_object(stored):
    server, account, bucket, objects = stored
    path, offset = body_in_log(server.data, SMALL)
    flip(path, offset + SMALL // 2)
    code, report = fsck(server, "--scrub")
    assert (code, report["clean"]) == (1, False)
    (problem,) = report["problems"]
    assert (problem["bucket"], problem["key"], problem["version"]) == (bucket, "small", "null")
    done = server.command("fsck", str(server.data), "--scrub", check=False)
    assert done.returncode == 1
    assert f'bucket {bucket}, key "small", version null: ' in done.stdout
    # All others are served.
    server.start()
    for key in set(objects) - {"small"}:
        assert account.boto("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == objects[key]


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_file_of_a_body_names_the_object(stored, damage):
    server, _, bucket, _ = stored
    (extent,) = [path for path in (server.data / "store" / "extents").rglob("*") if path.is_file()]
    if damage == "flipped":
        flip(extent, LARGE // 2)
    else:
        extent.unlink()
    code, report = fsck(server, "--scrub")
    assert code == 1
    (problem,) = report["problems"]
    assert (problem["bucket"], problem["key"]) == (bucket, "dir/large")


def test_damage_of_a_body_that_copies_share_names_each(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="source", Body=os.urandom(LARGE))
    for key in ["copy", "gone"]:
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "source"})
    s3.delete_object(Bucket=bucket, Key="gone")
    own_server.kill()
    (extent,) = [path for path in (own_server.data / "store" / "extents").rglob("*") if path.is_file()]
    code, report = fsck(own_server, "--scrub")
    assert (code, report["problems"]) == (0, [])
    flip(extent, LARGE // 2)
    code, report = fsck(own_server, "--scrub")
    assert code == 1
    assert sorted(problem["key"] for problem in report["problems"]) == ["copy", "source"]


def test_an_index_is_made_anew_from_the_log(stored):
    server, account, bucket, objects = stored
    index = server.data / "store" / "index"
    assert (index / "data.mdb").exists()
    shutil.rmtree(index)
    index.mkdir(mode=0o700)
    code, report = fsck(server, "--rebuild", "--scrub")
    assert (code, report["problems"]) == (0, [])
    assert report["rebuilt"]["records"] >= len(objects) and report["rebuilt"]["rows"] > 0
    assert report["checked"]["versions"] == len(objects)
    server.start()
    s3 = account.boto("s3")
    listed = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == set(objects)
    for key, body in objects.items():
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_the_index_of_a_running_server_is_not_made_anew(own_server):
    account = own_server.create_account()
    done = own_server.command("fsck", str(own_server.data), "--rebuild", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "stop the server first" in done.stderr
    assert account.bucket()


def test_damage_is_found_while_the_server_serves(stored):
    server, account, bucket, _ = stored
    server.start()
    assert fsck(server)[0] == 0
    code, report = fsck(server, "--scrub")
    assert (code, report["problems"], report["checked"]["versions"]) == (0, [], 4)
    assert report["checked"]["bytes_read"] >= SMALL + LARGE
    (extent,) = [path for path in (server.data / "store" / "extents").rglob("*") if path.is_file()]
    flip(extent, LARGE // 2)
    path, offset = body_in_log(server.data, SMALL)
    flip(path, offset + SMALL // 2)
    code, report = fsck(server, "--scrub")
    assert (code, report["clean"]) == (1, False)
    named = [(problem["bucket"], problem["key"], problem["version"]) for problem in report["problems"]]
    assert sorted(named) == [(bucket, "dir/large", "null"), (bucket, "small", "null")]
    told = server.command("fsck", str(server.data), "--scrub", check=False).stdout
    assert f'bucket {bucket}, key "dir/large", version null: ' in told
    assert account.boto("s3").get_object(Bucket=bucket, Key="tiny")["Body"].read() == b"x"


def test_a_look_is_as_slow_as_it_is_told_and_writes_go_on(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    for number in range(4):
        s3.put_object(Bucket=bucket, Key=f"{number}", Body=os.urandom(1024 * KIB))
    codes = []
    look = threading.Thread(
        target=lambda: codes.append(fsck(own_server, "--scrub", "--mib-per-second", "1"))
    )
    begin = time.monotonic()
    look.start()
    slowest, writes = 0.0, 0
    while look.is_alive():
        before = time.monotonic()
        key = f"new/{writes % 20}"
        s3.put_object(Bucket=bucket, Key=key, Body=os.urandom(40_000))
        if writes % 3 == 2:
            s3.delete_object(Bucket=bucket, Key=key)
        slowest = max(slowest, time.monotonic() - before)
        writes += 1
        time.sleep(0.05)
    seconds = time.monotonic() - begin
    ((code, report),) = codes
    assert (code, report["problems"]) == (0, [])
    # 4 MiB and more at 1 MiB a second.
    assert seconds >= 4 and writes >= 10 and slowest < seconds / 2


@pytest.mark.parametrize("flags", [[], ["--rebuild"]])
def test_what_is_no_data_directory_is_refused_and_stays_as_it_is(own_server, tmp_path, flags):
    other = tmp_path / "other"
    other.mkdir()
    for directory in (other, tmp_path / "absent"):
        done = own_server.command("fsck", str(directory), *flags, check=False)
        assert done.returncode == 2
        assert "is not the data directory of a server" in done.stderr
    assert list(other.iterdir()) == [] and not (tmp_path / "absent").exists()


def test_help_tells_the_exit_codes(own_server):
    told = " ".join(own_server.command("fsck", "--help").stdout.split())
    assert "Exits with 0 if nothing is damaged, with 1 if something is, and with 2 if it could not look" in told
