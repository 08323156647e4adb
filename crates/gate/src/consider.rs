//! Questions that no request asks: what would the answer be?
use catalog::{
    AccountId, AccountWide, AllBuckets, Bucket, BucketName, EntityKind, FederatedUser, IamEntity,
    Object, ObjectKey, Resource, Role, Scope,
};
use policy::{Case, ContextValue};

use crate::ask::Details;
use crate::asker::{Asker, Stopped};
use crate::facts::FactsError;
use crate::identity::Identity;
use crate::judge::{Gate, Question, RequestFacts, Stop};
use crate::permit::System;

/// A question that nobody has asked yet.
#[derive(Clone, Debug)]
pub struct Hypothesis {
    /// `service:Name`.
    pub action: String,
    /// ARN of a bucket, object, user, group, role, policy or instance profile, or `*`.
    pub resource: String,
    /// Condition keys with their values, which win over those that the server would find.
    pub context: Vec<(String, ContextValue)>,
}

/// What considering a hypothesis gives.
#[derive(Debug)]
pub enum Consideration {
    /// Everything that the decision depends on.
    Case(Box<Case>),
    /// Another check would refuse.
    Stopped(Stop),
}

/// The resource names nothing that this server has decisions about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UnknownResource {
    /// The text is no ARN of a resource that is served here.
    #[error(
        "`{resource}` is not a resource that `{action}` is decided on here: name a bucket (arn:aws:s3:::BUCKET), an object (arn:aws:s3:::BUCKET/KEY), an IAM entity (arn:aws:iam::ACCOUNT:KIND/NAME) or `*`"
    )]
    NotHere {
        /// The action.
        action: String,
        /// The text.
        resource: String,
    },
    /// The facts could not be read.
    #[error(transparent)]
    Unavailable(#[from] FactsError),
}

impl Gate {
    /// What decides a question that no request asks, with the policies in force now.
    ///
    /// # Errors
    /// See [`UnknownResource`].
    pub async fn consider(
        &self,
        _system: &System,
        identity: &Identity,
        request: &RequestFacts,
        hypothesis: Hypothesis,
    ) -> Result<Consideration, UnknownResource> {
        let Hypothesis {
            action,
            resource,
            context,
        } = hypothesis;
        let named = Named::parse(&action, &resource, identity.caller.account).ok_or_else(|| {
            UnknownResource::NotHere {
                action: action.clone(),
                resource,
            }
        })?;
        let public = ["public-read", "public-read-write", "authenticated-read"];
        let writes_public_acl = context.iter().any(|(key, value)| {
            key.eq_ignore_ascii_case("s3:x-amz-acl")
                && matches!(value, ContextValue::One(acl) if public.contains(&&**acl))
        });
        let details = Details {
            context: context
                .into_iter()
                .map(|(key, value)| (key.to_ascii_lowercase(), value.into()))
                .collect(),
            with_object_facts: action != "s3:PutObject",
            writes_public_acl,
            ..Details::default()
        };
        let asker = Asker {
            gate: self,
            identity,
            request,
        };
        let mut question = Question {
            action: &action,
            scope: named.resource().scope(),
            details: &details,
        };
        let mut gathered = asker.gather(&question).await;
        // The ACL of an object that is not there can only come with its upload.
        let to_be = Details {
            of_object_to_be: true,
            ..details.clone()
        };
        if action == "s3:PutObjectAcl" && gathered.as_ref().is_ok_and(|g| g.object.is_none()) {
            question.details = &to_be;
            gathered = asker.gather(&question).await;
        }
        match gathered {
            Ok(gathered) => {
                let arn = gathered.arn.clone();
                let arn = arn.unwrap_or_else(|| named.resource().arn());
                let case = asker.case(&question, &gathered, &arn);
                Ok(Consideration::Case(Box::new(case)))
            }
            Err(Stopped::NoSuchBucket(name)) => Ok(Consideration::Stopped(Stop::NoSuchBucket {
                bucket: name.to_string(),
            })),
            Err(Stopped::OtherOwner { expected, owner }) => {
                Ok(Consideration::Stopped(Stop::OtherOwner { expected, owner }))
            }
            Err(Stopped::Anonymous(_)) => Ok(Consideration::Stopped(Stop::Anonymous)),
            Err(Stopped::Unavailable(error)) => Err(error.into()),
        }
    }
}

/// A resource by the form of its ARN.
enum Named {
    Account(AccountWide),
    Buckets(AllBuckets),
    Bucket(Bucket),
    Object(Object),
    Entity(IamEntity),
    Role(Role),
    Federated(FederatedUser),
}

/// What [`Named`] has of [`Resource`].
trait AnyResource {
    fn scope(&self) -> Scope<'_>;
    fn arn(&self) -> String;
}

impl<R: Resource> AnyResource for R {
    fn scope(&self) -> Scope<'_> {
        Resource::scope(self)
    }
    fn arn(&self) -> String {
        Resource::arn(self)
    }
}

impl Named {
    fn resource(&self) -> &dyn AnyResource {
        match self {
            Named::Account(resource) => resource,
            Named::Buckets(resource) => resource,
            Named::Bucket(resource) => resource,
            Named::Object(resource) => resource,
            Named::Entity(resource) => resource,
            Named::Role(resource) => resource,
            Named::Federated(resource) => resource,
        }
    }

    fn parse(action: &str, text: &str, account: Option<AccountId>) -> Option<Named> {
        let (service, _) = action.split_once(':')?;
        if let Some(name) = text.strip_prefix("arn:aws:s3:::") {
            return Named::of_s3(action, name, account);
        }
        match (service, text) {
            ("s3", "*") => return account.map(|account| Named::Buckets(AllBuckets(account))),
            (_, "*") => return account.map(|account| Named::Account(AccountWide(account))),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("arn:aws:sts::") {
            let (account, name) = rest.split_once(":federated-user/")?;
            return Some(Named::Federated(FederatedUser {
                account: AccountId::parse_exact(account).ok()?,
                name: name.to_owned(),
            }));
        }
        let (owner, rest) = text.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        if service == "sts" && rest.starts_with("role/") {
            return Some(Named::Role(Role {
                arn: text.to_owned(),
            }));
        }
        let (kind, path_and_name) = rest.split_once('/')?;
        let kind = [
            EntityKind::User,
            EntityKind::Group,
            EntityKind::Role,
            EntityKind::Policy,
            EntityKind::InstanceProfile,
        ]
        .into_iter()
        .find(|known| known.word() == kind)?;
        let name = path_and_name.rsplit('/').next()?;
        // AWS's own policies are no account's; whoever asks about them asks in its own.
        let owner = match owner {
            "aws" => account?,
            owner => AccountId::parse_exact(owner).ok()?,
        };
        Some(Named::Entity(match kind {
            EntityKind::Policy => IamEntity::policy(owner, text),
            EntityKind::User
            | EntityKind::Group
            | EntityKind::Role
            | EntityKind::InstanceProfile => IamEntity::named(owner, kind, name),
        }))
    }

    fn of_s3(action: &str, name: &str, account: Option<AccountId>) -> Option<Named> {
        if name == "*" {
            return account.map(|account| Named::Buckets(AllBuckets(account)));
        }
        let Some((bucket, key)) = name.split_once('/') else {
            let bucket = BucketName::parse(name).ok()?;
            return Some(Named::Bucket(match account {
                Some(account) if action == "s3:CreateBucket" => Bucket::new_for(bucket, account),
                Some(_) | None => Bucket::existing(bucket),
            }));
        };
        Some(Named::Object(Object::current(
            BucketName::parse(bucket).ok()?,
            ObjectKey::parse(key).ok()?,
        )))
    }
}
