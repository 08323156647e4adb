"""Flipped bytes of the index: whoever reads what they hit gets an error, and nobody gets wrong bytes."""

import hashlib
import os
import random
import shutil
import struct

import botocore.exceptions
import pytest

from harness.server import ServerFailed

SEED = int(os.environ.get("STRONGROOM_SEED", str(random.randrange(2**32))))
ROUNDS = 10
FLIPS_PER_ROUND = 8
# The row of a key: checksum and position before the payload (DESIGN.md of engine-local).
CHECKSUM, POSITION, PAYLOAD = 0, 8, 16


@pytest.fixture
def stored(own_server):
    """A stopped server whose objects are in the index, its account, and what each object holds."""
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    objects = {}
    for number in range(60):
        key = f"object-{number:04}"
        body = os.urandom((10, 3_000, 150_000)[number % 3])
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"number": str(number)})
        objects[key] = hashlib.sha256(body).hexdigest()
    assert own_server.stop() == 0
    return own_server, account, bucket, objects


def index_of(server) -> "os.PathLike":
    return server.data / "store" / "index" / "data.mdb"


def places_of(content: bytes, key: str) -> list[int]:
    """Where the values of a key's row begin, in pages in use and in older ones."""
    encoded = bytes(byte + 1 for byte in key.encode()) + b"\0"
    places, at = [], content.find(encoded)
    while at >= 0:
        places.append(at + len(encoded))
        at = content.find(encoded, at + 1)
    return places


def is_whole_when_rebuilt(server, account, bucket, objects):
    """The log has all that the index had."""
    rebuilt = server.command("fsck", str(server.data), "--rebuild", "--scrub", check=False)
    assert rebuilt.returncode == 0, rebuilt.stdout
    server.start()
    s3 = account.boto("s3", user_agent_extra="rebuilt")
    for key, digest in objects.items():
        assert read(s3, bucket, key) == digest


def read(s3, bucket: str, key: str) -> str:
    return hashlib.sha256(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest()


@pytest.mark.parametrize("offset", [CHECKSUM, POSITION, PAYLOAD, PAYLOAD + 9, PAYLOAD + 25])
def test_a_flipped_byte_of_a_row_is_an_error_for_its_key_only(stored, offset):
    server, account, bucket, objects = stored
    index, hit = index_of(server), "object-0022"
    content = bytearray(index.read_bytes())
    places = places_of(content, hit)
    assert places
    for place in places:
        content[place + offset] ^= 0x04
    index.write_bytes(content)
    server.start()
    s3 = account.boto("s3", user_agent_extra="again")
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        read(s3, bucket, hit)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert refusal.value.response["Error"]["Code"] == "InternalError"
    for key in set(objects) - {hit}:
        assert read(s3, bucket, key) == objects[key]
    assert server.stop() == 0
    assert server.command("fsck", str(server.data), check=False).returncode == 1
    is_whole_when_rebuilt(server, account, bucket, objects)


def test_bytes_flipped_anywhere_in_the_index_never_give_wrong_bytes(stored):
    server, account, bucket, objects = stored
    print(f"STRONGROOM_SEED={SEED}")
    drawn = random.Random(SEED)
    index = index_of(server)
    sound = server.directory / "sound"
    shutil.copytree(server.data, sound)
    refused = ended = 0
    for round in range(ROUNDS):
        shutil.rmtree(server.data)
        shutil.copytree(sound, server.data)
        content = bytearray(index.read_bytes())
        # Most of the file is not in use; pages without anything in them are left out.
        pages = [at for at in range(0, len(content), 4096) if any(content[at : at + 4096])]
        for _ in range(FLIPS_PER_ROUND):
            content[drawn.choice(pages) + drawn.randrange(4096)] ^= 1 << drawn.randrange(8)
        index.write_bytes(content)
        try:
            server.start()
        except ServerFailed:
            # It says so instead of serving.
            ended += 1
            server.kill()
            continue
        s3 = account.boto("s3", user_agent_extra=f"round/{round}")
        for key, digest in objects.items():
            try:
                got = s3.get_object(Bucket=bucket, Key=key)
                number = got["Metadata"]["number"]
                body = hashlib.sha256(got["Body"].read()).hexdigest()
            except (botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError):
                refused += 1
                if server.process.poll() is not None:
                    break
                continue
            except botocore.exceptions.EndpointConnectionError:
                break
            assert (number, body) == (str(int(key[-4:])), digest), key
        ended += server.process.poll() is not None
        server.kill()
    print(f"{refused} reads were refused, the server did not start or ended {ended} times, in {ROUNDS} rounds")


def cut_branches(index, of_table) -> int:
    """Takes the last child from each inner page of LMDB whose keys `of_table` knows; answers how many there were.

    A page: number (8), pad (2), flags (2; 1: inner), end of the list of nodes (2), ...; a node: child's
    number (6), length of the key (2), key.
    """
    content = bytearray(index.read_bytes())
    cut = 0
    for page in range(0, len(content), 4096):
        number, _, flags, lower = struct.unpack_from("<QHHH", content, page)
        if flags != 1 or number * 4096 != page or not 20 <= lower <= 2000:
            continue
        # The first key of an inner page is empty.
        (second,) = struct.unpack_from("<H", content, page + 18)
        (length,) = struct.unpack_from("<H", content, page + second + 6)
        if of_table(bytes(content[page + second + 8 : page + second + 8 + length])):
            struct.pack_into("<H", content, page + 12, lower - 2)
            cut += 1
    index.write_bytes(content)
    return cut


def test_an_index_that_hides_the_files_of_bodies_removes_none(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    objects = {}
    for number in range(260):
        body = os.urandom(140_000)
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=body)
        objects[f"k{number}"] = hashlib.sha256(body).hexdigest()
    assert own_server.stop() == 0
    extents = own_server.data / "store" / "extents"
    files = {path for path in extents.rglob("*") if path.is_file()}
    assert len(files) == len(objects)
    # Keys of `extents` are numbers of eight bytes.
    assert cut_branches(index_of(own_server), lambda key: len(key) == 8) > 0
    refused_to_start(own_server, "table `extents` of the index is damaged")
    assert {path for path in extents.rglob("*") if path.is_file()} == files
    is_whole_when_rebuilt(own_server, account, bucket, objects)


def test_an_index_that_hides_policies_is_not_served(own_server):
    account = own_server.create_account()
    for number in range(150):
        account.user(f"user{number}", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::bucket{number}"}]})
    assert own_server.stop() == 0
    # Those of `control` are text.
    assert cut_branches(index_of(own_server), lambda key: len(key) > 8 and key.isascii()) > 0
    refused_to_start(own_server, "table `control` of the index is damaged")
    assert own_server.command("fsck", str(own_server.data), "--rebuild", check=False).returncode == 0
    own_server.start()
    iam = account.boto("iam", user_agent_extra="rebuilt")
    users = [user for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    assert len(users) == 151


def test_fsck_tells_that_objects_are_hidden(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    s3 = account.boto("s3")
    for number in range(150):
        s3.put_object(Bucket=bucket, Key=f"a-key-of-some-length-{number:04}", Body=b"x")
    assert own_server.stop() == 0
    # A bucket's id comes before the key.
    assert cut_branches(index_of(own_server), lambda key: len(key) > 24 and not key.isascii()) > 0
    done = own_server.command("fsck", str(own_server.data), check=False)
    assert done.returncode == 1 and "table `current` of the index is damaged" in done.stdout


def refused_to_start(server, says: str):
    with pytest.raises(ServerFailed) as failed:
        server.start()
    assert says in str(failed.value) and "strongroom fsck --rebuild" in str(failed.value)
