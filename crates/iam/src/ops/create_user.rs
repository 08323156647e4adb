//! CreateUser: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html>
use catalog::{EntityKind, iam};
use directory::NewUser;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::{Tag, User};
use crate::{IamError, Stores, entities};

/// Creates a user.
#[derive(Debug)]
pub enum CreateUser {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    path: Option<String>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user: User,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreateUser>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let user = entities::new(
            who,
            EntityKind::User,
            input.path.as_deref(),
            &input.user_name,
        )?;
        let ask = Ask::on(user).with_some(
            "iam:PermissionsBoundary",
            input.permissions_boundary.as_deref(),
        );
        Ok(entities::with_request_tags(ask, &input.tags))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let new = NewUser {
            boundary: call.input.permissions_boundary,
            tags: entities::tags(call.input.tags),
        };
        let user = stores.directory.create_user(&call.permits, new).await?;
        Ok(Output {
            user: User::whole(call.permits.resource().account, &user),
        })
    }
}
