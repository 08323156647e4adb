"""`strongroom backup` and `strongroom restore`: the data of a server, running or stopped, copied and verified."""

import json
import os
import shutil
import threading
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def stored(own_server):
    """A stopped server, the name of its bucket and its objects."""
    account = own_server.create_account()
    bucket = account.bucket()
    objects = {"tiny": b"x", "small": os.urandom(50_000), "dir/large": os.urandom(300_000)}
    for key, body in objects.items():
        account.boto("s3").put_object(Bucket=bucket, Key=key, Body=body)
    assert own_server.stop() == 0
    return own_server, account, bucket, objects


def files(directory) -> dict[str, int]:
    return {
        str(path.relative_to(directory)): path.stat().st_mode & 0o777
        for path in directory.rglob("*")
        if path.is_file()
    }


def key_file(server):
    return server.data.with_name(server.data.name + ".key")


def flip(path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def extent_in(data):
    (extent,) = [path for path in (data / "store" / "extents").rglob("*") if path.is_file()]
    return extent


def everything_is_there(server, account, bucket, objects) -> None:
    s3 = account.boto("s3")
    listed = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == set(objects)
    for key, body in objects.items():
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert account.boto("iam").get_user(UserName="administrator")


@pytest.mark.parametrize("with_key", [False, True])
def test_what_was_backed_up_is_served_after_a_restore(stored, tmp_path, with_key):
    server, account, bucket, objects = stored
    backup = tmp_path / "backups" / "one"
    flags = ["--with-key"] if with_key else []
    told = server.command("backup", str(server.data), str(backup), *flags).stdout
    assert "all 3 versions of objects verified" in told
    copied = files(backup)
    assert ("key" in copied) == with_key
    assert ("is not in the backup" in told) == (not with_key)
    assert "data/admin-token" not in copied
    assert set(copied.values()) == {0o600}
    # The server that was backed up goes on.
    server.start()
    account.boto("s3").put_object(Bucket=bucket, Key="later", Body=b"not in the backup")
    assert server.stop() == 0

    shutil.rmtree(server.data)
    if with_key:
        key_file(server).unlink()
    told = server.command("restore", str(backup), str(server.data), *flags).stdout
    assert "all 3 versions of objects verified" in told
    server.start()
    everything_is_there(server, account, bucket, objects)


def test_data_after_kill_9_can_be_backed_up(own_server, tmp_path):
    account = own_server.create_account()
    bucket = account.bucket()
    objects = {f"k{number}": os.urandom(1000) for number in range(20)}
    for key, body in objects.items():
        account.boto("s3").put_object(Bucket=bucket, Key=key, Body=body)
    own_server.kill()
    own_server.command("backup", str(own_server.data), str(tmp_path / "backup"))
    shutil.rmtree(own_server.data)
    own_server.command("restore", str(tmp_path / "backup"), str(own_server.data))
    own_server.start()
    everything_is_there(own_server, account, bucket, objects)


class Writer(threading.Thread):
    """Writes, overwrites and deletes its own keys until it is told to stop."""

    SIZES = [10, 3_000, 50_000, 300_000]

    def __init__(self, account, bucket: str, name: str):
        super().__init__()
        self.account, self.bucket, self.name = account, bucket, name
        # Each entry: key, and the body that it has from then on (`None`: it is gone).
        self.begun: list[tuple[str, bytes | None]] = []
        self.acknowledged = 0
        self.stopping = threading.Event()
        self.failed: Exception | None = None

    def run(self) -> None:
        s3 = self.account.boto("s3")
        try:
            while not self.stopping.is_set():
                number = len(self.begun)
                key = f"{self.name}/{number % 7}"
                body = None if number % 5 == 4 else os.urandom(self.SIZES[number % 4])
                self.begun.append((key, body))
                if body is None:
                    s3.delete_object(Bucket=self.bucket, Key=key)
                else:
                    s3.put_object(Bucket=self.bucket, Key=key, Body=body)
                self.acknowledged = number + 1
        except Exception as error:
            self.failed = error

    def stop(self) -> None:
        self.stopping.set()
        self.join()
        assert self.failed is None

    def state(self, steps: int) -> dict[str, bytes]:
        state = {}
        for key, body in self.begun[:steps]:
            if body is None:
                state.pop(key, None)
            else:
                state[key] = body
        return state


@pytest.mark.parametrize("named", [True, False])
def test_a_running_server_is_backed_up_while_it_is_written_to(own_server, tmp_path, named):
    account = own_server.create_account()
    bucket = account.bucket()
    writers = [Writer(account, bucket, f"writer-{number}") for number in range(3)]
    for writer in writers:
        writer.start()
    while min(writer.acknowledged for writer in writers) < 20:
        threading.Event().wait(0.01)
    least = [writer.acknowledged for writer in writers]
    backup = tmp_path / "backups" / "one"
    data = [str(own_server.data)] if named else []
    told = own_server.command("backup", *data, str(backup), "--with-key").stdout
    most = [len(writer.begun) for writer in writers]
    for writer in writers:
        writer.stop()
    assert "Backed up" in told
    assert sum(most) > sum(least), "nobody wrote while the backup was made"
    copied = files(backup)
    assert set(copied.values()) == {0o600} and "data/admin-token" not in copied and "key" in copied

    own_server.kill()
    shutil.rmtree(own_server.data)
    key_file(own_server).unlink()
    own_server.command("restore", str(backup), str(own_server.data), "--with-key")
    done = own_server.command("fsck", str(own_server.data), "--scrub", "--json")
    assert json.loads(done.stdout)["problems"] == []
    own_server.start()
    s3 = account.boto("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = {entry["Key"]: None for page in pages for entry in page.get("Contents", [])}
    for key in found:
        found[key] = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    for writer, first, last in zip(writers, least, most):
        own = {key: body for key, body in found.items() if key.startswith(writer.name)}
        assert any(own == writer.state(steps) for steps in range(first, last + 1)), writer.name


def test_what_a_running_server_does_not_back_up(own_server, tmp_path):
    account = own_server.create_account()
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("mine")
    for target, why in [
        ("relative", "is not an absolute path"),
        (str(other), "is not empty"),
        (str(own_server.data / "sub"), "lies within"),
    ]:
        done = own_server.command("backup", str(own_server.data), target, check=False)
        assert (done.returncode, done.stdout) == (2, "") and why in done.stderr
    done = own_server.command(
        "backup", str(own_server.data), str(tmp_path / "new"), "--mib-per-second", "0", check=False
    )
    assert done.returncode == 2 and "`mib_per_second` must be at least 1" in done.stderr
    assert files(other).keys() == {"file"}
    assert not (own_server.data / "sub").exists() and not (tmp_path / "new").exists()
    assert account.bucket()


@pytest.mark.parametrize("operation", ["backup", "fsck"])
def test_only_the_admin_token_may_have_long_work_done(own_server, tmp_path, operation):
    order = {"target": str(tmp_path / "backup")} if operation == "backup" else {"scrub": True}
    for headers in [{}, {"authorization": "Bearer 00"}]:
        request = urllib.request.Request(
            f"{own_server.admin_endpoint}/v1/{operation}", json.dumps(order).encode(), headers
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 401
    assert not (tmp_path / "backup").exists()


def test_damage_met_by_a_backup_of_a_running_server_is_told(own_server, tmp_path):
    account = own_server.create_account()
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="dir/large", Body=os.urandom(300_000))
    flip(extent_in(own_server.data), 100_000)
    done = own_server.command("backup", str(own_server.data), str(tmp_path / "backup"), check=False)
    assert done.returncode == 1
    assert f'bucket {bucket}, key "dir/large"' in done.stdout
    done = own_server.command("restore", str(tmp_path / "backup"), str(tmp_path / "new"), check=False)
    assert done.returncode == 2 and "is not a backup that was finished" in done.stderr


def test_what_is_no_data_directory_is_not_backed_up(own_server, tmp_path):
    done = own_server.command("backup", str(tmp_path / "absent"), str(tmp_path / "backup"), check=False)
    assert done.returncode == 2 and "is not the data directory of a server" in done.stderr
    assert not (tmp_path / "absent").exists() and not (tmp_path / "backup").exists()


def test_nothing_is_written_over(stored, tmp_path):
    server, _, _, _ = stored
    backup, other = tmp_path / "backup", tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("mine")
    server.command("backup", str(server.data), str(backup), "--with-key")
    for arguments in [
        ("backup", str(server.data), str(other)),
        ("backup", str(server.data), str(backup)),
        ("restore", str(backup), str(other)),
        ("restore", str(backup), str(server.data)),
    ]:
        done = server.command(*arguments, check=False)
        assert done.returncode == 2 and "is not empty" in done.stderr
    assert files(other).keys() == {"file"}
    done = server.command("backup", str(server.data), str(server.data / "sub"), check=False)
    assert done.returncode == 2 and "lies within" in done.stderr
    assert not (server.data / "sub").exists()
    done = server.command(
        "restore", str(backup), str(tmp_path / "new"), "--with-key",
        "--key-file", str(key_file(server)), check=False,
    )
    assert done.returncode == 2 and "is there already" in done.stderr
    assert not (tmp_path / "new").exists()


def test_damaged_data_make_no_backup_and_the_object_is_named(stored, tmp_path):
    server, _, bucket, _ = stored
    backup = tmp_path / "backup"
    flip(extent_in(server.data), 100_000)
    done = server.command("backup", str(server.data), str(backup), check=False)
    assert done.returncode == 1
    assert f'bucket {bucket}, key "dir/large"' in done.stdout
    done = server.command("restore", str(backup), str(tmp_path / "new"), check=False)
    assert done.returncode == 2 and "is not a backup that was finished" in done.stderr
    assert not (tmp_path / "new").exists()


def test_damage_to_a_backup_is_told_when_it_is_restored(stored, tmp_path):
    server, _, bucket, _ = stored
    backup = tmp_path / "backup"
    server.command("backup", str(server.data), str(backup))
    flip(extent_in(backup / "data"), 100_000)
    done = server.command("restore", str(backup), str(tmp_path / "new"), check=False)
    assert done.returncode == 1
    assert f'bucket {bucket}, key "dir/large"' in done.stdout


def test_a_key_that_is_not_there_is_not_copied(stored, tmp_path):
    server, _, _, _ = stored
    backup = tmp_path / "backup"
    server.command("backup", str(server.data), str(backup))
    done = server.command("restore", str(backup), str(tmp_path / "new"), "--with-key", check=False)
    assert done.returncode == 2 and "is not there" in done.stderr
    key_file(server).unlink()
    done = server.command("backup", str(server.data), str(tmp_path / "two"), "--with-key", check=False)
    assert done.returncode == 2 and "is not there" in done.stderr
    assert not (tmp_path / "two").exists()


def test_who_goes_away_ends_the_backup_and_the_next_one_may_begin(own_server, tmp_path):
    account = own_server.create_account()
    bucket = account.bucket()
    for number in range(4):
        body = os.urandom(1024 * 1024)
        account.boto("s3").put_object(Bucket=bucket, Key=f"{number}", Body=body)
    token = (own_server.data / "admin-token").read_text().strip()

    def ask(target, **order):
        return urllib.request.urlopen(
            urllib.request.Request(
                f"{own_server.admin_endpoint}/v1/backup",
                json.dumps({"target": str(target), **order}).encode(),
                {"authorization": f"Bearer {token}"},
            )
        )

    answer = ask(tmp_path / "one", mib_per_second=1)
    assert "bytes_read" in json.loads(answer.readline())["progress"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(tmp_path / "two")
    assert refused.value.code == 409
    assert "under way" in json.loads(refused.value.read())["message"]
    answer.close()
    for _ in range(200):
        done = own_server.command("backup", str(own_server.data), str(tmp_path / "two"), check=False)
        if done.returncode == 0:
            break
        assert "under way" in done.stderr
        threading.Event().wait(0.05)
    assert done.returncode == 0 and "Backed up" in done.stdout
    assert (tmp_path / "two" / "BACKUP").exists() and not (tmp_path / "one" / "BACKUP").exists()
