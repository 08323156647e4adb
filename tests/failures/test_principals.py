"""Failures of whom a policy names."""

from __future__ import annotations

import json
import shlex

from classics import tells
from harness.story import A, B, document
from test_roles import assume, trust

AL = f"arn:aws:iam::{A}:user/al"
GENERIC = "An error occurred (AccessDenied) when calling the {} operation: Access Denied"
MAY = "arn:aws:s3:::reports/may.csv"
HELLO = '"\\"b1946ac92492d2347c6235b4d2611184\\""'
UPLOAD = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"


@tells(5)
def test_a_principal_made_anew_is_not_the_one_that_the_policy_named(story):
    """The policy keeps the unique id; saving it again with the ARN mends it."""
    story.say("""
        A policy of a resource keeps the unique id of the user or role that it names, not the name. Delete the
        user and make it anew, and the policy still means the old one: same ARN, 403.
    """)
    story.title("To see it")
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "AlDelivers", "Effect": "Allow", "Principal": {"AWS": AL},
    "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam delete-user --user-name al
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
echo hello > /tmp/may.csv
""")
    story.say("The bucket policy shows the id of a user who is no more:")
    shown = "aws --profile AccountBadmin s3api get-bucket-policy --bucket reports --query Policy --output text |\n  jq -c '.Statement[0].Principal'"
    story.run(shown, shows='{"AWS":"AIDAEXAMPLEUNIQUE0001"}')
    question = f"--as {AL} --do s3:PutObject --on {MAY}"
    story.can(question, allowed=False)
    story.refused(UPLOAD, GENERIC.format("PutObject"))
    story.title("What `why` says")
    why = story.why((
        'The bucket policy of reports names AIDAEXAMPLEUNIQUE0001 (a deleted user of account '
        '111111111111 (A)), and not the user that has that name now (AIDAEXAMPLEUNIQUE0002): a policy '
        'keeps the unique id of whom it named. Save it again with the ARN '
        'arn:aws:iam::111111111111:user/al.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "DoesNotAllow")]
    assert why.statement(B) == ("bucket policy of reports", "statement AlDelivers", 1, ["Principal"])
    story.keeps_secrets({A: ["all-of-s3"], B: ["AlDelivers"]})
    story.title("The change")
    story.say("The command above, in account B. Then the policy names al, and the upload passes:")
    story.apply(why)
    story.run(shown, shows=json.dumps({"AWS": AL}, separators=(",", ":")))
    story.run(UPLOAD, shows=HELLO)
    story.can(question, allowed=True, shown=False)
    story.title("Deleted principals elsewhere in the policy")
    story.say("""
        AWS does not take a policy with the id of a deleted principal, so any other change of it fails, too,
        until that id is gone. The changes that `why` proposes leave such ids out. Here the policy of another
        bucket names bo, who is deleted, and al uploads:
    """)
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name bo
aws --profile AccountBadmin s3api create-bucket --bucket archive
aws --profile AccountBadmin s3api put-bucket-policy --bucket archive --policy {document(
    {"Sid": "BoReads", "Effect": "Allow", "Principal": {"AWS": AL.replace("/al", "/bo")},
     "Action": "s3:GetObject", "Resource": "arn:aws:s3:::archive/*"})}
aws --profile AccountAadmin iam delete-user --user-name bo
""")
    story.refused(UPLOAD.replace("reports", "archive"), GENERIC.format("PutObject"))
    why = story.why((
        "The caller's own policies allow it, but the bucket belongs to account 222222222222 (B), and "
        'nothing there lets the caller in. No statement of the bucket policy of archive is about '
        'this.'
    ), quiet=True)
    story.apply(why)
    story.run(UPLOAD.replace("reports", "archive"), shows=HELLO)
    story.title("To avoid it")
    story.say("""
        Do not delete what other accounts' policies name. To replace a role, make the new one beside it, let
        the policies name both, and delete the old one last. Where a policy must survive that, name the
        account and add a condition on `aws:PrincipalArn`, which is compared as text.
    """)


@tells(6)
def test_a_policy_must_name_principals_that_there_are(story):
    """One sentence tells which principal, and what is wrong with it."""
    story.say("""
        The policy is read whole before it is stored, and each principal must be there. AWS says that one is
        not, and not what is wrong with it. `why` tells it in one sentence.
    """)
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam create-group --group-name writers
""")

    def policy_for(principal: str) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::reports/*",
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return f"aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {shlex.quote(text)}"

    refused = "An error occurred (MalformedPolicy) when calling the PutBucketPolicy operation: Invalid principal in policy"

    def stopped(principal: str, cause: str, quiet: bool = True) -> None:
        story.refused(wide(policy_for(principal)), refused)
        why = story.why(cause, status=400, code="MalformedPolicy", quiet=quiet)
        assert why.answer["answer"] == "Failed"

    story.title("A misspelt name")
    stopped(f"arn:aws:iam::{A}:user/all", (
        'The policy names arn:aws:iam::111111111111:user/all, but there is no such user or role: it '
        'is misspelt (the path belongs to the name), deleted, or not created yet. Nothing was stored.'
    ), quiet=False)
    story.say("With the name that the user has:")
    story.run(wide(policy_for(AL)), shows="")
    story.can(f"--as {AL} --do s3:PutObject --on {MAY}", allowed=False, shown=False)
    story.title("Not created yet")
    story.say("To AWS this is the same as a misspelt name: make the role first, and then the policy.")
    role = f"arn:aws:iam::{A}:role/deliver"
    stopped(role, (
        'The policy names arn:aws:iam::111111111111:role/deliver, but there is no such user or role: '
        'it is misspelt (the path belongs to the name), deleted, or not created yet. Nothing was '
        'stored.'
    ))
    story.run(f"""
aws --profile AccountAadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(AL))}
""")
    story.run(wide(policy_for(role)), shows="")
    story.title("Deleted")
    story.say("""
        The role is deleted, and the policy, read back, shows its unique id. Saved again elsewhere or with a
        change, that is refused.
    """)
    story.run("aws --profile AccountAadmin iam delete-role --role-name deliver")
    orphan = story.run(
        "aws --profile AccountBadmin s3api get-bucket-policy --bucket reports --query Policy --output text |\n"
        "  jq -r '.Statement[0].Principal.AWS'",
        shows="AROAEXAMPLEUNIQUE0001",
    ).strip()
    stopped(orphan, (
        'The policy names AROAEXAMPLEUNIQUE0001, but it is the id of a role of account 111111111111 '
        'that was deleted: put the ARN of one that exists in its place. Nothing was stored.'
    ))
    story.say("With the role made anew, by its ARN:")
    story.run(f"""
aws --profile AccountAadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(AL))}
""")
    story.run(wide(policy_for(role)), shows="")
    story.title("A wildcard inside the ARN")
    stopped(f"arn:aws:iam::{A}:role/del*", (
        'The policy names arn:aws:iam::111111111111:role/del*, but it has a wildcard, and principals '
        'take none but * alone: name the account and limit it with a condition on aws:PrincipalArn. '
        'Nothing was stored.'
    ))
    story.run(
        f"aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy "
        + document({
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
            "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*",
            "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/del*"}}}),
        shows="",
    )
    story.title("A group")
    stopped(f"arn:aws:iam::{A}:group/writers", (
        'The policy names arn:aws:iam::111111111111:group/writers, but it is a group, and groups are '
        'no principals: name its users, or the account. Nothing was stored.'
    ))
    story.say("The users of the group, by name:")
    story.run(wide(policy_for(AL)), shows="")
    story.title("In a trust policy")
    story.say("IAM has other words for the code, and the same sentence for the cause.")
    story.refused(
        f"aws --profile AccountBadmin iam create-role --role-name deliver \\\n  --assume-role-policy-document "
        + document(trust(f"arn:aws:iam::{A}:user/all")),
        "An error occurred (MalformedPolicyDocument) when calling the CreateRole operation: Invalid principal in "
        f'policy: "AWS":"arn:aws:iam::{A}:user/all"',
    )
    story.why((
        'The policy names arn:aws:iam::111111111111:user/all, but there is no such user or role: it '
        'is misspelt (the path belongs to the name), deleted, or not created yet. Nothing was stored.'
    ), status=400, code="MalformedPolicyDocument", quiet=True)
    story.title("To avoid it")
    story.say("""
        Make principals before the policies that name them, in this order also in Terraform and
        CloudFormation (`depends_on`). Across accounts, agree on the exact ARN with its path.
    """)


def wide(command: str) -> str:
    """A command with its policy on a line of its own."""
    return command.replace(" --policy ", " \\\n  --policy ")


@tells(16)
def test_a_role_in_not_principal_does_not_stand_for_its_sessions(story):
    """NotPrincipal needs account, role and session; a condition on aws:PrincipalArn needs the role alone."""
    story.say("""
        The policy denies everybody but one role. It is the role's session that calls, and a session is a
        principal of its own, so it is denied too.
    """)
    story.title("To see it")
    role = f"arn:aws:iam::{B}:role/deliver"
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(f"arn:aws:iam::{B}:root"))}
aws --profile AccountBadmin iam put-role-policy --role-name deliver --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "OnlyDeliver", "Effect": "Deny",
    "NotPrincipal": {"AWS": [f"arn:aws:iam::{B}:root", role]},
    "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*"})}
role_profile night {role} AccountBadmin
echo hello > /tmp/may.csv
""")
    upload = UPLOAD.replace("--profile al", "--profile night")
    session = f"arn:aws:sts::{B}:assumed-role/deliver/night"
    question = f"--as {session} --do s3:PutObject --on {MAY}"
    story.can(question, allowed=False)
    story.refused(
        upload,
        f"An error occurred (AccessDenied) when calling the PutObject operation: User: {session} is not authorized "
        f'to perform: s3:PutObject on resource: "{MAY}" with an explicit deny in a resource-based policy',
    )
    story.title("What `why` says")
    why = story.why((
        'Statement OnlyDeliver of the bucket policy of reports denies it explicitly, and a deny wins '
        'over every allow. Its NotPrincipal must list the account, the role '
        'arn:aws:iam::222222222222:role/deliver and the session '
        'arn:aws:sts::222222222222:assumed-role/deliver/night to spare this caller: a role and its '
        'session are two principals, and no wildcard stands for sessions.'
    ))
    denying = why.statement(B, "matched", layer="bucket policy")
    assert denying == ("bucket policy of reports", "statement OnlyDeliver", 1, [])
    story.title("The change")
    story.say("The command above, in account B, and the upload again:")
    story.apply(why)
    story.run(upload, shows=HELLO)
    story.can(question, allowed=True)
    story.say("The others are denied as before:")
    story.refused(
        UPLOAD.replace("--profile al", "--profile AccountBadmin"),
        "An error occurred (AccessDenied) when calling the PutObject operation: User: "
        f"arn:aws:iam::{B}:user/AccountBadmin is not authorized to perform: s3:PutObject on resource: \"{MAY}\" "
        "with an explicit deny in a resource-based policy",
    )
    story.title("To avoid it")
    story.say("""
        Never write NotPrincipal with Deny. `"Principal": "*"` with the condition `ArnNotEquals
        aws:PrincipalArn` spares a role and all of its sessions, and wildcards work there (`ArnNotLike`).
    """)


@tells(20)
def test_a_public_policy_is_not_taken_and_where_it_is_others_are_shut_out(story):
    """BlockPublicPolicy refuses it; RestrictPublicBuckets shuts all other accounts out."""
    story.say("""
        A bucket policy is public when a statement allows everyone, without a condition that names fixed
        callers. Block Public Access then does two things: it refuses to store such a policy
        (`BlockPublicPolicy`), and it keeps every other account out while there is one
        (`RestrictPublicBuckets`), also accounts that the policy names.
    """)
    story.title("The policy is not taken")
    everyone = {"Sid": "Readers", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
    put = f"aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document(everyone)}"
    story.run("aws --profile AccountBadmin s3api create-bucket --bucket reports")
    story.can(f"--as arn:aws:iam::{B}:user/AccountBadmin --do s3:PutBucketPolicy --on arn:aws:s3:::reports", allowed=True)
    story.refused(
        put,
        f"An error occurred (AccessDenied) when calling the PutBucketPolicy operation: User: "
        f"arn:aws:iam::{B}:user/AccountBadmin is not authorized to perform: s3:PutBucketPolicy on resource: "
        '"arn:aws:s3:::reports" because public policies are prevented by the BlockPublicPolicy setting in S3 '
        "Block Public Access.",
    )
    why = story.why((
        'The bucket policy that the request writes is public, since a statement allows everyone '
        'without a condition that names fixed callers, and Block Public Access of bucket reports '
        '(BlockPublicPolicy) takes none.'
    ))
    story.say("If it is meant to be public, the command above, and the policy again:")
    story.apply(why)
    story.run(put, shows="")
    story.title("Other accounts are shut out")
    story.say("The policy names account A too, and A's user al could read. But it is public.")
    al = {"Sid": "AReads", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
    story.run(f"""
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports \\
  --policy {document(everyone, al)}
aws --profile AccountBadmin s3api put-object --bucket reports --key may.csv
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
""")
    read = "aws --profile al s3api get-object --bucket reports --key may.csv /tmp/copy --query ContentLength"
    question = f"--as {AL} --do s3:GetObject --on {MAY}"
    story.can(question, allowed=False)
    story.refused(read, GENERIC.format("GetObject"))
    why = story.why((
        'The policy of bucket reports is public, so Block Public Access (RestrictPublicBuckets) '
        'leaves it to callers of account 222222222222 (B) alone: every other account is shut out, '
        'also those that the policy names.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "Denies")]
    story.keeps_secrets({A: ["all-of-s3"], B: ["Readers", "AReads"]})
    story.say("The command above, in account B: nobody but the accounts that are named, and the read again.")
    story.apply(why)
    story.run(read, shows="0")
    story.can(question, allowed=True, shown=False)
    story.title("To avoid it")
    story.say("""
        Name accounts and principals, and leave Block Public Access on. `aws s3api get-bucket-policy-status`
        tells whether a policy counts as public; a wide `aws:SourceIp` or a condition with a wildcard does
        not make it private.
    """)
