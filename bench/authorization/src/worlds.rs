//! The works that are measured: who asks for what, under which rules, for both engines.
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use catalog::AccountId;
use cedar_policy::{
    Authorizer, Context as CedarContext, Decision as CedarDecision, Entities, Entity, EntityUid,
    PolicySet, Request, RestrictedExpression,
};
use policy::{
    AttachedPolicy, BlockPublicAccess, Caller, CallerKind, Context, IdentitySide, KnownKey, Lookup,
    ObjectOwnership, Policy, PolicyKind, PolicySource, Question, ResourceSide, S3Side, decide,
};

use crate::rules::{On, Rule, When, Who, cedar, document};

pub const OWNER: &str = "111111111111";
pub const PARTNER: &str = "222222222222";
const OTHER: &str = "333333333333";
pub const BUCKET: &str = "measured-data";

/// Who asks.
pub struct Asker {
    pub account: &'static str,
    /// A user of this name, or a session of a role of this name.
    pub name: &'static str,
    pub is_role: bool,
    pub team: &'static str,
}

impl Asker {
    pub fn arn(&self) -> String {
        let kind = if self.is_role { "role" } else { "user" };
        format!("arn:aws:iam::{}:{kind}/{}", self.account, self.name)
    }

    pub fn caller(&self) -> Caller {
        let arn = self.arn();
        let unique_id = unique_id(self.is_role, self.name);
        let (kind, shown, user_id) = if self.is_role {
            let kind = CallerKind::RoleSession {
                role_arn: arn.clone(),
                session_name: "nightly".to_owned(),
            };
            let account = self.account;
            let shown = format!("arn:aws:sts::{account}:assumed-role/{}/nightly", self.name);
            (kind, shown, format!("{unique_id}:nightly"))
        } else {
            (CallerKind::User, arn.clone(), unique_id.clone())
        };
        Caller {
            kind,
            account: AccountId::parse(self.account).ok(),
            canonical_id: None,
            arn: shown,
            principal_arn: arn,
            unique_id,
            user_id,
            user_name: (!self.is_role).then(|| self.name.to_owned()),
            tags: vec![("team".to_owned(), self.team.to_owned())],
        }
    }

    fn uid(&self) -> EntityUid {
        let kind = if self.is_role { "Role" } else { "User" };
        uid(kind, &self.arn())
    }
}

pub fn unique_id(is_role: bool, name: &str) -> String {
    let prefix = if is_role { "AROA" } else { "AIDA" };
    format!("{prefix}{:X<17}", name.to_uppercase().replace('-', ""))
}

/// What is asked for.
#[derive(Clone)]
pub struct Asked {
    pub action: &'static str,
    /// `None` for the bucket itself.
    pub key: Option<String>,
    pub bucket: String,
    pub ip: &'static str,
    pub secure: bool,
    pub agent: &'static str,
}

impl Asked {
    pub fn get(bucket: &str, key: &str) -> Asked {
        Asked {
            action: "s3:GetObject",
            key: Some(key.to_owned()),
            bucket: bucket.to_owned(),
            ip: "10.1.2.3",
            secure: true,
            agent: "aws-cli/2.31.0",
        }
    }

    pub fn resource(&self) -> String {
        match &self.key {
            Some(key) => format!("arn:aws:s3:::{}/{key}", self.bucket),
            None => format!("arn:aws:s3:::{}", self.bucket),
        }
    }

    /// Variants, so that more than one answer is compared.
    fn variants(&self) -> Vec<Asked> {
        let mut all = vec![self.clone()];
        for action in [
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:ListBucket",
            "s3:GetObjectAcl",
        ] {
            let key = (action != "s3:ListBucket")
                .then(|| self.key.clone())
                .flatten();
            all.push(Asked {
                action,
                key,
                ..self.clone()
            });
        }
        for ip in ["192.0.2.7", "203.0.113.5"] {
            all.push(Asked { ip, ..self.clone() });
        }
        all.push(Asked {
            secure: false,
            ..self.clone()
        });
        all.push(Asked {
            agent: "curl/8.1",
            ..self.clone()
        });
        for key in [
            "x",
            "secret/x",
            "partner/0/x",
            "partner/7/x",
            "home/al/x",
            "reports/2026/q1.csv",
        ] {
            all.push(Asked {
                key: Some(key.to_owned()),
                ..self.clone()
            });
        }
        for bucket in ["nobody", "team-0", "team-1", "team-4"] {
            all.push(Asked {
                bucket: bucket.to_owned(),
                ..self.clone()
            });
        }
        all
    }
}

impl Context for Asked {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            "aws:sourceip" => Lookup::One(self.ip),
            "aws:securetransport" => Lookup::One(if self.secure { "true" } else { "false" }),
            "aws:useragent" => Lookup::One(self.agent),
            _ => Lookup::Absent,
        }
    }

    fn lookup_known(&self, key: KnownKey) -> Lookup<'_> {
        match key {
            KnownKey::SourceIp => Lookup::One(self.ip),
            KnownKey::SecureTransport => Lookup::One(if self.secure { "true" } else { "false" }),
            KnownKey::UserAgent => Lookup::One(self.agent),
            _ => Lookup::Absent,
        }
    }
}

/// One work, ready to be asked.
pub struct World {
    pub asker: Asker,
    pub asked: Asked,
    pub allowed: bool,
    /// One list of rules for each policy.
    pub identity: Vec<Vec<Rule>>,
    pub bucket: Vec<Rule>,
}

/// The work as this project sees it.
pub struct Ours {
    caller: Caller,
    owner: AccountId,
    pub policies: Vec<AttachedPolicy>,
    pub bucket: Option<Arc<Policy>>,
}

/// The work as Cedar sees it: one set for each account's side.
pub struct Cedars {
    sides: Vec<PolicySet>,
    entities: Entities,
    authorizer: Authorizer,
}

impl World {
    pub fn resource(&self) -> String {
        self.asked.resource()
    }

    pub fn ours(&self) -> Ours {
        let policies = self.identity.iter().enumerate();
        let policies = policies.map(|(at, rules)| attached(&format!("p{at}"), &document(rules)));
        let bucket = (!self.bucket.is_empty()).then(|| {
            Arc::new(
                Policy::parse(PolicyKind::Bucket, &document(&self.bucket)).expect("bucket policy"),
            )
        });
        Ours {
            caller: self.asker.caller(),
            owner: AccountId::parse(OWNER).expect("an account"),
            policies: policies.collect(),
            bucket,
        }
    }

    pub fn cedars(&self) -> Cedars {
        let identity = cedar(self.identity.iter().flatten());
        let mut sides = vec![PolicySet::from_str(&identity).expect("Cedar policies")];
        if !self.bucket.is_empty() {
            let bucket = cedar(&self.bucket);
            sides.push(PolicySet::from_str(&bucket).expect("Cedar policies"));
        }
        Cedars {
            sides,
            entities: self.entities(),
            authorizer: Authorizer::new(),
        }
    }

    fn entities(&self) -> Entities {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut entities = Vec::new();
        let attributes = HashMap::from([
            ("arn".to_owned(), text(&self.asker.arn())),
            ("team".to_owned(), text(self.asker.team)),
        ]);
        let account = uid("Account", self.asker.account);
        let parents = HashSet::from([account.clone()]);
        entities.push(Entity::new(self.asker.uid(), attributes, parents).expect("an entity"));
        entities.push(Entity::new_no_attrs(account, HashSet::new()));
        let service = uid("Action", "s3");
        let mut actions = HashSet::new();
        let mut buckets = HashSet::new();
        let mut objects = HashSet::new();
        for asked in self.asked.variants() {
            actions.insert(asked.action);
            buckets.insert(asked.bucket.clone());
            if let Some(key) = asked.key {
                objects.insert((asked.bucket, key));
            }
        }
        for action in actions {
            let parents = HashSet::from([service.clone()]);
            entities.push(Entity::new_no_attrs(uid("Action", action), parents));
        }
        entities.push(Entity::new_no_attrs(service, HashSet::new()));
        for (bucket, key) in objects {
            let attributes = HashMap::from([("key".to_owned(), text(&key))]);
            let parents = HashSet::from([uid("Bucket", &bucket)]);
            let id = uid("Object", &format!("arn:aws:s3:::{bucket}/{key}"));
            entities.push(Entity::new(id, attributes, parents).expect("an entity"));
        }
        for bucket in buckets {
            entities.push(Entity::new_no_attrs(uid("Bucket", &bucket), HashSet::new()));
        }
        Entities::from_entities(entities, None).expect("entities")
    }

    pub fn request(&self, asked: &Asked) -> Request {
        let resource = match &asked.key {
            Some(_) => uid("Object", &asked.resource()),
            None => uid("Bucket", &asked.bucket),
        };
        let context = CedarContext::from_pairs([
            (
                "sourceIp".to_owned(),
                RestrictedExpression::new_ip(asked.ip),
            ),
            (
                "secureTransport".to_owned(),
                RestrictedExpression::new_bool(asked.secure),
            ),
            (
                "userAgent".to_owned(),
                RestrictedExpression::new_string(asked.agent.to_owned()),
            ),
        ]);
        let context = context.expect("a context");
        let action = uid("Action", asked.action);
        Request::new(self.asker.uid(), action, resource, context, None).expect("a request")
    }

    /// Asks both engines many things; they must agree, and the answer that is measured must be the
    /// one that is meant.
    pub fn check(&self, ours: &Ours, cedars: &Cedars) {
        let mut yes = 0;
        let variants = self.asked.variants();
        for asked in &variants {
            let resource = asked.resource();
            let our = ours.decide(asked, &resource);
            let cedar = cedars.decide(&self.request(asked));
            assert_eq!(
                our, cedar,
                "{} on {resource} from {}",
                asked.action, asked.ip
            );
            yes += usize::from(our);
        }
        assert_eq!(
            ours.decide(&self.asked, &self.asked.resource()),
            self.allowed
        );
        assert!(yes < variants.len(), "some variant must be refused");
    }
}

impl Ours {
    pub fn decide(&self, asked: &Asked, resource: &str) -> bool {
        let question = Question {
            caller: &self.caller,
            action: asked.action,
            resource,
            owner: Some(self.owner),
            context: asked,
        };
        let identity = IdentitySide {
            policies: &self.policies,
            ..IdentitySide::default()
        };
        let side = ResourceSide::S3(S3Side {
            policy: self.bucket.as_deref(),
            ownership: ObjectOwnership::BucketOwnerEnforced,
            bucket_acl: &[],
            object: None,
            block_public_access: BlockPublicAccess::default(),
            writes_public_acl: false,
            writes_policy: None,
            is_upload_initiator: false,
            owner_canonical_id: None,
        });
        decide(&question, &identity, &side).is_allowed()
    }
}

impl Cedars {
    /// Each side must allow. A side that Cedar could not evaluate without error is a mistake here.
    pub fn decide(&self, request: &Request) -> bool {
        self.sides.iter().all(|side| {
            let response = self.authorizer.is_authorized(request, side, &self.entities);
            debug_assert_eq!(response.diagnostics().errors().count(), 0);
            response.decision() == CedarDecision::Allow
        })
    }
}

/// A policy of this text, as if it was managed.
pub fn attached(name: &str, text: &str) -> AttachedPolicy {
    AttachedPolicy {
        source: PolicySource::Managed {
            arn: format!("arn:aws:iam::{OWNER}:policy/{name}"),
        },
        policy: Arc::new(Policy::parse(PolicyKind::Managed, text).expect("a policy")),
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_str(&format!("{kind}::\"{id}\"")).expect("an entity uid")
}

const READ: &[&str] = &["s3:GetObject"];
const WRITE: &[&str] = &["s3:PutObject", "s3:DeleteObject"];
const LIST: &[&str] = &["s3:ListBucket"];

fn rule(allows: bool, actions: &'static [&'static str], on: On, when: Vec<When>) -> Rule {
    Rule {
        allows,
        who: Who::Attached,
        actions,
        on,
        when,
    }
}

fn objects(bucket: &str, start: &str) -> On {
    On::Objects(bucket.to_owned(), start.to_owned())
}

/// A user with five policies of five statements; the fourth policy allows.
pub fn same_account() -> World {
    let identity = (0..5).map(|team| {
        let bucket = format!("team-{team}");
        vec![
            rule(true, LIST, On::Bucket(bucket.clone()), vec![]),
            rule(true, READ, objects(&bucket, "reports/"), vec![]),
            rule(
                true,
                WRITE,
                objects(&bucket, "home/al/"),
                vec![When::SourceIp("10.0.0.0/8".to_owned())],
            ),
            rule(true, READ, objects(&bucket, "home/al/"), vec![]),
            rule(
                false,
                &[],
                objects(&bucket, "secret/"),
                vec![When::VpcIsNot("vpc-0a1b2c3d".to_owned())],
            ),
        ]
    });
    World {
        asker: Asker {
            account: OWNER,
            name: "al",
            is_role: false,
            team: "blue",
        },
        asked: Asked::get("team-3", "reports/2026/07/figures.csv"),
        allowed: true,
        identity: identity.collect(),
        bucket: Vec::new(),
    }
}

fn crawler() -> Asker {
    Asker {
        account: PARTNER,
        name: "crawler",
        is_role: true,
        team: "blue",
    }
}

/// What the role's own account allows it.
fn crawler_policies() -> Vec<Vec<Rule>> {
    vec![vec![
        rule(true, READ, objects(BUCKET, ""), vec![]),
        rule(true, LIST, On::Bucket(BUCKET.to_owned()), vec![]),
        rule(false, WRITE, objects(BUCKET, "frozen/"), vec![]),
    ]]
}

/// A session of another account's role, under a bucket policy of twenty statements with conditions.
pub fn cross_account() -> World {
    let mut bucket = vec![
        Rule {
            who: Who::Everyone,
            ..rule(
                false,
                &[],
                objects(BUCKET, ""),
                vec![When::SecureTransport(false)],
            )
        },
        Rule {
            who: Who::Everyone,
            ..rule(
                false,
                WRITE,
                objects(BUCKET, "frozen/"),
                vec![When::TeamIs("blue".to_owned())],
            )
        },
    ];
    for at in 0..18 {
        let who = match at % 3 {
            0 => Who::Account(OTHER),
            1 => Who::Account(PARTNER),
            _ => {
                let name = if at == 17 {
                    "crawler".to_owned()
                } else {
                    format!("role-{at}")
                };
                let id = unique_id(true, &name);
                Who::Role(PARTNER, name, id)
            }
        };
        let when = match at % 4 {
            0 => When::TeamIs(format!("team-{at}")),
            1 => When::SourceIp(format!("10.{}.0.0/16", if at == 17 { 1 } else { 100 + at })),
            2 => When::PrincipalArnLike(format!("arn:aws:iam::{PARTNER}:role/batch-{at}/*")),
            _ => When::UserAgentIs(vec![format!("job-{at}"), format!("job-{at}-canary")]),
        };
        let start = if at == 17 {
            "partner/".to_owned()
        } else {
            format!("partner/{}/", at % 6)
        };
        let actions = if at % 5 == 4 { WRITE } else { READ };
        bucket.push(Rule {
            who,
            ..rule(true, actions, objects(BUCKET, &start), vec![when])
        });
    }
    World {
        asker: crawler(),
        asked: Asked::get(BUCKET, "partner/5/2026-07-01.parquet"),
        allowed: true,
        identity: crawler_policies(),
        bucket,
    }
}

/// The same under a bucket policy as large as AWS takes it; its last statement allows.
pub fn largest() -> World {
    let statement = |at: usize, last: bool| Rule {
        who: match at % 3 {
            _ if last => Who::Account(PARTNER),
            0 => Who::Account(OTHER),
            1 => Who::Account(PARTNER),
            _ => Who::Role(
                PARTNER,
                format!("role-{at}"),
                unique_id(true, &format!("role-{at}")),
            ),
        },
        ..rule(
            !at.is_multiple_of(10) || last,
            READ,
            objects(
                BUCKET,
                &if last {
                    "partner/".to_owned()
                } else {
                    format!("partner/{at}/")
                },
            ),
            vec![match at % 2 {
                _ if last => When::SourceIp("10.1.0.0/16".to_owned()),
                0 => When::SourceIp(format!("10.{}.0.0/16", at % 200 + 20)),
                _ => When::TeamIs(format!("team-{at}")),
            }],
        )
    };
    let mut bucket = Vec::new();
    loop {
        bucket.push(statement(bucket.len(), false));
        let mut whole: Vec<Rule> = (0..bucket.len()).map(|at| statement(at, false)).collect();
        whole.push(statement(bucket.len(), true));
        if document(&whole).len() > 20_480 {
            bucket.pop();
            break;
        }
    }
    bucket.push(statement(bucket.len(), true));
    World {
        asker: crawler(),
        asked: Asked::get(BUCKET, "partner/77/x.parquet"),
        allowed: true,
        identity: crawler_policies(),
        bucket,
    }
}

/// One of many roles of one account: 100 policies, of which the last allows.
pub fn role_with_policies(number: usize) -> World {
    let identity = (0..100).map(|at| {
        let bucket = format!("set-{number}-{at}");
        vec![
            rule(true, LIST, On::Bucket(bucket.clone()), vec![]),
            rule(true, READ, objects(&bucket, "in/"), vec![]),
            rule(true, WRITE, objects(&bucket, "out/"), vec![]),
        ]
    });
    World {
        asker: Asker {
            account: OWNER,
            name: "worker",
            is_role: true,
            team: "blue",
        },
        asked: Asked::get(&format!("set-{number}-99"), "in/7"),
        allowed: true,
        identity: identity.collect(),
        bucket: Vec::new(),
    }
}
