//! GetAccessKeyLastUsed: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{IamError, Stores, entities, shapes};

/// When an access key was last used.
#[derive(Debug)]
pub enum GetAccessKeyLastUsed {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    access_key_id: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_name: String,
    access_key_last_used: AccessKeyLastUsed,
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::GetAccessKeyLastUsed>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let account = entities::account(who)?;
        Ok(Ask::on(catalog::IamEntity::holder_of_access_key(
            account,
            &input.access_key_id,
        )))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let found = stores
            .directory
            .get_access_key_last_used(&call.permits, &call.input.access_key_id)?;
        let access_key_last_used = match found.last {
            Some(last) => AccessKeyLastUsed {
                last_used_date: Some(last.at),
                service_name: last.service,
                region: last.region,
            },
            None => AccessKeyLastUsed {
                last_used_date: None,
                service_name: NEVER.to_owned(),
                region: NEVER.to_owned(),
            },
        };
        Ok(Output {
            user_name: shapes::user_name_or_root(found.user_name),
            access_key_last_used,
        })
    }
}

/// AWS's word for the service and region of a key that was never used.
const NEVER: &str = "N/A";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyLastUsed {
    last_used_date: Option<jiff::Timestamp>,
    service_name: String,
    region: String,
}
