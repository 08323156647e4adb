//! PutObjectAcl: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>
use catalog::{AccountId, Action, Object, s3};
use gate::{Ask, Authorized, Either, Identity, Operation, Permit, Probe};
use serde::Deserialize;
use vault::acl::{AccessControlPolicy, AclHeaders, AclOn};
use vault::{Vault, WritesAcl};

use crate::configuration::{PutAcl, take_acl_headers, verify_body};
use crate::reading::{self, VersionId};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// PutObjectAcl.
#[derive(Debug)]
pub enum PutObjectAcl {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    object: Object,
    version: VersionId,
    expected_owner: Option<AccountId>,
    headers: AclHeaders,
    acl: PutAcl,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    access_control_policy: Option<AccessControlPolicy>,
    #[serde(rename = "VersionId")]
    _version: serde::de::IgnoredAny,
}

impl Operation for PutObjectAcl {
    const NAME: &'static str = "PutObjectAcl";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = (
        Either<Ask<s3::PutObjectAcl>, Ask<s3::PutObjectVersionAcl>>,
        Probe<s3::ListBucket>,
    );
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = match &input.object.version {
            None => Either::Left(input.ask()),
            Some(version) => Either::Right(input.ask().with("s3:versionid", version.as_str())),
        };
        Ok((ask, reading::list_probe(&input.object)))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let (permit, list) = call.permits;
        let input = call.input;
        let replaced = match &permit {
            Either::Left(permit) => replace(&stores.vault, permit, &input).await?,
            Either::Right(permit) => replace(&stores.vault, permit, &input).await?,
        };
        match replaced {
            Some(()) => Ok(()),
            None => Err(reading::missing(list, &input.object).await),
        }
    }
}

impl Input {
    fn ask<A: Action<Resource = Object>>(&self) -> Ask<A> {
        let ask = Ask::on(self.object.clone()).expecting_owner(self.expected_owner);
        self.headers
            .onto(ask)
            .writing_public_acl(self.acl.is_public())
    }
}

/// `None` if there is no object.
async fn replace<A: WritesAcl>(
    vault: &Vault,
    permit: &Permit<A>,
    input: &Input,
) -> Result<Option<()>, S3Error> {
    let Some(owner) = vault.owner_for_acl(permit).await? else {
        return Ok(None);
    };
    input.version.check(&input.object)?;
    let acl = input.acl.for_owner(&owner, vault.principals()).await?;
    let bucket_owner = permit.bucket().map(|bucket| &bucket.owner_canonical_id);
    let bucket_owner = bucket_owner.map_or(owner.as_str(), |id| id.as_str());
    vault
        .put_object_acl(permit, &acl.grants(&owner, bucket_owner))
        .await?;
    Ok(Some(()))
}

impl S3Operation for PutObjectAcl {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        verify_body(&mut request)?;
        let (object, version) = reading::object_and_version(&request)?;
        let headers = take_acl_headers(&mut request);
        let members: Members = request.take_input()?;
        let acl = PutAcl::new(&headers, AclOn::Object, members.access_control_policy)?;
        Ok(Input {
            object,
            version,
            expected_owner: request.expected_owner()?,
            headers,
            acl,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}
