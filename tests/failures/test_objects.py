"""Failures of objects: who owns them, their ACLs, and the hidden 404."""

from __future__ import annotations

from classics import tells
from harness.story import A, B, document

AL = f"arn:aws:iam::{A}:user/al"
BO = f"arn:aws:iam::{B}:user/AccountBadmin"
GENERIC = "An error occurred (AccessDenied) when calling the {} operation: Access Denied"
MAY = "arn:aws:s3:::reports/may.csv"
HELLO = '"\\"b1946ac92492d2347c6235b4d2611184\\""'
UPLOAD = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv --query ETag"


def bucket_with_uploads_by_al(ownership: str, *actions: str) -> str:
    """B's bucket with this ownership; both sides let al do the actions."""
    listed = list(actions) if len(actions) > 1 else actions[0]
    return f"""
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api create-bucket --bucket reports --object-ownership {ownership}
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "AlDelivers", "Effect": "Allow", "Principal": {"AWS": AL},
    "Action": listed, "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name deliver \\
  --policy-document {document({"Effect": "Allow", "Action": listed, "Resource": "arn:aws:s3:::reports/*"})}
keys_of al AccountAadmin
echo hello > /tmp/may.csv
"""


@tells(7)
def test_an_object_belongs_to_the_account_that_uploaded_it_where_acls_are_on(story):
    """The bucket's policy cannot allow what the bucket's owner does not own."""
    story.say("""
        In a bucket with ACLs (ownership `ObjectWriter`, or `BucketOwnerPreferred` and an upload without the
        ACL), an object belongs to the account that uploaded it. The bucket's owner pays for it and may
        delete it, and cannot read it.
    """)
    story.title("To see it")
    story.run(bucket_with_uploads_by_al("ObjectWriter", "s3:PutObject", "s3:PutObjectAcl"))
    story.run(UPLOAD, shows=HELLO)
    read = "aws --profile AccountBadmin s3api get-object --bucket reports --key may.csv /tmp/copy --query ContentLength"
    question = f"--as {BO} --do s3:GetObject --on {MAY}"
    story.can(question, allowed=False)
    story.refused(read, (
        'An error occurred (AccessDenied) when calling the GetObject operation: User: '
        'arn:aws:iam::222222222222:user/AccountBadmin is not authorized to perform: s3:GetObject on '
        'resource: "arn:aws:s3:::reports/may.csv" because no resource-based policy allows the '
        's3:GetObject action'
    ))
    story.title("What `why` says")
    why = story.why((
        'The object belongs to account 111111111111 (A), which uploaded it, and not to account '
        '222222222222 (B), which owns the bucket: its bucket policy can deny but not allow here, and '
        "the object's own ACL grants nothing to the caller."
    ))
    assert [step[0] for step in why.steps(0)] == [A]
    assert [step[0] for step in why.steps(1)] == [B]
    story.title("The change")
    story.say("The first of the two, done by account A, and the read again:")
    story.apply(why)
    story.run(read, shows="6")
    story.can(question, allowed=True, shown=False)
    story.say("""
        The second helps with every object at once, and with those to come. For another object:
    """)
    story.run(UPLOAD.replace("may.csv --body", "june.csv --body"), shows=HELLO)
    story.refused(read.replace("may.csv", "june.csv"), (
        'An error occurred (AccessDenied) when calling the GetObject operation: User: '
        'arn:aws:iam::222222222222:user/AccountBadmin is not authorized to perform: s3:GetObject on '
        'resource: "arn:aws:s3:::reports/june.csv" because no resource-based policy allows the '
        's3:GetObject action'
    ))
    why = story.why(why.cause, quiet=True)
    story.apply(why, change=1)
    story.run(read.replace("may.csv", "june.csv"), shows="6")
    story.title("To avoid it")
    story.say("""
        Leave the bucket at `BucketOwnerEnforced`, the default since 2023: the owner of the bucket then owns
        every object. Where ACLs must stay, demand `bucket-owner-full-control` of each upload, and see
        [10](10-deny-unless-full-control.md).
    """)


@tells(8)
def test_an_acl_in_an_upload_needs_a_permission_of_its_own(story):
    """`s3:PutObjectAcl` on both sides, or no ACL where none is needed."""
    story.say("""
        An upload with `--acl` is two questions: `s3:PutObject`, and `s3:PutObjectAcl`. The object
        will be the uploader's, so it is the uploader's own policy that must allow the second.
    """)
    story.title("To see it")
    story.run(bucket_with_uploads_by_al("BucketOwnerPreferred", "s3:PutObject"))
    story.run(UPLOAD, shows=HELLO)
    june = "arn:aws:s3:::reports/june.csv"
    with_acl = UPLOAD.replace("--key may.csv", "--key june.csv").replace(
        " --query", " \\\n  --acl bucket-owner-full-control --query"
    )
    question = f"--as {AL} --do s3:PutObjectAcl --on {june} --with s3:x-amz-acl=bucket-owner-full-control"
    story.can(question, allowed=False)
    story.refused(with_acl, GENERIC.format("PutObject"))
    story.title("What `why` says")
    why = story.why((
        'The upload carries an ACL, and that needs s3:PutObjectAcl besides s3:PutObject. The object '
        "belongs to the caller's account, whose policies alone must allow it: no identity policy of "
        'user al in account 111111111111 (A) allows s3:PutObjectAcl on arn:aws:s3:::reports/june.csv. Statement 1 of the inline '
        'policy deliver is about that resource, but allows s3:PutObject only.'
    ))
    assert why.sides() == [(A, "DoesNotAllow"), (B, "Allows")]
    assert [step[0] for step in why.steps()] == [A]
    story.keeps_secrets({A: ["inline policy deliver"], B: ["AlDelivers"]})
    story.title("The change")
    story.say("The command above, in account A, and the upload again:")
    story.apply(why)
    story.can(question, allowed=True, shown=False)
    story.run(with_acl, shows=HELLO)
    story.title("Where the ACL is not needed")
    story.say("""
        With `BucketOwnerEnforced` nothing is gained by the ACL, and the permission is asked for all the same.
    """)
    story.run("""
aws --profile AccountBadmin s3api put-bucket-ownership-controls --bucket reports \\
  --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'
""")
    july = with_acl.replace("june.csv", "july.csv")
    story.refused(july, GENERIC.format("PutObject"))
    why = story.why(
        "The upload carries an ACL, and that needs s3:PutObjectAcl besides s3:PutObject. The object belongs to the "
        "caller's account, whose policies alone must allow it: no identity policy of user al in account "
        "111111111111 (A) allows s3:PutObjectAcl on arn:aws:s3:::reports/july.csv. Statement 1 of the inline policy "
        "AllowPutObjectAcl allows it on arn:aws:s3:::reports/june.csv only, and it is asked on "
        "arn:aws:s3:::reports/july.csv.",
        quiet=True,
    )
    # Under the name that is taken it would replace the change before.
    assert "--policy-name AllowPutObjectAcl2" in why.changes[0]["steps"][0]["command"]
    assert why.notes[0].startswith("The owner of bucket reports owns every object in it"), why.notes
    story.say(f"> {why.notes[0]}")
    story.say("So without it:")
    story.run(july.replace(" \\\n  --acl bucket-owner-full-control", ""), shows=HELLO)
    story.title("To avoid it")
    story.say("""
        Send no ACL unless the bucket's owner asks for it. If it does, allow `s3:PutObjectAcl` where
        `s3:PutObject` is allowed.
    """)


@tells(9)
def test_a_bucket_without_acls_takes_no_acl_but_the_owners(story):
    """No policy is at fault: the request is."""
    story.say("""
        New buckets have no ACLs (`BucketOwnerEnforced`). A request that sets one is refused, unless it
        changes nothing, as `bucket-owner-full-control` does.
    """)
    story.title("To see it")
    story.run("""
aws --profile AccountBadmin s3api create-bucket --bucket reports
echo hello > /tmp/may.csv
""")
    upload = "aws --profile AccountBadmin s3api put-object --bucket reports --key may.csv --body /tmp/may.csv \\\n  {}--query ETag"
    story.say("The policies have nothing against it:")
    story.can(f"--as {BO} --do s3:PutObject --on {MAY} --with s3:x-amz-acl=public-read", allowed=True)
    story.refused(
        upload.format("--acl public-read "),
        "An error occurred (AccessControlListNotSupported) when calling the PutObject operation: The bucket "
        "does not allow ACLs",
    )
    story.title("What `why` says")
    why = story.why((
        "The bucket's owner owns every object in it (ObjectOwnership BucketOwnerEnforced, the "
        'default of new buckets), so it takes no ACL but bucket-owner-full-control. Leave the ACL '
        'out of the request: the owner has full control anyway.'
    ), status=400, code="AccessControlListNotSupported")
    assert (why.answer["answer"], why.sides()) == ("Failed", [])
    story.title("The change")
    story.say("The same upload without an ACL, or with the one that is taken:")
    story.run(upload.format(""), shows=HELLO)
    story.run(upload.format("--acl bucket-owner-full-control "), shows=HELLO)
    story.title("To avoid it")
    story.say("""
        Tell the tool to send no ACL: an empty `acl` in rclone's configuration, no `ACL` among boto3's
        arguments, no `acl` in Terraform's `aws_s3_object`. Switching ACLs on for a tool's sake brings back
        [7](07-object-of-another-account.md).
    """)


@tells(10)
def test_a_deny_unless_full_control_stops_uploads_that_send_no_acl(story):
    """Each kind of upload must send the header, multipart uploads when they begin."""
    story.say("""
        B's bucket policy denies uploads that do not give B full control. The condition looks at the header
        `x-amz-acl`, which the tool does not send. In a multipart upload it is the first request that must
        have it.
    """)
    story.title("To see it")
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api create-bucket --bucket reports \\
  --object-ownership BucketOwnerPreferred
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document(
    {"Sid": "AlDelivers", "Effect": "Allow", "Principal": {"AWS": AL},
     "Action": ["s3:PutObject", "s3:PutObjectAcl"], "Resource": "arn:aws:s3:::reports/*"},
    {"Sid": "OursOnly", "Effect": "Deny", "Principal": "*",
     "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*",
     "Condition": {"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}})}
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
truncate -s 9M /tmp/may.csv
""")
    question = f"--as {AL} --do s3:PutObject --on {MAY}"
    story.can(question, allowed=False)
    begin = "aws --profile al s3 cp --no-progress /tmp/may.csv s3://reports/may.csv"
    story.refused(
        begin,
        "upload failed: ./may.csv to s3://reports/may.csv An error occurred (AccessDenied) when calling the "
        "CreateMultipartUpload operation: Access Denied",
    )
    story.title("What `why` says")
    why = story.why((
        'Statement OursOnly of the bucket policy of reports denies it explicitly, and a deny wins '
        'over every allow. Its condition holds: StringNotEquals s3:x-amz-acl '
        'bucket-owner-full-control (the request has none).'
    ))
    assert why.sides() == [(A, "Allows"), (B, "Denies")]
    assert why.statement(B, "matched") == ("bucket policy of reports", "statement OursOnly", 1, [])
    assert why.steps()[0][0] is None
    story.keeps_secrets({A: ["all-of-s3"], B: ["OursOnly", "AlDelivers"]})
    story.title("The change")
    story.say("The header, as an argument of the AWS CLI, in an upload by one request:")
    argument = why.changes[0]["steps"][0]["command"].split("… ")[1]
    assert argument == "--acl bucket-owner-full-control"
    put = "aws --profile al s3api put-object --bucket reports --key may.csv --body /tmp/may.csv \\\n  "
    story.run(f"{put}{argument} --query ETag", shows='"\\"b82b4ab87e44976024abc14a1670dac0\\""')
    story.can(f"{question} --with s3:x-amz-acl=bucket-owner-full-control", allowed=True)
    story.title("The parts of a multipart upload")
    story.say("""
        `aws s3 cp` sends a large file in parts. The header goes with the first request alone; the parts are
        `s3:PutObject` too, and S3 takes no ACL with them. So the statement denies every multipart upload,
        whatever the client sends.
    """)
    cp = f"{begin} \\\n  {argument}"
    story.refused(
        cp,
        "upload failed: ./may.csv to s3://reports/may.csv An error occurred (AccessDenied) when calling the "
        "UploadPart operation: Access Denied",
    )
    why = story.why((
        'Statement OursOnly of the bucket policy of reports denies it explicitly, and a deny wins '
        'over every allow. Its condition holds: StringNotEquals s3:x-amz-acl '
        'bucket-owner-full-control (the request has none). A part of a multipart upload cannot carry '
        'that header, which S3 takes when the upload begins: upload in one request (5 GB at most), '
        'or let the policy be changed.'
    ), quiet=True)
    assert [step[0] for step in why.steps()] == [B]
    story.say("There is no argument to add. What `why` proposes now is a change of the policy, in account B:")
    story.apply(why)
    story.run(cp, shows="upload: ./may.csv to s3://reports/may.csv")
    story.title("To avoid it")
    story.say("""
        The bucket's owner drops the statement and sets `BucketOwnerEnforced`: then every object is the
        owner's, and nobody need send anything.
    """)


@tells(13)
def test_a_missing_object_is_403_to_whoever_may_not_list(story):
    """The operator is told that it is not there, the caller only 403."""
    story.say("""
        Who may read objects but not list the bucket is not told which keys there are: S3 answers 403 for an
        object that is missing. The AWS CLI's `s3 cp` asks by HeadObject first, so it says just
        `Forbidden`.
    """)
    story.title("To see it")
    story.run(f"""
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-bucket-policy --bucket reports --policy {document({
    "Sid": "AlReads", "Effect": "Allow", "Principal": {"AWS": AL},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"})}
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name all-of-s3 \\
  --policy-document {document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
keys_of al AccountAadmin
""")
    story.say("Reading is allowed, and listing is not:")
    story.can(f"--as {AL} --do s3:GetObject --on {MAY}", allowed=True)
    question = f"--as {AL} --do s3:ListBucket --on arn:aws:s3:::reports"
    story.can(question, allowed=False)
    head = "aws --profile al s3api head-object --bucket reports --key may.csv"
    story.refused(head, "An error occurred (403) when calling the HeadObject operation: Forbidden")
    story.title("What `why` says")
    why = story.why((
        'There is no object arn:aws:s3:::reports/may.csv. S3 answers 403 and not 404, since the '
        'caller may not s3:ListBucket on arn:aws:s3:::reports and so must not learn which keys there '
        'are.'
    ))
    story.keeps_secrets({A: ["all-of-s3"], B: ["AlReads", "There is no object"]})
    story.title("The change")
    story.say("""
        Upload the object, and the call succeeds. To be told honestly what is missing, the caller needs
        `s3:ListBucket`, as the command above gives it:
    """)
    story.apply(why)
    story.refused(head, "An error occurred (404) when calling the HeadObject operation: Not Found")
    story.can(question, allowed=True, shown=False)
    story.title("To avoid it")
    story.say("""
        Give `s3:ListBucket` on the bucket with `s3:GetObject` on its objects, limited by `s3:prefix` if need
        be. Programs that look whether an object is there need it.
    """)


@tells(17)
def test_a_copy_needs_reading_writing_and_tags_by_one_principal(story):
    """Three permissions in two accounts, for one caller."""
    story.say("""
        A copy is one request by one caller, who must be allowed to read the source, in the account of the
        source, and to write the destination, in its account; and the tags, where the object has some. No
        second profile helps.
    """)
    story.title("To see it")
    story.say("B's bucket is the source and A's the destination. The caller is al of A.")
    story.run(f"""
aws --profile AccountBadmin s3api create-bucket --bucket reports
aws --profile AccountBadmin s3api put-object --bucket reports --key may.csv --tagging month=may
aws --profile AccountAadmin s3api create-bucket --bucket archive
aws --profile AccountAadmin iam create-user --user-name al
aws --profile AccountAadmin iam put-user-policy --user-name al --policy-name copy \\
  --policy-document {document({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
                               "Resource": ["arn:aws:s3:::reports/*", "arn:aws:s3:::archive/*"]})}
keys_of al AccountAadmin
""")
    copy = "aws --profile al s3api copy-object --copy-source reports/may.csv \\\n  --bucket archive --key may.csv --query CopyObjectResult.ETag"
    question = f"--as {AL} --do s3:GetObject --on {MAY}"
    story.can(question, allowed=False)
    told = "An error occurred (AccessDenied) when calling the CopyObject operation: "
    story.refused(copy, told + "Access Denied")
    story.title("What `why` says")
    why = story.why((
        'A copy is one request by one caller, who must read the source and write the destination, '
        "and here it is the reading that is refused. The caller's own policies allow it, but the "
        'bucket belongs to account 222222222222 (B), and nothing there lets the caller in. There is '
        'no bucket policy of reports.'
    ))
    assert why.sides() == [(A, "Allows"), (B, "DoesNotAllow")]
    story.keeps_secrets({A: ["inline policy copy"], B: []})
    story.say("The command above, in account B. The copy gets further, and meets the tags:")
    story.apply(why)
    story.can(question, allowed=True, shown=False)
    story.refused(copy, told + "Access Denied")
    why = story.why((
        'The source has tags, and a copy with its tags needs s3:GetObjectTagging on the source and '
        's3:PutObjectTagging on the destination. Neither side allows it: the resource belongs to '
        'account 222222222222 (B), where nothing lets the caller in, and in account 111111111111 (A) '
        'no policy allows it either. Statement AllowGetObject of the bucket policy of reports is '
        'about that resource, but allows s3:GetObject only.'
    ))
    story.can(f"--as {AL} --do s3:GetObjectTagging --on {MAY}", allowed=False, shown=False)
    story.title("The change")
    story.say("Both steps, and the copy again. Writing the tags is the next question:")
    story.apply(why)
    story.refused(copy, (
        'An error occurred (AccessDenied) when calling the CopyObject operation: User: '
        'arn:aws:iam::111111111111:user/al is not authorized to perform: s3:PutObjectTagging on '
        'resource: "arn:aws:s3:::archive/may.csv" because no identity-based policy allows the '
        's3:PutObjectTagging action'
    ))
    why = story.why((
        'The source has tags, and a copy with its tags needs s3:GetObjectTagging on the source and '
        's3:PutObjectTagging on the destination. No identity policy of user al in account '
        '111111111111 (A) allows s3:PutObjectTagging on arn:aws:s3:::archive/may.csv. Statement 1 of '
        'the inline policy copy is about that resource, but allows s3:GetObject, s3:PutObject only.'
    ))
    story.apply(why)
    story.run(copy, shows='"\\"d41d8cd98f00b204e9800998ecf8427e\\""')
    story.title("To avoid it")
    story.say("""
        Allow `s3:GetObject` and `s3:GetObjectTagging` on the source and `s3:PutObject` and
        `s3:PutObjectTagging` on the destination; `sync` needs `s3:ListBucket` on both buckets too. Without
        need for tags, `aws s3api copy-object --tagging-directive REPLACE`, or `aws s3 cp --copy-props
        none` with version 2 of the AWS CLI, asks for none of them.
    """)
