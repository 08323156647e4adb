use catalog::{Action, FederatedUser, Resource, sts};
use directory::{DirectoryError, NewFederationSession};
use gate::{Ask, Authorized, Identity, Operation};
use policy::CallerKind;
use serde::{Deserialize, Serialize};

use crate::session::{
    Credentials, PolicyDescriptor, SessionPolicies, SessionTags, Tag, packed_percent,
    session_policies, session_tags,
};
use crate::{Stores, StsError};

/// Spec E-7: twelve hours.
const SECONDS_DEFAULT: u32 = 43_200;
/// Spec E-7: longer sessions of root users are cut.
const ROOT_SECONDS_MAX: u32 = 3_600;

/// Makes temporary credentials for a federated user of the calling user: what both the user's
/// policies and the passed ones allow (spec E-3). What they must not do is said by the directory,
/// in the identity of whoever uses them.
#[derive(Debug)]
pub struct GetFederationToken;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct Output {
    credentials: Credentials,
    federated_user: FederatedUserShape,
    packed_policy_size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FederatedUserShape {
    federated_user_id: String,
    arn: String,
}

/// What follows from the request and the caller, before anything is looked up.
struct Plan {
    tags: SessionTags,
    policies: SessionPolicies,
    packed_percent: usize,
}

impl Plan {
    fn of(input: &Input, who: &Identity) -> Result<Plan, StsError> {
        if who.session.is_some() {
            return Err(StsError::SessionCredentials(GetFederationToken::NAME));
        }
        let tags = session_tags(&input.tags, &[], who)?;
        let policies = session_policies(input.policy.as_deref(), &input.policy_arns)?;
        let packed_percent = packed_percent(&policies, &tags.all)?;
        Ok(Plan {
            tags,
            policies,
            packed_percent,
        })
    }
}

/// Both questions are about the same federated user and see the same request.
fn ask<A: Action<Resource = FederatedUser>>(
    input: &Input,
    who: &Identity,
) -> Result<Ask<A>, StsError> {
    let account = who.caller.account;
    let mut ask = Ask::on(FederatedUser {
        account: account.ok_or(StsError::MissingAuthenticationToken)?,
        name: input.name.clone(),
    });
    if !input.tags.is_empty() {
        let keys = input.tags.iter().map(|tag| tag.key.clone()).collect();
        ask = ask.with_many("aws:TagKeys", keys);
    }
    for tag in &input.tags {
        ask = ask.with(&format!("aws:RequestTag/{}", tag.key), &tag.value);
    }
    Ok(ask)
}

impl Operation for GetFederationToken {
    const NAME: &'static str = "GetFederationToken";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = (
        Ask<sts::GetFederationToken>,
        Option<Ask<sts::TagFederatedUser>>,
    );
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, StsError> {
        Plan::of(input, who)?;
        let tagged = match input.tags.as_slice() {
            [] => None,
            _ => Some(ask(input, who)?),
        };
        Ok((ask(input, who)?, tagged))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, StsError> {
        let (permit, _) = call.permits;
        let plan = Plan::of(&call.input, &call.identity)?;
        let asked = call.input.duration_seconds.unwrap_or(SECONDS_DEFAULT);
        let seconds = if call.identity.caller.kind == CallerKind::Root {
            asked.min(ROOT_SECONDS_MAX)
        } else {
            asked
        };
        let session = NewFederationSession {
            seconds,
            policy: plan.policies.inline,
            policy_arns: plan.policies.arns,
            tags: plan.tags.all,
        };
        let made = match stores.directory.federation_token(&permit, session) {
            Err(DirectoryError::NoLongTermCredentials) => {
                return Err(StsError::SessionCredentials(Self::NAME));
            }
            made => made?,
        };
        let user = permit.resource();
        Ok(Output {
            credentials: made.into(),
            federated_user: FederatedUserShape {
                federated_user_id: format!("{}:{}", user.account, user.name),
                arn: user.arn(),
            },
            packed_policy_size: plan.packed_percent,
        })
    }
}

#[cfg(test)]
mod tests {
    use directory::{CredentialError, User};
    use policy::{Lookup, PolicyKind};
    use serde_json::{Value, json};

    use crate::testing::*;

    async fn federate(world: &World, who: &Client, more: Value) -> Result<Value, crate::StsError> {
        let mut input = json!({"Name": "guest"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        world.call(who, "GetFederationToken", input).await
    }

    struct NoKeys;
    impl policy::Context for NoKeys {
        fn lookup(&self, _: &str) -> Lookup<'_> {
            Lookup::Absent
        }
    }

    /// May the holder of these credentials do `action` on a bucket of account ONE with this policy?
    fn may(world: &World, who: &Client, action: &str, bucket_policy: Option<&str>) -> bool {
        let identity = world.identity_at(who, NOW, "s3").unwrap();
        let session = identity.session.as_ref().unwrap();
        let bucket_policy =
            bucket_policy.map(|text| policy::Policy::parse(PolicyKind::Bucket, text).unwrap());
        let question = policy::Question {
            caller: &identity.caller,
            action,
            resource: "arn:aws:s3:::b/k",
            owner: Some(account(ONE)),
            context: &NoKeys,
        };
        let side = policy::IdentitySide {
            policies: &identity.policies,
            boundary: identity.boundary.as_ref(),
            session: session.policies.as_deref(),
        };
        let s3 = policy::S3Side {
            policy: bucket_policy.as_ref(),
            ownership: policy::ObjectOwnership::BucketOwnerEnforced,
            bucket_acl: &[],
            object: None,
            block_public_access: policy::BlockPublicAccess::default(),
            writes_public_acl: false,
            writes_policy: None,
            is_upload_initiator: false,
            owner_canonical_id: None,
        };
        policy::decide(&question, &side, &policy::ResourceSide::S3(s3)).is_allowed()
    }

    fn bucket_policy(principal: &str) -> String {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": principal},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]})
        .to_string()
    }

    #[tokio::test]
    async fn the_answer_names_the_federated_user_and_the_session_is_that_user() {
        let world = World::new().await;
        let ann = world
            .user(ONE, "ann", &[allow("sts:GetFederationToken")])
            .await;
        let answer = federate(&world, &ann, json!({})).await.unwrap();
        let arn = "arn:aws:sts::111111111111:federated-user/guest";
        assert_eq!(answer["FederatedUser"]["Arn"], arn);
        assert_eq!(
            answer["FederatedUser"]["FederatedUserId"],
            "111111111111:guest"
        );
        assert_eq!(answer["PackedPolicySize"], 0);
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-15T20:00:00Z");
        let who = world
            .call(&client(&answer), "GetCallerIdentity", json!({}))
            .await
            .unwrap();
        assert_eq!(who["Arn"], arn);
        assert_eq!(who["UserId"], "111111111111:guest");
        assert_eq!(who["Account"], ONE);
    }

    #[tokio::test]
    async fn it_needs_permission_on_the_federated_user() {
        let world = World::new().await;
        let bob = world.user(ONE, "bob", &[]).await;
        let (code, message) = refused(federate(&world, &bob, json!({})).await);
        assert_eq!(code, "AccessDenied");
        assert_eq!(
            message,
            "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: \
             sts:GetFederationToken on resource: arn:aws:sts::111111111111:federated-user/guest \
             because no identity-based policy allows the sts:GetFederationToken action"
        );
        let own = allow("sts:GetFederationToken").replace(
            r#""Resource":"*""#,
            r#""Resource":"arn:aws:sts::111111111111:federated-user/guest""#,
        );
        let ann = world.user(ONE, "ann", &[own]).await;
        assert!(federate(&world, &ann, json!({})).await.is_ok());
        assert!(
            federate(&world, &ann, json!({"Name": "other"}))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn only_long_term_credentials_may_call() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        world
            .role(ONE, "r", &trust(ONE, json!({})), &[allow("*")])
            .await;
        let in_role = world.assume(&ann, &role_arn(ONE, "r"), json!({})).await;
        let of_token = world.call(&ann, "GetSessionToken", json!({})).await;
        let federated = federate(&world, &ann, json!({"Policy": allow("*")})).await;
        for answer in [in_role, of_token, federated] {
            let session = client(&answer.unwrap());
            let (code, message) = refused(federate(&world, &session, json!({})).await);
            assert_eq!(code, "AccessDenied");
            assert_eq!(
                message,
                "Cannot call GetFederationToken with session credentials"
            );
        }
    }

    #[tokio::test]
    async fn both_the_user_and_the_passed_policy_must_allow() {
        let world = World::new().await;
        let of_ann = [allow("sts:GetFederationToken"), allow("s3:Get*")];
        let ann = world.user(ONE, "ann", &of_ann).await;
        let passed = json!({"Policy": allow("s3:GetObject")});
        let session = client(&federate(&world, &ann, passed).await.unwrap());
        assert!(may(&world, &session, "s3:GetObject", None));
        assert!(!may(&world, &session, "s3:GetObjectAcl", None));
        let wide = json!({"Policy": allow("*")});
        let session = client(&federate(&world, &ann, wide).await.unwrap());
        assert!(may(&world, &session, "s3:GetObjectAcl", None));
        assert!(!may(&world, &session, "s3:PutObject", None));
        // The policies of the user are live.
        let snapshot = world.directory.snapshot();
        let state = snapshot.account(account(ONE)).unwrap();
        let mut user = User::clone(state.named::<User>("ann").unwrap());
        user.inline.clear();
        world.put(ONE, user).await;
        assert!(!may(&world, &session, "s3:GetObject", None));
    }

    #[tokio::test]
    async fn without_a_passed_policy_only_a_resource_that_names_the_session_is_open() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let session = client(&federate(&world, &ann, json!({})).await.unwrap());
        assert!(!may(&world, &session, "s3:GetObject", None));
        let named = bucket_policy("arn:aws:sts::111111111111:federated-user/guest");
        assert!(may(&world, &session, "s3:GetObject", Some(&named)));
        // Naming the user, or the account, leaves the session without a policy as it is (E-5).
        let of_user = bucket_policy("arn:aws:iam::111111111111:user/ann");
        assert!(!may(&world, &session, "s3:GetObject", Some(&of_user)));
        assert!(!may(
            &world,
            &session,
            "s3:GetObject",
            Some(&bucket_policy(ONE))
        ));
        // With one that allows, the grant to the user counts.
        let bob = world
            .user(ONE, "bob", &[allow("sts:GetFederationToken")])
            .await;
        let passed = json!({"Policy": allow("s3:*")});
        let session = client(&federate(&world, &bob, passed).await.unwrap());
        let of_user = bucket_policy("arn:aws:iam::111111111111:user/bob");
        assert!(may(&world, &session, "s3:GetObject", Some(&of_user)));
        assert!(!may(&world, &session, "s3:GetObject", None));
    }

    #[tokio::test]
    async fn the_credentials_reach_neither_iam_nor_sts() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let guest = "arn:aws:sts::111111111111:federated-user/guest";
        world.role(ONE, "r", &trust(guest, json!({})), &[]).await;
        for who in [ann, world.root(ONE)] {
            let answer = federate(&world, &who, json!({"Policy": allow("*")})).await;
            let session = client(&answer.unwrap());
            let error = world.identity_at(&session, NOW, "iam").unwrap_err();
            assert!(matches!(error, CredentialError::InvalidToken));
            let assumed = world.assume(&session, &role_arn(ONE, "r"), json!({})).await;
            assert_eq!(refused(assumed).0, "AccessDenied");
            let info = json!({"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"});
            let (code, message) = refused(world.call(&session, "GetAccessKeyInfo", info).await);
            assert_eq!(code, "AccessDenied");
            assert!(
                message.ends_with("with an explicit deny in a session policy"),
                "{message}"
            );
            assert!(may(&world, &session, "s3:GetObject", None));
        }
    }

    #[tokio::test]
    async fn durations_have_their_limits() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let long = json!({"DurationSeconds": 129_600});
        let answer = federate(&world, &ann, long.clone()).await.unwrap();
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-16T20:00:00Z");
        let session = client(&answer);
        assert!(world.identity_at(&session, NOW + 129_599, "s3").is_ok());
        let error = world
            .identity_at(&session, NOW + 129_600, "s3")
            .unwrap_err();
        assert!(matches!(error, CredentialError::ExpiredToken));
        let answer = federate(&world, &world.root(ONE), long).await.unwrap();
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-15T09:00:00Z");
    }

    #[tokio::test]
    async fn the_session_ends_with_its_user() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let session = client(&federate(&world, &ann, json!({})).await.unwrap());
        world.delete::<User>(ONE, "ann").await;
        let error = world.identity_at(&session, NOW, "s3").unwrap_err();
        assert!(matches!(error, CredentialError::UnknownKey));
    }

    #[tokio::test]
    async fn tags_need_permission_and_win_over_those_of_the_user() {
        let world = World::new().await;
        let ann = world
            .user(ONE, "ann", &[allow("sts:GetFederationToken")])
            .await;
        let tags = json!({"Tags": [{"Key": "OWN", "Value": "session"}]});
        let (code, message) = refused(federate(&world, &ann, tags.clone()).await);
        assert_eq!(code, "AccessDenied");
        assert!(
            message.contains(
                "sts:TagSession on resource: arn:aws:sts::111111111111:federated-user/guest"
            ),
            "{message}"
        );
        let both = [allow("sts:GetFederationToken"), allow("sts:TagSession")];
        let bob = world.user(ONE, "bob", &both).await;
        let answer = federate(&world, &bob, tags).await.unwrap();
        assert!(answer["PackedPolicySize"].as_u64().unwrap() > 0);
        let identity = world.identity_at(&client(&answer), NOW, "s3").unwrap();
        assert_eq!(
            identity.caller.tags,
            [("OWN".to_owned(), "session".to_owned())]
        );
    }

    #[tokio::test]
    async fn what_is_passed_is_checked() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let nothing = "arn:aws:iam::111111111111:policy/nothing";
        let cases = [
            (
                json!({"Policy": "{"}),
                "MalformedPolicyDocument",
                "Syntax errors in policy.",
            ),
            (
                json!({"PolicyArns": [{"arn": nothing}]}),
                "ValidationError",
                "The policy arn:aws:iam::111111111111:policy/nothing does not exist or is not attachable.",
            ),
            (
                json!({"Tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]}),
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ),
        ];
        for (more, code, message) in cases {
            let got = refused(federate(&world, &ann, more).await);
            assert_eq!(got, (code.to_owned(), message.to_owned()));
        }
        let managed =
            json!({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]});
        let session = client(&federate(&world, &ann, managed).await.unwrap());
        assert!(may(&world, &session, "s3:GetObject", None));
        assert!(!may(&world, &session, "s3:PutObject", None));
    }

    #[tokio::test]
    async fn from_the_form_that_clients_send_to_the_xml_that_they_read() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        let form = "Action=GetFederationToken&Version=2011-06-15&Name=guest&DurationSeconds=900\
            &Tags.member.1.Key=team&Tags.member.1.Value=red\
            &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess";
        let form = wire::query::Form::parse(form.as_bytes()).unwrap();
        let call = wire::query::decode(wire::Service::Sts, &form).unwrap();
        call.check().unwrap();
        let answer = world
            .call(&ann, call.operation.name.as_str(), call.input)
            .await
            .unwrap();
        let xml = wire::query::encode(wire::Service::Sts, call.operation, &answer, "id");
        for element in [
            "<GetFederationTokenResult><Credentials><AccessKeyId>ASIA",
            "<Expiration>2027-01-15T08:15:00Z</Expiration>",
            "<FederatedUserId>111111111111:guest</FederatedUserId>",
            "<Arn>arn:aws:sts::111111111111:federated-user/guest</Arn>",
            "<PackedPolicySize>3</PackedPolicySize>",
        ] {
            assert!(xml.contains(element), "{element} in {xml}");
        }
    }
}
