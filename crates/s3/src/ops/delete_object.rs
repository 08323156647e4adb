//! DeleteObject: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
use catalog::{AccountId, Object};
use gate::{Authorized, Identity, Operation};
use serde::Deserialize;

use crate::conditions::{AnyEtag, WriteCondition};
use crate::deleting::{self, DeleteAsks};
use crate::reading::{self, VersionMember};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Deletes an object.
#[derive(Debug)]
pub enum DeleteObject {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    expected_owner: Option<AccountId>,
    condition: WriteCondition,
    bypasses_governance: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    bypass_governance_retention: Option<bool>,
}

impl Operation for DeleteObject {
    const NAME: &'static str = "DeleteObject";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = DeleteAsks;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(deleting::asks(
            &input.object,
            input.expected_owner,
            input.condition.if_match.as_deref(),
            input.bypasses_governance,
        ))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let input = call.input;
        let condition = input.condition.condition.clone();
        let (delete, _read, _bypass) = call.permits;
        let deleted = deleting::delete(&stores.vault, &delete, condition).await;
        let deleted = deleted.map_err(|error| input.condition.explain(error, &input.object.key))?;
        let mut response = Response::empty(204);
        if deleted.is_delete_marker {
            response.set("x-amz-delete-marker", "true");
        }
        response.set_some("x-amz-version-id", deleted.version.as_deref());
        Ok(response)
    }
}

impl S3Operation for DeleteObject {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let object = reading::versioned_object(&request)?;
        let condition = WriteCondition::take(&mut request, AnyEtag::Allowed)?;
        let _: VersionMember = request.take()?;
        let members: Members = request.take_input()?;
        Ok(Input {
            object,
            expected_owner: request.expected_owner()?,
            condition,
            bypasses_governance: members.bypass_governance_retention.unwrap_or(false),
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}
