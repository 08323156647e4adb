"""Failures of roles, their trust and their sessions."""

from __future__ import annotations

import json

from classics import tells
from harness.story import A, B, C, document

AL = f"arn:aws:iam::{A}:user/al"
ROLE = f"arn:aws:iam::{B}:role/deliver"
MAY_ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{B}:role/*"}
REFUSED = (
    "An error occurred (AccessDenied) when calling the AssumeRole operation: User: {} is not authorized to "
    "perform: sts:AssumeRole on resource: {}"
)


def trust(principal: str, **condition) -> dict:
    """A statement of a trust policy."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return statement | ({"Condition": condition} if condition else {})


def assume(profile: str, role: str = ROLE, more: str = "") -> str:
    """The call, which prints whose session it got."""
    return (
        f"aws --profile {profile} sts assume-role --role-session-name night \\\n"
        f"  --role-arn {role}{more} \\\n  --query AssumedRoleUser.Arn --output text"
    )


NIGHT = f"arn:aws:sts::{B}:assumed-role/deliver/night"


@tells(3)
def test_a_refused_assume_role_has_one_of_four_causes(story):
    """AWS says the same for all of them."""
    story.say("""
        AWS answers every refusal of AssumeRole with the same words. It is one of four: the caller may not
        ask, the role does not trust the caller, a condition of the trust does not hold, or there is no such
        role.
    """)
    story.title("The caller may not ask")
    story.say("The role in account B trusts account A. User al of A has no policy.")
    story.run(f"""
aws --profile AccountBadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(f"arn:aws:iam::{A}:root"))}
aws --profile AccountAadmin iam create-user --user-name al
keys_of al AccountAadmin
""")
    question = f"--as {AL} --do sts:AssumeRole --on {ROLE}"
    story.can(question, allowed=False)
    told = REFUSED.format(AL, ROLE)
    story.refused(assume("al"), told)
    why = story.why((
        "The role's trust policy lets the caller in (statement 1), but no identity policy of user al "
        'in account 111111111111 (A) allows sts:AssumeRole on arn:aws:iam::222222222222:role/deliver.'
    ))
    assert why.sides() == [(A, "DoesNotAllow"), (B, "Allows")]
    story.keeps_secrets({A: [], B: ["statement 1 of the trust policy"]})
    story.say("The command above, run in account A, and the call again:")
    story.apply(why)
    story.run(assume("al"), shows=NIGHT)
    story.can(question, allowed=True, shown=False)

    story.title("The role trusts somebody else")
    story.run(f"""
aws --profile AccountBadmin iam update-assume-role-policy --role-name deliver \\
  --policy-document {document(trust(f"arn:aws:iam::{C}:root"))}
""")
    story.can(question, allowed=False, shown=False)
    story.refused(assume("al"), told)
    why = story.why((
        'The trust policy of role deliver does not name the caller: statement 1 trusts '
        'arn:aws:iam::333333333333:root, and the caller is arn:aws:iam::111111111111:user/al.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "DoesNotAllow")]
    assert why.statement(B) == ("trust policy of role deliver", "statement 1", 4, ["Principal"])
    story.keeps_secrets({A: ["AllowAssumeRole"], B: [C]})
    story.say("The command above, run in account B, and the call again:")
    story.apply(why)
    story.run(assume("al"), shows=NIGHT)

    story.title("A condition of the trust does not hold")
    story.say("""
        Here the role demands a session name. An external id is such a condition too, see
        [4](04-external-id.md).
    """)
    story.run(f"""
aws --profile AccountBadmin iam update-assume-role-policy --role-name deliver \\
  --policy-document {document(trust(f"arn:aws:iam::{A}:root", StringEquals={"sts:RoleSessionName": "al"}))}
""")
    story.can(question, allowed=False, shown=False)
    story.can(f"{question} --with sts:RoleSessionName=al", allowed=True, shown=False)
    story.refused(assume("al"), told)
    why = story.why((
        'Statement 1 of the trust policy of role deliver names the caller, but its condition '
        'StringEquals sts:RoleSessionName wants al, and the request has night.'
    ))
    assert why.statement(B)[3] == ["StringEquals sts:RoleSessionName"]
    story.keeps_secrets({A: ["AllowAssumeRole"], B: ["RoleSessionName", "--role-session-name al"]})
    argument = why.changes[0]["steps"][0]["command"].split("… ")[1]
    assert (len(why.changes), argument) == (1, "--role-session-name al")
    story.say("With that argument:")
    story.run(assume("al").replace("--role-session-name night", argument), shows=NIGHT.replace("night", "al"))

    story.title("There is no such role")
    story.say("""
        To the caller this looks like a role that does not trust it, on AWS too: nobody is told which roles
        an account has. Only the operator, and `why`, are told.
    """)
    typo = f"arn:aws:iam::{B}:role/delivery"
    story.can(f"--as {AL} --do sts:AssumeRole --on {typo}", allowed=False, shown=False)
    story.refused(assume("al", typo), REFUSED.format(AL, typo))
    why = story.why((
        'There is no role arn:aws:iam::222222222222:role/delivery. AWS answers as for a role that '
        'does not trust the caller, so as not to tell which roles there are.'
    ))
    assert why.changes == []
    story.keeps_secrets({A: [], B: ["here is no role", "there is no such role"]}, to=(A,))
    story.say("With the name that the role has:")
    story.run(f"""
aws --profile AccountBadmin iam update-assume-role-policy --role-name deliver \\
  --policy-document {document(trust(f"arn:aws:iam::{A}:root"))}
""")
    story.run(assume("al"), shows=NIGHT)
    story.title("To avoid it")
    story.say("""
        Ask `strongroom can --as USER --do sts:AssumeRole --on ROLE` after each change of a trust policy, with
        `--with` for every condition key that the call will carry.
    """)


@tells(4)
def test_the_external_id_is_demanded_and_never_told_to_the_caller(story):
    """The owner reads what is demanded, and the caller only that something is."""
    story.say("""
        A role that a customer makes for a firm demands an external id, so that the firm cannot be talked into
        using it for somebody else. The firm's call carries none, or another one.
    """)
    story.title("To see it")
    secret = "Blue-Harbour-4711"
    story.run(f"""
aws --profile AccountBadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document({"Sid": "TheFirm"} | trust(f"arn:aws:iam::{A}:root", StringEquals={"sts:ExternalId": secret}))}
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name customers \\
  --policy-document {document(MAY_ASSUME)}
keys_of al AccountAadmin
""")
    question = f"--as {AL} --do sts:AssumeRole --on {ROLE}"
    story.can(question, allowed=False)
    told = REFUSED.format(AL, ROLE)
    story.refused(assume("al"), told)
    story.title("What `why` says")
    why = story.why((
        'The trust policy of role deliver demands an external id (statement TheFirm), and the '
        'request sent none.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "DoesNotAllow")]
    assert why.statement(B) == ("trust policy of role deliver", "statement TheFirm", 4, ["StringEquals sts:ExternalId"])
    secrets = {A: ["customers"], B: [secret, "TheFirm"]}
    story.keeps_secrets(secrets)
    story.say("That is what the operator and B's administrators see. A's administrators see this:")
    story.run(f"strongroom why --last --for-account {A}", shows=story.last(f"--for-account {A}"))
    story.title("With another external id")
    story.refused(assume("al", more=" --external-id Blue-Harbour-4712"), told)
    why = story.why((
        'The trust policy of role deliver demands an external id (statement TheFirm), and the '
        'request sent another one.'
    ), quiet=True)
    story.keeps_secrets(secrets)
    story.title("The change")
    story.say("The firm asks the customer for the id, and sends it:")
    # Nobody is told to trust without it.
    assert len(why.changes) == 1
    step = why.changes[0]["steps"][0]
    assert (step["account"], step["confidential_of"]) == (None, B)
    argument = step["command"].split("… ")[1]
    assert argument == f"--external-id {secret}"
    story.run(assume("al", more=f" {argument}"), shows=NIGHT)
    story.can(f"{question} --with sts:ExternalId={secret}", allowed=True)
    story.title("To avoid it")
    story.say("""
        The firm makes the id, one for each customer, and never takes one from the customer. Test that the
        role refuses a call without it: a trust without the condition is the commoner mistake, and nothing
        fails then. `strongroom can` says so:
    """)
    story.run(f"""
aws --profile AccountBadmin iam update-assume-role-policy --role-name deliver \\
  --policy-document {document(trust(f"arn:aws:iam::{A}:root"))}
""")
    steps = story.can(question, allowed=True, shown=False)
    story.run(f"strongroom can --as {AL} \\\n  --do sts:AssumeRole --on {ROLE}", shows=story.printed_by_can(question))
    assert any("external id" in note for note in steps[-1]["notes"]), steps


@tells(15)
def test_two_limits_end_a_session_and_the_shorter_one_counts(story):
    """The role's own maximum, and one hour for sessions that assume roles."""
    story.say("""
        Two limits: the role's `MaxSessionDuration`, which is one hour unless set and twelve at most; and one
        hour for a session that was made by another session (role chaining), which nothing lifts.
    """)
    story.title("More than the role's MaxSessionDuration")
    story.run(f"""
aws --profile AccountBadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(f"arn:aws:iam::{A}:root"))}
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name roles \\
  --policy-document {document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})}
keys_of al AccountAadmin
""")
    story.say("The policies allow it, for those limits are no policies:")
    story.can(f"--as {AL} --do sts:AssumeRole --on {ROLE}", allowed=True)
    story.refused(
        assume("al", more=" --duration-seconds 7200"),
        "An error occurred (ValidationError) when calling the AssumeRole operation: The requested "
        "DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    why = story.why((
        "The session that was asked for is longer than the role's MaxSessionDuration, which is 3600 "
        "seconds unless set. Ask for less, or let the role's administrators raise it (aws iam "
        'update-role --role-name deliver --max-session-duration SECONDS, 43200 at most).'
    ), status=400, code="ValidationError")
    story.say("Raised by B's administrator, or asked for less:")
    story.run("aws --profile AccountBadmin iam update-role --role-name deliver --max-session-duration 7200")
    story.run(assume("al", more=" --duration-seconds 7200"), shows=NIGHT)
    story.title("More than one hour by role chaining")
    story.say("""
        al assumes role `first` of his own account, and that session assumes `deliver`. Its
        `MaxSessionDuration` of two hours does not help.
    """)
    first = f"arn:aws:iam::{A}:role/first"
    story.run(f"""
aws --profile AccountAadmin iam create-role --role-name first --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(AL))}
aws --profile AccountAadmin iam put-role-policy --role-name first --policy-name roles \\
  --policy-document {document(MAY_ASSUME)}
role_profile first {first} al
""")
    story.refused(
        assume("first", more=" --duration-seconds 7200"),
        "An error occurred (ValidationError) when calling the AssumeRole operation: The requested "
        "DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )
    why = story.why((
        'A role session assumed this role, which is role chaining, and a chained session lasts one '
        "hour at most, whatever the role's MaxSessionDuration says. Ask for 3600 seconds or less, or "
        "assume the role with a user's keys."
    ), status=400, code="ValidationError")
    assert why.changes == []
    story.say("One hour, or two with al's own keys:")
    story.run(assume("first", more=" --duration-seconds 3600"), shows=NIGHT)
    story.run(assume("al", more=" --duration-seconds 7200"), shows=NIGHT)
    story.title("To avoid it")
    story.say("""
        Do not chain where one step will do: let the role trust the user or the instance's role itself.
        Where chaining is needed, renew the session before the hour is over, as the AWS CLI and the SDKs do
        with a profile that has `role_arn`.
    """)


@tells(19)
def test_a_session_can_do_what_all_of_its_limits_allow(story):
    """The role's policy, the session policy, the boundary: each must allow."""
    story.say("""
        What a session can do is what the role's policies allow and the session policy allows, if one was
        passed. What a user or role can do is what its policies allow and its permissions boundary allows, if
        it has one. The limits grant nothing, and they say nothing when they take something away.
    """)
    story.title("A session policy")
    story.say("The role may do everything in the bucket. The program that assumes it asks for reading alone.")
    only_reading = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(f"arn:aws:iam::{B}:root"))}
aws --profile AccountBadmin iam put-role-policy --role-name deliver --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
cat > /tmp/session.json <<'END'
{only_reading.strip("'")}
END
aws --profile AccountBadmin sts assume-role --role-session-name night \\
  --role-arn {ROLE} --policy file:///tmp/session.json \\
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text |
while read -r id secret token; do
  printf '[night]\\naws_access_key_id = %s\\naws_secret_access_key = %s\\naws_session_token = %s\\n' \\
    "$id" "$secret" "$token" >> "$AWS_SHARED_CREDENTIALS_FILE"
done
echo hello > /tmp/may.csv
""")
    question = f"--as {NIGHT} --do s3:PutObject --on arn:aws:s3:::reports/may.csv"
    story.can(f"{question} --session-policy /tmp/session.json", allowed=False)
    upload = "aws --profile {} s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"
    story.refused(
        upload.format("night"),
        f"An error occurred (AccessDenied) when calling the PutObject operation: User: {NIGHT} is not authorized "
        'to perform: s3:PutObject on resource: "arn:aws:s3:::reports/may.csv" because no session policy allows '
        "the s3:PutObject action",
    )
    why = story.why((
        'The policies allow it, but the session policy that was passed when the session was made '
        'does not allow s3:PutObject on arn:aws:s3:::reports/may.csv: a session can do what its role '
        'and its session policy both allow.'
    ))
    assert why.steps()[0][0] is None
    story.say("The session is made again, without a session policy:")
    story.can(question, allowed=True)
    story.run(f"role_profile again {ROLE} AccountBadmin\n" + upload.format("again"), shows='"\\"b1946ac92492d2347c6235b4d2611184\\""')
    story.title("A permissions boundary")
    bo = f"arn:aws:iam::{B}:user/bo"
    boundary = f"arn:aws:iam::{B}:policy/developers"
    story.run(f"""
aws --profile AccountBadmin iam create-policy --policy-name developers --query Policy.Arn --output text \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"})}
aws --profile AccountBadmin iam create-user --user-name bo --query User.Arn --output text \\
  --permissions-boundary {boundary}
aws --profile AccountBadmin iam put-user-policy --user-name bo --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of bo AccountBadmin
""")
    question = f"--as {bo} --do s3:PutObject --on arn:aws:s3:::reports/may.csv"
    story.can(question, allowed=False)
    story.refused(
        upload.format("bo"),
        f"An error occurred (AccessDenied) when calling the PutObject operation: User: {bo} is not authorized "
        'to perform: s3:PutObject on resource: "arn:aws:s3:::reports/may.csv" because no permissions boundary '
        "allows the s3:PutObject action",
    )
    why = story.why((
        'The permissions boundary of user bo does not allow s3:PutObject on '
        'arn:aws:s3:::reports/may.csv: what a caller can do is what its policies and its boundary '
        'both allow.'
    ))
    assert why.statement(B)[3] == ["Action"]
    story.say("The command above, and the upload again:")
    story.apply(why)
    story.run(upload.format("bo"), shows='"\\"b1946ac92492d2347c6235b4d2611184\\""')
    story.can(question, allowed=True, shown=False)
    story.title("To avoid it")
    story.say("""
        When a refusal says `no session policy allows` or `no permissions boundary allows`, leave the
        identity policies alone. They allow it already.
    """)
