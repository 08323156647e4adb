//! Objects.
use catalog::Object;
use gate::{BucketFacts, FactsError, ObjectFacts};

use crate::Vault;

impl Vault {
    pub(crate) async fn object_facts(
        &self,
        _bucket: &BucketFacts,
        object: &Object,
    ) -> Result<Option<ObjectFacts>, FactsError> {
        Err(FactsError {
            about: catalog::Resource::arn(object),
            source: std::sync::Arc::new(std::io::Error::from(std::io::ErrorKind::Unsupported)),
        })
    }
}
