//! What is said of the classic refusals: cause, sides, change.
#![expect(clippy::unwrap_used, reason = "tests")]
mod world;

use explain::{Explanation, Style, explain, render};
use policy::{BlockPublicAccess, ObjectOwnership, Target};
use world::*;

const MAY_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

fn of(case: &policy::Case) -> Explanation {
    explain(case, &World)
}

/// The cause, and each step of the first change: whose account, what.
fn told(case: &policy::Case) -> (String, Vec<(String, String)>) {
    let explanation = of(case);
    let steps = explanation.changes.first().map(|change| {
        let step = |step: &explain::Step| (step.place.clone(), step.what.clone());
        change.steps.iter().map(step).collect()
    });
    (explanation.cause, steps.unwrap_or_default())
}

fn steps(told: &(String, Vec<(String, String)>)) -> Vec<(&str, &str)> {
    let (_, steps) = told;
    steps
        .iter()
        .map(|(place, what)| (place.as_str(), what.as_str()))
        .collect()
}

#[test]
fn across_accounts_the_callers_own_side_is_missing() {
    let policy = r#"{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}"#;
    let case = case(
        user(A, "al"),
        "s3:GetObject",
        OBJECT,
        &[],
        bucket(Some(policy)),
    );
    insta::assert_snapshot!(render(&of(&case), Style::default()));
}

#[test]
fn an_external_id_is_wrong() {
    let statement = r#"{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"sesame"}}}"#;
    let case = with(
        trust(user(A, "al"), &[MAY_ALL], statement),
        "sts:ExternalId",
        "please",
    );
    insta::assert_snapshot!(render(&of(&case), Style::default()));
}

#[test]
fn the_object_belongs_to_another_account() {
    let mut target = bucket(Some(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"s3:*","Resource":"arn:aws:s3:::reports/*"}"#,
    ));
    target.ownership = ObjectOwnership::ObjectWriter;
    target.bucket_ownership = ObjectOwnership::ObjectWriter;
    target.object = foreign_object(A);
    let case = case(user(B, "bea"), "s3:GetObject", OBJECT, &[MAY_ALL], target);
    insta::assert_snapshot!(render(
        &of(&case),
        Style {
            width: 80,
            colour: true
        }
    ));
}

#[test]
fn both_sides_are_missing_and_both_are_named() {
    let case = case(user(A, "al"), "s3:PutObject", OBJECT, &[], bucket(None));
    let told = told(&case);
    assert_eq!(
        told.0,
        "Neither side allows it: the resource belongs to account 222222222222 (customer), where \
         nothing lets the caller in, and in account 111111111111 (partner) no policy allows it \
         either. There is no bucket policy of reports."
    );
    assert_eq!(
        steps(&told),
        [
            (
                "In account 222222222222 (customer)",
                "Add a statement to the bucket policy of reports."
            ),
            (
                "In account 111111111111 (partner)",
                "Allow s3:PutObject on arn:aws:s3:::reports/q3.csv to user al."
            ),
        ]
    );
}

#[test]
fn the_bucket_is_meant_and_the_policy_names_its_objects() {
    let own =
        r#"{"Sid":"Objects","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::reports/*"}"#;
    let case = case(
        user(B, "bea"),
        "s3:ListBucket",
        "arn:aws:s3:::reports",
        &[own],
        bucket(None),
    );
    assert_eq!(
        told(&case).0,
        "No identity policy of user bea in account 222222222222 (customer) allows s3:ListBucket on \
         arn:aws:s3:::reports. Statement Objects of the inline policy own allows it on \
         arn:aws:s3:::reports/* only, and s3:ListBucket is asked on the bucket itself, \
         arn:aws:s3:::reports, without a key."
    );
}

#[test]
fn a_deny_unless_the_owner_gets_full_control_wants_a_header() {
    let policy = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::reports/*"},
        {"Sid":"FullControl","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::reports/*","Condition":{"StringNotEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}"#;
    let case = case(
        user(A, "al"),
        "s3:PutObject",
        OBJECT,
        &[MAY_ALL],
        bucket(Some(policy)),
    );
    let told = told(&case);
    assert_eq!(
        told.0,
        "Statement FullControl of the bucket policy of reports denies it explicitly, and a deny \
         wins over every allow. Its condition holds: StringNotEquals s3:x-amz-acl \
         bucket-owner-full-control (the request has none)."
    );
    assert_eq!(
        steps(&told),
        [(
            "In the request",
            "Send the header x-amz-acl: bucket-owner-full-control."
        )]
    );
}

#[test]
fn a_deny_for_all_but_a_role_denies_its_sessions() {
    let policy = r#"{"Sid":"OnlyDeliver","Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::222222222222:root","arn:aws:iam::222222222222:role/deliver"]},"Action":"s3:*","Resource":"arn:aws:s3:::reports/*"}"#;
    let case = case(
        session(B, "deliver"),
        "s3:GetObject",
        OBJECT,
        &[MAY_ALL],
        bucket(Some(policy)),
    );
    let told = told(&case);
    assert!(
        told.0.contains("a role and its session are two principals"),
        "{}",
        told.0
    );
    assert_eq!(
        steps(&told),
        [(
            "In account 222222222222 (customer)",
            "Deny by a condition on aws:PrincipalArn instead of NotPrincipal, which must list every \
             session by name. It is statement OnlyDeliver of the bucket policy of reports."
        )]
    );
}

#[test]
fn a_namesake_of_a_deleted_role_gains_nothing() {
    let policy = r#"{"Effect":"Allow","Principal":{"AWS":"AROAOLDOLDOLDOLDOLDOL"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}"#;
    let case = case(
        session(A, "deliver"),
        "s3:GetObject",
        OBJECT,
        &[MAY_ALL],
        bucket(Some(policy)),
    );
    let told = told(&case);
    assert!(
        told.0.starts_with(
            "The bucket policy of reports names AROAOLDOLDOLDOLDOLDOL (a deleted role of account \
             111111111111 (partner)), and not the role"
        ),
        "{}",
        told.0
    );
    assert_eq!(
        steps(&told),
        [(
            "In account 222222222222 (customer)",
            "Save the bucket policy of reports again with arn:aws:iam::111111111111:role/deliver in \
             the place of AROAOLDOLDOLDOLDOLDOL."
        )]
    );
}

#[test]
fn a_public_policy_shuts_out_the_accounts_that_it_names() {
    let policy = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}"#;
    let mut target = bucket(Some(policy));
    target.bucket_block = BlockPublicAccess {
        restrict_public_buckets: true,
        ..BlockPublicAccess::default()
    };
    let case = case(user(A, "al"), "s3:GetObject", OBJECT, &[MAY_ALL], target);
    let explanation = of(&case);
    assert!(
        explanation
            .cause
            .contains("every other account is shut out")
    );
    let [narrow, off] = explanation.changes.as_slice() else {
        unreachable!("{:?}", explanation.changes)
    };
    assert!(
        narrow.steps[0]
            .what
            .contains("name accounts in the place of everyone")
    );
    assert!(
        off.steps[0]
            .what
            .starts_with("Switch RestrictPublicBuckets off")
    );
}

#[test]
fn a_session_policy_and_a_boundary_take_away() {
    let mut with_session = case(
        session(B, "deliver"),
        "s3:GetObject",
        OBJECT,
        &[MAY_ALL],
        bucket(None),
    );
    let list = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"#;
    with_session.session = Some(vec![inline("session", list)]);
    assert!(
        told(&with_session)
            .0
            .starts_with("The policies allow it, but the session policy")
    );
    let mut with_boundary = case(
        user(B, "bea"),
        "s3:GetObject",
        OBJECT,
        &[MAY_ALL],
        bucket(None),
    );
    with_boundary.boundary = Some(inline("limits", list));
    assert!(
        told(&with_boundary)
            .0
            .starts_with("The permissions boundary of user bea does not allow")
    );
}

#[test]
fn a_role_that_is_not_there_is_told_to_the_operator() {
    let mut case = trust(user(A, "al"), &[MAY_ALL], MAY_ALL_TO_ASSUME);
    case.target = Target::Trust { policy: None };
    let explanation = of(&case);
    assert!(
        explanation
            .cause
            .starts_with("There is no role arn:aws:iam::222222222222:role/deliver.")
    );
    assert!(explanation.changes.is_empty());
}

const MAY_ALL_TO_ASSUME: &str =
    r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#;

#[test]
fn what_is_allowed_is_explained_too() {
    let case = trust(user(A, "al"), &[MAY_ALL], MAY_ALL_TO_ASSUME);
    let explanation = of(&case);
    assert_eq!(
        explanation.cause,
        "Both sides allow it: statement 1 of the inline policy own, and statement 1 of the trust \
         policy of role deliver."
    );
    assert!(explanation.changes.is_empty());
}
