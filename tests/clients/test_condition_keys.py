"""Condition keys of who calls, from where and when (rule S-5), and those of IAM and STS.

As in `test_condition_keys_s3`, each case is one claim about one key, tried by `harness.judgement`.
"""

import dataclasses
import json
import time
import urllib.parse

import botocore.exceptions
import pytest

from harness import Credentials
from harness.judgement import ABSENT, Subject, Text, check, everything_but
from harness.server import Answer


def trust(*principals: str, **more) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": list(principals)},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                **more,
            }
        ],
    }


EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class Callers:
    """Every kind of caller, all of one account, and a bucket of another account that they read."""

    def __init__(self, server):
        self.server = server
        self.owner = server.create_account()
        self.bucket = self.owner.bucket()
        self.owner.boto("s3").delete_public_access_block(Bucket=self.bucket)
        self.owner.boto("s3").put_object(Bucket=self.bucket, Key="k", Body=b"hello")

        self.account = account = server.create_account()
        iam = account.boto("iam")
        self.user = account.user("Ann", EVERYTHING, path="/people/")
        iam.tag_user(UserName="Ann", Tags=[{"Key": "Team", "Value": "red"}, {"Key": "own", "Value": "user"}])
        role = iam.create_role(
            RoleName="Reader", Path="/staff/", AssumeRolePolicyDocument=json.dumps(trust(account.id)),
            Tags=[{"Key": "Team", "Value": "blue"}, {"Key": "own", "Value": "role"}],
        )["Role"]
        self.role_arn, self.role_id = role["Arn"], role["RoleId"]
        iam.put_role_policy(RoleName="Reader", PolicyName="p", PolicyDocument=json.dumps(EVERYTHING))
        sts = account.boto("sts", self.user.credentials)
        plain = sts.assume_role(RoleArn=self.role_arn, RoleSessionName="sess")
        tagged = sts.assume_role(
            RoleArn=self.role_arn, RoleSessionName="tagged", SourceIdentity="ann@example.com",
            Tags=[{"Key": "team", "Value": "green"}],
        )
        token = sts.get_session_token()
        self.credentials = {
            "root": account.root,
            "user": self.user.credentials,
            "token": Credentials.of_session(token["Credentials"]),
            "role": Credentials.of_session(plain["Credentials"]),
            "tagged": Credentials.of_session(tagged["Credentials"]),
            "anonymous": None,
        }
        self.names = {
            "account": account.id,
            "owner": self.owner.id,
            "user_arn": self.user.arn,
            "user_id": self.user.id,
            "role_arn": self.role_arn,
            "role_id": self.role_id,
        }

    def read(self, who: str, **more) -> Answer:
        return self.server.send("GET", f"/{self.bucket}/k", self.credentials[who], **more)

    def check(self, who: str, key: str, value, **more) -> None:
        """Claims what the key is when this caller reads the object."""

        def outcome(condition):
            self.let_everyone_read(condition)
            return self.read(who, **more)

        if isinstance(value, str):
            value = value.format_map(self.names)
        check(outcome, key, value, "Access Denied")

    def let_everyone_read(self, condition: dict) -> None:
        """The bucket policy allows everyone under the condition; each caller's own account allows all."""
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.bucket}/*",
            "Condition": condition,
        }
        self.owner.boto("s3").put_bucket_policy(
            Bucket=self.bucket,
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


@pytest.fixture(scope="module")
def callers(server):
    return Callers(server)


# ----- who calls (rule E-13) ----------------------------------------------------------------------

WHO = {
    "aws:PrincipalArn": {
        "root": "arn:aws:iam::{account}:root",
        "user": "arn:aws:iam::{account}:user/people/Ann",
        "token": "{user_arn}",
        "role": "arn:aws:iam::{account}:role/staff/Reader",
        "tagged": "{role_arn}",
        "anonymous": ABSENT,
    },
    "aws:PrincipalAccount": {
        "root": "{account}",
        "user": "{account}",
        "token": "{account}",
        "role": "{account}",
        "anonymous": "anonymous",
    },
    "aws:PrincipalType": {
        "root": "Account",
        "user": "User",
        "token": "User",
        "role": "AssumedRole",
        "anonymous": "Anonymous",
    },
    "aws:userid": {
        "root": "{account}",
        "user": "{user_id}",
        "token": "{user_id}",
        "role": "{role_id}:sess",
        "tagged": "{role_id}:tagged",
        "anonymous": "anonymous",
    },
    "aws:username": {"root": ABSENT, "user": "Ann", "token": "Ann", "role": ABSENT, "anonymous": ABSENT},
    "aws:PrincipalTag/team": {
        "root": ABSENT,
        "user": "red",
        "token": "red",
        "role": "blue",
        "tagged": "green",
        "anonymous": ABSENT,
    },
    # A session's tags lie over the role's; those that they do not name stay.
    "aws:PrincipalTag/OWN": {"user": "user", "role": "role", "tagged": "role"},
    "aws:PrincipalIsAWSService": {
        "root": "false",
        "user": "false",
        "token": "false",
        "role": "false",
        "anonymous": ABSENT,
    },
    "aws:TokenIssueTime": {"root": ABSENT, "user": ABSENT, "anonymous": ABSENT},
    "aws:MultiFactorAuthPresent": {
        "root": ABSENT,
        "user": ABSENT,
        "token": "false",
        "role": "false",
        "anonymous": ABSENT,
    },
    "aws:MultiFactorAuthAge": {"user": ABSENT, "token": ABSENT, "role": ABSENT, "anonymous": ABSENT},
    "aws:SourceIdentity": {
        "root": ABSENT,
        "user": ABSENT,
        "role": ABSENT,
        "tagged": "ann@example.com",
        "anonymous": ABSENT,
    },
    "aws:ResourceAccount": {"root": "{owner}", "user": "{owner}", "role": "{owner}", "anonymous": "{owner}"},
}
# What nothing here can know: the reasons are in docs/compatibility.md.
NEVER = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:SourceVpcArn",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:FederatedProvider",
    "aws:AssumedRoot",
    "aws:Ec2InstanceSourceVpc",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "ec2:SourceInstanceARN",
    "ec2:RoleDelivery",
    "lambda:SourceFunctionArn",
    "aws:ResourceTag/team",
    "aws:RequestTag/team",
    "aws:TagKeys",
]


@pytest.mark.parametrize(
    "key, who, value",
    [(key, who, value) for key, values in WHO.items() for who, value in values.items()]
    + [(key, "tagged", ABSENT) for key in NEVER],
)
def test_who_calls_is_known_to_conditions(callers, key, who, value):
    callers.check(who, key, value)


@pytest.mark.parametrize("who", ["token", "role"])
def test_temporary_credentials_know_when_they_were_issued(callers, who):
    """AWS's way to end sessions: deny what was issued before now."""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    value = Text(
        {"DateGreaterThan": {"aws:TokenIssueTime": before}, "DateLessThan": {"aws:TokenIssueTime": soon}},
        {"DateLessThan": {"aws:TokenIssueTime": before}},
    )
    callers.check(who, "aws:TokenIssueTime", value)


def test_tags_of_a_session_stay_along_a_chain_of_roles_if_they_are_transitive(server, account):
    user = account.user("u", EVERYTHING)
    for name in ("first", "second"):
        account.role(name, trust(account.id), EVERYTHING)
    bucket = account.bucket()
    sts = account.boto("sts", user.credentials)
    first = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account.id}:role/first",
        RoleSessionName="first",
        Tags=[{"Key": "kept", "Value": "a"}, {"Key": "lost", "Value": "b"}],
        TransitiveTagKeys=["kept"],
        SourceIdentity="ann",
    )
    sts = account.boto("sts", Credentials.of_session(first["Credentials"]))
    second = Credentials.of_session(
        sts.assume_role(RoleArn=f"arn:aws:iam::{account.id}:role/second", RoleSessionName="second")["Credentials"]
    )

    def outcome(condition):
        account.boto("iam").put_role_policy(
            RoleName="second", PolicyName="inline", PolicyDocument=json.dumps(everything_but("s3:ListBucket", condition))
        )
        return server.send("GET", f"/{bucket}", second)

    check(outcome, "aws:PrincipalTag/kept", "a")
    check(outcome, "aws:PrincipalTag/lost", ABSENT)
    check(outcome, "aws:SourceIdentity", "ann")


# ----- the request --------------------------------------------------------------------------------

NOW = {
    "aws:CurrentTime": lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds)),
    "aws:EpochTime": lambda seconds: str(int(time.time() + seconds)),
}
OF_REQUEST = [
    ("aws:SourceIp", "127.0.0.1", {}),
    ("aws:SourceIp", Text(
        {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}}), {}),
    ("aws:SecureTransport", "false", {}),
    ("aws:SecureTransport", Text(
        {"Bool": {"aws:SecureTransport": "false"}}, {"Bool": {"aws:SecureTransport": "true"}}), {}),
    ("aws:ViaAWSService", "false", {}),
    ("aws:UserAgent", "Agent/7 (of a test)", {"headers": {"User-Agent": "Agent/7 (of a test)"}}),
    ("aws:UserAgent", ABSENT, {}),
    ("aws:Referer", "https://example.com/page?a=b", {"headers": {"Referer": "https://example.com/page?a=b"}}),
    ("aws:Referer", ABSENT, {}),
    ("aws:RequestedRegion", "us-east-1", {}),
]


@pytest.mark.parametrize("who", ["user", "anonymous"])
@pytest.mark.parametrize("key, value, more", OF_REQUEST)
def test_the_request_itself_is_known_to_conditions(callers, who, key, value, more):
    callers.check(who, key, value, **more)


@pytest.mark.parametrize("who", ["user", "role", "anonymous"])
@pytest.mark.parametrize("key", NOW)
def test_the_time_is_known_to_conditions(callers, who, key):
    early, late = NOW[key](-60), NOW[key](60)
    value = Text(
        {"DateGreaterThan": {key: early}, "DateLessThan": {key: late}}, {"DateGreaterThan": {key: late}}
    )
    callers.check(who, key, value)


def test_seconds_since_1970_compare_as_numbers_too(callers):
    early, late = NOW["aws:EpochTime"](-60), NOW["aws:EpochTime"](60)
    value = Text(
        {"NumericGreaterThan": {"aws:EpochTime": early}, "NumericLessThan": {"aws:EpochTime": late}},
        {"NumericGreaterThan": {"aws:EpochTime": late}},
    )
    callers.check("user", "aws:EpochTime", value)


def test_the_region_is_that_of_the_clients_endpoint(callers, monkeypatch):
    monkeypatch.setattr("harness.server.REGION", "eu-west-3")
    callers.check("user", "aws:RequestedRegion", "eu-west-3")


# ----- IAM ----------------------------------------------------------------------------------------


class Iam:
    """An account with something of every kind, and a subject that calls IAM."""

    def __init__(self, server):
        self.server = server
        self.account = account = server.create_account()
        self.subject = Subject(account)
        self.iam = iam = account.boto("iam")
        self.numbers = 0
        self.arn = f"arn:aws:iam::{account.id}:policy/edge"
        iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(EVERYTHING),
                          Tags=[{"Key": "Team", "Value": "red"}])
        tags = [{"Key": "Team", "Value": "red"}, {"Key": "GRÖSSE", "Value": "xl"}]
        iam.create_user(UserName="u", Tags=tags, PermissionsBoundary=self.arn)
        iam.create_user(UserName="bare")
        service = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        }
        iam.create_role(RoleName="r", Tags=tags, PermissionsBoundary=self.arn,
                        AssumeRolePolicyDocument=json.dumps(service))
        iam.create_group(GroupName="g")
        iam.create_instance_profile(InstanceProfileName="i", Tags=tags)

    def fresh(self) -> str:
        self.numbers += 1
        return f"n{self.numbers}"

    def send(self, call: "Call", credentials: Credentials) -> Answer:
        """One call of the Query protocol, signed in the headers."""
        names = {
            "fresh": self.fresh(),
            "edge": self.arn,
            "trust": json.dumps(trust(self.account.id)),
            "everything": json.dumps(EVERYTHING),
        }
        form = {"Action": call.action, "Version": "2010-05-08"}
        for name, text in call.parameters.items():
            form[name] = text.format_map(names)
        body = urllib.parse.urlencode(form).encode()
        return self.server.send(
            "POST", "/", credentials, body=body, service="iam",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of IAM."""

    action: str
    parameters: dict

    def __str__(self):
        return self.action


def call(action: str, **parameters: str) -> Call:
    return Call(action, {name.replace("_", "."): text for name, text in parameters.items()})


@pytest.fixture(scope="module")
def iam(server):
    return Iam(server)


def tags_of_request(prefix="Tags") -> dict:
    return {
        f"{prefix}_member_1_Key": "Team",
        f"{prefix}_member_1_Value": "red",
        f"{prefix}_member_2_Key": "ÄRA",
        f"{prefix}_member_2_Value": "now",
    }


TAGGING = [
    call("CreateUser", UserName="{fresh}", **tags_of_request()),
    call("CreateRole", RoleName="{fresh}", AssumeRolePolicyDocument="{trust}", **tags_of_request()),
    call("CreatePolicy", PolicyName="{fresh}", PolicyDocument="{everything}", **tags_of_request()),
    call("CreateInstanceProfile", InstanceProfileName="{fresh}", **tags_of_request()),
    call("TagUser", UserName="bare", **tags_of_request()),
    call("TagRole", RoleName="r", **tags_of_request()),
    call("TagPolicy", PolicyArn="{edge}", **tags_of_request()),
    call("TagInstanceProfile", InstanceProfileName="i", **tags_of_request()),
]
UNTAGGING = [
    call("UntagUser", UserName="u", TagKeys_member_1="a", TagKeys_member_2="B"),
    call("UntagRole", RoleName="r", TagKeys_member_1="a", TagKeys_member_2="B"),
    call("UntagPolicy", PolicyArn="{edge}", TagKeys_member_1="a", TagKeys_member_2="B"),
    call("UntagInstanceProfile", InstanceProfileName="i", TagKeys_member_1="a", TagKeys_member_2="B"),
]
ON_TAGGED = [
    call("GetUser", UserName="u"),
    call("TagUser", UserName="u", Tags_member_1_Key="Team", Tags_member_1_Value="red"),
    call("UpdateUser", UserName="u"),
    call("GetRole", RoleName="r"),
    call("UpdateRole", RoleName="r"),
]
# These have tags too, but `iam:ResourceTag` is about users and roles alone.
ON_OTHERS = [
    call("GetInstanceProfile", InstanceProfileName="i"),
    call("GetPolicy", PolicyArn="{edge}"),
]
EDGE = "{edge}"
IAM_CASES = [
    *[(f"aws:RequestTag/{key}", value, one) for one in TAGGING
      for key, value in [("team", "red"), ("ära", "now"), ("other", ABSENT)]],
    *[("aws:TagKeys", ["Team", "ÄRA"], one) for one in TAGGING],
    *[("aws:TagKeys", ["a", "B"], one) for one in UNTAGGING],
    *[("aws:RequestTag/a", ABSENT, one) for one in UNTAGGING],
    ("aws:TagKeys", ABSENT, call("CreateUser", UserName="{fresh}")),
    ("aws:RequestTag/team", ABSENT, call("CreateUser", UserName="{fresh}")),
    *[(f"{service}:ResourceTag/TEAM", "red", one) for service in ("aws", "iam") for one in ON_TAGGED],
    *[("aws:ResourceTag/team", "red", one) for one in ON_OTHERS],
    *[("iam:ResourceTag/team", ABSENT, one) for one in ON_OTHERS],
    ("aws:ResourceTag/grösse", "xl", call("GetUser", UserName="u")),
    ("iam:ResourceTag/team", ABSENT, call("GetGroup", GroupName="g")),
    ("aws:ResourceTag/team", ABSENT, call("CreateUser", UserName="{fresh}", **tags_of_request())),
    ("aws:ResourceAccount", "{account}", call("GetUser", UserName="u")),
    ("aws:ResourceAccount", "{account}", call("ListUsers")),
    ("iam:PermissionsBoundary", EDGE, call("CreateUser", UserName="{fresh}", PermissionsBoundary=EDGE)),
    ("iam:PermissionsBoundary", ABSENT, call("CreateUser", UserName="{fresh}")),
    ("iam:PermissionsBoundary", EDGE, call(
        "CreateRole", RoleName="{fresh}", AssumeRolePolicyDocument="{trust}", PermissionsBoundary=EDGE)),
    ("iam:PermissionsBoundary", EDGE, call("PutUserPermissionsBoundary", UserName="u", PermissionsBoundary=EDGE)),
    ("iam:PermissionsBoundary", EDGE, call("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=EDGE)),
    # What the target has.
    ("iam:PermissionsBoundary", EDGE, call("AttachUserPolicy", UserName="u", PolicyArn=EDGE)),
    ("iam:PermissionsBoundary", EDGE, call("AttachRolePolicy", RoleName="r", PolicyArn=EDGE)),
    ("iam:PermissionsBoundary", EDGE, call("PutUserPolicy", UserName="u", PolicyName="p", PolicyDocument="{everything}")),
    ("iam:PermissionsBoundary", ABSENT, call("AttachUserPolicy", UserName="bare", PolicyArn=EDGE)),
    *[("iam:PermissionsBoundary", EDGE, one) for one in [
        call("GetRole", RoleName="r"),
        call("UpdateRole", RoleName="r"),
        call("UpdateRoleDescription", RoleName="r", Description=""),
        call("PutRolePolicy", RoleName="r", PolicyName="p", PolicyDocument="{everything}"),
    ]],
    # AWS has it for the calls that change what an identity may do, not for these.
    *[("iam:PermissionsBoundary", ABSENT, one) for one in [
        call("GetUser", UserName="u"),
        call("UpdateUser", UserName="u"),
        call("TagUser", UserName="u", Tags_member_1_Key="Team", Tags_member_1_Value="red"),
        call("ListUserPolicies", UserName="u"),
        call("ListRolePolicies", RoleName="r"),
    ]],
    ("iam:PolicyARN", EDGE, call("AttachUserPolicy", UserName="u", PolicyArn=EDGE)),
    ("iam:PolicyARN", EDGE, call("AttachRolePolicy", RoleName="r", PolicyArn=EDGE)),
    ("iam:PolicyARN", EDGE, call("AttachGroupPolicy", GroupName="g", PolicyArn=EDGE)),
    ("iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess", call(
        "AttachUserPolicy", UserName="u", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")),
    ("iam:PolicyARN", ABSENT, call("GetUser", UserName="u")),
    ("iam:AssociatedResourceArn", ABSENT, call("GetUser", UserName="u")),
    ("iam:AWSServiceName", ABSENT, call("GetUser", UserName="u")),
    ("aws:RequestedRegion", "us-east-1", call("GetUser", UserName="u")),
    ("aws:PrincipalTag/team", ABSENT, call("GetUser", UserName="u")),
    # Keys of S3 are for S3.
    ("s3:authType", ABSENT, call("GetUser", UserName="u")),
    ("s3:ResourceAccount", ABSENT, call("GetUser", UserName="u")),
]


@pytest.mark.parametrize(
    "key, value, one", IAM_CASES, ids=[f"{key} in {one}" for key, _, one in IAM_CASES]
)
def test_a_key_is_what_the_call_of_iam_says(iam, key, value, one):
    if isinstance(value, str):
        value = value.format(edge=iam.arn, account=iam.account.id)
    iam.subject.check(f"iam:{one.action}", key, value, lambda credentials: iam.send(one, credentials))


def test_detaching_tells_the_policy_too(iam):
    for kind, named in [("User", {"UserName": "u"}), ("Role", {"RoleName": "r"}), ("Group", {"GroupName": "g"})]:

        def send(credentials):
            getattr(iam.iam, f"attach_{kind.lower()}_policy")(PolicyArn=iam.arn, **named)
            return iam.send(Call(f"Detach{kind}Policy", {"PolicyArn": iam.arn} | named), credentials)

        iam.subject.check(f"iam:Detach{kind}Policy", "iam:PolicyARN", iam.arn, send)


def test_removing_a_boundary_tells_the_one_that_is_there(iam):
    def send(credentials):
        iam.iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=iam.arn)
        return iam.send(Call("DeleteUserPermissionsBoundary", {"UserName": "u"}), credentials)

    iam.subject.check("iam:DeleteUserPermissionsBoundary", "iam:PermissionsBoundary", iam.arn, send)


def test_a_role_is_passed_to_the_service_that_its_profile_is_for(iam):
    def send(credentials):
        name = iam.fresh()
        iam.iam.create_instance_profile(InstanceProfileName=name)
        return iam.send(
            Call("AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": "r"}), credentials
        )

    iam.subject.check("iam:PassRole", "iam:PassedToService", "ec2.amazonaws.com", send)
    iam.subject.check("iam:PassRole", "iam:ResourceTag/team", "red", send)


def test_iam_is_in_us_east_1_whatever_the_client_signs_for(iam, monkeypatch):
    monkeypatch.setattr("harness.server.REGION", "eu-west-3")
    one = call("GetUser", UserName="u")
    iam.subject.check(
        "iam:GetUser", "aws:RequestedRegion", "us-east-1", lambda credentials: iam.send(one, credentials)
    )


# ----- STS ----------------------------------------------------------------------------------------


class Sts:
    """A role of one account, whose trust policy each case puts anew, and a user of another account."""

    def __init__(self, server):
        self.server = server
        self.account = server.create_account()
        self.other = server.create_account()
        self.user = self.other.user("u", EVERYTHING)
        self.role = self.account.role("r", trust(self.other.id), EVERYTHING)
        self.account.boto("iam").tag_role(RoleName="r", Tags=[{"Key": "Team", "Value": "of-role"}])

    def check(self, action: str, key: str, value, **parameters) -> None:
        """Claims what the key is while the role's trust is judged for the action."""
        def outcome(condition):
            document = {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": self.other.id},
                        "Action": [other for other in TRUST_ACTIONS if other != action],
                    },
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": self.other.id},
                        "Action": action,
                        "Condition": condition,
                    },
                ],
            }
            self.account.boto("iam").update_assume_role_policy(
                RoleName="r", PolicyDocument=json.dumps(document)
            )
            sts = self.other.boto("sts", self.user.credentials)
            try:
                sts.assume_role(RoleArn=self.role, **({"RoleSessionName": "sess"} | parameters))
            except botocore.exceptions.ClientError as error:
                answer = error.response
                text = f"<Message>{answer['Error']['Message']}</Message>".encode()
                return Answer(answer["ResponseMetadata"]["HTTPStatusCode"], {}, text)
            return Answer(200, {}, b"")

        check(outcome, key, value, f"is not authorized to perform: {action} on resource: {self.role}")


TRUST_ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
WITH_TAGS = {
    "Tags": [{"Key": "Team", "Value": "red"}, {"Key": "ÄRA", "Value": "now"}],
    "TransitiveTagKeys": ["Team"],
}
STS_CASES = [
    ("sts:AssumeRole", "sts:ExternalId", "agreed", {"ExternalId": "agreed"}),
    ("sts:AssumeRole", "sts:ExternalId", ABSENT, {}),
    ("sts:AssumeRole", "sts:RoleSessionName", "sess", {}),
    ("sts:AssumeRole", "sts:SourceIdentity", "ann", {"SourceIdentity": "ann"}),
    ("sts:SetSourceIdentity", "sts:SourceIdentity", "ann", {"SourceIdentity": "ann"}),
    ("sts:AssumeRole", "sts:SourceIdentity", ABSENT, {}),
    # The caller's own source identity, of which it has none: what it sets is another key.
    ("sts:AssumeRole", "aws:SourceIdentity", ABSENT, {"SourceIdentity": "ann"}),
    *[
        (action, key, value, WITH_TAGS)
        for action in ("sts:AssumeRole", "sts:TagSession")
        for key, value in [
            ("aws:RequestTag/team", "red"),
            ("aws:RequestTag/ära", "now"),
            ("aws:RequestTag/other", ABSENT),
            ("aws:TagKeys", ["Team", "ÄRA"]),
            ("sts:TransitiveTagKeys", ["Team"]),
            ("aws:ResourceTag/team", "of-role"),
            ("iam:ResourceTag/team", "of-role"),
        ]
    ],
    ("sts:AssumeRole", "aws:TagKeys", ABSENT, {}),
    ("sts:AssumeRole", "aws:RequestTag/team", ABSENT, {}),
    ("sts:AssumeRole", "sts:TransitiveTagKeys", ABSENT, {}),
    ("sts:AssumeRole", "aws:PrincipalType", "User", {}),
    ("sts:AssumeRole", "aws:PrincipalAccount", "{other}", {}),
    ("sts:AssumeRole", "aws:PrincipalArn", "{user}", {}),
    ("sts:AssumeRole", "aws:ResourceAccount", "{account}", {}),
    ("sts:AssumeRole", "aws:MultiFactorAuthPresent", ABSENT, {}),
    ("sts:AssumeRole", "aws:SourceIp", "127.0.0.1", {}),
    ("sts:AssumeRole", "aws:SecureTransport", "false", {}),
    ("sts:AssumeRole", "aws:RequestedRegion", "us-east-1", {}),
]


@pytest.fixture(scope="module")
def sts(server):
    return Sts(server)


@pytest.mark.parametrize("action, key, value, parameters", STS_CASES)
def test_a_trust_policy_knows_how_its_role_is_assumed(sts, action, key, value, parameters):
    if isinstance(value, str):
        value = value.format(account=sts.account.id, other=sts.other.id, user=sts.user.arn)
    sts.check(action, key, value, **parameters)
