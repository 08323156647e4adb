//! CreateGroup: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>
use catalog::{EntityKind, iam};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::shapes::Group;
use crate::{IamError, Stores, entities};

/// Creates a group.
#[derive(Debug)]
pub enum CreateGroup {}

/// What a request carries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path: Option<String>,
    group_name: String,
}

/// What an answer carries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group: Group,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    type Input = Input;
    type Output = Output;
    type Error = IamError;
    type Asks = Ask<iam::CreateGroup>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, IamError> {
        let group = entities::new(
            who,
            EntityKind::Group,
            input.path.as_deref(),
            &input.group_name,
        )?;
        Ok(Ask::on(group))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, IamError> {
        let group = stores.directory.create_group(&call.permits).await?;
        Ok(Output {
            group: Group::new(call.permits.resource().account, &group),
        })
    }
}
