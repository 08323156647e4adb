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


def test_can_says_what_is_no_question(server, account):
    bucket = account.bucket()
    admin = account.admin.arn
    on_bucket, on_object = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/k"
    for action, on, why in [
        ("s3:HeadBucket", on_bucket, "the name of an operation, which needs s3:ListBucket"),
        ("s3:listobjectsv2", on_bucket, "the name of an operation, which needs s3:ListBucket"),
        ("GetObject", on_object, "the service stands before the name"),
        ("s3:Get*", on_object, "`s3:Get*` is no action"),
        ("s3:GetObject", on_bucket, f"is asked on objects: give {on_bucket}/KEY"),
        ("s3:ListBucket", on_object, f"is asked on the bucket: give {on_bucket} without a key"),
    ]:
        question = ["can", "--as", admin, "--do", action, "--on", on]
        done = server.command(*question, check=False)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout
        assert why in done.stderr
        assert server.command("who-can", action, on, check=False).stderr == done.stderr
    # Case does not matter in names of actions.
    assert server.command("can", "--as", admin, "--do", "S3:getobject", "--on", on_object).stdout


def test_can_knows_what_operations_answer_besides_policies(server, account, other_account):
    bucket = account.bucket()
    grant = policy("s3:GetBucketPolicy", f"arn:aws:s3:::{bucket}", Principal={"AWS": other_account.id})
    account.boto("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(grant))
    nobody = other_account.user("nobody")

    def can(who, action, on="*"):
        return server.command("can", "--as", who, "--do", action, "--on", on, check=False)

    done = can(other_account.admin.arn, "s3:GetBucketPolicy", f"arn:aws:s3:::{bucket}")
    assert done.returncode == 1
    assert "is for the account that owns the bucket alone" in " ".join(done.stdout.split())
    with refused("MethodNotAllowed", status=405):
        other_account.boto("s3").get_bucket_policy(Bucket=bucket)
    found = server.command("who-can", "s3:GetBucketPolicy", f"arn:aws:s3:::{bucket}", "--json").stdout
    assert {one["account_name"] for one in json.loads(found)} == {account.name}
    sts = other_account.boto("sts", nobody.credentials)
    assert can(nobody.arn, "sts:GetCallerIdentity").returncode == 0
    assert sts.get_caller_identity()["Arn"] == nobody.arn
    assert can(nobody.arn, "sts:GetSessionToken").returncode == 0
    assert sts.get_session_token()["Credentials"]
    guest = f"arn:aws:sts::{other_account.id}:federated-user/guest"
    assert can(nobody.arn, "sts:GetFederationToken", guest).returncode == 1
    with refused("AccessDenied", status=403):
        sts.get_federation_token(Name="guest")
    assert can(other_account.admin.arn, "sts:GetFederationToken", guest).returncode == 0


def test_who_roles_are_is_not_told_to_other_accounts(server, account, other_account):
    """A role that is not there reads as one that trusts nobody."""
    account.role("kept", trust({"Service": "ec2.amazonaws.com"}))
    for caller in [other_account.admin_user, other_account.user("silent")]:
        seen = []
        for name in ["kept", "gone"]:
            sts = other_account.boto("sts", caller.credentials)
            role = f"arn:aws:iam::{account.id}:role/{name}"
            request = refusal(sts.assume_role, RoleArn=role, RoleSessionName="x1")
            view = why(server, request, "--for-account", other_account.id)
            del view["asked"]["time"], view["asked"]["request_id"]
            seen.append(json.loads(json.dumps(view).replace(name, "ROLE")))
        assert seen[0] == seen[1]
    whole = why(server, request)
    assert whole["cause"].startswith(f"There is no role {role}. ")
    assert [side["says"] for side in whole["sides"]] == ["DoesNotAllow", "DoesNotAllow"]
    # Names differ in case and path as often as in letters.
    request = refusal(
        sts.assume_role, RoleArn=f"arn:aws:iam::{account.id}:role/p/Kept", RoleSessionName="x1"
    )
    assert f"the role of that name is arn:aws:iam::{account.id}:role/kept" in why(server, request)["cause"]


def test_mistakes_of_readers_have_causes_in_plain_words(server, account, other_account):
    bucket = account.bucket()
    user = other_account.user("u", policy(["sts:*", "s3:HeadBucket"]))
    role = account.role("r", trust({"AWS": user.arn}), policy("s3:GetObject"))
    sts = other_account.boto("sts", user.credentials)
    request = refusal(
        sts.assume_role, RoleArn=role, RoleSessionName="x1", Tags=[{"Key": "a", "Value": "b"}]
    )
    [step] = why(server, request)["changes"][0]["steps"]
    assert step["json"]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    session = Credentials.of_session(
        sts.assume_role(RoleArn=role, RoleSessionName="x1")["Credentials"]
    )
    s3 = account.boto("s3", session)
    request = refusal(s3.get_object, Bucket=bucket, Key="k", VersionId="null")
    assert why(server, request)["cause"].startswith(
        "The request names a version (versionId), and that needs s3:GetObjectVersion in the place of "
        "s3:GetObject. "
    )
    request = refusal(
        other_account.boto("s3", user.credentials).head_bucket, Bucket=other_account.bucket()
    )
    assert why(server, request)["cause"].endswith(
        "names s3:HeadBucket, which is the name of an operation and no action: what it needs is "
        "s3:ListBucket."
    )
    bare = Credentials(session.access_key_id, session.secret_access_key)
    request = refusal(account.boto("s3", bare).list_buckets)
    assert why(server, request)["cause"].startswith(
        f"{bare.access_key_id} is a temporary key, and it works only with the session token"
    )
    source = {"Bucket": bucket, "Key": "no-source"}
    request = refusal(account.boto("s3").copy_object, Bucket=bucket, Key="copy", CopySource=source)
    assert f"arn:aws:s3:::{bucket}/no-source is not there" in why(server, request)["cause"]
    own = other_account.bucket()
    federating = other_account.user("f", policy())
    guest = Credentials.of_session(
        other_account.boto("sts", federating.credentials).get_federation_token(Name="guest")["Credentials"]
    )
    request = refusal(other_account.boto("s3", guest).list_objects_v2, Bucket=own)
    assert why(server, request)["cause"].startswith(
        "The federated session was made without session policies"
    )
    request = refusal(other_account.boto("sts", guest).assume_role, RoleArn=role, RoleSessionName="x1")
    assert "credentials of GetFederationToken" in why(server, request)["cause"]
    put = account.boto("s3").put_bucket_policy
    for principal, reason in [
        ({"AWS": other_account.canonical_id}, "it is a canonical user id"),
        ({"CanonicalUser": other_account.id}, 'it is an account id, which stands under "AWS"'),
        ({"CanonicalUser": "0" * 64}, "no account here has it"),
        ({"AWS": "1111-2222-3333"}, "an account id is written without dashes: 111122223333"),
        ({"AWS": "000000000001"}, "there is no such account here"),
    ]:
        document = policy("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
        request = refusal(put, Bucket=bucket, Policy=json.dumps(document))
        assert reason in why(server, request)["cause"]


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


def test_a_request_that_cannot_be_read_was_sent_by_who_signed_it(account):
    s3 = account.boto("s3")
    s3.meta.events.register(
        "before-call.s3.PutBucketVersioning", lambda params, **_: params.update(body=b"<nonsense")
    )
    request = refusal(
        s3.put_bucket_versioning, Bucket=account.bucket(), VersioningConfiguration={"Status": "Enabled"}
    )
    iam = account.boto("iam")
    iam.meta.events.register(
        "before-call.iam.GetUser", lambda params, **_: params["body"].update(UserName="?")
    )
    unreadable = refusal(iam.get_user, UserName="ann")
    for code, failed in [("MalformedXML", request), ("ValidationError", unreadable)]:
        told = account.server.command("why", failed).stdout
        assert code in told
        assert f"Caller   {account.admin.arn}" in told, told
