"""`strongroom backup` and `strongroom restore`: the data of a stopped server, copied and verified."""

import os
import shutil

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


def test_a_running_server_is_not_backed_up(own_server, tmp_path):
    done = own_server.command("backup", str(own_server.data), str(tmp_path / "backup"), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "stop the server first" in done.stderr
    assert not (tmp_path / "backup").exists()
    told = " ".join(own_server.command("backup", "--help").stdout.split())
    assert "a running one cannot be backed up" in told


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
