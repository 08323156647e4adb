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
