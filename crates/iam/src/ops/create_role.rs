//! CreateRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
use catalog::{EntityKind, iam};
use directory::NewRole;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::{Role, Tag};
use crate::{IamError, Stores, entities};

/// Creates a role.
#[derive(Debug)]
pub enum CreateRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path: Option<String>,
    role_name: String,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: Role,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreateRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let role = entities::new(
            who,
            EntityKind::Role,
            input.path.as_deref(),
            &input.role_name,
        )?;
        let ask = Ask::on(role).with_some(
            "iam:PermissionsBoundary",
            input.permissions_boundary.as_deref(),
        );
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let input = call.input;
        let new = NewRole {
            trust_document: input.assume_role_policy_document,
            description: input.description,
            session_seconds_max: input.max_session_duration,
            boundary: input.permissions_boundary,
            tags: entities::tags(input.tags),
        };
        let role = stores.directory.create_role(&call.permits, new).await?;
        let account = call.permits.resource().account;
        Ok(Output {
            role: Role::created(account, &role, input.max_session_duration),
        })
    }
}
