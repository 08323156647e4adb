//! ListObjects: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html>
use catalog::{AccountId, Bucket, s3};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use vault::ListObjects as Query;

use crate::listing::{self, Encoding, Listing};
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Lists objects, in the first form of this operation.
#[derive(Debug)]
pub enum ListObjects {}

/// What the request carries.
#[derive(Debug)]
pub struct Input {
    bucket: Bucket,
    expected_owner: Option<AccountId>,
    members: Members,
    encoding: Encoding,
    limit: usize,
    sent: listing::Sent,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Members {
    prefix: Option<String>,
    delimiter: Option<String>,
    max_keys: Option<i64>,
    encoding_type: Option<String>,
    marker: Option<String>,
    optional_object_attributes: Vec<String>,
}

impl Operation for ListObjects {
    const NAME: &'static str = "ListObjects";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucket>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        let ask = Ask::on(input.bucket.clone()).expecting_owner(input.expected_owner);
        Ok(input.sent.onto(ask))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Response, S3Error> {
        let Input {
            bucket,
            members,
            encoding,
            limit,
            ..
        } = call.input;
        let marker = members.marker.clone().unwrap_or_default();
        let query = Query {
            prefix: members.prefix.clone().unwrap_or_default(),
            delimiter: members.delimiter.clone(),
            after: listing::after(
                Some(&marker),
                members.prefix.as_deref(),
                members.delimiter.as_deref(),
            ),
            limit,
        };
        let page = stores.vault.list_objects(&call.permits, query).await?;
        let text = |text: &str| Value::from(encoding.text(text));
        let listed = Listing::of(&page, encoding, true);
        // Without a delimiter, clients go on after the last key.
        let delimiter = listing::shown(members.delimiter.as_deref());
        let next = page.next.as_deref().filter(|_| delimiter.is_some());
        Ok(listed.respond(
            Self::NAME,
            &json!({
                "Name": bucket.name.to_string(),
                "Prefix": text(members.prefix.as_deref().unwrap_or_default()),
                "Marker": text(&marker),
                "MaxKeys": limit,
                "Delimiter": delimiter.map(text),
                "IsTruncated": page.next.is_some(),
                "NextMarker": next.map(text),
                "CommonPrefixes": listed.common_prefixes,
                "EncodingType": members.encoding_type,
            }),
        ))
    }
}

impl S3Operation for ListObjects {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let sent = listing::Sent::read(&request);
        let members: Members = request.take_input()?;
        listing::check_attributes(&members.optional_object_attributes)?;
        Ok(Input {
            bucket: Bucket::existing(request.bucket()?),
            expected_owner: request.expected_owner()?,
            encoding: Encoding::read(members.encoding_type.as_deref())?,
            limit: listing::limit(members.max_keys, "max-keys")?,
            members,
            sent,
        })
    }

    fn respond(output: Response) -> Response {
        output
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, root};

    #[tokio::test]
    async fn markers_lead_from_page_to_page() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        for key in ["a/1", "a/2", "b", "c/1"] {
            world.send(&owner, &format!("PUT /logs/{key}")).await.ok();
        }
        let page = world
            .send(&owner, "GET /logs?delimiter=/&max-keys=2")
            .await
            .ok();
        assert_eq!(page.elements("Key"), ["b"]);
        assert_eq!(page.element("NextMarker"), "b");
        let page = world
            .send(&owner, "GET /logs?delimiter=/&marker=b")
            .await
            .ok();
        assert!(
            page.text()
                .contains("<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>")
        );
        assert_eq!(page.element("IsTruncated"), "false");
        let page = world
            .send(&owner, "GET /logs?delimiter=/&marker=a/1")
            .await
            .ok();
        assert!(
            !page.text().contains("<Prefix>a/</Prefix>"),
            "{}",
            page.text()
        );
        assert_eq!(page.elements("Key"), ["b"]);
        // Without a delimiter there is no NextMarker, and an empty one is none.
        let page = world
            .send(&owner, "GET /logs?max-keys=1&delimiter=")
            .await
            .ok();
        assert!(!page.text().contains("Delimiter"), "{}", page.text());
        assert_eq!(
            (
                page.element("Key").as_str(),
                page.element("NextMarker").as_str()
            ),
            ("a/1", "")
        );
        assert_eq!(page.element("IsTruncated"), "true");
        assert_eq!(page.element("ID").len(), 64);
    }
}
