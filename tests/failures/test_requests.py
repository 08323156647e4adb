"""Failures of the request itself, and of what is not there."""

from __future__ import annotations

import json

from classics import tells
from harness.story import A, B, document
from test_roles import trust

AL = f"arn:aws:iam::{A}:user/al"
MAY = "arn:aws:s3:::reports/may.csv"
HELLO = '"\\"b1946ac92492d2347c6235b4d2611184\\""'


@tells(18)
def test_a_presigned_url_ends_by_its_time_or_with_the_rights_of_its_signer(story):
    """A link can do what its signer can do now."""
    story.say("""
        A presigned URL carries the signer's access key. It ends when `X-Amz-Expires` is over; when the
        session that signed it ends, if that is sooner; when the key is deleted; and when the signer may no
        longer do what the link does.
    """)
    story.title("Its time is over")
    story.run(f"""
aws --profile AccountAadmin s3api create-bucket --bucket reports
aws --profile AccountAadmin s3api put-object --bucket reports --key may.csv
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name reads \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"})}
keys_of al AccountAadmin
url=$(aws --profile al s3 presign s3://reports/may.csv --expires-in 1)
sleep 3
""")
    story.say("Once its second is over:")
    get = 'curl --silent --show-error --fail-with-body "$url" --write-out "%{http_code}\\n" --output /tmp/answer'
    code = "grep -o '<Code>.*</Message>' /tmp/answer"
    story.refused(get, "curl: (22) The requested URL returned error: 403\n403")
    story.run(code, shows="<Code>AccessDenied</Code><Message>Request has expired</Message>")
    story.why((
        'The presigned URL is over: it ended at 2026-01-02T03:04:05Z, and it was '
        '2026-01-02T03:04:05Z here.'
    ))
    story.say("A new link, for an hour:")
    story.run("url=$(aws --profile al s3 presign s3://reports/may.csv --expires-in 3600)\n" + get, shows="200")
    story.title("Its signer may no longer read")
    story.run("aws --profile AccountAadmin iam delete-user-policy --user-name al --policy-name reads")
    question = f"--as {AL} --do s3:GetObject --on {MAY}"
    story.can(question, allowed=False)
    story.refused(get, "curl: (22) The requested URL returned error: 403\n403")
    why = story.why((
        'No identity policy of user al in account 111111111111 (A) allows s3:GetObject on '
        'arn:aws:s3:::reports/may.csv.'
    ))
    story.say("The command above, and the same link again:")
    story.apply(why)
    story.run(get, shows="200")
    story.can(question, allowed=True, shown=False)
    story.title("Its signer's key is gone")
    story.run("""
id=$(aws --profile AccountAadmin iam list-access-keys --user-name al \\
  --query 'AccessKeyMetadata[0].AccessKeyId' --output text)
aws --profile AccountAadmin iam delete-access-key --user-name al --access-key-id "$id"
""")
    story.refused(get, "curl: (22) The requested URL returned error: 403\n403")
    why = story.why((
        'AKIAEXAMPLEKEYID0001 is no access key that works here: it was never made, is deleted or '
        'inactive, or its user, role or account is gone. A temporary key needs its session token, '
        'and a token that an earlier session left in AWS_SESSION_TOKEN spoils a good key.'
    ), code="InvalidAccessKeyId", quiet=True)
    story.say("A link with a key that there is:")
    story.run("url=$(aws --profile AccountAadmin s3 presign s3://reports/may.csv)\n" + get, shows="200")


@tells(21)
def test_the_first_lines_of_an_explanation_say_who_it_was(story):
    """The default profile, a stale token, a root user: why begins with the caller."""
    story.say("""
        The commonest cause of all: the call is made by somebody else than one thinks. `why` begins with the
        caller, the account, the access key, and the age of a session.
    """)
    story.title("Another profile")
    story.run(f"""
aws --profile AccountAadmin s3api create-bucket --bucket reports
aws --profile AccountAadmin s3api put-object --bucket reports --key may.csv
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name reads \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"})}
keys_of al AccountAadmin
aws --profile AccountBadmin iam create-user --user-name bo
keys_of bo AccountBadmin
""")
    read = "s3api get-object --bucket reports --key may.csv /tmp/copy --query ContentLength"
    story.say("`AWS_PROFILE` is left over from other work:")
    story.can(f"--as arn:aws:iam::{B}:user/bo --do s3:GetObject --on {MAY}", allowed=False)
    story.refused(f"AWS_PROFILE=bo aws {read}", "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied")
    why = story.why((
        'Neither side allows it: the resource belongs to account 111111111111 (A), where nothing '
        'lets the caller in, and in account 222222222222 (B) no policy allows it either. There is no '
        'bucket policy of reports.'
    ))
    assert why.answer["who"]["arn"] == f"arn:aws:iam::{B}:user/bo"
    story.say("The answer is not in the changes, but in the line `Caller`. As al, who was meant:")
    story.run(f"AWS_PROFILE=al aws {read}", shows="0")
    story.can(f"--as {AL} --do s3:GetObject --on {MAY}", allowed=True, shown=False)
    story.title("A token of an earlier session")
    story.say("al's keys in the environment, and with them a token that was there before:")
    story.run("""
session=$(aws --profile AccountAadmin sts get-session-token --query Credentials.SessionToken --output text)
id=$(aws --profile al configure get aws_access_key_id)
secret=$(aws --profile al configure get aws_secret_access_key)
""")
    environment = "AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret "
    story.refused(f"{environment}AWS_SESSION_TOKEN=$session \\\n  aws {read}", (
        'An error occurred (InvalidToken) when calling the GetObject operation: The provided token '
        'is malformed or otherwise invalid.'
    ))
    why = story.why((
        'The session token does not belong to the access key: it is of another session, or a '
        'long-term key was sent with a token (look for AWS_SESSION_TOKEN in the environment).'
    ), code="InvalidToken", status=400)
    story.run(f"{environment}\\\n  aws {read}", shows="0")
    story.title("A secret of another key")
    story.refused(f"AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=${{secret}}x \\\n  aws {read}", (
        'An error occurred (SignatureDoesNotMatch) when calling the GetObject operation: The request '
        'signature we calculated does not match the signature you provided. Check your key and '
        'signing method.'
    ))
    story.why((
        'The access key exists, but the request was signed with another secret, or was changed on '
        'its way.'
    ), code="SignatureDoesNotMatch", quiet=True)
    story.title("A key that there is not")
    story.refused(f"AWS_ACCESS_KEY_ID=AKIAEXAMPLEKEYID9999 AWS_SECRET_ACCESS_KEY=x \\\n  aws {read}", (
        'An error occurred (InvalidAccessKeyId) when calling the GetObject operation: The AWS Access '
        'Key Id you provided does not exist in our records.'
    ))
    story.why((
        'AKIAEXAMPLEKEYID9999 is no access key that works here: it was never made, is deleted or '
        'inactive, or its user, role or account is gone. A temporary key needs its session token, '
        'and a token that an earlier session left in AWS_SESSION_TOKEN spoils a good key.'
    ), code="InvalidAccessKeyId", quiet=True)
    story.title("The root user")
    story.say("A root user may do everything in its account, and may not assume roles, not even its own:")
    role = f"arn:aws:iam::{A}:role/deliver"
    story.run(f"""
aws --profile AccountAadmin iam create-role --role-name deliver --query Role.Arn --output text \\
  --assume-role-policy-document {document(trust(f"arn:aws:iam::{A}:root"))}
""")
    story.can(f"--as arn:aws:iam::{A}:root --do sts:AssumeRole --on {role}", allowed=False)
    assume = f"sts assume-role --role-arn {role} \\\n  --role-session-name night --query AssumedRoleUser.Arn --output text"
    story.refused(f"aws --profile AccountAroot {assume}", (
        'An error occurred (AccessDenied) when calling the AssumeRole operation: Roles may not be '
        'assumed by root accounts.'
    ))
    story.why((
        'The request is signed by a root user, and root users may not assume roles: sign as a user '
        'or role.'
    ))
    story.say("As a user:")
    story.run(f"aws --profile AccountAadmin {assume}", shows=f"arn:aws:sts::{A}:assumed-role/deliver/night")
    story.title("To avoid it")
    story.say("""
        `aws sts get-caller-identity` before anything else. Give each account a profile of its own and no
        default profile; unset `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` together.
    """)


KEY = f"arn:aws:kms:us-east-1:{B}:key/11111111-2222-4333-8444-555555555555"


@tells(11)
def test_an_object_under_a_kms_key_needs_three_yeses(story):
    """S3's side, the key's policy, and the caller's permission for KMS: the missing one is named."""
    story.say("""
        An object with SSE-KMS needs three yeses: the permission for S3, the key's policy in the key's
        account, and the caller's own policy for the key: `kms:GenerateDataKey` to write, `kms:Decrypt` to
        read and for multipart uploads.
    """)
    story.title("What there is here")
    story.say("""
        KMS is not built yet: this server has no keys, and no request is encrypted with one. What asks for
        it is refused, and never stored as if it were encrypted so.
    """)
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "AlDelivers", "Effect": "Allow", "Principal": {"AWS": AL},
    "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
echo hello > /tmp/may.csv
""")
    upload = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"
    story.refused(f"{upload} \\\n  --server-side-encryption aws:kms --ssekms-key-id {KEY}", (
        'An error occurred (NotImplemented) when calling the PutObject operation: A header you '
        'provided implies functionality that is not implemented'
    ))
    story.why((
        'The header x-amz-server-side-encryption asks for something that this server does not have, '
        'so it refuses the request whole: nothing was stored, and no policy was in the way.'
    ), status=501, code="NotImplemented", quiet=True)
    story.refused("aws --profile AccountBadmin kms create-key", (
        'An error occurred (NotImplemented) when calling the CreateKey operation: The operation '
        'CreateKey is not implemented.'
    ))
    story.why((
        'This server does not have the operation (docs/compatibility.md lists what there is). No '
        'policy was in the way.'
    ), status=501, code="NotImplemented", quiet=True)
    story.say("""
        The question can be asked all the same: `strongroom can` takes the key's ARN and its policy from a
        file, and decides the three yeses by the policies here.
    """)
    story.title("The key's policy is missing")
    own = {"Sid": "Own", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{B}:root"}, "Action": "kms:*", "Resource": "*"}
    story.run(f"cat > /tmp/key.json <<'END'\n{document(own).strip(chr(39))}\nEND")
    question = f"--as {AL} --do s3:PutObject --on {MAY} --key {KEY} --key-policy /tmp/key.json"
    story.can(question, allowed=False)
    story.asks(question)
    story.title("The caller's own policy is missing")
    lets = {"Sid": "LetAIn", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"}, "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"}
    story.run(f"cat > /tmp/key.json <<'END'\n{document(own, lets).strip(chr(39))}\nEND")
    steps = story.asks(question)
    story.title("All three")
    story.say("The command above, in account A; the key's policy is the one in the file.")
    story.apply_steps(steps[-1]["changes"][0]["steps"])
    story.can(question, allowed=True)
    story.title("Without the key")
    story.say("The upload itself passes, encrypted under this server's own key:")
    story.run(upload, shows=HELLO)


@tells(12)
def test_an_aws_managed_key_serves_its_own_account_alone(story):
    """The policy of aws/s3 is fixed; an alias means the caller's account."""
    story.say("""
        The AWS managed key `aws/s3` has a policy that nobody can change, and it lets its own account in
        alone. An alias is looked up in the account of the caller, so `alias/reports` means another key, or
        none, to everybody else.
    """)
    story.title("What there is here")
    story.say("""
        KMS is not built yet, so there is neither `aws/s3` nor an alias. An upload that asks for them is
        refused:
    """)
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
echo hello > /tmp/may.csv
""")
    upload = "aws --profile AccountBadmin s3api put-object --bucket reports --key may.csv --body /tmp/may.csv \\\n  --server-side-encryption aws:kms"
    story.refused(upload, (
        'An error occurred (NotImplemented) when calling the PutObject operation: A header you '
        'provided implies functionality that is not implemented'
    ))
    story.why((
        'The header x-amz-server-side-encryption asks for something that this server does not have, '
        'so it refuses the request whole: nothing was stored, and no policy was in the way.'
    ), status=501, code="NotImplemented", quiet=True)
    story.refused(f"{upload} --ssekms-key-id alias/reports", (
        'An error occurred (NotImplemented) when calling the PutObject operation: A header you '
        'provided implies functionality that is not implemented'
    ))
    story.why((
        'The header x-amz-server-side-encryption asks for something that this server does not have, '
        'so it refuses the request whole: nothing was stored, and no policy was in the way.'
    ), status=501, code="NotImplemented", quiet=True)
    story.title("Asked with the managed key's policy")
    managed = {
        "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
        "Effect": "Allow", "Principal": {"AWS": "*"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:CallerAccount": B, "kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    }
    story.run(f"""
cat > /tmp/aws-s3.json <<'END'
{document(managed).strip("'")}
END
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "AlReads", "Effect": "Allow", "Principal": {"AWS": AL},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name reads \\
  --policy-document {document({"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"})}
""")
    story.say("al's policies allow S3 and KMS, the bucket lets him in, and the managed key does not:")
    question = f"--as {AL} --do s3:GetObject --on {MAY} --key {KEY} --key-policy /tmp/aws-s3.json"
    story.can(question, allowed=False)
    story.asks(question)
    story.say("""
        On AWS the command cannot be run, for the policy of a managed key is fixed. Encrypt under a customer
        managed key whose policy lets the other account in, and send its full ARN.
    """)
    story.say("A question about an alias is not taken, since it means another key to each account:")
    story.refused(
        f"strongroom can --as {AL} --do s3:GetObject --on {MAY} \\\n"
        f"  --key arn:aws:kms:us-east-1:{B}:alias/reports --key-policy /tmp/aws-s3.json",
        "strongroom: `arn:aws:kms:us-east-1:222222222222:alias/reports` is an alias, which means a key of the caller's own account: give the key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID",
    )


@tells(22)
def test_what_is_not_modelled_is_refused_and_never_passed_over(story):
    """501 for what would set it up; the condition keys are absent, so they allow nothing."""
    story.say("""
        Some of AWS's reasons to refuse are not here. Whatever would set them up is refused with
        `NotImplemented`, so that nobody relies on a rule that is not kept.
    """)
    story.title("Service and resource control policies")
    story.say("""
        There are no organizations: an account here is as one that belongs to none. Calls to Organizations
        are refused.
    """)
    story.refused("aws --profile AccountAadmin organizations list-policies --filter SERVICE_CONTROL_POLICY", (
        'An error occurred (NotImplemented) when calling the ListPolicies operation: The operation '
        'ListPolicies is not implemented.'
    ))
    story.why((
        'This server does not have the operation (docs/compatibility.md lists what there is). No '
        'policy was in the way.'
    ), status=501, code="NotImplemented", quiet=True)
    story.say("""
        The keys `aws:PrincipalOrgID`, `aws:PrincipalOrgPaths` and `aws:ResourceOrgID` are absent from every
        request, so a statement that allows an organization allows nobody, and `why` says so:
    """)
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-object --bucket reports --key may.csv
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "OurOrganization", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::reports/*",
    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}})}
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
""")
    read = "aws --profile al s3api get-object --bucket reports --key may.csv /tmp/copy --query ContentLength"
    story.can(f"--as {AL} --do s3:GetObject --on {MAY}", allowed=False)
    story.refused(read, "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied")
    why = story.why((
        "The caller's own policies allow it, but the bucket belongs to account 222222222222 (B), and "
        'nothing there lets the caller in. Statement OurOrganization of the bucket policy of reports '
        'comes near, but its condition StringEquals aws:PrincipalOrgID wants o-1234567890, and the '
        'request has none.'
    ), quiet=True)
    assert why.statement(B)[3] == ["StringEquals aws:PrincipalOrgID"]
    story.keeps_secrets({A: ["all-of-s3"], B: ["OurOrganization", "o-1234567890"]})
    story.say("With the account named in the place of the organization:")
    story.run(f"""
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"}, "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::reports/*"})}
""")
    story.run(read, shows="0")
    story.title("VPC endpoints")
    story.say("""
        There are no VPCs. `aws:SourceVpc` and `aws:SourceVpce` are absent, so a bucket policy that denies
        whatever does not come through an endpoint denies everybody, as on AWS for callers from elsewhere.
    """)
    story.run(f"""
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "OnlyByEndpoint", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::reports/*",
    "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}})}
""")
    story.refused(
        read.replace("--profile al", "--profile AccountBadmin"),
        "An error occurred (AccessDenied) when calling the GetObject operation: User: "
        f'arn:aws:iam::{B}:user/AccountBadmin is not authorized to perform: s3:GetObject on resource: "{MAY}" '
        "with an explicit deny in a resource-based policy",
    )
    why = story.why((
        'Statement OnlyByEndpoint of the bucket policy of reports denies it explicitly, and a deny '
        'wins over every allow. Its condition holds: StringNotEquals aws:SourceVpce vpce-1a2b3c4d '
        '(the request has none).'
    ), quiet=True)
    story.say("The proposed change excepts the caller:")
    story.apply(why)
    story.run(read.replace("--profile al", "--profile AccountBadmin"), shows="0")
    story.title("Requester Pays")
    story.say("""
        Nobody pays here, yet who calls a Requester Pays bucket of another account must agree to, as on AWS.
        AWS says no more than `Access Denied`.
    """)
    story.run(f"""
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"}, "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountBadmin s3api put-bucket-request-payment --bucket reports \\
  --request-payment-configuration Payer=Requester
""")
    story.refused(read, "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied")
    story.why((
        'The policies allow it, but the bucket is a Requester Pays bucket of account 222222222222 (B): requests '
        'of other accounts must be signed and say x-amz-request-payer: requester (in the AWS CLI '
        '--request-payer requester, in the SDKs RequestPayer).'
    ), quiet=True)
    story.run(read.replace("--query", "\\\n  --request-payer requester --query"), shows="0")
