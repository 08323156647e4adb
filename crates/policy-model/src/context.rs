//! What conditions and variables see of a request (E-13, S-5).
use serde_json::Value;

use crate::world::{Kind, Request, World};

/// What there is under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Held {
    /// Nothing.
    Absent,
    /// The value of a single-valued key.
    One(String),
    /// The values of a multivalued key.
    Many(Vec<String>),
}

/// The context of one request.
pub(crate) struct Context<'a> {
    pub world: &'a World,
    pub request: &'a Request,
}

/// A number or boolean of JSON reads as its text (P-2).
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Context<'_> {
    /// The value under a key, whose case does not matter. What the request brings comes first.
    pub fn value(&self, key: &str) -> Held {
        let key = key.to_lowercase();
        for (name, value) in &self.request.context {
            if name.to_lowercase() == key {
                return match value {
                    // An empty set is as good as none.
                    Value::Array(values) if values.is_empty() => Held::Absent,
                    Value::Array(values) => Held::Many(values.iter().map(text).collect()),
                    value => Held::One(text(value)),
                };
            }
        }
        match self.derived(&key) {
            Some(value) => Held::One(value),
            None => Held::Absent,
        }
    }

    /// The value that a variable puts in, or `None`. A multivalued key gives nothing, and being there it
    /// keeps the default out as well.
    pub fn variable(&self, key: &str, default: Option<&str>) -> Option<String> {
        let lower = key.to_lowercase();
        let mut brought = self.request.context.iter();
        if brought.any(|(name, value)| name.to_lowercase() == lower && value.is_array()) {
            return None;
        }
        match self.value(key) {
            Held::One(value) => Some(value),
            Held::Many(_) | Held::Absent => default.map(str::to_owned),
        }
    }

    /// Keys that follow from the caller and from the owner of the resource.
    fn derived(&self, key: &str) -> Option<String> {
        let who = &self.request.principal;
        if let Some(tag) = key.strip_prefix("aws:principaltag/") {
            let mut tags = who.tags.iter();
            return tags
                .find(|(k, _)| k.to_lowercase() == tag)
                .map(|(_, v)| v.clone());
        }
        match key {
            "aws:resourceaccount" => self.world.resource_owner.clone(),
            "s3:resourceaccount" => match self.request.action.starts_with("s3:") {
                true => self.world.resource_owner.clone(),
                false => None,
            },
            "aws:principalorgid" => {
                let account = self.world.accounts.get(who.account.as_ref()?)?;
                account.org.clone()
            }
            // Whoever brings a token is no anonymous caller, and no principal either.
            "aws:principalaccount" | "aws:principaltype" | "aws:userid"
                if !who.provider.is_empty() =>
            {
                None
            }
            "aws:principalaccount" => match who.kind {
                Kind::Anonymous => Some("anonymous".to_owned()),
                Kind::Service => None,
                _ => who.account.clone(),
            },
            "aws:principalarn" => match who.kind {
                Kind::Anonymous | Kind::Service => None,
                Kind::AssumedRole => Some(who.role_arn.clone()),
                Kind::Root | Kind::User | Kind::FederatedUser => Some(who.arn.clone()),
            },
            "aws:principaltype" => match who.kind {
                Kind::Anonymous => Some("Anonymous".to_owned()),
                Kind::Root => Some("Account".to_owned()),
                Kind::User => Some("User".to_owned()),
                Kind::AssumedRole => Some("AssumedRole".to_owned()),
                Kind::FederatedUser => Some("FederatedUser".to_owned()),
                Kind::Service => None,
            },
            "aws:username" => match who.kind {
                Kind::User => Some(last(&who.arn).to_owned()),
                _ => None,
            },
            "aws:userid" => self.user_id(),
            _ => None,
        }
    }

    /// `aws:userid` (E-13).
    fn user_id(&self) -> Option<String> {
        let who = &self.request.principal;
        match who.kind {
            Kind::Anonymous => Some("anonymous".to_owned()),
            Kind::Root => who.account.clone(),
            Kind::User => Some(who.unique_id.clone()),
            Kind::AssumedRole => Some(format!("{}:{}", who.unique_id, last(&who.arn))),
            Kind::FederatedUser => {
                let account = who.account.as_deref()?;
                Some(format!("{account}:{}", last(&who.arn)))
            }
            Kind::Service => None,
        }
    }
}

/// What stands after the last slash.
pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
