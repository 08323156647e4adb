"""`strongroom why`, `can`, `who-can` and sts:DecodeAuthorizationMessage against what real clients did."""

import json

import botocore.exceptions
import pytest

from harness import Credentials
from harness.errors import refused

SECRET = "a-secret-of-the-customer"


def policy(action="*", resource="*", effect="Allow", **more) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}],
    }


def trust(principal, **more) -> dict:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def why(server, *arguments) -> dict:
    return json.loads(server.command("why", *arguments, "--json").stdout)


def refusal(call, **arguments) -> str:
    """Makes a call that is refused, and answers its request id."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["RequestId"]


def test_a_refusal_is_explained_by_its_request_id_also_after_a_crash(own_server):
    partner = own_server.create_account(name="partner")
    customer = own_server.create_account(name="customer")
    bucket = customer.bucket()
    request = refusal(partner.boto("s3").put_object, Bucket=bucket, Key="q3.csv", Body=b"x")
    before = why(own_server, request)
    assert before["cause"] == (
        f"The caller's own policies allow it, but the bucket belongs to account {customer.id} "
        f"(customer), and nothing there lets the caller in. There is no bucket policy of {bucket}."
    )
    assert before["who"]["arn"] == partner.admin.arn
    assert before["who"]["access_key_id"] == partner.admin.access_key_id
    assert before["told"] == {"status": 403, "code": "AccessDenied", "message": "Access Denied"}
    assert [(side["account"], side["says"]) for side in before["sides"]] == [
        (partner.id, "Allows"),
        (customer.id, "DoesNotAllow"),
    ]
    # The policies of the moment of the refusal are explained, not those of now.
    statement = before["changes"][0]["steps"][0]["json"]
    document = {"Version": "2012-10-17", "Statement": [statement]}
    customer.boto("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    partner.boto("s3").put_object(Bucket=bucket, Key="q3.csv", Body=b"x")
    own_server.kill()
    own_server.restart()
    assert why(own_server, request) == before


def test_the_last_refusal_and_the_list_of_refusals(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    nobody = account.user("nobody")
    first = refusal(account.boto("s3", nobody.credentials).list_objects_v2, Bucket=bucket)
    second = refusal(account.boto("iam", nobody.credentials).get_user, UserName="nobody")
    assert why(own_server, "--last")["asked"]["request_id"] == second
    listed = why(own_server, "--list", "2")
    assert [one["request_id"] for one in listed] == [second, first]
    assert listed[1]["on"] == f"arn:aws:s3:::{bucket}"
    text = own_server.command("why", "--last").stdout
    assert text.startswith("Not allowed: iam:GetUser\n")
    assert "\x1b" not in text
    assert "\x1b[" in own_server.command("why", "--last", "--colour", "always").stdout


def test_each_account_reads_its_own_side(server, account, other_account, third_account):
    condition = {"StringEquals": {"sts:ExternalId": SECRET}}
    role = account.role("deliver", trust({"AWS": other_account.id}, Sid="Partner", Condition=condition))
    request = refusal(
        other_account.boto("sts").assume_role,
        RoleArn=role,
        RoleSessionName="x1",
        ExternalId="a-guess",
    )
    whole = json.dumps(why(server, request))
    assert SECRET in whole and "a-guess" in whole
    callers = json.dumps(why(server, request, "--for-account", other_account.id))
    assert SECRET not in callers and "Partner" not in callers
    owners = json.dumps(why(server, request, "--for-account", account.id))
    assert SECRET in owners and "a-guess" not in owners
    done = server.command("why", request, "--for-account", third_account.id, check=False)
    assert done.returncode == 1 and "has no request" in done.stderr

    def decode(reader):
        answer = reader.boto("sts").decode_authorization_message(EncodedMessage=request)
        return json.loads(answer["DecodedMessage"])

    message = decode(other_account)
    assert (message["allowed"], message["explicitDeny"]) == (False, False)
    assert message["context"]["principal"]["arn"] == other_account.admin.arn
    assert message["context"]["action"] == "sts:AssumeRole"
    assert message["context"]["resource"] == role
    assert SECRET not in json.dumps(message)
    assert message["explanation"]["cause"] == (
        "Your side (the caller's account) allows it; the account that owns the resource refuses: "
        "the role trust policy does not allow it."
    )
    message = decode(account)
    assert "a-guess" not in json.dumps(message)
    assert message["explanation"]["sides"][1]["layers"][0]["nearest"]["name"] == "statement Partner"
    with refused("InvalidAuthorizationMessageException", "Message is not valid", 400):
        decode(third_account)


def test_decoding_needs_its_permission(account):
    nobody = account.user("nobody")
    request = refusal(account.boto("iam", nobody.credentials).list_users)
    with refused("AccessDenied", status=403):
        account.boto("sts", nobody.credentials).decode_authorization_message(EncodedMessage=request)


def test_can_tells_beforehand_what_will_happen(server, account, other_account):
    bucket = account.bucket()
    object = f"arn:aws:s3:::{bucket}/in/q3.csv"
    condition = {"StringEquals": {"sts:ExternalId": SECRET}}
    role = account.role(
        "deliver",
        trust({"AWS": other_account.id}, Condition=condition),
        policy("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"),
    )
    user = other_account.admin.arn

    def can(*arguments, action="s3:PutObject", on=object):
        done = server.command(
            "can", "--as", user, "--do", action, "--on", on, *arguments, "--json", check=False
        )
        return done.returncode, json.loads(done.stdout)

    code, answer = can()
    assert (code, answer["allowed"], len(answer["steps"])) == (1, False, 1)
    code, answer = can("--through", role)
    assert (code, answer["allowed"], len(answer["steps"])) == (1, False, 1)
    assert "demands an external id" in answer["steps"][0]["cause"]
    through = ("--through", role, "--with", f"sts:ExternalId={SECRET}")
    code, answer = can(*through)
    assert (code, answer["allowed"], len(answer["steps"])) == (0, True, 2)
    code, answer = can(*through, on=f"arn:aws:s3:::{bucket}/out/q3.csv")
    assert (code, answer["allowed"]) == (1, False)
    code, answer = can(*through, action="s3:GetObject")
    assert (code, answer["allowed"]) == (1, False)
    # And so it is.
    sts = other_account.boto("sts").assume_role(
        RoleArn=role, RoleSessionName="x1", ExternalId=SECRET
    )
    session = Credentials.of_session(sts["Credentials"])
    account.boto("s3", session).put_object(Bucket=bucket, Key="in/q3.csv", Body=b"x")
    with refused("AccessDenied", status=403):
        account.boto("s3", session).put_object(Bucket=bucket, Key="out/q3.csv", Body=b"x")


def test_can_takes_session_policies_keys_and_conditions(server, account, tmp_path):
    bucket = account.bucket()
    object = f"arn:aws:s3:::{bucket}/k"
    role = account.role("r", trust({"AWS": account.id}), policy("s3:*"))
    narrow = tmp_path / "session.json"
    narrow.write_text(json.dumps(policy("s3:ListBucket")))

    def can(who, *arguments):
        done = server.command(
            "can", "--as", who, "--do", "s3:GetObject", "--on", object, *arguments, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert can(role)[0] == 0
    code, text = can(role, "--session-policy", str(narrow))
    assert code == 1 and "session policy that was passed" in " ".join(text.split())
    key = f"arn:aws:kms:us-east-1:{account.id}:key/1"
    key_policy = tmp_path / "key.json"
    key_policy.write_text(
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"},
                        "Action": "kms:*",
                        "Resource": "*",
                    }
                ],
            }
        )
    )
    code, text = can(role, "--key", key, "--key-policy", str(key_policy))
    assert code == 1 and "Not allowed: kms:Decrypt" in text
    assert can(account.admin.arn, "--key", key, "--key-policy", str(key_policy))[0] == 0
    guarded = account.user(
        "guarded", policy("s3:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    )
    assert can(guarded.arn)[0] == 1
    assert can(guarded.arn, "--with", "aws:SourceIp=10.1.2.3")[0] == 0
    assert can("anonymous")[0] == 1
    assert can(account.id)[0] == 0
    for wrong in ["nobody", f"arn:aws:iam::{account.id}:user/nobody"]:
        code, text = can(wrong)
        assert code == 2 and wrong in text


def test_who_can_lists_principals_of_every_account(server, account, other_account):
    bucket = account.bucket()
    object = f"arn:aws:s3:::{bucket}/k"
    reader = other_account.user("reader", policy("s3:GetObject"))
    other_account.user("other", policy("s3:PutObject"))

    def who_can(action="s3:GetObject", on=object):
        found = json.loads(server.command("who-can", action, on, "--json").stdout)
        return {one["principal"]: one["through"] for one in found}

    # Administrators are made when they are first asked for.
    admin, other_admin = account.admin.arn, other_account.admin.arn
    assert set(who_can()) == {f"arn:aws:iam::{account.id}:root", admin}
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Partner",
                "Effect": "Allow",
                "Principal": {"AWS": other_account.id},
                "Action": "s3:GetObject",
                "Resource": object,
            }
        ],
    }
    account.boto("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    found = who_can()
    assert set(found) == {
        f"arn:aws:iam::{account.id}:root",
        admin,
        f"arn:aws:iam::{other_account.id}:root",
        other_admin,
        reader.arn,
    }
    assert found[reader.arn] == [
        "inline policy inline, statement 1, line 1",
        f"bucket policy of {bucket}, statement Partner, line 1",
    ]
    account.boto("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    other_account.boto("s3", reader.credentials).get_object(Bucket=bucket, Key="k")


def told_in_both_worlds(server, reader, requests: dict[str, str]) -> None:
    """Explanation and decoded message of several requests are alike, but for what tells them apart."""
    alike = set()
    for name, request in requests.items():
        answer = reader.boto("sts").decode_authorization_message(EncodedMessage=request)
        decoded = json.loads(answer["DecodedMessage"])
        seen = why(server, request, "--for-account", reader.id)
        for explanation in (decoded["explanation"], seen):
            del explanation["asked"]["time"], explanation["asked"]["request_id"]
        items = decoded["context"]["conditions"]["items"]
        times = ("aws:currenttime", "aws:epochtime")
        decoded["context"]["conditions"]["items"] = [one for one in items if one["key"] not in times]
        alike.add(json.dumps([decoded, seen]).replace(name, "NAME"))
    assert len(alike) == 1, "\n".join(sorted(alike))


def test_another_account_is_not_told_which_roles_there_are(server, account, other_account):
    condition = {"StringEquals": {"sts:ExternalId": SECRET}}
    with_id = account.role("withid", trust({"AWS": other_account.id}, Condition=condition))
    trusts_own = account.role("trustsown", trust({"AWS": account.id}))
    missing = f"arn:aws:iam::{account.id}:role/nowhere"
    told_in_both_worlds(server, other_account, {
        role.rpartition("/")[2]: refusal(other_account.boto("sts").assume_role, RoleArn=role, RoleSessionName="x1")
        for role in (with_id, trusts_own, missing)
    })


def test_another_account_is_not_told_which_keys_there_are(server, account, other_account, third_account):
    bucket = account.bucket()
    s3 = account.boto("s3")
    s3.delete_public_access_block(Bucket=bucket)
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    arn = f"arn:aws:s3:::{bucket}/*"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": other_account.id}, "Action": "s3:GetObject", "Resource": arn},
        {"Effect": "Allow", "Principal": {"AWS": third_account.id}, "Action": "s3:PutObject*", "Resource": arn},
    ]}))
    third_account.boto("s3").put_object(Bucket=bucket, Key="of-third", Body=b"x", Tagging="kind=secret")
    told_in_both_worlds(server, other_account, {
        key: refusal(other_account.boto("s3").get_object, Bucket=bucket, Key=key)
        for key in ("of-third", "of-nobody")
    })
