//! PutBucketRequestPayment: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html>
//!
//! What it means is the gate's: [`gate::BucketFacts::requester_pays`].
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;

use crate::configuration::take_digests;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketRequestPayment.
#[derive(Debug)]
pub enum PutBucketRequestPayment {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    requester_pays: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    request_payment_configuration: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Configuration {
    payer: Payer,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Payer {
    Requester,
    BucketOwner,
}

impl Operation for PutBucketRequestPayment {
    const NAME: &'static str = "PutBucketRequestPayment";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutBucketRequestPayment>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        Ok(stores
            .vault
            .set_requester_pays(&call.permits, call.input.requester_pays)
            .await?)
    }
}

impl S3Operation for PutBucketRequestPayment {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let bucket = BucketInput::read(&request)?;
        let members: Members = request.take_input()?;
        let configuration = members.request_payment_configuration;
        let configuration = configuration.ok_or(S3Error::MalformedXml)?;
        Ok(Input {
            bucket,
            requester_pays: configuration.payer == Payer::Requester,
        })
    }

    fn respond(_: ()) -> Response {
        Response::empty(200)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, anonymous, root};

    const REQUESTER: &str = "<RequestPaymentConfiguration><Payer>Requester</Payer>\
                             </RequestPaymentConfiguration>";

    #[tokio::test]
    async fn other_accounts_agree_to_pay_or_are_refused() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let other = root("444455556666");
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
            "Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]}]}"#;
        world
            .send(&owner, "DELETE /logs?publicAccessBlock")
            .await
            .ok();
        world
            .send_with(&owner, "PUT /logs?policy", &[], policy)
            .await
            .ok();
        world
            .send_with(&owner, "PUT /logs/k", &[], "body")
            .await
            .ok();
        let put = world
            .send_with(&owner, "PUT /logs?requestPayment", &[], REQUESTER)
            .await
            .ok();
        assert_eq!(put.status, 200);
        let shown = world.send(&owner, "GET /logs?requestPayment").await.ok();
        assert_eq!(shown.element("Payer"), "Requester");
        let agreed = [("x-amz-request-payer", "requester")];
        let refused = "403 AccessDenied: Access Denied";
        for line in ["GET /logs/k", "GET /logs?list-type=2", "DELETE /logs/none"] {
            // The owner's account need not agree, and is told nothing of it.
            let own = world.send_with(&owner, line, &agreed, "").await.ok();
            assert_eq!(own.header("x-amz-request-charged"), "", "{line}");
            let charged = world.send_with(&other, line, &agreed, "").await.ok();
            assert_eq!(
                charged.header("x-amz-request-charged"),
                "requester",
                "{line}"
            );
            assert_eq!(world.send(&other, line).await.told(), refused, "{line}");
            let wrong = [("x-amz-request-payer", "Requester")];
            let told = world.send_with(&other, line, &wrong, "").await.told();
            assert_eq!(told, refused, "{line}");
            let told = world
                .send_with(&anonymous(), line, &agreed, "")
                .await
                .told();
            assert_eq!(told, refused, "{line}");
        }
        // Its answer has no such element on AWS.
        let tags = "GET /logs/k?tagging";
        let charged = world.send_with(&other, tags, &agreed, "").await.ok();
        assert_eq!(charged.header("x-amz-request-charged"), "");
        let back = REQUESTER.replace("Requester", "BucketOwner");
        world
            .send_with(&owner, "PUT /logs?requestPayment", &[], back)
            .await
            .ok();
        assert_eq!(
            world.send(&anonymous(), "GET /logs/k").await.told(),
            "200 ok"
        );
    }

    #[tokio::test]
    async fn a_payer_that_there_is_not_changes_nothing() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for body in [
            "<RequestPaymentConfiguration><Payer>Nobody</Payer></RequestPaymentConfiguration>",
            "<RequestPaymentConfiguration/>",
        ] {
            let put = world
                .send_with(&owner, "PUT /logs?requestPayment", &[], body)
                .await;
            assert_eq!(put.error().code, "MalformedXML", "{body}");
        }
        let shown = world.send(&owner, "GET /logs?requestPayment").await.ok();
        assert_eq!(shown.element("Payer"), "BucketOwner");
    }
}
