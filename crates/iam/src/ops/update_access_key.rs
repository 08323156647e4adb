//! UpdateAccessKey: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::shapes::Status;
use crate::{IamError, Stores, entities};

/// Switches an access key on or off.
#[derive(Debug)]
pub enum UpdateAccessKey {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    access_key_id: String,
    status: Status,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::UpdateAccessKey>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::user_or_caller(
            who,
            input.user_name.as_deref(),
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let (id, status) = (&call.input.access_key_id, call.input.status.into());
        Ok(stores
            .directory
            .update_access_key(&call.permits, id, status)
            .await?)
    }
}
