//! Keys that customers bring with a request. AWS: Using server-side encryption with
//! customer-provided keys (SSE-C).
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{Action, Object, Resource as _, s3};
use gate::{Ask, Permit, RequestFacts};
use serde::Deserialize;
use serde_json::{Map, Value};
use vault::{CustomerKey, Vault};

use crate::{Request, Response, S3Error};

/// The one algorithm, with a customer's key and without.
const ALGORITHM: &str = "AES256";

/// What AWS calls the argument in every error about a customer's key.
const ARGUMENT: &str = "x-amz-server-side-encryption";

/// The members of an input with the key for what is written or read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Members {
    #[serde(rename = "SSECustomerAlgorithm")]
    algorithm: Option<String>,
    #[serde(rename = "SSECustomerKey")]
    key: Option<String>,
    #[serde(rename = "SSECustomerKeyMD5")]
    md5: Option<String>,
}

/// The same for the source of a copy.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SourceMembers {
    #[serde(rename = "CopySourceSSECustomerAlgorithm")]
    algorithm: Option<String>,
    #[serde(rename = "CopySourceSSECustomerKey")]
    key: Option<String>,
    #[serde(rename = "CopySourceSSECustomerKeyMD5")]
    md5: Option<String>,
}

impl From<SourceMembers> for Members {
    fn from(source: SourceMembers) -> Members {
        Members {
            algorithm: source.algorithm,
            key: source.key,
            md5: source.md5,
        }
    }
}

/// What the key is for. Reads are less exact: a key that cannot have been used is a wrong one, and
/// its MD5 may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
}

impl Members {
    /// Reads the key; `encryption` is the encryption that the request asks for beside it.
    ///
    /// # Errors
    /// `InvalidArgument` and `InvalidEncryptionAlgorithmError`, in the order of AWS's checks.
    pub(crate) fn key(
        self,
        used: Use,
        encryption: Option<&str>,
    ) -> Result<Option<CustomerKey>, S3Error> {
        if self.algorithm.is_none() && self.key.is_none() && self.md5.is_none() {
            return Ok(None);
        }
        if let Some(encryption) = encryption {
            return Err(S3Error::invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
                ARGUMENT,
                encryption,
            ));
        }
        match self.algorithm.as_deref() {
            Some(ALGORITHM) => {}
            None => return Err(must_provide("a valid encryption algorithm.")),
            Some(other) => {
                return Err(S3Error::InvalidEncryptionAlgorithm {
                    name: ARGUMENT.to_owned(),
                    value: other.to_owned(),
                });
            }
        }
        let Some(text) = self.key else {
            return Err(must_provide("an appropriate secret key."));
        };
        let invalid = || invalid("The secret key was invalid for the specified algorithm.");
        let bytes = STANDARD.decode(text.trim()).map_err(|_| invalid())?;
        let key = CustomerKey::from_bytes(bytes);
        match (self.md5, used) {
            (Some(md5), _) if md5.trim() != key.md5() => {
                return Err(self::invalid(
                    "The calculated MD5 hash of the key did not match the hash that was provided.",
                ));
            }
            (None, Use::Write) => {
                return Err(must_provide("the client calculated MD5 of the secret key."));
            }
            (Some(_), _) | (None, Use::Read) => {}
        }
        if used == Use::Write && !key.has_right_length() {
            return Err(invalid());
        }
        Ok(Some(key))
    }
}

fn must_provide(what: &str) -> S3Error {
    invalid(&format!(
        "Requests specifying Server Side Encryption with Customer provided keys must provide {what}"
    ))
}

fn invalid(text: &str) -> S3Error {
    S3Error::invalid_argument(text, ARGUMENT, "null")
}

/// What is answered to a completion without the key that its checksums need.
pub(crate) fn missing_for_checksums() -> S3Error {
    must_provide("an appropriate secret key.")
}

/// Refuses keys that came over an open network: AWS takes them over HTTPS alone. What stays on this
/// machine is taken.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn refuse_open_network(request: &Request, facts: &RequestFacts) -> Result<(), S3Error> {
    let is_local = facts
        .source_ip
        .is_some_and(|peer| peer.to_canonical().is_loopback());
    if facts.secure_transport || is_local {
        return Ok(());
    }
    let mut names = request.input.as_object().into_iter().flat_map(Map::keys);
    let has_key = names
        .any(|name| name.starts_with("SSECustomer") || name.starts_with("CopySourceSSECustomer"));
    match has_key {
        true => Err(invalid(
            "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.",
        )),
        false => Ok(()),
    }
}

/// Refuses to write under a customer's key where the bucket blocks them. `action` is what AWS's
/// message names.
///
/// # Errors
/// `AccessDenied`, with the reason for callers of the bucket's account.
pub(crate) fn admit(
    vault: &Vault,
    permit: &Permit<s3::PutObject>,
    key: Option<&CustomerKey>,
    action: &str,
) -> Result<(), S3Error> {
    if key.is_none() || vault.takes_customer_keys(permit)? {
        return Ok(());
    }
    Err(blocked(permit, action))
}

/// See [`admit`].
pub(crate) fn blocked(permit: &Permit<s3::PutObject>, action: &str) -> S3Error {
    let caller = &permit.identity().caller;
    let owner = permit.bucket().map(|bucket| bucket.owner);
    if caller.account.is_none() || caller.account != owner {
        return S3Error::access_denied("Access Denied");
    }
    S3Error::access_denied(format!(
        "User: {} is not authorized to perform: {action} on resource: \"{}\" because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type",
        caller.arn,
        permit.resource().arn()
    ))
}

/// Fills `s3:x-amz-server-side-encryption-customer-algorithm` (spec S-4).
pub(crate) fn onto<A: Action<Resource = Object>>(key: Option<&CustomerKey>, ask: Ask<A>) -> Ask<A> {
    ask.with_some(
        "s3:x-amz-server-side-encryption-customer-algorithm",
        key.map(|_| ALGORITHM),
    )
}

/// Adds what an answer says of the encryption to an output.
pub(crate) fn show(output: &mut Value, key: Option<&CustomerKey>) {
    let Value::Object(output) = output else {
        return;
    };
    let shown = match key {
        Some(key) => vec![
            ("SSECustomerAlgorithm", ALGORITHM.to_owned()),
            ("SSECustomerKeyMD5", key.md5()),
        ],
        None => vec![("ServerSideEncryption", ALGORITHM.to_owned())],
    };
    output.extend(
        shown
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.into())),
    );
}

/// The same as headers.
pub(crate) fn put_headers(response: &mut Response, key: Option<&CustomerKey>) {
    match key {
        Some(key) => {
            response.set("x-amz-server-side-encryption-customer-algorithm", ALGORITHM);
            response.set("x-amz-server-side-encryption-customer-key-md5", &key.md5());
        }
        None => response.set("x-amz-server-side-encryption", ALGORITHM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Outcome, World, root};

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const MD5: &str = "cLyPS3KoaSFGi/joRB3OUQ==";

    fn told(used: Use, encryption: Option<&str>, sent: [&str; 3]) -> String {
        let [algorithm, key, md5] = sent.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        let members = Members {
            algorithm,
            key,
            md5,
        };
        match members.key(used, encryption) {
            Ok(Some(key)) => format!("key {}", key.md5()),
            Ok(None) => "none".to_owned(),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn keys_are_checked_in_awss_order_and_words() {
        // Ten bytes.
        let (short, short_md5) = ("MTIzNDU2Nzg5MA==", "6Afx/PgtEy+bsBjKZzihnw==");
        let fine = format!("key {MD5}");
        let no_algorithm = "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.";
        let no_key = "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.";
        let no_md5 = "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.";
        let wrong_md5 = "InvalidArgument: The calculated MD5 hash of the key did not match the hash that was provided.";
        let unusable = "InvalidArgument: The secret key was invalid for the specified algorithm.";
        let algorithm = "InvalidEncryptionAlgorithmError: The Encryption request you specified is not valid. Supported value: AES256.";
        for (sent, write, read) in [
            (["", "", ""], "none", "none"),
            (["AES256", KEY, MD5], fine.as_str(), fine.as_str()),
            (["AES256", KEY, ""], no_md5, fine.as_str()),
            (["", KEY, MD5], no_algorithm, no_algorithm),
            (["", "", MD5], no_algorithm, no_algorithm),
            (["AES256", "", MD5], no_key, no_key),
            (["AES256", "", ""], no_key, no_key),
            (["AES128", KEY, MD5], algorithm, algorithm),
            (["AES256", KEY, short_md5], wrong_md5, wrong_md5),
            (["AES256", short, MD5], wrong_md5, wrong_md5),
            // On a read it is simply not the key.
            (
                ["AES256", short, short_md5],
                unusable,
                "key 6Afx/PgtEy+bsBjKZzihnw==",
            ),
            (["AES256", "no base64!", MD5], unusable, unusable),
        ] {
            assert_eq!(told(Use::Write, None, sent), write, "write {sent:?}");
            assert_eq!(told(Use::Read, None, sent), read, "read {sent:?}");
        }
        assert_eq!(
            told(Use::Write, Some("AES256"), ["AES128", "", ""]),
            "InvalidArgument: Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
        );
    }

    fn headers(key: u8, source: bool) -> Vec<(&'static str, String)> {
        let bytes = [key; 32];
        let md5 = CustomerKey::from_bytes(bytes.to_vec()).md5();
        let names = match source {
            false => [
                "x-amz-server-side-encryption-customer-algorithm",
                "x-amz-server-side-encryption-customer-key",
                "x-amz-server-side-encryption-customer-key-md5",
            ],
            true => [
                "x-amz-copy-source-server-side-encryption-customer-algorithm",
                "x-amz-copy-source-server-side-encryption-customer-key",
                "x-amz-copy-source-server-side-encryption-customer-key-md5",
            ],
        };
        let texts = [ALGORITHM.to_owned(), STANDARD.encode(bytes), md5];
        names.into_iter().zip(texts).collect()
    }

    const TAKE: &str = "<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>";

    /// With a bucket that takes customers' keys.
    async fn world() -> World {
        let world = World::with_bucket().await;
        send(&world, "PUT /logs?encryption", &[], TAKE).await.ok();
        world
    }

    /// Sends a request of the bucket's owner with these headers.
    async fn send(
        world: &World,
        line: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Outcome {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let owner = root("111122223333");
        world
            .send_with(&owner, line, &headers, body.to_owned())
            .await
    }

    const MISSING: &str = "400 InvalidRequest: The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.";
    const WRONG: &str = "403 AccessDenied: Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.";
    const NOT_APPLICABLE: &str =
        "400 InvalidRequest: The encryption parameters are not applicable to this object.";

    #[tokio::test]
    async fn who_has_the_key_reads_and_nobody_else() {
        let world = world().await;
        let (mine, other) = (headers(1, false), headers(2, false));
        let put = send(&world, "PUT /logs/k", &mine, "hello").await.ok();
        let etag = put.header("etag").to_owned();
        assert_ne!(etag, "\"5d41402abc4b2a76b9719d911017c592\"");
        assert_eq!(etag.len(), 34);
        let algorithm = "x-amz-server-side-encryption-customer-algorithm";
        let md5 = "x-amz-server-side-encryption-customer-key-md5";
        for line in ["GET /logs/k", "HEAD /logs/k"] {
            let got = send(&world, line, &mine, "").await.ok();
            assert_eq!(got.header("etag"), etag);
            assert_eq!(
                (got.header(algorithm), got.header(md5)),
                ("AES256", mine[2].1.as_str())
            );
            assert_eq!(
                (put.header(algorithm), put.header(md5)),
                ("AES256", mine[2].1.as_str())
            );
            assert_eq!(got.header("x-amz-server-side-encryption"), "");
            assert_eq!(send(&world, line, &other, "").await.told(), WRONG);
            assert_eq!(send(&world, line, &[], "").await.told(), MISSING);
        }
        assert_eq!(
            send(&world, "GET /logs/k", &mine, "").await.ok().text(),
            "hello"
        );
        let attributes = [
            mine.clone(),
            vec![("x-amz-object-attributes", "ETag,ObjectSize".to_owned())],
        ]
        .concat();
        let line = "GET /logs/k?attributes";
        let got = send(&world, line, &attributes, "").await.ok();
        assert_eq!(format!("\"{}\"", got.element("ETag")), etag);
        assert_eq!(
            send(&world, line, &attributes[3..], "").await.told(),
            MISSING
        );
        // What says nothing of the content needs no key.
        send(&world, "GET /logs/k?tagging", &[], "").await.ok();
        let listed = send(&world, "GET /logs", &[], "").await.ok();
        assert_eq!(listed.element("Size"), "5");
        send(&world, "PUT /logs/plain", &[], "hello").await.ok();
        assert_eq!(
            send(&world, "GET /logs/plain", &mine, "").await.told(),
            NOT_APPLICABLE
        );
        // The same again has another ETag, and a body of its own.
        let again = send(&world, "PUT /logs/k", &mine, "hello").await.ok();
        assert_ne!(again.header("etag"), etag);
        send(&world, "DELETE /logs/k", &[], "").await.ok();
    }

    #[tokio::test]
    async fn a_copy_needs_the_key_of_its_source_and_takes_one_of_its_own() {
        let world = world().await;
        send(&world, "PUT /logs/k", &headers(1, false), "hello")
            .await
            .ok();
        let from = |key: &'static str| ("x-amz-copy-source", format!("logs/{key}"));
        let with = |parts: &[&[(&'static str, String)]]| parts.concat();
        let copy = "PUT /logs/copy";
        assert_eq!(send(&world, copy, &[from("k")], "").await.told(), MISSING);
        let wrong = with(&[&[from("k")], &headers(2, true)]);
        assert_eq!(send(&world, copy, &wrong, "").await.told(), WRONG);
        // To the server's keys: the ETag is the MD5 again.
        let plain = with(&[&[from("k")], &headers(1, true)]);
        let copied = send(&world, copy, &plain, "").await.ok();
        assert!(
            copied
                .element("ETag")
                .contains("5d41402abc4b2a76b9719d911017c592")
        );
        assert_eq!(copied.header("x-amz-server-side-encryption"), "AES256");
        assert_eq!(
            send(&world, "GET /logs/copy", &[], "").await.ok().text(),
            "hello"
        );
        // From one key to the next, in place.
        let turn = with(&[&[from("k")], &headers(1, true), &headers(2, false)]);
        let turned = send(&world, "PUT /logs/k", &turn, "").await.ok();
        assert_eq!(
            turned.header("x-amz-server-side-encryption-customer-key-md5"),
            headers(2, false)[2].1
        );
        let got = send(&world, "GET /logs/k", &headers(2, false), "")
            .await
            .ok();
        assert_eq!(got.text(), "hello");
        assert_eq!(
            send(&world, "GET /logs/k", &headers(1, false), "")
                .await
                .told(),
            WRONG
        );
        let needless = with(&[&[from("copy")], &headers(1, true)]);
        let told = send(&world, "PUT /logs/other", &needless, "").await.told();
        assert_eq!(told, NOT_APPLICABLE);
        let both = with(&[
            &headers(1, false),
            &[("x-amz-server-side-encryption", "AES256".to_owned())],
        ]);
        assert_eq!(
            send(&world, "PUT /logs/k", &both, "hello").await.told(),
            "400 InvalidArgument: Server Side Encryption with Customer provided key is incompatible with the encryption method specified ArgumentName=x-amz-server-side-encryption ArgumentValue=AES256"
        );
    }

    #[tokio::test]
    async fn parts_need_the_key_of_their_upload() {
        let world = world().await;
        let mine = headers(1, false);
        let created = send(&world, "POST /logs/k?uploads", &mine, "").await.ok();
        let upload = created.element("UploadId");
        assert_eq!(
            created.header("x-amz-server-side-encryption-customer-algorithm"),
            "AES256"
        );
        let part = |number: u32, upload: &str| {
            format!("PUT /logs/k?partNumber={number}&uploadId={upload}")
        };
        let first = part(1, &upload);
        let must = "400 InvalidRequest: The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.";
        let differs = "400 InvalidRequest: The provided encryption parameters did not match the ones used originally.";
        assert_eq!(send(&world, &first, &[], "x").await.told(), must);
        assert_eq!(
            send(&world, &first, &headers(2, false), "x").await.told(),
            differs
        );
        let plain = send(&world, "POST /logs/plain?uploads", &[], "").await.ok();
        let line = part(1, &plain.element("UploadId")).replace("/k?", "/plain?");
        assert_eq!(send(&world, &line, &mine, "x").await.told(), must);
        let body = "x".repeat(5 << 20);
        let one = send(&world, &first, &mine, &body).await.ok();
        assert_eq!(
            one.header("x-amz-server-side-encryption-customer-key-md5"),
            mine[2].1
        );
        // A part that is copied is encrypted anew.
        send(&world, "PUT /logs/source", &headers(3, false), "tail")
            .await
            .ok();
        let second = part(2, &upload);
        let from = vec![("x-amz-copy-source", "logs/source".to_owned())];
        let keys = [from.clone(), headers(3, true)].concat();
        assert_eq!(send(&world, &second, &keys, "").await.told(), must);
        let keys = [keys, mine.clone()].concat();
        let two = send(&world, &second, &keys, "").await.ok();
        let list = format!("GET /logs/k?uploadId={upload}");
        assert_eq!(
            send(&world, &list, &[], "")
                .await
                .ok()
                .elements("Size")
                .len(),
            2
        );
        assert_eq!(
            send(&world, &list, &headers(2, false), "").await.told(),
            differs
        );
        let parts = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part><Part><PartNumber>2</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
            one.header("etag"),
            two.element("ETag")
        );
        let done = format!("POST /logs/k?uploadId={upload}");
        assert_eq!(
            send(&world, &done, &headers(2, false), &parts).await.told(),
            differs
        );
        let completed = send(&world, &done, &[], &parts).await.ok();
        assert!(completed.element("ETag").contains("-2"));
        assert_eq!(completed.header("x-amz-server-side-encryption"), "");
        let range = [mine.clone(), vec![("range", "bytes=5242878-".to_owned())]].concat();
        assert_eq!(
            send(&world, "GET /logs/k", &range, "").await.ok().text(),
            "xxtail"
        );
        assert_eq!(send(&world, "GET /logs/k", &[], "").await.told(), MISSING);
        // With a checksum the key is needed to complete.
        let summed = [
            mine.clone(),
            vec![("x-amz-checksum-algorithm", "CRC32".to_owned())],
        ]
        .concat();
        let created = send(&world, "POST /logs/k?uploads", &summed, "").await.ok();
        let upload = created.element("UploadId");
        let one = send(&world, &part(1, &upload), &mine, "x").await.ok();
        let parts = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag><ChecksumCRC32>jNxrgQ==</ChecksumCRC32></Part></CompleteMultipartUpload>",
            one.header("etag")
        );
        let done = format!("POST /logs/k?uploadId={upload}");
        let told = send(&world, &done, &[], &parts).await.told();
        assert!(
            told.contains("must provide an appropriate secret key."),
            "{told}"
        );
        let told = send(&world, &done, &mine, &parts).await.told();
        assert!(!told.contains("key"), "{told}");
    }

    #[tokio::test]
    async fn a_bucket_that_blocks_customers_keys_takes_none_and_still_reads() {
        let world = world().await;
        let mine = headers(1, false);
        send(&world, "PUT /logs/k", &mine, "hello").await.ok();
        let created = send(&world, "POST /logs/big?uploads", &mine, "").await.ok();
        let upload = created.element("UploadId");
        let part = format!("PUT /logs/big?partNumber=1&uploadId={upload}");
        let etag = send(&world, &part, &mine, "x")
            .await
            .ok()
            .header("etag")
            .to_owned();
        send(&world, "DELETE /logs?encryption", &[], "").await.ok();
        let refused = |action: &str, key: &str| {
            format!(
                "403 AccessDenied: User: arn:aws:iam::111122223333:root is not authorized to perform: {action} on resource: \"arn:aws:s3:::logs/{key}\" because this bucket has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a different server-side encryption type"
            )
        };
        let put = refused("s3:PutObject", "k");
        assert_eq!(
            send(&world, "PUT /logs/k", &mine, "hello").await.told(),
            put
        );
        assert_eq!(
            send(&world, "POST /logs/k?uploads", &mine, "").await.told(),
            put
        );
        let from = vec![("x-amz-copy-source", "logs/k".to_owned())];
        let copy = [from.clone(), headers(1, true), mine.clone()].concat();
        let told = send(&world, "PUT /logs/k", &copy, "").await.told();
        assert_eq!(told, refused("s3:CopyObject", "k"));
        let big = refused("s3:PutObject", "big");
        assert_eq!(send(&world, &part, &mine, "x").await.told(), big);
        assert_eq!(send(&world, &part, &copy, "").await.told(), big);
        let parts = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        let done = format!("POST /logs/big?uploadId={upload}");
        for keys in [mine.as_slice(), &[]] {
            assert_eq!(send(&world, &done, keys, &parts).await.told(), big);
        }
        // What is there stays readable, also as the source of a copy.
        assert_eq!(
            send(&world, "GET /logs/k", &mine, "").await.ok().text(),
            "hello"
        );
        let copy = [from, headers(1, true)].concat();
        send(&world, "PUT /logs/plain", &copy, "").await.ok();
        // Callers of other accounts are not told why.
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"AWS":"arn:aws:iam::444455556666:root"},
            "Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*"}]}"#;
        send(&world, "PUT /logs?policy", &[], policy).await.ok();
        let sent: Vec<(&str, &str)> = mine
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let stranger = root("444455556666");
        let told = world
            .send_with(&stranger, "PUT /logs/k", &sent, "x")
            .await
            .told();
        assert_eq!(told, "403 AccessDenied: Access Denied");
    }

    #[tokio::test]
    async fn conditions_see_the_algorithm() {
        let world = world().await;
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",
            "Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*",
            "Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption-customer-algorithm":"AES256"}}}]}"#;
        send(&world, "PUT /logs?policy", &[], policy).await.ok();
        let mine = headers(1, false);
        assert_eq!(
            send(&world, "PUT /logs/k", &mine, "x").await.told(),
            "200 ok"
        );
        let refused = send(&world, "PUT /logs/k", &[], "x").await;
        assert_eq!(refused.error().code, "AccessDenied");
        let created = send(&world, "POST /logs/k?uploads", &mine, "").await.ok();
        let upload = created.element("UploadId");
        let part = format!("PUT /logs/k?partNumber=1&uploadId={upload}");
        assert_eq!(send(&world, &part, &mine, "x").await.told(), "200 ok");
        let refused = send(&world, &part, &[], "x").await;
        assert_eq!(refused.error().code, "AccessDenied");
    }

    #[tokio::test]
    async fn a_key_is_not_stored_nor_is_what_it_encrypts_readable() {
        let world = world().await;
        let secret = "kept between us ".repeat(40_000);
        send(&world, "PUT /logs/large", &headers(7, false), &secret)
            .await
            .ok();
        send(
            &world,
            "PUT /logs/small",
            &headers(7, false),
            "kept between us",
        )
        .await
        .ok();
        let base64 = STANDARD.encode([7; 32]);
        let needles: [&[u8]; 3] = [
            &[7; 32],
            base64.trim_end_matches('=').as_bytes(),
            b"kept between us",
        ];
        let mut folders = vec![world.directory.path().to_owned()];
        let mut bytes_seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).unwrap();
                bytes_seen += bytes.len();
                for needle in needles {
                    let found = bytes.windows(needle.len()).any(|window| window == needle);
                    assert!(!found, "{}", path.display());
                }
            }
        }
        assert!(bytes_seen > 640_000, "the bodies are elsewhere");
    }

    #[tokio::test]
    async fn checksums_of_parts_are_told_to_those_who_have_the_key() {
        let world = world().await;
        let (mine, other) = (headers(1, false), headers(2, false));
        let named = [
            mine.clone(),
            vec![("x-amz-checksum-algorithm", "SHA256".to_owned())],
        ]
        .concat();
        let sum = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
        for (create, checksum) in [(&named, "SHA256"), (&mine, "CRC64NVME")] {
            let created = send(&world, "POST /logs/k?uploads", create, "").await.ok();
            let upload = created.element("UploadId");
            let line = format!("PUT /logs/k?partNumber=1&uploadId={upload}");
            let part = send(&world, &line, &mine, "hello").await.ok();
            let list = format!("GET /logs/k?uploadId={upload}");
            let member = format!("<Checksum{checksum}>");
            let is_named = checksum == "SHA256";
            let told = send(&world, &list, &[], "").await.ok().text();
            assert!(!told.contains(&member), "{told}");
            let told = send(&world, &list, &mine, "").await.ok().text();
            assert_eq!(told.contains(&member), is_named, "{told}");
            let digest = match is_named {
                true => format!("<ChecksumSHA256>{sum}</ChecksumSHA256>"),
                false => String::new(),
            };
            let parts = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag>{digest}</Part></CompleteMultipartUpload>",
                part.header("etag")
            );
            let complete = format!("POST /logs/k?uploadId={upload}");
            if is_named {
                send(&world, &complete, &mine, &parts).await.ok();
            }
            // With and without the key, also when it is asked for again.
            for _ in 0..2 {
                let told = send(&world, &complete, &[], &parts).await.ok().text();
                assert!(!told.contains(&member), "{told}");
                let told = send(&world, &complete, &mine, &parts).await.ok().text();
                assert!(told.contains(&member), "{told}");
            }
            let refused = send(&world, &complete, &other, &parts).await;
            assert_eq!(refused.error().code, "InvalidRequest");
        }
    }

    #[test]
    fn keys_are_taken_over_tls_and_from_this_machine_alone() {
        let told = |member: &str, secure_transport, peer: &str| {
            let request = Request {
                operation: "PutObject",
                bucket: None,
                key: None,
                query: Vec::new(),
                input: serde_json::json!({ member: "text" }),
                headers: http::HeaderMap::new(),
                body: crate::Body::Full(bytes::Bytes::new()),
                now: jiff::Timestamp::UNIX_EPOCH,
                region: String::new(),
                request_id: String::new(),
            };
            let facts = RequestFacts {
                now: jiff::Timestamp::UNIX_EPOCH,
                source_ip: peer.parse().ok(),
                secure_transport,
                user_agent: None,
                referer: None,
                region: String::new(),
                auth_type: gate::AuthType::Header,
                signature_age_ms: None,
                content_sha256: None,
                requester_pays: false,
                request_id: String::new(),
            };
            refuse_open_network(&request, &facts).map_err(|error| error.to_string())
        };
        for member in [
            "SSECustomerKey",
            "CopySourceSSECustomerKey",
            "SSECustomerAlgorithm",
        ] {
            assert_eq!(told(member, true, "192.0.2.1"), Ok(()));
            for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                assert_eq!(told(member, false, local), Ok(()));
            }
            for peer in ["192.0.2.1", "2001:db8::1", ""] {
                let error = told(member, false, peer).unwrap_err();
                assert!(
                    error.ends_with("must be made over a secure connection."),
                    "{error}"
                );
            }
        }
        assert_eq!(told("ServerSideEncryption", false, "192.0.2.1"), Ok(()));
    }
}
