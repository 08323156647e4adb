//! PutRolePolicy: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Writes an inline policy of a role.
#[derive(Debug)]
pub enum PutRolePolicy {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for PutRolePolicy {
    const NAME: &'static str = "PutRolePolicy";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::PutRolePolicy>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let entity = entities::existing(who, EntityKind::Role, &input.role_name)?;
        Ok(Ask::on(entity))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let Input {
            policy_name,
            policy_document,
            ..
        } = &call.input;
        Ok(stores
            .directory
            .put_role_policy(&call.permits, policy_name, policy_document)
            .await?)
    }
}
