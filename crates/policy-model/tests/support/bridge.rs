//! Puts a world of the model to crate `policy`.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::{AccountId, CanonicalUserId};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, Effect, Grant, Grantee,
    Guardrails, IdentitySide, KeyGrant, KeySide, Lookup, ObjectOwnership, ObjectSide, Outcome,
    Permission, Policy, PolicyKind, PolicySource, Question, Reason, ResourceSide, S3Side, Step,
    Verdict, decide_within, explain_within, requester_pays_admits,
};
use policy_model::{Decision, Document, Kind, Layer, Request, ResourceType, World};
use serde_json::Value;

/// What could not be read.
pub type Bad = String;

/// A world whose documents `policy` has read.
pub struct Compiled<'w> {
    pub world: &'w World,
    print: Print,
    entities: BTreeMap<&'w str, (Vec<AttachedPolicy>, Option<AttachedPolicy>)>,
    scps: BTreeMap<&'w str, Vec<Vec<AttachedPolicy>>>,
    rcps: BTreeMap<&'w str, Vec<Vec<AttachedPolicy>>>,
    resource: Option<Policy>,
    bucket_acl: Vec<Grant>,
    object_acl: Vec<Grant>,
    grants: Vec<KeyGrant>,
}

struct Keys {
    one: BTreeMap<String, String>,
    many: BTreeMap<String, Vec<String>>,
}

impl Context for Keys {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match (self.one.get(key), self.many.get(key)) {
            (Some(value), _) => Lookup::One(value),
            (None, Some(values)) => Lookup::Many(values),
            (None, None) => Lookup::Absent,
        }
    }
}

/// A context that remembers what it was asked for.
struct Watched<'a> {
    context: &'a dyn Context,
    asked: RefCell<BTreeSet<String>>,
}

impl Context for Watched<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.context.lookup(key)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How documents come to `policy`, which must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Print {
    /// As they are.
    Plain,
    /// As `policy` writes them.
    Compact,
    /// With whitespace wherever it may stand.
    Pretty,
}

impl Print {
    fn load(self, kind: PolicyKind, document: &Document) -> Result<Policy, Bad> {
        let load = |text: &str| {
            let bad = |finding| format!("{finding}: {text}");
            Policy::load(kind, text).map_err(bad)
        };
        let plain = document.to_string();
        match self {
            Print::Plain => load(&plain),
            Print::Compact => load(&load(&plain)?.compact_text()),
            Print::Pretty => load(&format!("\n {document:#}\n")),
        }
    }

    fn attach(self, kind: PolicyKind, documents: &[Document]) -> Result<Vec<AttachedPolicy>, Bad> {
        let attach = |document| {
            Ok(AttachedPolicy {
                source: PolicySource::SessionInline,
                policy: Arc::new(self.load(kind, document)?),
            })
        };
        documents.iter().map(attach).collect()
    }

    fn levels(
        self,
        kind: PolicyKind,
        levels: &[Vec<Document>],
    ) -> Result<Vec<Vec<AttachedPolicy>>, Bad> {
        levels
            .iter()
            .map(|level| self.attach(kind, level))
            .collect()
    }
}

fn acl(grants: &[policy_model::AclGrant]) -> Result<Vec<Grant>, Bad> {
    let grant = |grant: &policy_model::AclGrant| {
        let group = grant.uri.as_deref().and_then(|uri| uri.rsplit('/').next());
        Ok(Grant {
            grantee: match (group, &grant.id) {
                (Some("AllUsers"), _) => Grantee::AllUsers,
                (Some("AuthenticatedUsers"), _) => Grantee::AuthenticatedUsers,
                (Some("LogDelivery"), _) => Grantee::LogDelivery,
                (None, Some(id)) => Grantee::CanonicalUser(id.clone()),
                other => return Err(format!("{other:?}")),
            },
            permission: match grant.permission.as_str() {
                "READ" => Permission::Read,
                "WRITE" => Permission::Write,
                "READ_ACP" => Permission::ReadAcp,
                "WRITE_ACP" => Permission::WriteAcp,
                "FULL_CONTROL" => Permission::FullControl,
                other => return Err(other.to_owned()),
            },
        })
    };
    grants.iter().map(grant).collect()
}

fn account(id: &Option<String>) -> Result<Option<AccountId>, Bad> {
    let parse = |id: &String| AccountId::parse(id).map_err(|e| e.to_string());
    id.as_ref().map(parse).transpose()
}

impl<'w> Compiled<'w> {
    pub fn new(world: &'w World) -> Result<Compiled<'w>, Bad> {
        Compiled::printed(world, Print::Plain)
    }

    pub fn printed(world: &'w World, print: Print) -> Result<Compiled<'w>, Bad> {
        let mut entities = BTreeMap::new();
        for (arn, entity) in &world.policies {
            let mut own = print.attach(PolicyKind::Identity, &entity.identity)?;
            own.extend(print.attach(PolicyKind::Identity, &entity.groups)?);
            let boundary = print
                .attach(PolicyKind::Identity, entity.boundary.as_slice())?
                .pop();
            entities.insert(arn.as_str(), (own, boundary));
        }
        let (mut scps, mut rcps) = (BTreeMap::new(), BTreeMap::new());
        for (id, account) in &world.accounts {
            scps.insert(
                id.as_str(),
                print.levels(PolicyKind::ServiceControl, &account.scps)?,
            );
            rcps.insert(
                id.as_str(),
                print.levels(PolicyKind::ResourceControl, &account.rcps)?,
            );
        }
        let kind = match world.resource_type {
            ResourceType::Trust => PolicyKind::Trust,
            ResourceType::Kms => PolicyKind::Key,
            ResourceType::S3 | ResourceType::None => PolicyKind::Bucket,
        };
        let pairs = |pairs: &BTreeMap<String, String>| pairs.clone().into_iter().collect();
        let grant = |grant: &policy_model::KeyGrant| KeyGrant {
            grantee: grant.grantee_principal.clone(),
            operations: grant.operations.clone(),
            encryption_context_equals: grant
                .constraints
                .encryption_context_equals
                .as_ref()
                .map(pairs),
            encryption_context_subset: grant
                .constraints
                .encryption_context_subset
                .as_ref()
                .map(pairs),
        };
        Ok(Compiled {
            world,
            print,
            entities,
            scps,
            rcps,
            resource: world
                .resource_policy
                .as_ref()
                .map(|document| print.load(kind, document))
                .transpose()?,
            bucket_acl: acl(&world.acl.bucket)?,
            object_acl: acl(&world.acl.object)?,
            grants: world.grants.iter().map(grant).collect(),
        })
    }

    /// Hands everything to `ask` that `policy` wants to be asked with.
    fn with_sides<T>(
        &self,
        request: &Request,
        ask: impl FnOnce(&Question<'_>, &IdentitySide<'_>, &ResourceSide<'_>, &Guardrails<'_>) -> T,
    ) -> Result<T, Bad> {
        let world = self.world;
        let who = &request.principal;
        let caller = caller(world, request)?;
        let owner = account(&world.resource_owner)?;
        let context = keys(world, request);
        let question = Question {
            caller: &caller,
            action: &request.action,
            resource: &request.resource,
            owner,
            context: &context,
        };
        let holder = match who.kind {
            Kind::User => who.arn.as_str(),
            Kind::AssumedRole => &who.role_arn,
            Kind::FederatedUser => &who.user_arn,
            Kind::Root | Kind::Service | Kind::Anonymous => "",
        };
        let session = who.session_policies.as_ref();
        let session = session.map(|documents| self.print.attach(PolicyKind::Session, documents));
        let session = session.transpose()?;
        let own = self.entities.get(holder);
        let identity = IdentitySide {
            policies: own.map_or(&[], |own| &own.0),
            boundary: own.and_then(|own| own.1.as_ref()),
            session: session.as_deref(),
        };
        let of = |levels: &'_ BTreeMap<&str, Vec<Vec<AttachedPolicy>>>, id: &Option<String>| {
            let found = id.as_deref().and_then(|id| levels.get(id));
            found
                .filter(|_| !who.service_linked)
                .cloned()
                .unwrap_or_default()
        };
        let (scps, rcps) = (
            of(&self.scps, &who.account),
            of(&self.rcps, &world.resource_owner),
        );
        let endpoint = request.vpc_endpoint_policy.as_ref();
        let endpoint = endpoint.map(|document| self.print.load(PolicyKind::VpcEndpoint, document));
        let endpoint = endpoint.transpose()?;
        let guardrails = Guardrails {
            service_control: &scps,
            resource_control: &rcps,
            vpc_endpoint: endpoint.as_ref(),
        };
        let new_policy = request.new_policy.as_ref();
        let new_policy = new_policy.map(|document| self.print.load(PolicyKind::Bucket, document));
        let new_policy = new_policy.transpose()?;
        let pairs: Vec<(String, String)> = request
            .context
            .iter()
            .filter_map(|(key, value)| {
                let name = key.strip_prefix("kms:EncryptionContext:")?;
                Some((name.to_owned(), text(value)))
            })
            .collect();
        let flag = |flag: fn(&policy_model::Flags) -> bool| {
            flag(&world.bpa.account) || flag(&world.bpa.bucket)
        };
        let canonical = world
            .resource_owner
            .as_ref()
            .and_then(|id| world.accounts.get(id));
        let canonical = canonical.map(|account| CanonicalUserId::parse(&account.canonical_id));
        let canonical = canonical.transpose().map_err(|e| e.to_string())?;
        let policy = || self.resource.as_ref().ok_or("no policy");
        let is_new = request.action == "s3:PutObject" && !request.overwrites;
        let is_there = request.resource.contains('/') && !is_new;
        let side = match world.resource_type {
            ResourceType::None => ResourceSide::None,
            ResourceType::Trust => ResourceSide::Trust(policy()?),
            ResourceType::Kms => ResourceSide::Key(KeySide {
                policy: policy()?,
                grants: &self.grants,
                encryption_context: &pairs,
            }),
            ResourceType::S3 => ResourceSide::S3(S3Side {
                policy: self.resource.as_ref(),
                ownership: match world.ownership {
                    policy_model::Ownership::BucketOwnerEnforced => {
                        ObjectOwnership::BucketOwnerEnforced
                    }
                    policy_model::Ownership::BucketOwnerPreferred => {
                        ObjectOwnership::BucketOwnerPreferred
                    }
                    policy_model::Ownership::ObjectWriter => ObjectOwnership::ObjectWriter,
                },
                bucket_acl: &self.bucket_acl,
                object: match is_there {
                    true => Some(ObjectSide {
                        owner: account(&world.object_owner)?,
                        acl: &self.object_acl,
                    }),
                    false => None,
                },
                block_public_access: BlockPublicAccess {
                    block_public_acls: flag(|f| f.block_public_acls),
                    ignore_public_acls: flag(|f| f.ignore_public_acls),
                    block_public_policy: flag(|f| f.block_public_policy),
                    restrict_public_buckets: flag(|f| f.restrict_public_buckets),
                },
                writes_public_acl: request.writes_public_acl,
                writes_policy: new_policy.as_ref(),
                is_upload_initiator: request.is_upload_initiator,
                owner_canonical_id: canonical.as_ref(),
            }),
        };
        Ok(ask(&question, &identity, &side, &guardrails))
    }

    /// What `policy` says.
    pub fn answer(&self, request: &Request) -> Result<Answer, Bad> {
        self.with_sides(request, |question, identity, side, guardrails| {
            self.answer_to(request, question, identity, side, guardrails)
        })
    }

    fn answer_to(
        &self,
        request: &Request,
        question: &Question<'_>,
        identity: &IdentitySide<'_>,
        side: &ResourceSide<'_>,
        guardrails: &Guardrails<'_>,
    ) -> Answer {
        let world = self.world;
        let untraced = decide_within(question, identity, side, guardrails);
        let verdict = explain_within(question, identity, side, guardrails);
        let costs = request.resource.contains('/') || request.action.starts_with("s3:List");
        let pays = requester_pays_admits(question, request.request_payer);
        let decision = match untraced {
            policy::Decision::Allow if world.requester_pays && costs && !pays => Decision::Deny {
                explicit: true,
                layer: Layer::Resource,
            },
            policy::Decision::Allow => Decision::Allow,
            policy::Decision::Deny(ref denial) => Decision::Deny {
                explicit: denial.explicit,
                layer: layer(denial.layer),
            },
        };
        Answer {
            decision,
            is_trail_true: is_trail_true(question, &verdict, &untraced),
            reason: match verdict.steps().last() {
                Some(Step::Concluded { reason, .. }) => Some(*reason),
                _ => None,
            },
        }
    }

    /// Keys that `policy` looks up for a request although no policy in force says that it names them.
    pub fn keys_unnamed(&self, request: &Request) -> Result<Vec<String>, Bad> {
        self.with_sides(request, |question, identity, side, guardrails| {
            let watched = Watched {
                context: question.context,
                asked: RefCell::default(),
            };
            let question = Question {
                context: &watched,
                ..*question
            };
            explain_within(&question, identity, side, guardrails);
            let mut in_force: Vec<&Policy> = identity.policies.iter().map(|p| &*p.policy).collect();
            in_force.extend(identity.boundary.map(|p| &*p.policy));
            in_force.extend(identity.session.into_iter().flatten().map(|p| &*p.policy));
            for levels in [guardrails.service_control, guardrails.resource_control] {
                in_force.extend(levels.iter().flatten().map(|p| &*p.policy));
            }
            in_force.extend(guardrails.vpc_endpoint);
            in_force.extend(self.resource.as_ref());
            let named: BTreeSet<&str> = in_force.iter().flat_map(|p| p.context_keys()).collect();
            let asked = watched.asked.into_inner();
            asked
                .into_iter()
                .filter(|key| !named.contains(&**key))
                .collect()
        })
    }

    /// Whether S3 calls the bucket policy public, by `policy`.
    pub fn is_public(&self) -> Option<bool> {
        let policy = self.resource.as_ref();
        let policy = policy.filter(|_| self.world.resource_type == ResourceType::S3);
        policy.map(Policy::is_public)
    }
}

/// What `policy` says, and how it came to it.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Requester Pays included.
    pub decision: Decision,
    /// Whether the trail leads to the decision that is made without it, and shows the deny if there
    /// is one.
    pub is_trail_true: bool,
    /// The rule that concluded, by the trail.
    pub reason: Option<Reason>,
}

fn is_trail_true(question: &Question<'_>, verdict: &Verdict, decision: &policy::Decision) -> bool {
    // The root user passes by its own bucket policy, even one that denies (E-10).
    let passes_by = question.caller.kind == CallerKind::Root
        && question.caller.account == question.owner
        && question.action.starts_with("s3:")
        && question.action.ends_with("BucketPolicy");
    let denies = |step: &Step| match step {
        Step::Statement(step) => {
            step.effect == Effect::Deny
                && step.outcome == Outcome::Matched
                && !(passes_by && step.layer == policy::Layer::Resource)
        }
        _ => false,
    };
    let shows_deny = verdict.steps().iter().any(denies);
    let concluded = match verdict.steps().last() {
        Some(Step::Concluded { reason, .. }) => *reason,
        _ => return false,
    };
    verdict.decision() == *decision && shows_deny == (concluded == Reason::ExplicitDeny)
}

fn layer(layer: policy::Layer) -> Layer {
    match layer {
        policy::Layer::Identity => Layer::Identity,
        policy::Layer::Resource => Layer::Resource,
        policy::Layer::Trust => Layer::Trust,
        policy::Layer::Boundary => Layer::Boundary,
        policy::Layer::Session => Layer::Session,
        policy::Layer::ServiceControl => Layer::ServiceControl,
        policy::Layer::ResourceControl => Layer::ResourceControl,
        policy::Layer::VpcEndpoint => Layer::VpcEndpoint,
        policy::Layer::BlockPublicAcls => Layer::BlockPublicAcls,
        policy::Layer::BlockPublicPolicy => Layer::BlockPublicPolicy,
    }
}

fn caller(world: &World, request: &Request) -> Result<Caller, Bad> {
    let who = &request.principal;
    let name = who.arn.rsplit('/').next().unwrap_or_default().to_owned();
    let canonical = who.account.as_ref().and_then(|id| world.accounts.get(id));
    let canonical = canonical.map(|account| CanonicalUserId::parse(&account.canonical_id));
    let id = who.account.clone().unwrap_or_default();
    let (kind, principal_arn, unique_id, user_id) = match who.kind {
        Kind::Anonymous if who.provider.is_empty() => (
            CallerKind::Anonymous,
            String::new(),
            String::new(),
            "anonymous".to_owned(),
        ),
        Kind::Anonymous => {
            let provider = who.provider.clone();
            let kind = CallerKind::TokenHolder { provider };
            (kind, String::new(), String::new(), "anonymous".to_owned())
        }
        Kind::Root => (CallerKind::Root, who.arn.clone(), id.clone(), id),
        Kind::User => {
            let unique = who.unique_id.clone();
            (CallerKind::User, who.arn.clone(), unique.clone(), unique)
        }
        Kind::AssumedRole => (
            CallerKind::RoleSession {
                role_arn: who.role_arn.clone(),
                session_name: name.clone(),
            },
            who.role_arn.clone(),
            who.unique_id.clone(),
            format!("{}:{name}", who.unique_id),
        ),
        Kind::FederatedUser => (
            CallerKind::FederatedUser {
                user_arn: who.user_arn.clone(),
                user_unique_id: who.unique_id.clone(),
            },
            who.arn.clone(),
            format!("{id}:{name}"),
            format!("{id}:{name}"),
        ),
        Kind::Service => {
            let name = who.service.clone();
            (
                CallerKind::Service { name },
                String::new(),
                String::new(),
                String::new(),
            )
        }
    };
    Ok(Caller {
        user_name: (kind == CallerKind::User).then_some(name),
        kind,
        account: account(&who.account)?,
        canonical_id: canonical.transpose().map_err(|e| e.to_string())?,
        arn: who.arn.clone(),
        principal_arn,
        unique_id,
        user_id,
        tags: who.tags.clone().into_iter().collect(),
    })
}

fn keys(world: &World, request: &Request) -> Keys {
    let (mut one, mut many) = (BTreeMap::new(), BTreeMap::new());
    let own = request.principal.account.as_ref();
    let own = own.and_then(|id| world.accounts.get(id));
    if let Some(org) = own.and_then(|account| account.org.clone()) {
        one.insert("aws:principalorgid".to_owned(), org);
    }
    for (key, value) in &request.context {
        let key = key.to_lowercase();
        match value {
            Value::Array(values) => {
                many.insert(key, values.iter().map(text).collect::<Vec<_>>());
            }
            value => {
                one.insert(key, text(value));
            }
        }
    }
    Keys { one, many }
}
