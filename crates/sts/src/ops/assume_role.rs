use catalog::{Action, Role, sts};
use directory::{DirectoryError, NewRoleSession, session_arn};
use gate::{Ask, Authorized, Identity, Operation};
use policy::CallerKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::{
    Credentials, PolicyDescriptor, SessionPolicies, SessionTags, Tag, check_arn, packed_percent,
    session_policies, session_tags,
};
use crate::{Stores, StsError};

/// Spec E-7.
const SECONDS_DEFAULT: u32 = 3_600;
/// Spec E-7: sessions that are made by sessions of roles.
const CHAINED_SECONDS_MAX: u32 = 3_600;

/// Makes a session of a role (spec E-7).
#[derive(Debug)]
pub struct AssumeRole;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_arn: String,
    role_session_name: String,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    source_identity: Option<String>,
    #[serde(default)]
    provided_contexts: Vec<Value>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct Output {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// What follows from the request and the caller, before anything is looked up.
struct Plan {
    seconds: u32,
    tags: SessionTags,
    policies: SessionPolicies,
    packed_percent: usize,
    source_identity: Option<String>,
}

impl Plan {
    fn of(input: &Input, who: &Identity) -> Result<Plan, StsError> {
        if who.caller.kind == CallerKind::Root {
            return Err(StsError::RootAssumesRole);
        }
        if !input.provided_contexts.is_empty() {
            return Err(StsError::NotImplemented("ProvidedContexts".to_owned()));
        }
        check_arn(&input.role_arn)?;
        let tags = session_tags(&input.tags, &input.transitive_tag_keys, who)?;
        let policies = session_policies(input.policy.as_deref(), &input.policy_arns)?;
        let packed_percent = packed_percent(&policies, &tags.all)?;
        let seconds = input.duration_seconds.unwrap_or(SECONDS_DEFAULT);
        let is_chained = matches!(who.caller.kind, CallerKind::RoleSession { .. });
        if is_chained && seconds > CHAINED_SECONDS_MAX {
            return Err(StsError::DurationExceedsChaining);
        }
        // No user has an MFA device here, so no code can be right.
        if input.serial_number.is_some() || input.token_code.is_some() {
            return Err(StsError::MfaNotValidated);
        }
        Ok(Plan {
            seconds,
            tags,
            policies,
            packed_percent,
            source_identity: source_identity(input, who)?,
        })
    }
}

/// Set once, then inherited unchanged along chains.
fn source_identity(input: &Input, who: &Identity) -> Result<Option<String>, StsError> {
    let inherited = who
        .session
        .as_ref()
        .and_then(|session| session.source_identity.as_ref());
    match (&input.source_identity, inherited) {
        (Some(passed), Some(inherited)) if passed != inherited => {
            Err(StsError::SourceIdentityDiffers {
                caller: who.caller.arn.clone(),
                role: input.role_arn.clone(),
            })
        }
        (passed, inherited) => Ok(passed.as_ref().or(inherited).cloned()),
    }
}

/// All three questions are about the same role and see the same request.
fn ask<A: Action<Resource = Role>>(input: &Input, plan: &Plan) -> Ask<A> {
    let mut ask = Ask::on(Role {
        arn: input.role_arn.clone(),
    })
    .with("sts:RoleSessionName", &input.role_session_name)
    .with_some("sts:ExternalId", input.external_id.as_ref())
    .with_some("sts:SourceIdentity", plan.source_identity.as_ref());
    if !input.tags.is_empty() {
        let keys = input.tags.iter().map(|tag| tag.key.clone()).collect();
        ask = ask.with_many("aws:TagKeys", keys);
    }
    if !input.transitive_tag_keys.is_empty() {
        ask = ask.with_many("sts:TransitiveTagKeys", input.transitive_tag_keys.clone());
    }
    for tag in &input.tags {
        ask = ask.with(&format!("aws:RequestTag/{}", tag.key), &tag.value);
    }
    ask
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = (
        Ask<sts::AssumeRole>,
        Option<Ask<sts::TagSession>>,
        Option<Ask<sts::SetSourceIdentity>>,
    );
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, StsError> {
        let plan = Plan::of(input, who)?;
        let tagged =
            plan.tags.inherits || !input.tags.is_empty() || !input.transitive_tag_keys.is_empty();
        Ok((
            ask(input, &plan),
            tagged.then(|| ask(input, &plan)),
            plan.source_identity.is_some().then(|| ask(input, &plan)),
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, StsError> {
        let (permit, _, _) = call.permits;
        let input = call.input;
        let plan = Plan::of(&input, &call.identity)?;
        let gone = || StsError::RoleGone {
            caller: call.identity.caller.arn.clone(),
            role: input.role_arn.clone(),
        };
        let (account, role) = stores.directory.role_to_assume(&permit).ok_or_else(gone)?;
        if plan.seconds > role.session_seconds_max {
            return Err(StsError::DurationExceedsRole);
        }
        let passed =
            input.policy.is_some() || !input.policy_arns.is_empty() || !input.tags.is_empty();
        let session = NewRoleSession {
            name: input.role_session_name.clone(),
            seconds: plan.seconds,
            policy: plan.policies.inline,
            policy_arns: plan.policies.arns,
            tags: plan.tags.all,
            transitive_tag_keys: plan.tags.transitive,
            source_identity: plan.source_identity.clone(),
        };
        let made = match stores.directory.assume_role(&permit, &role, session) {
            Err(DirectoryError::RoleGone { .. }) => return Err(gone()),
            made => made?,
        };
        let name = &input.role_session_name;
        Ok(Output {
            credentials: made.into(),
            assumed_role_user: AssumedRoleUser {
                assumed_role_id: format!("{}:{name}", role.id),
                arn: session_arn(account, &role.name, name),
            },
            packed_policy_size: passed.then_some(plan.packed_percent),
            source_identity: plan.source_identity,
        })
    }
}

#[cfg(test)]
mod tests {
    use directory::{CredentialError, Role, User};
    use serde_json::json;

    use crate::testing::*;

    const NO_PERMISSION: &str =
        "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/";

    #[tokio::test]
    async fn both_accounts_must_say_yes() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let bob = world.user(ONE, "bob", &[]).await;
        let ann_arn = "arn:aws:iam::111111111111:user/ann";
        world.role(TWO, "open", &trust(ONE, json!({})), &[]).await;
        world
            .role(TWO, "anns", &trust(ann_arn, json!({})), &[])
            .await;
        world.role(TWO, "closed", &trust(TWO, json!({})), &[]).await;

        let arn = role_arn(TWO, "open");
        let answer = world.assume(&ann, &arn, json!({})).await.unwrap();
        let user = &answer["AssumedRoleUser"];
        assert_eq!(
            user["Arn"],
            "arn:aws:sts::222222222222:assumed-role/open/session"
        );
        let id = user["AssumedRoleId"].as_str().unwrap();
        assert!(id.starts_with("AROA") && id.ends_with(":session"), "{id}");
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-15T09:00:00Z");
        assert!(answer.get("PackedPolicySize").is_none());
        assert!(answer.get("SourceIdentity").is_none());
        let who = world
            .call(&client(&answer), "GetCallerIdentity", json!({}))
            .await
            .unwrap();
        assert_eq!(who["Arn"], user["Arn"]);
        assert_eq!(who["UserId"], user["AssumedRoleId"]);
        assert_eq!(who["Account"], TWO);

        assert!(
            world
                .assume(&ann, &role_arn(TWO, "anns"), json!({}))
                .await
                .is_ok()
        );
        // No permission of his own; no trust; no role: three reasons, one text.
        for (who, role) in [(&bob, "open"), (&ann, "closed"), (&ann, "nothing")] {
            let arn = role_arn(TWO, role);
            let (code, message) = refused(world.assume(who, &arn, json!({})).await);
            assert_eq!(code, "AccessDenied");
            assert!(
                message.ends_with(&format!("{NO_PERMISSION}{role}")),
                "{message}"
            );
        }
    }

    #[tokio::test]
    async fn the_session_of_a_deleted_role_is_dead_and_its_namesake_does_not_revive_it() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let open = trust(ONE, json!({}));
        world.role(TWO, "r", &open, &[]).await;
        let arn = role_arn(TWO, "r");
        let session = client(&world.assume(&ann, &arn, json!({})).await.unwrap());
        assert!(world.identity_at(&session, NOW, "s3").is_ok());
        world.delete::<Role>(TWO, "r").await;
        world.role(TWO, "r", &open, &[]).await;
        let error = world.identity_at(&session, NOW, "s3").unwrap_err();
        assert!(matches!(error, CredentialError::UnknownKey));
    }

    #[tokio::test]
    async fn a_recreated_user_is_not_the_one_that_was_trusted() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let ann_arn = "arn:aws:iam::111111111111:user/ann";
        world.role(TWO, "r", &trust(ann_arn, json!({})), &[]).await;
        let arn = role_arn(TWO, "r");
        assert!(world.assume(&ann, &arn, json!({})).await.is_ok());
        world.delete::<User>(ONE, "ann").await;
        let namesake = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let (code, _) = refused(world.assume(&namesake, &arn, json!({})).await);
        assert_eq!(code, "AccessDenied");
    }

    #[tokio::test]
    async fn keys_and_tokens_that_do_not_belong_together_are_refused() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        world.role(TWO, "r", &trust(ONE, json!({})), &[]).await;
        let arn = role_arn(TWO, "r");
        let one = client(&world.assume(&ann, &arn, json!({})).await.unwrap());
        let two = client(&world.assume(&ann, &arn, json!({})).await.unwrap());
        let mixed = |key: &Client, token: Option<&Client>| Client {
            key: key.key.clone(),
            token: token.and_then(|client| client.token.clone()),
        };
        let error = |client: Client, at: i64| world.identity_at(&client, at, "s3").unwrap_err();
        assert!(matches!(
            error(mixed(&one, Some(&two)), NOW),
            CredentialError::InvalidToken
        ));
        // Without its token, a temporary key is none that is known.
        assert!(matches!(
            error(mixed(&one, None), NOW),
            CredentialError::UnknownKey
        ));
        assert!(matches!(
            error(mixed(&ann, Some(&one)), NOW),
            CredentialError::InvalidToken
        ));
        assert!(world.identity_at(&one, NOW + 3599, "s3").is_ok());
        assert!(matches!(
            error(one, NOW + 3600),
            CredentialError::ExpiredToken
        ));
        let nobodys = Client {
            key: "ASIAQNZGKIQY56JQ7WML".to_owned(),
            token: two.token,
        };
        assert!(matches!(error(nobodys, NOW), CredentialError::UnknownKey));
    }

    #[tokio::test]
    async fn root_users_assume_nothing() {
        let world = World::new().await;
        world.role(ONE, "r", &trust(ONE, json!({})), &[]).await;
        let root = world.root(ONE);
        let answer = world.assume(&root, &role_arn(ONE, "r"), json!({})).await;
        let (code, message) = refused(answer);
        assert_eq!(code, "AccessDenied");
        assert_eq!(message, "Roles may not be assumed by root accounts.");
    }

    #[tokio::test]
    async fn the_external_id_is_what_the_trust_policy_wants() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let condition = json!({"StringEquals": {"sts:ExternalId": "secret"}});
        world.role(TWO, "r", &trust(ONE, condition), &[]).await;
        let arn = role_arn(TWO, "r");
        let answer = |more| world.assume(&ann, &arn, more);
        assert!(answer(json!({"ExternalId": "secret"})).await.is_ok());
        assert!(answer(json!({"ExternalId": "other"})).await.is_err());
        assert!(answer(json!({})).await.is_err());
    }

    #[tokio::test]
    async fn sessions_last_as_long_as_the_role_lets_them() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        let any = trust("*", json!({}));
        world.role(TWO, "r", &any, &[allow("sts:AssumeRole")]).await;
        world.role(TWO, "next", &any, &[]).await;
        let (arn, next) = (role_arn(TWO, "r"), role_arn(TWO, "next"));
        let longest = world
            .assume(&ann, &arn, json!({"DurationSeconds": 7200}))
            .await;
        let session = client(&longest.unwrap());
        let longer = world
            .assume(&ann, &arn, json!({"DurationSeconds": 7201}))
            .await;
        assert_eq!(
            refused(longer),
            (
                "ValidationError".to_owned(),
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                    .to_owned()
            )
        );
        let hour = world
            .assume(&session, &next, json!({"DurationSeconds": 3600}))
            .await;
        assert!(hour.is_ok());
        let longer = world
            .assume(&session, &next, json!({"DurationSeconds": 3601}))
            .await;
        assert_eq!(
            refused(longer).1,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        );
    }

    #[tokio::test]
    async fn session_policies_limit_and_are_measured() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:AssumeRole")]).await;
        world
            .role(TWO, "r", &trust(ONE, json!({})), &[allow("*")])
            .await;
        world.managed_policy(TWO, "m", &allow("s3:*")).await;
        let arn = role_arn(TWO, "r");
        let managed = "arn:aws:iam::222222222222:policy/m";
        let answer = world.assume(
            &ann,
            &arn,
            json!({"Policy": allow("sts:GetSessionToken"), "PolicyArns": [{"arn": managed}]}),
        );
        let answer = answer.await.unwrap();
        assert!(answer["PackedPolicySize"].as_u64().unwrap() > 0);
        let session = client(&answer);
        let identity = world.identity(&session);
        assert_eq!(identity.session.unwrap().policies.unwrap().len(), 2);
        let info = json!({"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"});
        let (code, message) = refused(world.call(&session, "GetAccessKeyInfo", info).await);
        assert_eq!(code, "AccessDenied");
        assert!(
            message.ends_with("because no session policy allows the sts:GetAccessKeyInfo action"),
            "{message}"
        );
        // Whose managed policy is gone keeps nothing of its session.
        world.delete::<directory::ManagedPolicy>(TWO, "m").await;
        let policies = world.identity(&session).session.unwrap().policies;
        assert!(policies.unwrap().is_empty());

        let missing = json!({"PolicyArns": [{"arn": managed}]});
        assert_eq!(
            refused(world.assume(&ann, &arn, missing).await).0,
            "ValidationError"
        );
        let broken = json!({"Policy": "{}"});
        assert_eq!(
            refused(world.assume(&ann, &arn, broken).await).0,
            "MalformedPolicyDocument"
        );
        let long = json!({"Policy": " ".repeat(2049)});
        let (code, message) = refused(world.assume(&ann, &arn, long).await);
        assert_eq!(code, "ValidationError");
        assert!(message.ends_with("Member must have length less than or equal to 2048"));
    }

    #[tokio::test]
    async fn session_tags_win_over_the_roles_and_transitive_ones_are_inherited() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        let any = trust("*", json!({}));
        world.role(TWO, "r", &any, &[allow("sts:*")]).await;
        let only_assume = any.replace(r#","sts:TagSession","sts:SetSourceIdentity""#, "");
        world.role(TWO, "untagged", &only_assume, &[]).await;
        let arn = role_arn(TWO, "r");
        let tags = json!({
            "Tags": [{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}],
            "TransitiveTagKeys": ["team"],
        });
        let answer = world.assume(&ann, &arn, tags.clone()).await.unwrap();
        assert!(answer["PackedPolicySize"].as_u64().is_some());
        let session = client(&answer);
        let tags_of = |client: &Client| world.identity(client).caller.tags;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags_of(&session), [pair("team", "red"), pair("x", "y")]);

        let next = client(&world.assume(&session, &arn, json!({})).await.unwrap());
        assert_eq!(tags_of(&next), [pair("team", "red")]);
        let third = client(&world.assume(&next, &arn, json!({})).await.unwrap());
        assert_eq!(tags_of(&third), [pair("team", "red")]);

        let again = world.assume(&session, &arn, tags.clone()).await;
        let (code, message) = refused(again);
        assert_eq!(code, "InvalidParameterValue");
        assert!(message.starts_with("One of the specified transitive tag keys can't be set"));

        let untagged = role_arn(TWO, "untagged");
        assert!(world.assume(&ann, &untagged, json!({})).await.is_ok());
        let (_, message) = refused(world.assume(&ann, &untagged, tags).await);
        assert!(
            message.contains("perform: sts:TagSession on resource: "),
            "{message}"
        );
        let (_, message) = refused(world.assume(&session, &untagged, json!({})).await);
        assert!(
            message.contains("perform: sts:TagSession on resource: "),
            "{message}"
        );
    }

    #[tokio::test]
    async fn conditions_see_the_tags_of_the_request() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        let condition = json!({
            "StringEquals": {"aws:RequestTag/team": "red", "sts:RoleSessionName": "session"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team"], "sts:TransitiveTagKeys": ["team"]},
            "StringLike": {"aws:PrincipalTag/own": "user", "aws:ResourceTag/Team": "of-role"},
        });
        world.role(TWO, "r", &trust(ONE, condition), &[]).await;
        let arn = role_arn(TWO, "r");
        let answer = |tags| world.assume(&ann, &arn, json!({ "Tags": tags }));
        assert!(
            answer(json!([{"Key": "team", "Value": "red"}]))
                .await
                .is_ok()
        );
        assert!(
            answer(json!([{"Key": "team", "Value": "blue"}]))
                .await
                .is_err()
        );
        let more = json!([{"Key": "team", "Value": "red"}, {"Key": "x", "Value": ""}]);
        assert!(answer(more).await.is_err());
    }

    #[tokio::test]
    async fn a_source_identity_is_set_once() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        let any = trust("*", json!({}));
        world.role(TWO, "r", &any, &[allow("sts:*")]).await;
        let arn = role_arn(TWO, "r");
        let named = json!({"SourceIdentity": "ann-herself"});
        let answer = world.assume(&ann, &arn, named.clone()).await.unwrap();
        assert_eq!(answer["SourceIdentity"], "ann-herself");
        let session = client(&answer);
        let next = world.assume(&session, &arn, json!({})).await.unwrap();
        assert_eq!(next["SourceIdentity"], "ann-herself");
        assert!(world.assume(&session, &arn, named).await.is_ok());
        let other = json!({"SourceIdentity": "somebody-else"});
        let (code, message) = refused(world.assume(&session, &arn, other).await);
        assert_eq!(code, "AccessDenied");
        assert!(message.contains("sts:SetSourceIdentity"), "{message}");
    }

    #[tokio::test]
    async fn nobody_has_an_mfa_device() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        world.role(TWO, "r", &trust(ONE, json!({})), &[]).await;
        let mfa =
            json!({"SerialNumber": "arn:aws:iam::111111111111:mfa/ann", "TokenCode": "123456"});
        let (code, message) = refused(world.assume(&ann, &role_arn(TWO, "r"), mfa).await);
        assert_eq!(code, "AccessDenied");
        assert!(
            message.starts_with("MultiFactorAuthentication failed, unable to validate MFA code.")
        );
    }

    #[tokio::test]
    async fn policies_of_the_role_are_live() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        world
            .role(TWO, "r", &trust(ONE, json!({})), &[allow("sts:*")])
            .await;
        let session = client(
            &world
                .assume(&ann, &role_arn(TWO, "r"), json!({}))
                .await
                .unwrap(),
        );
        let info = || json!({"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"});
        assert!(
            world
                .call(&session, "GetAccessKeyInfo", info())
                .await
                .is_ok()
        );
        let snapshot = world.directory.snapshot();
        let state = snapshot.account(account(TWO)).unwrap();
        let mut role = Role::clone(state.named::<Role>("r").unwrap());
        role.inline.clear();
        world.put(TWO, role).await;
        assert!(
            world
                .call(&session, "GetAccessKeyInfo", info())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn from_the_form_that_clients_send_to_the_xml_that_they_read() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("sts:*")]).await;
        world.role(TWO, "r", &trust("*", json!({})), &[]).await;
        let form = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=session\
            &RoleArn=arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Fr&DurationSeconds=900\
            &Tags.member.1.Key=team&Tags.member.1.Value=red&TransitiveTagKeys.member.1=team\
            &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess\
            &SourceIdentity=ann&ExternalId=xy";
        let form = wire::query::Form::parse(form.as_bytes()).unwrap();
        let call = wire::query::decode(wire::Service::Sts, &form).unwrap();
        call.check().unwrap();
        let answer = world
            .call(&ann, call.operation.name.as_str(), call.input)
            .await;
        let answer = answer.unwrap();
        let xml = wire::query::encode(wire::Service::Sts, call.operation, &answer, "id");
        for element in [
            "<AssumeRoleResult>",
            "<AccessKeyId>ASIA",
            "<SecretAccessKey>",
            "<SessionToken>",
            "<Expiration>2027-01-15T08:15:00Z</Expiration>",
            "<Arn>arn:aws:sts::222222222222:assumed-role/r/session</Arn>",
            "<PackedPolicySize>",
            "<SourceIdentity>ann</SourceIdentity>",
        ] {
            assert!(xml.contains(element), "{element} in {xml}");
        }
    }
}
