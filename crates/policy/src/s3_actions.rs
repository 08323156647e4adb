//! The actions of S3 that bucket policies know, from AWS's service authorization reference.
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::pattern::{Case, Pattern};

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

struct Table {
    actions: Vec<S3Action>,
    /// In lower case; keys of tags end with `/`.
    condition_keys: HashSet<String>,
    /// The keys of every action, also of those that no bucket policy can name.
    keys_of: BTreeMap<String, HashSet<String>>,
}

struct S3Action {
    /// `s3:Name`
    name: String,
    on_bucket: bool,
    on_object: bool,
    condition_keys: HashSet<String>,
}

/// What resource patterns can match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceShape {
    pub bucket: bool,
    pub object: bool,
}

/// Actions that bucket policies can name, as bits by their place in the table: documents list
/// many patterns and keys, and each pair of them is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActionSet([u64; 4]);

impl ActionSet {
    fn of(holds: impl Fn(&S3Action) -> bool) -> ActionSet {
        let mut set = ActionSet::default();
        for (place, action) in TABLE.actions.iter().enumerate() {
            if let Some(word) = set.0.get_mut(place / 64)
                && holds(action)
            {
                *word |= 1 << (place % 64);
            }
        }
        set
    }

    /// The actions that a pattern stands for.
    pub fn named(pattern: &Pattern) -> ActionSet {
        ActionSet::of(|action| pattern.matches_plain(&action.name, Case::Ignored))
    }

    /// The actions on what the resources can match.
    pub fn on(shape: ResourceShape) -> ActionSet {
        ActionSet::of(|action| {
            (action.on_bucket && shape.bucket) || (action.on_object && shape.object)
        })
    }

    /// The actions whose requests can have the key, which is in lower case.
    pub fn with_condition_key(lower: &str) -> ActionSet {
        let key = key(lower);
        ActionSet::of(|action| action.condition_keys.contains(&key))
    }

    pub fn and(self, other: ActionSet) -> ActionSet {
        let mut both = self;
        for (word, other) in both.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        both
    }

    pub fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }
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
        let keys_of = file.actions.iter().map(|(name, action)| {
            let keys = action.condition_keys.iter().map(|text| key(text));
            (format!("s3:{name}"), keys.collect())
        });
        let keys_of = keys_of.collect();
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
            keys_of,
        }
    }
}

/// Whether requests for the action of S3 can have the `s3:` key, by AWS's service authorization
/// reference. Both as AWS writes them, but for the key's case.
pub fn s3_action_has_key(action: &str, name: &str) -> bool {
    let keys = TABLE.keys_of.get(action);
    keys.is_some_and(|keys| keys.contains(&key(name)))
}

/// `s3:ExistingObjectTag/<key>` and `s3:BucketTag/${TagKey}` are known by what is before the tag.
fn key(text: &str) -> String {
    let text = text.to_lowercase();
    match text.split_once('/') {
        Some((start, _)) => format!("{start}/"),
        None => text,
    }
}

/// Whether bucket policies take the key, which is in lower case.
pub(crate) fn is_condition_key(lower: &str) -> bool {
    lower.starts_with("aws:")
        || KEYS_OF_OTHERS.contains(&lower)
        || TABLE.condition_keys.contains(&key(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        assert!((80..=256).contains(&TABLE.actions.len()));
        let get = TABLE
            .actions
            .iter()
            .find(|a| a.name == "s3:GetObject")
            .unwrap();
        assert!(get.on_object && !get.on_bucket);
        assert!(get.condition_keys.contains("s3:existingobjecttag/"));
        assert!(get.condition_keys.contains("s3:dataaccesspointarn"));
        assert!(!get.condition_keys.contains("s3:prefix"));
        assert!(is_condition_key("s3:x-amz-acl") && !is_condition_key("s3:nonsense"));
        let create = "s3:CreateBucket";
        assert!(s3_action_has_key(create, "s3:LocationConstraint"));
        assert!(!s3_action_has_key(create, "s3:prefix"));
        assert!(s3_action_has_key("s3:PutObject", "s3:RequestObjectTag/a"));
        assert!(!s3_action_has_key("s3:Nonsense", "s3:prefix"));
    }
}
