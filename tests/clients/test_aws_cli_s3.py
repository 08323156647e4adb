"""`aws s3 …` as people use it: trees of files, big files, links to hand on."""

import hashlib
import os
import pathlib
import re
import subprocess
import time

import pytest


@pytest.fixture
def tree(tmp_path):
    """A folder of files with names that go wrong when somebody encodes them once too often."""
    files = {
        "readme.txt": b"first\n",
        "empty": b"",
        "deep/er/still/leaf.bin": os.urandom(10_000),
        "with blank/a b.txt": b"blank",
        "plus+and&amp.txt": b"plus",
        "percent%20.txt": b"percent",
        "h\u00fctte/gr\u00fc\u00dfe \u2713.txt": "h\u00fctte".encode(),
        "logs/2026-01-01.log": b"one",
        "logs/2026-01-02.log": b"two",
    }
    root = tmp_path / "tree"
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        # S3 keeps whole seconds, so a file of this very second looks newer than its upload to `sync`.
        os.utime(path, (time.time() - 60, time.time() - 60))
    return root, files


def names_below(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_tree_goes_up_with_sync_and_comes_back_the_same(account, run_aws, tree, tmp_path):
    root, files = tree
    bucket = account.bucket()
    admin = account.admin
    up = run_aws("s3", "sync", str(root), f"s3://{bucket}/copy/", "--no-progress", credentials=admin)
    assert len(up.stdout.splitlines()) == len(files)
    assert all(line.startswith("upload: ") for line in up.stdout.splitlines())
    down = tmp_path / "down"
    run_aws("s3", "sync", f"s3://{bucket}/copy/", str(down), "--no-progress", credentials=admin)
    assert names_below(down) == files


def test_a_second_sync_has_nothing_to_do_and_delete_removes_what_is_gone(
    account, run_aws, tree
):
    root, _ = tree
    bucket = account.bucket()
    admin = account.admin
    target = f"s3://{bucket}/"
    run_aws("s3", "sync", str(root), target, "--no-progress", credentials=admin)
    assert run_aws("s3", "sync", str(root), target, "--no-progress", credentials=admin).stdout == ""
    (root / "readme.txt").unlink()
    again = run_aws(
        "s3", "sync", str(root), target, "--delete", "--no-progress", credentials=admin
    )
    assert again.stdout.strip() == f"delete: s3://{bucket}/readme.txt"


def test_ls_shows_prefixes_sizes_and_a_summary(account, run_aws, tree):
    root, files = tree
    bucket = account.bucket()
    admin = account.admin
    run_aws("s3", "cp", str(root), f"s3://{bucket}/", "--recursive", "--quiet", credentials=admin)
    top = run_aws("s3", "ls", f"s3://{bucket}/", credentials=admin).stdout
    assert "                           PRE deep/\n" in top
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d          6 readme\.txt$", top, re.M)
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d          0 empty$", top, re.M)
    whole = run_aws("s3", "ls", f"s3://{bucket}/", "--recursive", "--summarize", credentials=admin)
    assert f"Total Objects: {len(files)}" in whole.stdout
    assert f"Total Size: {sum(map(len, files.values()))}" in whole.stdout
    buckets = run_aws("s3", "ls", credentials=admin).stdout
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {bucket}\n", buckets)


def test_ls_of_what_is_not_there_ends_with_one(account, run_aws):
    bucket = account.bucket()
    nothing = run_aws("s3", "ls", f"s3://{bucket}/none/", credentials=account.admin, check=False)
    assert (nothing.code, nothing.stdout, nothing.stderr) == (1, "", "")


def test_cp_moves_text_through_pipes(account, run_aws, tmp_path):
    bucket = account.bucket()
    admin = account.admin
    source = tmp_path / "note.txt"
    source.write_text("through a pipe\n")
    run_aws("s3", "cp", str(source), f"s3://{bucket}/note.txt", credentials=admin)
    shown = run_aws("s3", "cp", f"s3://{bucket}/note.txt", "-", credentials=admin)
    assert shown.stdout == "through a pipe\n"
    head = account.boto("s3").head_object(Bucket=bucket, Key="note.txt")
    assert head["ContentType"] == "text/plain"


def test_cp_between_buckets_copies_on_the_server(account, run_aws):
    one, two = account.bucket(), account.bucket()
    s3 = account.boto("s3")
    s3.put_object(Bucket=one, Key="a/b c.txt", Body=b"body", Metadata={"colour": "green"})
    copied = run_aws(
        "s3", "cp", f"s3://{one}/a/b c.txt", f"s3://{two}/d", "--no-progress",
        credentials=account.admin,
    )
    assert copied.stdout.strip() == f"copy: s3://{one}/a/b c.txt to s3://{two}/d"
    got = s3.get_object(Bucket=two, Key="d")
    assert (got["Body"].read(), got["Metadata"]) == (b"body", {"colour": "green"})


def test_mv_leaves_nothing_behind(account, run_aws):
    bucket = account.bucket()
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="old", Body=b"body")
    moved = run_aws(
        "s3", "mv", f"s3://{bucket}/old", f"s3://{bucket}/new", "--no-progress",
        credentials=account.admin,
    )
    assert moved.stdout.strip() == f"move: s3://{bucket}/old to s3://{bucket}/new"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new"]


def test_rm_recursive_honours_its_filters(account, run_aws, tree):
    root, files = tree
    bucket = account.bucket()
    admin = account.admin
    run_aws("s3", "cp", str(root), f"s3://{bucket}/", "--recursive", "--quiet", credentials=admin)
    run_aws(
        "s3", "rm", f"s3://{bucket}/", "--recursive", "--exclude", "*", "--include", "logs/*",
        credentials=admin,
    )
    left = {entry["Key"] for entry in account.boto("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert left == {name for name in files if not name.startswith("logs/")}


def test_rb_refuses_a_full_bucket_and_force_empties_it(account, run_aws):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"")
    refused = run_aws("s3", "rb", f"s3://{bucket}", credentials=account.admin, check=False)
    assert refused.error == (
        f"remove_bucket failed: s3://{bucket} An error occurred (BucketNotEmpty) when calling the "
        "DeleteBucket operation: The bucket you tried to delete is not empty"
    )
    run_aws("s3", "rb", f"s3://{bucket}", "--force", credentials=account.admin)
    assert account.boto("s3").list_buckets()["Buckets"] == []


def test_a_file_of_100_mib_goes_up_in_parts_and_comes_back_the_same(account, run_aws, tmp_path):
    bucket = account.bucket()
    admin = account.admin
    size = 100 * 1024 * 1024
    source, back = tmp_path / "big", tmp_path / "back"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(100):
            block = os.urandom(1024 * 1024)
            digest.update(block)
            file.write(block)
    run_aws("s3", "cp", str(source), f"s3://{bucket}/big", "--no-progress", credentials=admin)
    head = account.boto("s3").head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == size
    # The AWS CLI sends parts of 8 MiB; the ETag of such an object ends with their number.
    assert re.fullmatch(r'"[0-9a-f]{32}-13"', head["ETag"])
    run_aws("s3", "cp", f"s3://{bucket}/big", str(back), "--no-progress", credentials=admin)
    with back.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()


def test_a_presigned_link_works_for_who_has_no_keys_until_it_expires(account, run_aws, server):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="for you.txt", Body=b"hello", ContentType="text/plain")
    link = run_aws(
        "s3", "presign", f"s3://{bucket}/for you.txt", "--expires-in", "2", credentials=account.admin
    ).stdout.strip()
    curl = ["curl", "--silent", "--show-error", "--include", "--max-time", "20"]
    shown = subprocess.run([*curl, link], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("HTTP/1.1 200") and shown.endswith("\n\nhello")
    tampered = link.replace("for%20you.txt", "for%20me.txt")
    assert tampered != link
    refused = subprocess.run([*curl, tampered], capture_output=True, text=True, check=True).stdout
    assert refused.startswith("HTTP/1.1 403") and "<Code>SignatureDoesNotMatch</Code>" in refused
    subprocess.run(["sleep", "3"], check=True)
    late = subprocess.run([*curl, link], capture_output=True, text=True, check=True).stdout
    assert late.startswith("HTTP/1.1 403")
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in late


def test_a_link_of_signature_version_2_as_the_cli_makes_it_by_default_works(account, run_aws, tmp_path):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"hello")
    config = tmp_path / "home" / ".aws" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[default]\n")
    link = run_aws("s3", "presign", f"s3://{bucket}/k", credentials=account.admin).stdout.strip()
    assert "AWSAccessKeyId=" in link
    curl = ["curl", "--silent", "--include", "--max-time", "20"]
    shown = subprocess.run([*curl, link], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("HTTP/1.1 200") and shown.endswith("\n\nhello")
    tampered = link.replace(f"/{bucket}/k?", f"/{bucket}/other?")
    refused = subprocess.run([*curl, tampered], capture_output=True, text=True, check=True).stdout
    assert refused.startswith("HTTP/1.1 403") and "<Code>SignatureDoesNotMatch</Code>" in refused


def test_a_link_of_a_user_whose_right_is_taken_away_stops_working(account, run_aws):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"hello")
    reader = account.user(
        "reader",
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
            ],
        },
    )
    link = run_aws("s3", "presign", f"s3://{bucket}/k", credentials=reader.credentials).stdout.strip()
    curl = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20", link]
    assert subprocess.run(curl, capture_output=True, text=True).stdout == "200"
    account.boto("iam").delete_user_policy(UserName="reader", PolicyName="inline")
    assert subprocess.run(curl, capture_output=True, text=True).stdout == "403"


def test_a_download_that_may_not_be_is_told_as_aws_tells_it(account, other_account, run_aws, tmp_path):
    bucket = account.bucket()
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"hello")
    stranger = other_account.admin
    down = run_aws(
        "s3", "cp", f"s3://{bucket}/k", str(tmp_path / "k"), credentials=stranger, check=False
    )
    assert down.code == 1
    assert down.error == (
        "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden"
    )
    up = run_aws("s3", "cp", "/etc/hostname", f"s3://{bucket}/up", credentials=stranger, check=False)
    assert up.code == 1
    assert up.error.endswith(
        "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"
    )
    missing = run_aws(
        "s3", "cp", f"s3://{bucket}/none", str(tmp_path / "none"), credentials=account.admin, check=False
    )
    assert missing.error == (
        "fatal error: An error occurred (404) when calling the HeadObject operation: "
        'Key "none" does not exist'
    )
