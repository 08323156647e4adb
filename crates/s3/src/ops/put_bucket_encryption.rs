//! PutBucketEncryption: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>
use catalog::s3;
use gate::{Ask, Authorized, Identity, Operation};
use serde::Deserialize;
use vault::CustomerKeyBlock;
use wire::AwsError;

use crate::configuration::take_digests;
use crate::{BucketInput, Request, Response, S3Error, S3Operation, Stores};

/// PutBucketEncryption.
#[derive(Debug)]
pub enum PutBucketEncryption {}

/// What a request carries.
#[derive(Debug)]
pub struct Input {
    bucket: BucketInput,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    server_side_encryption_configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Configuration {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    apply_server_side_encryption_by_default: Option<ByDefault>,
    #[serde(default)]
    bucket_key_enabled: bool,
    blocked_encryption_types: Option<BlockedTypes>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
    #[serde(rename = "KMSMasterKeyID")]
    kms_key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct BlockedTypes {
    #[serde(default)]
    encryption_type: Vec<String>,
}

impl Rule {
    /// What the one rule changes.
    fn read(rules: &[Rule]) -> Result<(bool, CustomerKeyBlock), S3Error> {
        let [rule] = rules else {
            return Err(S3Error::MalformedXml);
        };
        if let Some(by_default) = &rule.apply_server_side_encryption_by_default {
            by_default.check()?;
        }
        let block = match &rule.blocked_encryption_types {
            // Seen on AWS: a rule that does not speak of it leaves it as it is.
            None => CustomerKeyBlock::Keep,
            Some(types) => match types.encryption_type.as_slice() {
                [one] if one == "NONE" => CustomerKeyBlock::Unblock,
                [one] if one == "SSE-C" => CustomerKeyBlock::Block,
                _ => return Err(S3Error::MalformedXml),
            },
        };
        Ok((rule.bucket_key_enabled, block))
    }
}

impl ByDefault {
    fn check(&self) -> Result<(), S3Error> {
        match (self.algorithm.as_str(), &self.kms_key) {
            ("AES256", None) => Ok(()),
            ("AES256", Some(_)) => Err(S3Error::invalid_argument(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
                "ApplyServerSideEncryptionByDefault",
                "null",
            )),
            (algorithm @ ("aws:kms" | "aws:kms:dsse"), _) => {
                let text = format!("The SSEAlgorithm {algorithm} is not implemented.");
                Err(AwsError::new(501, "NotImplemented", text).into())
            }
            _ => Err(S3Error::MalformedXml),
        }
    }
}

impl Operation for PutBucketEncryption {
    const NAME: &'static str = "PutBucketEncryption";
    type Input = Input;
    type Output = ();
    type Error = S3Error;
    type Asks = Ask<s3::PutEncryptionConfiguration>;
    type Stores = Stores;

    fn asks(input: &Input, _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(input.bucket.ask_signed())
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<(), S3Error> {
        let (has_bucket_key, block) = Rule::read(&call.input.rules)?;
        let vault = &stores.vault;
        let set = vault.set_bucket_encryption(&call.permits, has_bucket_key, block);
        Ok(set.await?)
    }
}

impl S3Operation for PutBucketEncryption {
    fn input(mut request: Request) -> Result<Input, S3Error> {
        take_digests(&mut request);
        let members: Members = request.take_input()?;
        Ok(Input {
            bucket: BucketInput::read(&request)?,
            rules: members.server_side_encryption_configuration.rules,
        })
    }

    fn respond((): ()) -> Response {
        Response::empty(200)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, root};

    const AES256: &str = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>";

    fn blocked(types: &[&str]) -> String {
        let types = types
            .iter()
            .map(|name| format!("<EncryptionType>{name}</EncryptionType>"));
        let types: String = types.collect();
        format!("<BlockedEncryptionTypes>{types}</BlockedEncryptionTypes>")
    }

    async fn put(world: &World, rules: &[&str]) -> String {
        let rules = rules.iter().map(|rule| format!("<Rule>{rule}</Rule>"));
        let rules: String = rules.collect();
        let body = format!(
            "<ServerSideEncryptionConfiguration>{rules}</ServerSideEncryptionConfiguration>"
        );
        let owner = root("111122223333");
        let sent = world.send_with(&owner, "PUT /logs?encryption", &[], body);
        sent.await.told()
    }

    async fn shown(world: &World) -> (String, String) {
        let owner = root("111122223333");
        let got = world.send(&owner, "GET /logs?encryption").await.ok();
        assert_eq!(got.element("SSEAlgorithm"), "AES256");
        (
            got.element("BucketKeyEnabled"),
            got.element("EncryptionType"),
        )
    }

    fn is(bucket_key: &str, blocked: &str) -> (String, String) {
        (bucket_key.to_owned(), blocked.to_owned())
    }

    #[tokio::test]
    async fn the_block_of_customers_keys_stays_until_a_rule_speaks_of_it() {
        let mut world = World::with_bucket().await;
        assert_eq!(shown(&world).await, is("false", "SSE-C"));
        let key = "<BucketKeyEnabled>true</BucketKeyEnabled>";
        let rule = format!("{AES256}{key}");
        assert_eq!(put(&world, &[&rule]).await, "200 ok");
        assert_eq!(shown(&world).await, is("true", "SSE-C"));
        assert_eq!(put(&world, &[&blocked(&["NONE"])]).await, "200 ok");
        assert_eq!(shown(&world).await, is("false", "NONE"));
        assert_eq!(put(&world, &[AES256]).await, "200 ok");
        assert_eq!(shown(&world).await, is("false", "NONE"));
        world.restart().await;
        assert_eq!(shown(&world).await, is("false", "NONE"));
        let rule = format!("{AES256}{}", blocked(&["SSE-C"]));
        assert_eq!(put(&world, &[&rule]).await, "200 ok");
        assert_eq!(shown(&world).await, is("false", "SSE-C"));
        // Deleted, it is that of a new bucket.
        put(&world, &[&blocked(&["NONE"])]).await;
        let owner = root("111122223333");
        for _ in 0..2 {
            let deleted = world.send(&owner, "DELETE /logs?encryption").await;
            assert_eq!(deleted.told(), "204 ok");
            assert_eq!(shown(&world).await, is("false", "SSE-C"));
        }
    }

    #[tokio::test]
    async fn what_is_no_rule_of_s3s_changes_nothing() {
        let world = World::with_bucket().await;
        put(&world, &[&blocked(&["NONE"])]).await;
        let malformed = "400 MalformedXML: The XML you provided was not well-formed or did not validate against our published schema";
        let algorithm = |name: &str, more: &str| {
            AES256.replace(
                "AES256</SSEAlgorithm>",
                &format!("{name}</SSEAlgorithm>{more}"),
            )
        };
        let kms_key = "<KMSMasterKeyID>k</KMSMasterKeyID>";
        for (rules, wanted) in [
            (vec![], malformed),
            (vec![AES256, AES256], malformed),
            (vec![blocked(&["SSE-KMS"]).as_str()], malformed),
            (vec![blocked(&["NONE", "SSE-C"]).as_str()], malformed),
            (vec![blocked(&[]).as_str()], malformed),
            (vec!["<Other/>"], malformed),
            (vec![algorithm("AES128", "").as_str()], malformed),
            (vec![algorithm("aws:fsx", "").as_str()], malformed),
            (
                vec![algorithm("AES256", kms_key).as_str()],
                "400 InvalidArgument: a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse ArgumentName=ApplyServerSideEncryptionByDefault ArgumentValue=null",
            ),
            (
                vec![algorithm("aws:kms", kms_key).as_str()],
                "501 NotImplemented: The SSEAlgorithm aws:kms is not implemented.",
            ),
            (
                vec![algorithm("aws:kms:dsse", "").as_str()],
                "501 NotImplemented: The SSEAlgorithm aws:kms:dsse is not implemented.",
            ),
        ] {
            assert_eq!(put(&world, &rules).await, wanted, "{rules:?}");
        }
        assert_eq!(shown(&world).await, is("false", "NONE"));
        let owner = root("111122223333");
        let empty = world
            .send_with(&owner, "PUT /logs?encryption", &[], "")
            .await;
        assert_eq!(empty.error().status, 400);
    }
}
