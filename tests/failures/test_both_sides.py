"""Failures in which one of the two accounts has not said yes."""

from __future__ import annotations

from classics import tells
from harness.story import A, B, C, document

AL = f"arn:aws:iam::{A}:user/al"
GENERIC = "An error occurred (AccessDenied) when calling the {} operation: Access Denied"


@tells(1)
def test_a_bucket_policy_that_names_an_account_lets_none_of_its_users_in(story):
    """Naming the account delegates; A must pass it on."""
    story.say("""
        Account B lets account A upload into its bucket: the bucket policy has A's root as its Principal.
        A's user al uploads, and is refused.
    """)
    story.title("To see it")
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "LetAIn", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
    "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam create-user --user-name al
keys_of al AccountAadmin
echo hello > /tmp/may.csv
""")
    upload = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"
    question = f"--as {AL} --do s3:PutObject --on arn:aws:s3:::reports/may.csv"
    story.say("The question can be asked before anybody uploads:")
    story.can(question, allowed=False)
    story.say("The upload, and all that AWS tells across accounts:")
    story.refused(upload, GENERIC.format("PutObject"))
    story.title("What `why` says")
    why = story.why((
        'The bucket policy of reports lets the caller in (statement LetAIn), but across accounts '
        'both must allow: no identity policy of user al in account 111111111111 (A) allows '
        's3:PutObject on arn:aws:s3:::reports/may.csv. Naming an account hands the decision to its '
        'administrators; it grants nothing by itself.'
    ))
    assert why.sides() == [(A, "DoesNotAllow"), (B, "Allows")]
    assert why.statement(B, "matched") == ("bucket policy of reports", "statement LetAIn", 1, [])
    story.keeps_secrets({A: ["al-has-none"], B: ["LetAIn"]})
    story.title("The change")
    story.say("One step, in account A. Its command, run as A's administrator, and the upload again:")
    story.apply(why)
    story.run(upload, shows='"\\"b1946ac92492d2347c6235b4d2611184\\""')
    story.can(question, allowed=True)
    story.title("To avoid it")
    story.say("""
        Read `arn:aws:iam::ACCOUNT:root` in a bucket policy as "whatever that account's administrators
        decide". The bucket's owner can also name the user or role itself; across accounts the caller's own
        policy must allow the call all the same.
    """)


@tells(2)
def test_an_identity_policy_that_allows_everything_opens_no_bucket_of_another_account(story):
    """The nearest statement is the one that names the caller, and lacks the key's prefix."""
    story.say("""
        al may do everything in S3, says his own account. The bucket is B's, and B's bucket policy lets him
        write, but elsewhere.
    """)
    story.title("To see it")
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document(
    {"Sid": "AuditorsRead", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{C}:root"},
     "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"},
    {"Sid": "AlDelivers", "Effect": "Allow", "Principal": {"AWS": AL},
     "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/inbox/*"})}
keys_of al AccountAadmin
echo hello > /tmp/may.csv
""")
    upload = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"
    question = f"--as {AL} --do s3:PutObject --on arn:aws:s3:::reports/may.csv"
    story.can(question, allowed=False)
    story.refused(upload, GENERIC.format("PutObject"))
    story.title("What `why` says")
    why = story.why((
        "The caller's own policies allow it, but the bucket belongs to account 222222222222 (B), and "
        'nothing there lets the caller in. Statement AlDelivers of the bucket policy of reports '
        'allows it on arn:aws:s3:::reports/inbox/* only, and it is asked on '
        'arn:aws:s3:::reports/may.csv.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "DoesNotAllow")]
    assert why.statement(B) == ("bucket policy of reports", "statement AlDelivers", 1, ["Resource"])
    story.keeps_secrets({A: ["all-of-s3"], B: ["AlDelivers", "AuditorsRead", "inbox"]})
    story.title("The change")
    story.say("""
        Either al uploads to `inbox/`, as B meant it, or B's administrator runs the command above. Then:
    """)
    story.apply(why)
    story.run(upload, shows='"\\"b1946ac92492d2347c6235b4d2611184\\""')
    story.can(question, allowed=True)
    story.title("To avoid it")
    story.say("""
        An identity policy speaks for its own account only. For each bucket of another account, look for the
        statement that names the caller, and compare its Action and Resource with the call.
    """)


@tells(14)
def test_listing_is_asked_on_the_bucket_and_reading_on_its_objects(story):
    """Each of the two forms of the ARN allows half of what one wants."""
    story.say("""
        `s3:ListBucket` is asked on the bucket, `arn:aws:s3:::reports`. `s3:GetObject` is asked on an
        object, `arn:aws:s3:::reports/may.csv`. A statement with one of the two forms says nothing about
        the other, whatever its Action is.
    """)
    story.title("The statement has the objects, and the call lists the bucket")
    story.run(f"""
aws --profile AccountAadmin s3api create-bucket --bucket reports
aws --profile AccountAadmin s3api put-object --bucket reports --key may.csv
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name reports \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"})}
keys_of al AccountAadmin
""")
    listing = "aws --profile al s3api list-objects-v2 --bucket reports --query 'Contents[].Key'"
    question = f"--as {AL} --do s3:ListBucket --on arn:aws:s3:::reports"
    story.can(question, allowed=False)
    story.refused(listing, f"An error occurred (AccessDenied) when calling the ListObjectsV2 operation: User: {AL} is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::reports\" because no identity-based policy allows the s3:ListBucket action")
    why = story.why((
        'No identity policy of user al in account 111111111111 (A) allows s3:ListBucket on '
        'arn:aws:s3:::reports. Statement 1 of the inline policy reports allows it on '
        'arn:aws:s3:::reports/* only, and s3:ListBucket is asked on the bucket itself, '
        'arn:aws:s3:::reports, without a key.'
    ))
    assert why.statement(A) == ("inline policy reports", "statement 1", 4, ["Resource"])
    story.say("The command above, and the listing again:")
    story.apply(why)
    story.run(listing, shows='[\n    "may.csv"\n]')
    story.can(question, allowed=True, shown=False)
    story.title("The statement has the bucket, and the call reads an object")
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name bo
aws --profile AccountAadmin iam put-user-policy --user-name bo --policy-name reports \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports"})}
keys_of bo AccountAadmin
""")
    read = "aws --profile bo s3api get-object --bucket reports --key may.csv /tmp/copy --query ContentLength"
    bo = f"arn:aws:iam::{A}:user/bo"
    question = f"--as {bo} --do s3:GetObject --on arn:aws:s3:::reports/may.csv"
    story.can(question, allowed=False, shown=False)
    story.refused(read, f"An error occurred (AccessDenied) when calling the GetObject operation: User: {bo} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::reports/may.csv\" because no identity-based policy allows the s3:GetObject action")
    why = story.why((
        'No identity policy of user bo in account 111111111111 (A) allows s3:GetObject on '
        'arn:aws:s3:::reports/may.csv. Statement 1 of the inline policy reports allows it on '
        'arn:aws:s3:::reports only, and s3:GetObject is asked on objects, arn:aws:s3:::reports/*.'
    ))
    assert why.statement(A) == ("inline policy reports", "statement 1", 4, ["Resource"])
    story.say("Again the command above, and the read:")
    story.apply(why)
    story.run(read, shows="0")
    story.can(question, allowed=True, shown=False)
    story.title("To avoid it")
    story.say("""
        Write both forms into one statement, `"Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"]`,
        or two statements, one for each.
    """)
