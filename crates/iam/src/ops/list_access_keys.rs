//! ListAccessKeys: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html>
use catalog::iam;
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::page::{PageEnd, PageRequest, page};
use crate::shapes::Status;
use crate::{IamError, Stores, entities, shapes};

/// The access keys of a user, without secrets.
#[derive(Debug)]
pub enum ListAccessKeys {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    #[serde(flatten)]
    page: PageRequest,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key_metadata: Vec<AccessKeyMetadata>,
    #[serde(flatten)]
    end: PageEnd,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::ListAccessKeys>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        Ok(Ask::on(entities::user_or_caller(
            who,
            input.user_name.as_deref(),
        )?))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let (user_name, all) = stores.directory.list_access_keys(&call.permits)?;
        let user_name = shapes::user_name_or_root(user_name);
        let (keys, end) = page(all, |key| key.id.clone(), &call.input.page)?;
        let access_key_metadata = keys
            .into_iter()
            .map(|key| AccessKeyMetadata {
                user_name: user_name.clone(),
                access_key_id: key.id,
                status: key.status.into(),
                create_date: key.created,
            })
            .collect();
        Ok(Output {
            access_key_metadata,
            end,
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyMetadata {
    user_name: String,
    access_key_id: String,
    status: Status,
    create_date: jiff::Timestamp,
}
