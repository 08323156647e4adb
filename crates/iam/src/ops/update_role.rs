//! UpdateRole: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities};

/// Changes description and longest session of a role.
#[derive(Debug)]
pub enum UpdateRole {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::UpdateRole>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let Input {
            description,
            max_session_duration,
            ..
        } = call.input;
        stores
            .directory
            .update_role(&call.permits, description, max_session_duration)
            .await?;
        Ok(Output {})
    }
}
