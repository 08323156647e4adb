//! The actions of S3 that bucket policies know, from AWS's service authorization reference.
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

struct Table {
    actions: Vec<S3Action>,
    /// In lower case; keys of tags end with `/`.
    condition_keys: HashSet<String>,
}

/// An action.
pub(crate) struct S3Action {
    /// `s3:Name`
    pub name: String,
    on_bucket: bool,
    on_object: bool,
    condition_keys: HashSet<String>,
}

/// What a resource pattern can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceShape {
    pub bucket: bool,
    pub object: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    resource_types: BTreeMap<String, FileResourceType>,
    condition_keys: BTreeMap<String, String>,
    actions: BTreeMap<String, FileAction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileResourceType {
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileAction {
    resource_types: Vec<FileActionResource>,
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
struct FileActionResource {
    name: String,
}

/// Actions that act on a bucket and still are of no use in its policy: there is no bucket yet.
const NOT_IN_BUCKET_POLICIES: [&str; 1] = ["CreateBucket"];

/// Keys of other services that S3 takes.
const KEYS_OF_OTHERS: [&str; 4] = [
    "ec2:sourceinstancearn",
    "ec2:roledelivery",
    "lambda:sourcefunctionarn",
    "sts:externalid",
];

impl Table {
    fn read() -> Table {
        let file = serde_json::from_str(include_str!("../data/s3-actions.json"));
        // The file is part of the program and a test reads it; without it nothing is known.
        let file = file.unwrap_or(File {
            resource_types: BTreeMap::new(),
            condition_keys: BTreeMap::new(),
            actions: BTreeMap::new(),
        });
        let actions = file.actions.iter().filter_map(|(name, action)| {
            let on = |kind: &str| action.resource_types.iter().any(|r| r.name == kind);
            let of_types = action
                .resource_types
                .iter()
                .filter_map(|resource| file.resource_types.get(&resource.name))
                .flat_map(|kind| &kind.condition_keys);
            let usable = !NOT_IN_BUCKET_POLICIES.contains(&&**name);
            ((on("bucket") || on("object")) && usable).then(|| S3Action {
                name: format!("s3:{name}"),
                on_bucket: on("bucket"),
                on_object: on("object"),
                condition_keys: action
                    .condition_keys
                    .iter()
                    .chain(of_types)
                    .map(|text| key(text))
                    .collect(),
            })
        });
        Table {
            actions: actions.collect(),
            condition_keys: file.condition_keys.keys().map(|text| key(text)).collect(),
        }
    }
}

/// `s3:ExistingObjectTag/<key>` and `s3:BucketTag/${TagKey}` are known by what is before the tag.
fn key(text: &str) -> String {
    let text = text.to_lowercase();
    match text.split_once('/') {
        Some((start, _)) => format!("{start}/"),
        None => text,
    }
}

/// The actions that bucket policies can name.
pub(crate) fn of_bucket_policies() -> impl Iterator<Item = &'static S3Action> {
    TABLE.actions.iter()
}

/// Whether bucket policies take the key, which is in lower case.
pub(crate) fn is_condition_key(lower: &str) -> bool {
    lower.starts_with("aws:")
        || KEYS_OF_OTHERS.contains(&lower)
        || TABLE.condition_keys.contains(&key(lower))
}

impl S3Action {
    /// Whether it acts on what one of the resources can match.
    pub fn acts_on(&self, shapes: &[ResourceShape]) -> bool {
        shapes
            .iter()
            .any(|shape| (self.on_bucket && shape.bucket) || (self.on_object && shape.object))
    }

    /// Whether a request for it can have the key, which is in lower case.
    pub fn has_condition_key(&self, lower: &str) -> bool {
        self.condition_keys.contains(&key(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        assert!(of_bucket_policies().count() > 80);
        let get = of_bucket_policies()
            .find(|a| a.name == "s3:GetObject")
            .unwrap();
        assert!(get.on_object && !get.on_bucket);
        assert!(get.has_condition_key("s3:existingobjecttag/project"));
        assert!(get.has_condition_key("s3:dataaccesspointarn"));
        assert!(!get.has_condition_key("s3:prefix"));
        assert!(is_condition_key("s3:x-amz-acl") && !is_condition_key("s3:nonsense"));
    }
}
