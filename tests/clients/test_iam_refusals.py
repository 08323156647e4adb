"""IAM's refusals: code, text and status as AWS has them."""

import json
import re
from urllib.parse import unquote, urlencode

import pytest

from harness import Credentials
from harness.errors import refused

ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def trust(principal) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
        }
    )


@pytest.fixture
def iam(account):
    return account.boto("iam")


# ----- what is not there, and what is there already ------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("get_user", {"UserName": "ghost"}, "The user with name ghost cannot be found."),
        ("delete_user", {"UserName": "ghost"}, "The user with name ghost cannot be found."),
        ("update_user", {"UserName": "ghost", "NewUserName": "x"}, "The user with name ghost cannot be found."),
        ("create_access_key", {"UserName": "ghost"}, "The user with name ghost cannot be found."),
        ("list_access_keys", {"UserName": "ghost"}, "The user with name ghost cannot be found."),
        ("list_user_policies", {"UserName": "ghost"}, "The user with name ghost cannot be found."),
        (
            "put_user_policy",
            {"UserName": "ghost", "PolicyName": "p", "PolicyDocument": ALLOW_ALL},
            "The user with name ghost cannot be found.",
        ),
        (
            "attach_user_policy",
            {"UserName": "ghost", "PolicyArn": READ_ONLY},
            "The user with name ghost cannot be found.",
        ),
        ("get_role", {"RoleName": "ghost"}, "The role with name ghost cannot be found."),
        ("delete_role", {"RoleName": "ghost"}, "The role with name ghost cannot be found."),
        (
            "update_assume_role_policy",
            {"RoleName": "ghost", "PolicyDocument": trust({"AWS": "*"})},
            "The role with name ghost cannot be found.",
        ),
        ("get_group", {"GroupName": "ghost"}, "The group with name ghost cannot be found."),
        ("delete_group", {"GroupName": "ghost"}, "The group with name ghost cannot be found."),
        (
            "add_user_to_group",
            {"GroupName": "ghost", "UserName": "u"},
            "The group with name ghost cannot be found.",
        ),
        (
            "get_user_policy",
            {"UserName": "u", "PolicyName": "ghost"},
            "The user policy with name ghost cannot be found.",
        ),
        (
            "delete_user_policy",
            {"UserName": "u", "PolicyName": "ghost"},
            "The user policy with name ghost cannot be found.",
        ),
        (
            "get_role_policy",
            {"RoleName": "r", "PolicyName": "ghost"},
            "The role policy with name ghost cannot be found.",
        ),
        (
            "delete_access_key",
            {"UserName": "u", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
            "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.",
        ),
        (
            "update_access_key",
            {"UserName": "u", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive"},
            "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.",
        ),
    ],
)
def test_what_is_not_there_is_named(account, iam, operation, arguments, message):
    iam.create_user(UserName="u")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": account.id}))
    with refused("NoSuchEntity", message, 404):
        getattr(iam, operation)(**arguments)


def test_a_policy_that_is_not_there_is_told_in_three_ways(account, iam):
    arn = f"arn:aws:iam::{account.id}:policy/ghost"
    iam.create_user(UserName="u")
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404):
        iam.attach_user_policy(UserName="u", PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {READ_ONLY} was not found.", 404):
        iam.detach_user_policy(UserName="u", PolicyArn=READ_ONLY)


def test_what_is_there_already_is_not_made_twice_whatever_its_case(account, iam):
    iam.create_user(UserName="Anna")
    with refused("EntityAlreadyExists", "User with name Anna already exists.", 409):
        iam.create_user(UserName="Anna")
    with refused("EntityAlreadyExists", "User with name anna already exists.", 409):
        iam.create_user(UserName="anna")
    assert iam.get_user(UserName="ANNA")["User"]["UserName"] == "Anna"
    iam.create_group(GroupName="g")
    with refused("EntityAlreadyExists", "Group with name g already exists.", 409):
        iam.create_group(GroupName="g")
    document = trust({"AWS": account.id})
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    with refused("EntityAlreadyExists", "Role with name r already exists.", 409):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    iam.create_policy(PolicyName="p", PolicyDocument=ALLOW_ALL)
    with refused(
        "EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed.", 409
    ):
        iam.create_policy(PolicyName="p", PolicyDocument=ALLOW_ALL)


def test_accounts_do_not_see_each_others_names(account, other_account):
    account.boto("iam").create_user(UserName="same")
    other_account.boto("iam").create_user(UserName="same")
    with refused("NoSuchEntity", "The user with name mine cannot be found.", 404):
        account.boto("iam").create_user(UserName="mine")
        other_account.boto("iam").get_user(UserName="mine")


# ----- what hangs together -------------------------------------------------------------------------


def test_a_user_goes_only_when_everything_of_it_is_gone(iam):
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_user(UserName="u")
    iam.delete_user_policy(UserName="u", PolicyName="p")
    iam.attach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_user(UserName="u")
    iam.detach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
        iam.delete_user(UserName="u")
    iam.delete_access_key(UserName="u", AccessKeyId=key)
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_user(UserName="u")
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName="g")
    iam.remove_user_from_group(GroupName="g", UserName="u")
    iam.delete_user(UserName="u")
    iam.delete_group(GroupName="g")


def test_a_role_goes_only_without_policies(account, iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": account.id}))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=ALLOW_ALL)
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_role(RoleName="r")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.attach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_role(RoleName="r")
    iam.detach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    iam.delete_role(RoleName="r")


def test_a_managed_policy_goes_only_when_nobody_has_it_and_its_versions_are_gone(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName="u", PolicyArn=arn)
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    with refused(
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's "
        "versions. The default version is deleted with the policy.",
        409,
    ):
        iam.delete_policy(PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)


# ----- quotas --------------------------------------------------------------------------------------


def test_a_user_has_two_keys_at_most(iam):
    iam.create_user(UserName="u")
    iam.create_access_key(UserName="u")
    iam.create_access_key(UserName="u")
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName="u")


def test_a_policy_has_five_versions_at_most_and_numbers_are_not_used_again(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    with refused(
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
        "existing version.",
        409,
    ):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    assert made["PolicyVersion"]["VersionId"] == "v6"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v6"


def test_a_user_is_in_ten_groups_at_most(iam):
    iam.create_user(UserName="u")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="u")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", 409):
        iam.add_user_to_group(GroupName="g10", UserName="u")


def test_a_user_has_ten_managed_policies_at_most(iam):
    iam.create_user(UserName="u")
    for number in range(11):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
        if number < 10:
            iam.attach_user_policy(UserName="u", PolicyArn=arn)
    with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10", 409):
        iam.attach_user_policy(UserName="u", PolicyArn=arn)


def test_inline_policies_of_a_user_have_2048_characters_together(iam):
    iam.create_user(UserName="u")
    long = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/" + "k" * 1900}
            ],
        }
    )
    iam.put_user_policy(UserName="u", PolicyName="one", PolicyDocument=long)
    with refused("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user u", 409):
        iam.put_user_policy(UserName="u", PolicyName="two", PolicyDocument=long)
    too_long = json.dumps({**json.loads(ALLOW_ALL), "Id": "i" * 6200})
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409):
        iam.create_policy(PolicyName="p", PolicyDocument=too_long)
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409):
        iam.create_role(
            RoleName="r",
            AssumeRolePolicyDocument=json.dumps({**json.loads(trust({"AWS": "*"})), "Id": "i" * 2100}),
        )
    # White space does not count.
    iam.put_user_policy(UserName="u", PolicyName="one", PolicyDocument=long.replace(",", "," + " " * 900))


# ----- documents -----------------------------------------------------------------------------------


def statement(**changes) -> dict:
    made = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | changes
    return {name: value for name, value in made.items() if value is not None}


def document(*statements, **changes) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        (document(), "Syntax errors in policy."),
        (document(statement(), Colour="green"), "Syntax errors in policy."),
        (document(statement(Colour="green")), "Syntax errors in policy."),
        (document(statement(Effect=None)), "Syntax errors in policy."),
        (document(statement(NotAction="s3:*")), "Syntax errors in policy."),
        (document(statement(Condition={"StringLooksLike": {"a:b": "c"}})), "Syntax errors in policy."),
        (document(statement(Effect="allow")), "The policy failed legacy parsing"),
        (document(statement(Action=None)), "Policy statement must contain actions."),
        (document(statement(Resource=None)), "Policy statement must contain resources."),
        (
            document(statement(Action="GetObject")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (document(statement(Action="s3:Get:Object")), "Actions/Condition can contain only one colon."),
        (document(statement(Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
        (
            document(statement(Resource="arn:nowhere:s3:::b")),
            'Partition "nowhere" is not valid for resource "arn:nowhere:s3:::b".',
        ),
        (document(statement(Principal="*")), "Policy document should not specify a principal."),
        (
            document(statement(Sid="a"), statement(Sid="a")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
def test_a_malformed_identity_policy_is_told_what_is_wrong(iam, text, message):
    iam.create_user(UserName="u")
    with refused("MalformedPolicyDocument", message, 400):
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=text)
    with refused("MalformedPolicyDocument", message, 400):
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    assert iam.list_user_policies(UserName="u")["PolicyNames"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Version": "2012-10-17",}', "This policy contains invalid Json"),
        (
            document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Resource": "*"}),
            "Has prohibited field Resource",
        ),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (
            document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            trust({"Service": "ec2.example.com"}),
            'Invalid principal in policy: "SERVICE":"ec2.example.com"',
        ),
    ],
)
def test_a_malformed_trust_policy_is_told_what_is_wrong(iam, text, message):
    with refused("MalformedPolicyDocument", message, 400):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=text)


def test_a_trust_policy_names_only_principals_that_exist(account, iam):
    ghost = f"arn:aws:iam::{account.id}:user/ghost"
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{ghost}"', 400):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": ghost}))


def test_documents_come_back_to_the_letter(iam):
    text = '{ "Version" : "2012-10-17",\n  "Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
    iam.create_user(UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=text)
    got = iam.get_user_policy(UserName="u", PolicyName="p")
    assert got["PolicyDocument"] == json.loads(text)
    seen = {}
    iam.meta.events.register(
        "before-parse.iam.GetUserPolicy",
        lambda response_dict, **_: seen.update(body=response_dict["body"]),
        unique_id="letters",
    )
    iam.get_user_policy(UserName="u", PolicyName="p")
    encoded = re.search(rb"<PolicyDocument>(.*?)</PolicyDocument>", seen["body"], re.S).group(1).decode()
    assert unquote(encoded) == text


# ----- names and values ----------------------------------------------------------------------------


def query(server, credentials, **parameters):
    """A Query call as it is on the wire, past the checks that a client makes itself."""
    body = urlencode({"Version": "2010-05-08"} | parameters).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return server.send("POST", "/", credentials, body=body, headers=headers, service="iam")


def test_names_have_the_characters_that_aws_allows(server, account):
    bad = query(server, account.admin, Action="CreateUser", UserName="no blanks")
    assert (bad.status, bad.code) == (400, "ValidationError")
    assert bad.message == (
        "The specified value for userName is invalid. It must contain only alphanumeric characters "
        "and/or the following: +=,.@_-"
    )
    path = query(server, account.admin, Action="CreateUser", UserName="u", Path="no/slashes")
    assert (path.status, path.code) == (400, "ValidationError")
    assert path.message == (
        "The specified value for path is invalid. It must begin and end with / and contain only "
        "alphanumeric characters and/or / characters."
    )
    long = query(server, account.admin, Action="CreateUser", UserName="u" * 65)
    assert (long.status, long.code) == (400, "ValidationError")
    assert long.message == (
        f"1 validation error detected: Value '{'u' * 65}' at 'userName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )
    none = query(server, account.admin, Action="CreateUser")
    assert (none.status, none.code) == (400, "ValidationError")
    assert none.message == (
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must "
        "not be null"
    )


def test_an_unknown_action_and_no_action_are_told_apart(server, account):
    unknown = query(server, account.admin, Action="MakeCoffee")
    assert (unknown.status, unknown.code) == (400, "InvalidAction")
    assert unknown.message == "Could not find operation MakeCoffee for version 2010-05-08"
    none = query(server, account.admin)
    assert (none.status, none.code) == (400, "MissingAction")


def test_a_query_error_has_its_envelope(server, account):
    answer = query(server, account.admin, Action="GetUser", UserName="ghost")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/xml")
    assert b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">' in answer.body
    assert answer.text_of("Type") == "Sender"
    assert answer.text_of("RequestId") == answer.headers["x-amzn-requestid"]


def test_a_policy_arn_that_is_none_is_a_validation_error(iam):
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
        iam.get_policy(PolicyArn="this-is-not-an-arn-at-all")


def test_tags_are_unique_whatever_their_case_and_fifty_at_most(iam):
    iam.create_user(UserName="u")
    with refused(
        "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400
    ):
        iam.tag_user(UserName="u", Tags=[{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}])
    iam.tag_user(UserName="u", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    with refused("LimitExceeded", status=409):
        iam.tag_user(UserName="u", Tags=[{"Key": "one-more", "Value": ""}])


# ----- may they? ----------------------------------------------------------------------------------


def test_a_user_without_policies_may_not_even_look_at_itself(account):
    user = account.user("plain")
    iam = account.boto("iam", user.credentials)
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:GetUser on resource: user plain because no "
        "identity-based policy allows the iam:GetUser action",
        403,
    ):
        iam.get_user()
    with refused(
        "AccessDenied",
        f"User: {user.arn} is not authorized to perform: iam:CreateUser on resource: "
        f"arn:aws:iam::{account.id}:user/other because no identity-based policy allows the iam:CreateUser "
        "action",
        403,
    ):
        iam.create_user(UserName="other")


def test_query_services_have_their_own_words_for_bad_keys(server, account):
    admin = account.admin
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        server.boto("iam", Credentials("AKIAIOSFODNN7EXAMPLE", admin.secret_access_key)).list_users()
    with refused(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
        403,
    ):
        server.boto("iam", Credentials(admin.access_key_id, "x" * 40)).list_users()
    unsigned = query(server, None, Action="ListUsers")
    assert (unsigned.status, unsigned.code) == (403, "MissingAuthenticationToken")
    assert unsigned.message == "Request is missing Authentication Token"


def test_lists_come_in_pages(iam):
    for number in range(7):
        iam.create_user(UserName=f"user{number}", Path="/team/")
    pages = list(
        iam.get_paginator("list_users").paginate(PathPrefix="/team/", PaginationConfig={"PageSize": 3})
    )
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    names = [user["UserName"] for page in pages for user in page["Users"]]
    assert names == sorted(names) and len(set(names)) == 7
