//! AbortMultipartUpload: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};

use crate::multipart::{Target, UploadMembers};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Ends an upload and removes its parts.
#[derive(Debug)]
pub enum AbortMultipartUpload {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    target: Target,
}

impl Operation for AbortMultipartUpload {
    const NAME: &'static str = "AbortMultipartUpload";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::AbortMultipartUpload>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.target.ask())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let aborted = stores.vault.abort_upload(&call.permits).await;
        aborted.map_err(|error| call.input.target.explain(error))?;
        Ok(Response::empty(204))
    }
}

impl S3Operation for AbortMultipartUpload {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let _: UploadMembers = request.take_input()?;
        Ok(Input {
            target: Target::read(&request)?,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, root, user};

    #[tokio::test]
    async fn who_started_an_upload_may_end_it() {
        let world = World::with_bucket().await;
        let put = r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#;
        let ann = user("111122223333", "ann", put);
        let ben = user("111122223333", "ben", put);
        let created = world.send(&ann, "POST /logs/k?uploads").await.ok();
        let upload = created.element("UploadId");
        let line = |method: &str| format!("{method} /logs/k?uploadId={upload}");
        assert_eq!(
            world.send(&ben, &line("GET")).await.error().code,
            "AccessDenied"
        );
        assert_eq!(
            world.send(&ben, &line("DELETE")).await.error().code,
            "AccessDenied"
        );
        assert_eq!(world.send(&ann, &line("GET")).await.told(), "200 ok");
        // Only to the key that it was created for.
        let other = format!("DELETE /logs/other?uploadId={upload}");
        assert!(world.send(&ann, &other).await.0.is_err());
        assert_eq!(world.send(&ann, &line("DELETE")).await.told(), "204 ok");
        let owner = root("111122223333");
        assert_eq!(
            world.send(&owner, &line("GET")).await.error().code,
            "NoSuchUpload"
        );
    }

    #[tokio::test]
    async fn uploads_are_listed_by_key_and_time() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let mut ids = Vec::new();
        for key in ["b", "a", "c/1"] {
            let line = format!("POST /logs/{key}?uploads");
            ids.push(world.send(&owner, &line).await.ok().element("UploadId"));
        }
        let list = world
            .send(&owner, "GET /logs?uploads&delimiter=/&max-uploads=2")
            .await
            .ok();
        assert_eq!(list.elements("Key"), ["a", "b"]);
        assert_eq!(
            list.elements("UploadId"),
            [ids[1].as_str(), ids[0].as_str()]
        );
        assert_eq!(list.element("IsTruncated"), "true");
        let line = format!(
            "GET /logs?uploads&delimiter=/&key-marker={}&upload-id-marker={}",
            list.element("NextKeyMarker"),
            list.element("NextUploadIdMarker")
        );
        let rest = world.send(&owner, &line).await.ok();
        assert!(
            rest.text()
                .contains("<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>"),
            "{}",
            rest.text()
        );
        assert!(rest.elements("Key").is_empty());
        let wrong = world
            .send(&owner, "GET /logs?uploads&key-marker=a&upload-id-marker=x")
            .await
            .told();
        assert_eq!(
            wrong,
            "400 InvalidArgument: Invalid uploadId marker ArgumentName=upload-id-marker ArgumentValue=x"
        );
    }
}
