//! ListObjectVersions: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
use catalog::{AccountId, Bucket, s3};
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use serde_json::{Value, json};
use vault::{ListVersions, ListedVersion};
use wire::rest::Written;
use wire::xml::Writer;

use crate::listing::{self, Encoding};
use crate::reading::check_version_id;
use crate::{Request, Response, S3Error, S3Operation, Stores};

/// Lists the versions of objects, delete markers included.
#[derive(Debug)]
pub enum ListObjectVersions {}

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
    key_marker: Option<String>,
    version_id_marker: Option<String>,
    optional_object_attributes: Vec<String>,
}

impl Operation for ListObjectVersions {
    const NAME: &'static str = "ListObjectVersions";
    type Input = Input;
    type Output = Response;
    type Error = S3Error;
    type Asks = Ask<s3::ListBucketVersions>;
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
        let after_key = listing::after(
            members.key_marker.as_deref(),
            members.prefix.as_deref(),
            members.delimiter.as_deref(),
        );
        let marker = members.version_id_marker.clone();
        let after_version = marker.filter(|text| !text.is_empty());
        let query = ListVersions {
            prefix: members.prefix.clone().unwrap_or_default(),
            delimiter: members.delimiter.clone(),
            // Of a key that its common prefix stands for, no version is left.
            after_version: after_version
                .clone()
                .filter(|_| after_key == members.key_marker),
            after_key,
            limit,
        };
        let page = stores.vault.list_versions(&call.permits, query).await;
        let page = page.map_err(|error| match error {
            vault::VaultError::InvalidVersionId { version, .. } => {
                S3Error::invalid_version_id("version-id-marker", version)
            }
            error => error.into(),
        })?;
        let text = |text: &str| Value::from(encoding.text(text));
        let mut elements = Writer::fragment();
        for listed in &page.versions {
            element(listed, encoding, &mut elements);
        }
        let prefixes = page.common_prefixes.iter();
        let prefixes: Vec<Value> = prefixes
            .map(|prefix| json!({"Prefix": encoding.text(prefix)}))
            .collect();
        let (next_key, next_version) = match &page.next {
            Some((key, version)) => (Some(text(key)), version.clone()),
            None => (None, None),
        };
        Ok(Response::encode_with(
            Self::NAME,
            &json!({
                "Name": bucket.name.to_string(),
                "Prefix": text(members.prefix.as_deref().unwrap_or_default()),
                "KeyMarker": text(members.key_marker.as_deref().unwrap_or_default()),
                "VersionIdMarker": after_version.unwrap_or_default(),
                "NextKeyMarker": next_key,
                "NextVersionIdMarker": next_version,
                "MaxKeys": limit,
                "Delimiter": listing::shown(members.delimiter.as_deref()).map(text),
                "IsTruncated": page.next.is_some(),
                "CommonPrefixes": prefixes,
                "EncodingType": members.encoding_type,
            }),
            Written {
                member: "Versions",
                xml: &elements.finish(),
            },
        ))
    }
}

/// Versions and delete markers stand in one order, so they are written by hand; the members of each
/// are in the order of AWS's model.
fn element(listed: &ListedVersion, encoding: Encoding, xml: &mut Writer) {
    let name = match listed.object {
        Some(_) => "Version",
        None => "DeleteMarker",
    };
    xml.open(name);
    match &listed.object {
        Some(object) => {
            xml.text("ETag", &format!("\"{}\"", object.etag));
            if let Some(checksum) = &object.checksum {
                xml.text("ChecksumAlgorithm", checksum.algorithm.name());
                xml.text("ChecksumType", checksum.kind.name());
            }
            xml.text("Size", &object.bytes.to_string());
            xml.text("StorageClass", &object.storage_class);
            place(listed, encoding, xml);
            owner(listed, xml);
        }
        None => {
            owner(listed, xml);
            place(listed, encoding, xml);
        }
    }
    xml.close(name);
}

fn place(listed: &ListedVersion, encoding: Encoding, xml: &mut Writer) {
    xml.text("Key", &encoding.text(&listed.key));
    xml.text("VersionId", &listed.version);
    xml.text("IsLatest", if listed.is_latest { "true" } else { "false" });
    xml.open("LastModified");
    xml.time(listed.last_modified);
    xml.close("LastModified");
}

fn owner(listed: &ListedVersion, xml: &mut Writer) {
    xml.open("Owner");
    xml.text("ID", &listed.owner.canonical_id);
    xml.close("Owner");
}

impl S3Operation for ListObjectVersions {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        let sent = listing::Sent::read(&request);
        let members: Members = request.take_input()?;
        let version = members.version_id_marker.as_deref();
        if version.is_some() && members.key_marker.as_deref().is_none_or(str::is_empty) {
            return Err(S3Error::invalid_argument(
                "A version-id marker cannot be specified without a key marker.",
                "version-id-marker",
                version.unwrap_or_default(),
            ));
        }
        listing::check_attributes(&members.optional_object_attributes)?;
        check_version_id(version.filter(|text| !text.is_empty()), "version-id-marker")?;
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
    async fn the_newest_version_is_the_one_written_last_whatever_the_clock_says() {
        let world = World::with_bucket().await;
        let owner = root("111122223333");
        let versioning = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
        world
            .send_with(&owner, "PUT /logs?versioning", &[], versioning)
            .await
            .ok();
        for (now, body) in [
            ("2026-02-03T04:00:00Z", "first"),
            ("2027-02-03T04:00:00Z", "second"),
            ("2025-02-03T04:00:00Z", "third"),
        ] {
            world.set_clock(now);
            world.send_with(&owner, "PUT /logs/k", &[], body).await.ok();
        }
        let newest = world.send(&owner, "GET /logs/k").await.ok();
        assert_eq!(newest.text(), "third");
        let listed = world.send(&owner, "GET /logs?versions").await.ok().text();
        let times: Vec<&str> = listed
            .split("<LastModified>")
            .skip(1)
            .map(|rest| &rest[..4])
            .collect();
        assert_eq!(times, ["2025", "2027", "2026"]);
        assert!(
            listed.find("true</IsLatest>") < listed.find("2025"),
            "{listed}"
        );
    }
}
