"""What AWS would refuse is refused when it is written, in AWS's words, and nothing of it is stored.

Rules P-1 (places and sizes), P-3, P-8 (principals), P-13 (identity policies), P-14 (bucket policies), P-16
(trust policies) and P-17 (session policies). Which document is refused for what is tabled in the policy
crate's own tests; here each call that takes a document is held to refusing it and to storing nothing.
"""

import json
import re

import botocore.exceptions
import pytest

from harness import Credentials
from harness.errors import refused

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements, **members) -> str:
    """A document, without blanks, so that its length is what quotas count."""
    return json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)} | members, separators=(",", ":")
    )


def sized(size: int, *statements) -> str:
    """A document of exactly so many characters."""
    statements = statements or (ALLOW,)
    rest = len(document(*statements, Id=""))
    return document(*statements, Id="i" * (size - rest))


def trusted(*principals) -> dict:
    return {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}


# ----- the calls that take documents --------------------------------------------------------------


class Place:
    """Something that keeps a document: how to write it, and everything that it keeps."""

    def __init__(self, account):
        self.account = account
        self.iam = account.boto("iam")
        self.prepare()

    def prepare(self):
        pass


class Inline(Place):
    """Inline policies of a user, a group or a role."""

    kind = "User"

    def prepare(self):
        more = {}
        if self.kind == "Role":
            more = {"AssumeRolePolicyDocument": document(trusted(self.account.id))}
        self.named = {f"{self.kind}Name": "e"}
        getattr(self.iam, f"create_{self.kind.lower()}")(**self.named, **more)

    def write(self, text, name="p"):
        put = getattr(self.iam, f"put_{self.kind.lower()}_policy")
        put(**self.named, PolicyName=name, PolicyDocument=text)

    def kept(self):
        names = getattr(self.iam, f"list_{self.kind.lower()}_policies")(**self.named)["PolicyNames"]
        get = getattr(self.iam, f"get_{self.kind.lower()}_policy")
        return {name: get(**self.named, PolicyName=name)["PolicyDocument"] for name in names}


class InlineOfGroup(Inline):
    kind = "Group"


class InlineOfRole(Inline):
    kind = "Role"


class NewPolicy(Place):
    """CreatePolicy."""

    def write(self, text):
        self.iam.create_policy(PolicyName="p", PolicyDocument=text)

    def kept(self):
        return self.iam.list_policies(Scope="Local")["Policies"]


class NewVersion(Place):
    """CreatePolicyVersion."""

    def prepare(self):
        made = self.iam.create_policy(PolicyName="p", PolicyDocument=document(ALLOW))
        self.arn = made["Policy"]["Arn"]

    def write(self, text):
        self.iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=text, SetAsDefault=True)

    def kept(self):
        policy = self.iam.get_policy(PolicyArn=self.arn)["Policy"]
        return (
            self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"],
            policy["DefaultVersionId"],
            policy["UpdateDate"],
        )


class NewRole(Place):
    """CreateRole."""

    def write(self, text):
        self.iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)

    def kept(self):
        return self.iam.list_roles()["Roles"]


class Trust(Place):
    """UpdateAssumeRolePolicy."""

    def prepare(self):
        self.iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(trusted(self.account.id)))

    def write(self, text):
        self.iam.update_assume_role_policy(RoleName="r", PolicyDocument=text)

    def kept(self):
        return self.iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]


class Session(Place):
    """The session policy of AssumeRole: what is refused makes no credentials."""

    def prepare(self):
        self.iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(trusted(self.account.id)))
        self.sessions = []

    def write(self, text, **more):
        made = self.account.boto("sts").assume_role(
            RoleArn=f"arn:aws:iam::{self.account.id}:role/r", RoleSessionName="session", Policy=text, **more
        )
        self.sessions.append(made["Credentials"]["AccessKeyId"])
        return made

    def kept(self):
        return list(self.sessions)


class Bucket(Place):
    """A bucket policy."""

    def prepare(self):
        self.s3 = self.account.boto("s3")
        self.name = self.account.bucket()
        self.s3.put_bucket_policy(Bucket=self.name, Policy=document(self.statement()))

    def statement(self, **changes):
        made = {
            "Effect": "Allow",
            "Principal": {"AWS": self.account.id},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/*",
        }
        return made | changes

    def write(self, text):
        self.s3.put_bucket_policy(Bucket=self.name, Policy=text)

    def kept(self):
        return self.s3.get_bucket_policy(Bucket=self.name)["Policy"]


IDENTITY = [Inline, InlineOfGroup, InlineOfRole, NewPolicy, NewVersion, Session]
TRUST = [NewRole, Trust]


def refuses(place, code, message, status, text, **more):
    """Expects the refusal, and that everything is as it was."""
    before = place.kept()
    with refused(code, message, status):
        place.write(text, **more)
    assert place.kept() == before


# ----- malformed documents ------------------------------------------------------------------------


@pytest.mark.parametrize("place", IDENTITY)
def test_a_malformed_identity_policy_is_not_stored(account, place):
    place = place(account)
    for text, message in [
        ("no JSON", "Syntax errors in policy."),
        (document({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Colour": "green"}), "Syntax errors in policy."),
        (document({"Effect": "deny", "Action": "s3:*", "Resource": "*"}), "The policy failed legacy parsing"),
        (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (document(ALLOW | {"Action": []}), "Policy statement must contain actions."),
        (document(ALLOW | {"Resource": "bucket"}), 'Resource bucket must be in ARN format or "*".'),
        (document(ALLOW | {"Principal": "*"}), "Policy document should not specify a principal."),
        (
            document(ALLOW | {"Sid": "not a word"}),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
    ]:
        refuses(place, "MalformedPolicyDocument", message, 400, text)
    place.write(document(ALLOW))


@pytest.mark.parametrize("place", TRUST)
def test_a_malformed_trust_policy_is_not_stored(account, place):
    place = place(account)
    good = trusted(account.id)
    for text, message in [
        ("no JSON", "This policy contains invalid Json"),
        (document(good | {"Effect": "deny"}), "The policy failed legacy parsing"),
        (document(good | {"Resource": "*"}), "Has prohibited field Resource"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (
            document(good | {"Action": ["sts:AssumeRole", "s3:GetObject"]}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            document(good | {"Principal": "*"}),
            'AssumeRolepolicy contained an invalid principal: "STAR":"*".',
        ),
        (
            document(good | {"Principal": {"AWS": f"arn:aws:iam::{account.id}:user/*"}}),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{account.id}:user/*"',
        ),
        (
            document(good | {"Principal": {"Service": "coffee"}}),
            'Invalid principal in policy: "SERVICE":"coffee"',
        ),
        (
            document(good | {"Principal": {"Federated": "idp.example.com"}}),
            'Invalid principal in policy: "FEDERATED":"idp.example.com"',
        ),
        (
            document(trusted(account.id, f"arn:aws:iam::{account.id}:role/ghost")),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{account.id}:role/ghost"',
        ),
        (
            document(trusted("AIDAAAAAAAAAAAAAAAAAA")),
            'Invalid principal in policy: "AWS":"AIDAAAAAAAAAAAAAAAAAA"',
        ),
    ]:
        refuses(place, "MalformedPolicyDocument", message, 400, text)
    place.write(document(good))


def test_a_malformed_bucket_policy_is_not_stored(account, server):
    place = Bucket(account)
    get = place.statement()
    for text, message in [
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "This policy contains invalid Json"),
        (document(get | {"Effect": "allow"}), "Invalid effect: allow"),
        (document(get | {"Action": "s3:MakeCoffee"}), "Policy has invalid action"),
        (document(get | {"Resource": "arn:aws:s3:::another/*"}), "Policy has invalid resource"),
        (document(get, get | {"Action": "s3:ListBucket"}), "Action does not apply to any resource(s) in statement"),
        (
            document(get | {"Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}}),
            "Conditions do not apply to combination of actions and resources in statement",
        ),
        (document(get | {"Condition": {"StringEquals": {"s3:coffee": "x"}}}), "Policy has an invalid condition key"),
        (document(get | {"Condition": {"stringequals": {"aws:userid": "x"}}}), "Invalid Condition type : stringequals"),
        (document(get | {"Condition": {"IpAddress": {"aws:SourceIp": "x"}}}), "Invalid IP address in Conditions"),
    ]:
        refuses(place, "MalformedPolicy", message, 400, text)
    # S3 echoes the principal that it blames.
    for principal, detail in [
        ({"AWS": "arn:aws:iam::999999999999:root"}, '"AWS" : "arn:aws:iam::999999999999:root"'),
        ({"AWS": f"arn:aws:iam::{account.id}:user/ghost"}, f'"AWS" : "arn:aws:iam::{account.id}:user/ghost"'),
        ({"AWS": [account.id, f"arn:aws:iam::{account.id}:role/ghost"]}, f'"AWS" : "arn:aws:iam::{account.id}:role/ghost"'),
        ({"AWS": f"arn:aws:iam::{account.id}:*"}, f'"AWS" : "arn:aws:iam::{account.id}:*"'),
        ({"CanonicalUser": "0" * 64}, f'"CanonicalUser" : "{"0" * 64}"'),
        ({"Service": "coffee"}, '"Service" : "coffee"'),
        ({"AWS": "AIDAAAAAAAAAAAAAAAAAA"}, '"AWS" : "AIDAAAAAAAAAAAAAAAAAA"'),
    ]:
        text = document(get | {"Principal": principal})
        refuses(place, "MalformedPolicy", "Invalid principal in policy", 400, text)
        answer = server.send("PUT", f"/{place.name}?policy", account.admin, body=text.encode())
        assert answer.text_of("Detail").replace("&quot;", '"') == detail


# ----- versions (rule P-3) ------------------------------------------------------------------------


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_managed_policies_alone_must_have_the_new_version(account, version):
    old = {"Statement": [ALLOW]} | ({"Version": version} if version else {})
    for place in (NewPolicy(account), NewVersion(account)):
        refuses(
            place,
            "MalformedPolicyDocument",
            "Policy document must be version 2012-10-17 or greater.",
            400,
            json.dumps(old),
        )
    user = Inline(account)
    user.write(json.dumps(old))
    assert user.kept() == {"p": old}
    NewRole(account).write(json.dumps(old | {"Statement": [trusted(account.id)]}))
    bucket = Bucket(account)
    bucket.write(json.dumps(old | {"Statement": [bucket.statement()]}))
    # No version of the future.
    for place, code, message in [
        (user, "MalformedPolicyDocument", "Syntax errors in policy."),
        (bucket, "MalformedPolicy", "The policy must contain a valid version string"),
    ]:
        refuses(place, code, message, 400, json.dumps(old | {"Version": "2027-01-01"}))


# ----- sizes (rule P-1) ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place, size, word", [(Inline, 2048, "user"), (InlineOfGroup, 5120, "group"), (InlineOfRole, 10240, "role")]
)
def test_inline_policies_have_their_size_together(account, place, size, word):
    place = place(account)
    message = f"Maximum policy size of {size} bytes exceeded for {word} e"
    refuses(place, "LimitExceeded", message, 409, sized(size + 1))
    place.write(sized(size))
    # In its own place it does not count twice; beside it there is no room.
    place.write(sized(size))
    refuses(place, "LimitExceeded", message, 409, document(ALLOW), name="another")
    refuses(place, "LimitExceeded", message, 409, sized(size + 1))
    place.write(sized(size - 200))
    place.write(sized(200), name="another")
    refuses(place, "LimitExceeded", message, 409, sized(201), name="another")
    # White space between elements does not count.
    place.write(sized(200).replace(",", ",\r\n\t "), name="another")


@pytest.mark.parametrize("place", [NewPolicy, NewVersion])
def test_a_managed_policy_has_6144_characters(account, place):
    place = place(account)
    refuses(place, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409, sized(6145))
    place.write(sized(6144).replace(",", ", \n"))


@pytest.mark.parametrize("place", TRUST)
def test_a_trust_policy_has_2048_characters(account, place):
    place = place(account)
    message = "Cannot exceed quota for ACLSizePerRole: 2048"
    refuses(place, "LimitExceeded", message, 409, sized(2049, trusted(account.id)))
    place.write(sized(2048, trusted(account.id)).replace(",", ", \n"))


def test_a_bucket_policy_has_20480_bytes_in_its_normal_form(account):
    place = Bucket(account)
    message = "Normalized policy document exceeds the maximum allowed size of 20480 bytes"
    refuses(place, "MalformedPolicy", message, 400, sized(20481, place.statement()))
    place.write(sized(20480, place.statement()).replace(",", ", \n"))
    # Bytes count, not characters.
    wide = sized(20480, place.statement()).replace("ii", "ß")
    assert len(wide) < 20480 == len(wide.encode())
    place.write(wide)
    refuses(place, "MalformedPolicy", message, 400, wide.replace("ß", "ßß", 1))


def test_a_session_policy_has_2048_characters_and_a_packed_size(account):
    place = Session(account)
    text = sized(2048)
    assert place.write(text)["PackedPolicySize"] == 100
    message = re.compile(
        "1 validation error detected: Value '.*' at 'policy' failed to satisfy constraint: "
        "Member must have length less than or equal to 2048"
    )
    refuses(place, "ValidationError", message, 400, sized(2049))
    # Here white space counts: it is the parameter that is measured.
    refuses(place, "ValidationError", message, 400, text.replace(",", ", ", 1))
    # Managed session policies take room as well.
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    refuses(
        place,
        "PackedPolicyTooLarge",
        re.compile(r"Packed policy consumes 1\d\d% of allotted space, please use smaller policy\."),
        400,
        text,
        PolicyArns=[{"arn": arn}],
    )


def test_session_policies_by_arn_must_be_there_and_ten_at_most(account):
    place = Session(account)
    iam = account.boto("iam")
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document(ALLOW))["Policy"]["Arn"]
        for number in range(11)
    ]
    text = document(ALLOW)
    place.write(text, PolicyArns=[{"arn": arn} for arn in arns[:10]])
    refuses(
        place,
        "ValidationError",
        None,
        400,
        text,
        PolicyArns=[{"arn": arn} for arn in arns],
    )
    for arn in (f"arn:aws:iam::{account.id}:policy/ghost", "not-an-arn-but-long-enough"):
        refuses(place, "ValidationError", None, 400, text, PolicyArns=[{"arn": arn}])


@pytest.mark.parametrize(
    "kind, quota", [("User", "PoliciesPerUser"), ("Group", "PoliciesPerGroup"), ("Role", "PoliciesPerRole")]
)
def test_ten_managed_policies_are_attached_at_most(account, kind, quota):
    place = {"User": Inline, "Group": InlineOfGroup, "Role": InlineOfRole}[kind](account)
    iam, lower = place.iam, kind.lower()
    attach = getattr(iam, f"attach_{lower}_policy")
    attached = getattr(iam, f"list_attached_{lower}_policies")
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document(ALLOW))["Policy"]["Arn"]
        for number in range(11)
    ]
    for arn in arns[:10]:
        attach(**place.named, PolicyArn=arn)
    with refused("LimitExceeded", f"Cannot exceed quota for {quota}: 10", 409):
        attach(**place.named, PolicyArn=arns[10])
    # One that is there already takes no more room.
    attach(**place.named, PolicyArn=arns[0])
    assert len(attached(**place.named)["AttachedPolicies"]) == 10
    # A boundary is not attached, and there is one.
    if kind != "Group":
        put = getattr(iam, f"put_{lower}_permissions_boundary")
        put(**place.named, PermissionsBoundary=arns[10])
        put(**place.named, PermissionsBoundary=arns[9])
        assert len(attached(**place.named)["AttachedPolicies"]) == 10


@pytest.mark.parametrize("place", [*IDENTITY, *TRUST])
@pytest.mark.parametrize("character", ["\u0100", "€", "\u0001", "😀"])
def test_documents_of_iam_have_the_characters_that_aws_allows(account, place, character):
    """Tab, new line, carriage return, and U+0020 to U+00FF."""
    place = place(account)
    statement = trusted(account.id) if isinstance(place, (NewRole, Trust)) else ALLOW
    text = document(statement, Id="?").replace("?", character)
    refuses(place, "ValidationError", re.compile(".*regular expression pattern: .*", re.S), 400, text)
    place.write(document(statement, Id="ÿ"))


def test_a_bucket_policy_may_have_any_character(account):
    place = Bucket(account)
    place.write(document(place.statement(), Id="?").replace("?", "€ 😀"))
    assert json.loads(place.kept())["Id"] == "€ 😀"


# ----- principals are kept by unique id (rule P-8) ------------------------------------------------


def shown(place):
    """The principals of the first statement, as the document is shown."""
    kept = place.kept()
    principals = (json.loads(kept) if isinstance(kept, str) else kept)["Statement"][0]["Principal"]["AWS"]
    return [principals] if isinstance(principals, str) else principals


def letting(place, *arns):
    """A document of that place which lets these in."""
    if isinstance(place, Bucket):
        return document(place.statement(Principal={"AWS": list(arns)}))
    return document(trusted(*arns))


def invalid_principal(place, text):
    if isinstance(place, Bucket):
        return "MalformedPolicy", "Invalid principal in policy", 400
    return "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{text}"', 400


def may(place, credentials) -> bool:
    """Whether the document lets the caller in; the caller's own account allows everything."""
    try:
        if isinstance(place, Bucket):
            place.account.boto("s3", credentials).get_object(Bucket=place.name, Key="k")
        else:
            place.account.boto("sts", credentials).assume_role(
                RoleArn=f"arn:aws:iam::{place.account.id}:role/r", RoleSessionName="session"
            )
        return True
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        return False


ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def place_with_object(place, account):
    place = place(account)
    if isinstance(place, Bucket):
        place.s3.put_object(Bucket=place.name, Key="k", Body=b"")
    return place


def remove_user(iam, name):
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.delete_user(UserName=name)


@pytest.mark.parametrize("place", [Bucket, Trust])
def test_a_document_remembers_users_by_id(account, other_account, place):
    place = place_with_object(place, account)
    iam = other_account.boto("iam")
    ann = other_account.user("ann", ANYTHING, path="/team/")
    bob = other_account.user("bob", ANYTHING)
    place.write(letting(place, ann.arn, bob.arn))
    assert shown(place) == [ann.arn, bob.arn]
    assert may(place, ann.credentials) and may(place, bob.credentials)
    # Renamed and moved, it is still the one that was meant.
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/other/")
    moved = f"arn:aws:iam::{other_account.id}:user/other/anna"
    assert shown(place) == [moved, bob.arn]
    assert may(place, ann.credentials)
    place.write(letting(place, *shown(place)))
    # The old name is nobody's, and then somebody else's.
    before = place.kept()
    with refused(*invalid_principal(place, ann.arn)):
        place.write(letting(place, ann.arn))
    assert place.kept() == before
    namesake = other_account.user("ann", ANYTHING, path="/team/")
    assert namesake.arn == ann.arn and not may(place, namesake.credentials)
    # Deleted, it is shown by its id, and a new user of its name gets nothing.
    remove_user(iam, "anna")
    assert shown(place) == [ann.id, bob.arn]
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/other/")
    assert shown(place) == [ann.id, bob.arn]
    assert not may(place, namesake.credentials) and may(place, bob.credentials)
    # What is shown cannot be written back.
    before = place.kept()
    with refused(*invalid_principal(place, ann.id)):
        place.write(letting(place, *shown(place)))
    assert place.kept() == before
    place.write(letting(place, moved, bob.arn))
    assert may(place, namesake.credentials)


@pytest.mark.parametrize("place", [Bucket, Trust])
def test_a_document_remembers_roles_by_id(account, other_account, place):
    place = place_with_object(place, account)
    iam = other_account.boto("iam")
    entry = {"Version": "2012-10-17", "Statement": [trusted(other_account.id)]}

    def enter():
        made = other_account.boto("sts").assume_role(
            RoleArn=f"arn:aws:iam::{other_account.id}:role/worker", RoleSessionName="session"
        )
        return Credentials.of_session(made["Credentials"])

    arn = other_account.role("worker", entry, ANYTHING)
    first_id = iam.get_role(RoleName="worker")["Role"]["RoleId"]
    assert first_id.startswith("AROA")
    place.write(letting(place, arn))
    assert shown(place) == [arn] and may(place, enter())
    iam.delete_role_policy(RoleName="worker", PolicyName="inline")
    iam.delete_role(RoleName="worker")
    assert shown(place) == [first_id]
    assert other_account.role("worker", entry, ANYTHING) == arn
    assert shown(place) == [first_id]
    assert not may(place, enter())
    before = place.kept()
    with refused(*invalid_principal(place, first_id)):
        place.write(letting(place, first_id))
    assert place.kept() == before
    place.write(letting(place, arn))
    assert shown(place) == [arn] and may(place, enter())


def test_other_principals_are_shown_as_accounts_or_as_they_were_written(account, other_account):
    """Accounts come back by their root; sessions, services and conditions are not changed."""
    place = Bucket(account)
    entry = {"Version": "2012-10-17", "Statement": [trusted(other_account.id)]}
    other_account.role("worker", entry)
    session = f"arn:aws:sts::{other_account.id}:assumed-role/worker/session"
    user = other_account.user("ann")
    condition = {"ArnEquals": {"aws:PrincipalArn": user.arn}}
    place.write(
        document(
            place.statement(
                Principal={
                    "AWS": [other_account.id, session, "*"],
                    "Service": "ec2.amazonaws.com",
                    "CanonicalUser": other_account.canonical_id,
                },
                Condition=condition,
                Effect="Deny",
            )
        )
    )
    other_account.boto("iam").delete_access_key(
        UserName="ann", AccessKeyId=user.credentials.access_key_id
    )
    other_account.boto("iam").delete_user(UserName="ann")
    kept = json.loads(place.kept())["Statement"][0]
    assert kept["Principal"] == {
        "AWS": [f"arn:aws:iam::{other_account.id}:root", session, "*"],
        "Service": "ec2.amazonaws.com",
        "CanonicalUser": other_account.canonical_id,
    }
    assert kept["Condition"] == condition


def test_a_deleted_user_is_shown_by_id_in_a_denial_too(account, other_account):
    place = Bucket(account)
    ann = other_account.user("ann", ANYTHING)
    denial = place.statement(Effect="Deny", NotPrincipal={"AWS": [ann.arn, other_account.id]})
    del denial["Principal"]
    place.write(document(place.statement(), denial))
    remove_user(other_account.boto("iam"), "ann")
    denial = json.loads(place.kept())["Statement"][1]
    assert denial["NotPrincipal"]["AWS"] == [ann.id, f"arn:aws:iam::{other_account.id}:root"]


def test_every_call_that_shows_a_trust_policy_shows_who_is_gone(account):
    place = Trust(account)
    ann = account.user("ann", ANYTHING)
    place.write(document(trusted(ann.arn)))
    remove_user(place.iam, "ann")
    place.iam.create_instance_profile(InstanceProfileName="i")
    place.iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    profile = place.iam.get_instance_profile(InstanceProfileName="i")["InstanceProfile"]
    details = place.iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    for role in (
        place.iam.get_role(RoleName="r")["Role"],
        place.iam.list_roles()["Roles"][0],
        place.iam.update_role_description(RoleName="r", Description="d")["Role"],
        details[0],
        profile["Roles"][0],
    ):
        assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"] in (ann.id, [ann.id])


def test_trust_reaches_accounts_that_are_not_here(account):
    """No emulator knows all accounts: what is not hosted here cannot be checked, and stays as it is written."""
    place = Trust(account)
    for principal in (
        "999999999999",
        "arn:aws:iam::999999999999:root",
        "arn:aws:iam::999999999999:user/someone",
        f"arn:aws:sts::{account.id}:federated-user/someone",
    ):
        place.write(document(trusted(principal)))
        assert shown(place) == [principal]


@pytest.mark.parametrize("place", [Bucket, Trust])
def test_a_session_is_a_principal_only_where_its_role_is(account, place):
    place = place(account)
    ghost = f"arn:aws:sts::{account.id}:assumed-role/worker/session"
    refuses(place, *invalid_principal(place, ghost), letting(place, ghost))
    account.role("worker", {"Version": "2012-10-17", "Statement": [trusted(account.id)]})
    place.write(letting(place, ghost))
    assert shown(place) == [ghost]
