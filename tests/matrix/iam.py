"""The rows of IAM. Its calls name things of the caller's own account; only policies have ARNs."""

from __future__ import annotations

from .case import Case, Target, document, needs

READ = document([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
LIST = document([{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}])
TRUST = document(
    [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
)
OTHER_TRUST = TRUST.replace("ec2.", "lambda.")
MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TAGS = {"Tags": [{"Key": "a", "Value": "1"}]}
NEW_TAGS = {"Tags": [{"Key": "b", "Value": "2"}]}
INLINE = {"PolicyName": "inline"}


# --- targets ----------------------------------------------------------------------------------


def nothing(target: Target) -> None:
    """For calls that make what they name."""


def user(target: Target) -> None:
    target.root("iam").create_user(UserName=target.name, **TAGS)


def full_user(target: Target) -> None:
    user(target)
    iam = target.root("iam")
    iam.put_user_policy(UserName=target.name, PolicyDocument=READ, **INLINE)
    iam.attach_user_policy(UserName=target.name, PolicyArn=MANAGED)
    iam.put_user_permissions_boundary(UserName=target.name, PermissionsBoundary=MANAGED)


def user_with_key(target: Target) -> None:
    user(target)
    made = target.root("iam").create_access_key(UserName=target.name)["AccessKey"]
    target.note(key=made["AccessKeyId"])


def group(target: Target) -> None:
    target.root("iam").create_group(GroupName=target.name)


def full_group(target: Target) -> None:
    group(target)
    iam = target.root("iam")
    iam.put_group_policy(GroupName=target.name, PolicyDocument=READ, **INLINE)
    iam.attach_group_policy(GroupName=target.name, PolicyArn=MANAGED)


def group_and_user(target: Target) -> None:
    group(target)
    user(target)


def member(target: Target) -> None:
    group_and_user(target)
    target.root("iam").add_user_to_group(GroupName=target.name, UserName=target.name)


def role(target: Target) -> None:
    target.root("iam").create_role(RoleName=target.name, AssumeRolePolicyDocument=TRUST, **TAGS)


def full_role(target: Target) -> None:
    role(target)
    iam = target.root("iam")
    iam.put_role_policy(RoleName=target.name, PolicyDocument=READ, **INLINE)
    iam.attach_role_policy(RoleName=target.name, PolicyArn=MANAGED)
    iam.put_role_permissions_boundary(RoleName=target.name, PermissionsBoundary=MANAGED)


def policy(target: Target) -> None:
    made = target.root("iam").create_policy(PolicyName=target.name, PolicyDocument=READ, **TAGS)
    target.note(policy=made["Policy"]["Arn"])


def policy_of_two_versions(target: Target) -> None:
    policy(target)
    target.root("iam").create_policy_version(PolicyArn=target.policy, PolicyDocument=LIST)


def profile(target: Target) -> None:
    target.root("iam").create_instance_profile(InstanceProfileName=target.name, **TAGS)


def profile_and_role(target: Target) -> None:
    profile(target)
    role(target)


def full_profile(target: Target) -> None:
    profile_and_role(target)
    target.root("iam").add_role_to_instance_profile(InstanceProfileName=target.name, RoleName=target.name)


def no_alias(target: Target) -> None:
    for account in (target.world.owner, target.world.other):
        iam = target.world.client("iam", account.root)
        for alias in iam.list_account_aliases()["AccountAliases"]:
            iam.delete_account_alias(AccountAlias=alias)


def alias(target: Target) -> None:
    no_alias(target)
    target.root("iam").create_account_alias(AccountAlias=target.name)


# --- what must not change ---------------------------------------------------------------------


def of_user(target: Target):
    named = {"UserName": target.name}
    lists = ("ListUserPolicies", "ListAttachedUserPolicies", "ListAccessKeys", "ListGroupsForUser")
    return seen(target, "GetUser", named, lists, "GetUserPolicy")


def of_group(target: Target):
    named = {"GroupName": target.name}
    return seen(target, "GetGroup", named, ("ListGroupPolicies", "ListAttachedGroupPolicies"), "GetGroupPolicy")


def of_role(target: Target):
    named = {"RoleName": target.name}
    lists = ("ListRolePolicies", "ListAttachedRolePolicies", "ListInstanceProfilesForRole")
    return seen(target, "GetRole", named, lists, "GetRolePolicy")


def of_policy(target: Target):
    arn = f"arn:aws:iam::{target.account.id}:policy/{target.name}"
    return seen(target, "GetPolicy", {"PolicyArn": arn}, ("ListPolicyVersions",), None)


def of_profile(target: Target):
    return seen(target, "GetInstanceProfile", {"InstanceProfileName": target.name}, (), None)


def of_account(target: Target):
    return [target.look("iam", "ListAccountAliases")]


def seen(target: Target, get: str, named: dict, lists: tuple[str, ...], inline: str | None):
    """One thing with what hangs on it, and how many things the account has."""
    found = [target.look("iam", get, **named), target.look("iam", "GetAccountSummary")]
    if isinstance(found[0], str):
        return found
    found += [target.look("iam", operation, **named) for operation in lists]
    if inline is not None:
        found.append(target.look("iam", inline, **named, **INLINE))
    return found


# --- rows -------------------------------------------------------------------------------------

USER = ("UserName", "user", of_user)
GROUP = ("GroupName", "group", of_group)
ROLE = ("RoleName", "role", of_role)
PROFILE = ("InstanceProfileName", "instance-profile", of_profile)


def on(kind, operation: str, make, more=None, changes: bool = True, besides: tuple[str, ...] = ()) -> Case:
    """A row on something that is called by its name."""
    member, resource, describe = kind

    def arguments(target: Target) -> dict:
        return {member: target.name} | (more(target) if callable(more) else more or {})

    asked = needs(f"iam:{operation} {resource}", *besides)
    return Case("iam", operation, asked, arguments, make, describe if changes else None)


def reads(kind, operation: str, make, more=None) -> Case:
    return on(kind, operation, make, more, changes=False)


def on_policy(operation: str, make, more=None, changes: bool = True) -> Case:
    """A row on a managed policy, which is called by its ARN."""

    def arguments(target: Target) -> dict:
        return {"PolicyArn": target.policy} | (more or {})

    asked = needs(f"iam:{operation} policy")
    return Case("iam", operation, asked, arguments, make, of_policy if changes else None)


def on_account(operation: str, make=nothing, more=None, describe=None) -> Case:
    """A row on the account itself."""

    def arguments(target: Target) -> dict:
        return more(target) if callable(more) else more or {}

    return Case("iam", operation, needs(f"iam:{operation} *"), arguments, make, describe)


def same_name(member: str):
    return lambda target: {member: target.name}


def key(**more):
    return lambda target: {"AccessKeyId": target.key} | more


def arn_of_user(target: Target) -> str:
    return f"arn:aws:iam::{target.account.id}:user/{target.name}"


ATTACHED = {"PolicyArn": MANAGED}
BOUNDARY = {"PermissionsBoundary": MANAGED}
DOCUMENT = {"PolicyDocument": LIST, **INLINE}
UNTAG = {"TagKeys": ["a"]}

ROWS = [
    # Users.
    on(USER, "CreateUser", nothing),
    reads(USER, "GetUser", user),
    on_account("ListUsers"),
    on(USER, "UpdateUser", user, lambda target: {"NewPath": "/x/"}),
    on(USER, "DeleteUser", lambda target: target.root("iam").create_user(UserName=target.name)),
    on(USER, "TagUser", user, NEW_TAGS),
    on(USER, "UntagUser", user, UNTAG),
    reads(USER, "ListUserTags", user),
    # Access keys.
    on(USER, "CreateAccessKey", user),
    reads(USER, "ListAccessKeys", user_with_key),
    on(USER, "UpdateAccessKey", user_with_key, key(Status="Inactive")),
    on(USER, "DeleteAccessKey", user_with_key, key()),
    Case("iam", "GetAccessKeyLastUsed", needs("iam:GetAccessKeyLastUsed user"), key(), user_with_key),
    # Groups.
    on(GROUP, "CreateGroup", nothing),
    reads(GROUP, "GetGroup", group),
    on_account("ListGroups"),
    on(GROUP, "UpdateGroup", group, {"NewPath": "/x/"}),
    on(GROUP, "DeleteGroup", group),
    on(GROUP, "AddUserToGroup", group_and_user, same_name("UserName")),
    on(GROUP, "RemoveUserFromGroup", member, same_name("UserName")),
    reads(USER, "ListGroupsForUser", member),
    # Roles.
    on(ROLE, "CreateRole", nothing, {"AssumeRolePolicyDocument": TRUST}),
    reads(ROLE, "GetRole", role),
    on_account("ListRoles"),
    on(ROLE, "UpdateRole", role, {"MaxSessionDuration": 7200}),
    on(ROLE, "UpdateRoleDescription", role, {"Description": "new"}),
    on(ROLE, "UpdateAssumeRolePolicy", role, {"PolicyDocument": OTHER_TRUST}),
    on(
        ROLE,
        "DeleteRole",
        lambda target: target.root("iam").create_role(RoleName=target.name, AssumeRolePolicyDocument=TRUST),
    ),
    on(ROLE, "TagRole", role, NEW_TAGS),
    on(ROLE, "UntagRole", role, UNTAG),
    reads(ROLE, "ListRoleTags", role),
    # Inline policies.
    on(USER, "PutUserPolicy", full_user, DOCUMENT),
    reads(USER, "GetUserPolicy", full_user, INLINE),
    reads(USER, "ListUserPolicies", full_user),
    on(USER, "DeleteUserPolicy", full_user, INLINE),
    on(GROUP, "PutGroupPolicy", full_group, DOCUMENT),
    reads(GROUP, "GetGroupPolicy", full_group, INLINE),
    reads(GROUP, "ListGroupPolicies", full_group),
    on(GROUP, "DeleteGroupPolicy", full_group, INLINE),
    on(ROLE, "PutRolePolicy", full_role, DOCUMENT),
    reads(ROLE, "GetRolePolicy", full_role, INLINE),
    reads(ROLE, "ListRolePolicies", full_role),
    on(ROLE, "DeleteRolePolicy", full_role, INLINE),
    # Attached policies.
    on(USER, "AttachUserPolicy", user, ATTACHED),
    reads(USER, "ListAttachedUserPolicies", full_user),
    on(USER, "DetachUserPolicy", full_user, ATTACHED),
    on(GROUP, "AttachGroupPolicy", group, ATTACHED),
    reads(GROUP, "ListAttachedGroupPolicies", full_group),
    on(GROUP, "DetachGroupPolicy", full_group, ATTACHED),
    on(ROLE, "AttachRolePolicy", role, ATTACHED),
    reads(ROLE, "ListAttachedRolePolicies", full_role),
    on(ROLE, "DetachRolePolicy", full_role, ATTACHED),
    # Managed policies.
    Case(
        "iam",
        "CreatePolicy",
        needs("iam:CreatePolicy policy"),
        lambda target: {"PolicyName": target.name, "PolicyDocument": READ},
        nothing,
        of_policy,
    ),
    on_policy("GetPolicy", policy, changes=False),
    on_account("ListPolicies"),
    on_policy("DeletePolicy", policy),
    on_policy("TagPolicy", policy, NEW_TAGS),
    on_policy("UntagPolicy", policy, UNTAG),
    on_policy("ListPolicyTags", policy, changes=False),
    on_policy("CreatePolicyVersion", policy, {"PolicyDocument": LIST}),
    on_policy("GetPolicyVersion", policy, {"VersionId": "v1"}, changes=False),
    on_policy("ListPolicyVersions", policy, changes=False),
    on_policy("SetDefaultPolicyVersion", policy_of_two_versions, {"VersionId": "v2"}),
    on_policy("DeletePolicyVersion", policy_of_two_versions, {"VersionId": "v2"}),
    on_policy("ListEntitiesForPolicy", policy, changes=False),
    # Permissions boundaries.
    on(USER, "PutUserPermissionsBoundary", user, BOUNDARY),
    on(USER, "DeleteUserPermissionsBoundary", full_user),
    on(ROLE, "PutRolePermissionsBoundary", role, BOUNDARY),
    on(ROLE, "DeleteRolePermissionsBoundary", full_role),
    # Instance profiles.
    on(PROFILE, "CreateInstanceProfile", nothing),
    reads(PROFILE, "GetInstanceProfile", full_profile),
    on_account("ListInstanceProfiles"),
    reads(ROLE, "ListInstanceProfilesForRole", full_profile),
    on(PROFILE, "DeleteInstanceProfile", profile),
    on(
        PROFILE,
        "AddRoleToInstanceProfile",
        profile_and_role,
        same_name("RoleName"),
        besides=("iam:PassRole role",),
    ),
    on(PROFILE, "RemoveRoleFromInstanceProfile", full_profile, same_name("RoleName")),
    on(PROFILE, "TagInstanceProfile", profile, NEW_TAGS),
    on(PROFILE, "UntagInstanceProfile", profile, UNTAG),
    reads(PROFILE, "ListInstanceProfileTags", profile),
    # The account.
    on_account("CreateAccountAlias", no_alias, same_name("AccountAlias"), of_account),
    on_account("ListAccountAliases"),
    on_account("DeleteAccountAlias", alias, same_name("AccountAlias"), of_account),
    on_account("GetAccountSummary"),
    on_account("GetAccountAuthorizationDetails"),
    # What would be allowed.
    on_account("SimulateCustomPolicy", more={"PolicyInputList": [LIST], "ActionNames": ["s3:ListBucket"]}),
    on_account("GetContextKeysForCustomPolicy", more={"PolicyInputList": [LIST]}),
    Case(
        "iam",
        "SimulatePrincipalPolicy",
        needs("iam:SimulatePrincipalPolicy user"),
        lambda target: {"PolicySourceArn": arn_of_user(target), "ActionNames": ["s3:ListBucket"]},
        user,
    ),
    Case(
        "iam",
        "GetContextKeysForPrincipalPolicy",
        needs("iam:GetContextKeysForPrincipalPolicy user"),
        lambda target: {"PolicySourceArn": arn_of_user(target)},
        user,
    ),
]
