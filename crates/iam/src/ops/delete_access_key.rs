//! DeleteAccessKey: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::{IamError, Stores, entities};

/// Deletes an access key.
#[derive(Debug)]
pub enum DeleteAccessKey {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    type Input = Input;
    type Output = ();
    type Error = IamError;
    type Asks = Ask<iam::DeleteAccessKey>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::user_or_caller(
            who,
            input.user_name.as_deref(),
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), IamError> {
        let id = &call.input.access_key_id;
        Ok(stores
            .directory
            .delete_access_key(&call.permits, id)
            .await?)
    }
}
