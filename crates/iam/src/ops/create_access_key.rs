//! CreateAccessKey: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::Status;
use crate::{IamError, Stores, entities, shapes};

/// Creates an access key and tells its secret, this once.
#[derive(Debug)]
pub enum CreateAccessKey {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
}

/// What an answer carries: not printable, since it has the secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key: AccessKey,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreateAccessKey>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::user_or_caller(
            who,
            input.user_name.as_deref(),
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let new = stores.directory.create_access_key(&call.permits).await?;
        let access_key = AccessKey {
            user_name: shapes::user_name_or_root(new.user_name),
            access_key_id: new.key.id,
            status: new.key.status.into(),
            secret_access_key: new.secret.expose().to_owned(),
            create_date: new.key.created,
        };
        Ok(Output { access_key })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    user_name: String,
    access_key_id: String,
    status: Status,
    secret_access_key: String,
    create_date: jiff::Timestamp,
}
