//! Random worlds, tuned so that every layer is what decides now and then.
//!
//! Documents are written with one of the world's requests in mind, so that most clauses hold; names
//! come from small pools, so that what does not hold is near at hand.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::context::{Context, Held};
use crate::world::{
    Account, AclGrant, Acls, BlockPublicAccess, Constraints, Document, Entity, Flags, KeyGrant,
    Kind, Ownership, Principal, Request, ResourceType, World,
};

/// How many requests are put to each world.
pub const REQUESTS_PER_WORLD: usize = 4;

const ACCOUNTS: &[&str] = &["111111111111", "222222222222", "333333333333"];
const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555";
const ROLE: &str = "arn:aws:iam::111111111111:role/jobs/target";
const PROVIDER: &str = "arn:aws:iam::111111111111:oidc-provider/idp.example.com";
const SERVICES: &[&str] = &["logging.s3.amazonaws.com", "cloudtrail.amazonaws.com"];
const PERMISSIONS: &[&str] = &["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"];
const GROUPS: &[&str] = &[
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
    "http://acs.amazonaws.com/groups/s3/LogDelivery",
];
/// Users and roles of each account with their unique ids.
const USERS: &[(&str, &str, &str)] = &[
    ("111111111111", "alice", "AIDAALICEALICEALICEA"),
    ("111111111111", "alice", "AIDAALICEALICEALICEA"),
    ("111111111111", "team/amy", "AIDAAMYAMYAMYAMYAMYA"),
    ("222222222222", "bob", "AIDABOBBOBBOBBOBBOBB"),
    ("333333333333", "carol", "AIDACAROLCAROLCAROLC"),
];
const ROLES: &[(&str, &str, &str)] = &[
    ("111111111111", "app", "AROAAPPAPPAPPAPPAPPA"),
    ("111111111111", "app", "AROAAPPAPPAPPAPPAPPA"),
    ("111111111111", "jobs/batch", "AROABATCHBATCHBATCHB"),
    ("222222222222", "reader", "AROAREADERREADERREAD"),
    ("333333333333", "x", "AROAXXXXXXXXXXXXXXXX"),
];
const OBJECT_ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:GetObject",
    "s3:GetObject",
    "s3:PutObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectVersion",
    "s3:DeleteObjectVersion",
    "s3:GetObjectAcl",
    "s3:PutObjectAcl",
    "s3:GetObjectVersionAcl",
    "s3:PutObjectVersionAcl",
    "s3:GetObjectTagging",
    "s3:PutObjectTagging",
    "s3:GetObjectAttributes",
    "s3:RestoreObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
];
const BUCKET_ACTIONS: &[&str] = &[
    "s3:ListBucket",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListBucketMultipartUploads",
    "s3:GetBucketAcl",
    "s3:PutBucketAcl",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketLocation",
];
const POLICY_ACTIONS: &[&str] = &[
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
];
const KEYS: &[&str] = &[
    "x",
    "al/x",
    "alice/x",
    "blue/x",
    "a*/x",
    "logs/2026/x.gz",
    "a:b:c",
    "é/ü",
    "${aws:username}/x",
];
const KMS_ACTIONS: &[&str] = &[
    "kms:Decrypt",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:ListGrants",
    "kms:GetKeyPolicy",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
];
const STS_ACTIONS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRole",
    "sts:AssumeRole",
    "sts:TagSession",
    "sts:SetSourceIdentity",
];

/// Makes the worlds of one seed.
pub struct Generator {
    rng: fastrand::Rng,
}

impl Generator {
    /// The world of a seed is always the same.
    pub fn new(seed: u64) -> Generator {
        // Neighbouring seeds are used one after the other, so they are spread first.
        let spread = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Generator {
            rng: fastrand::Rng::with_seed(spread ^ (spread >> 29)),
        }
    }

    /// A number below `limit`, for who goes on making things from the same seed.
    pub fn below(&mut self, limit: usize) -> usize {
        self.rng.usize(..limit.max(1))
    }

    fn percent(&mut self, chance: u32) -> bool {
        self.rng.u32(0..100) < chance
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        self.rng.choice(list).copied().unwrap_or_default()
    }

    fn pick_of<T: Clone + Default>(&mut self, list: &[T]) -> T {
        self.rng.choice(list).cloned().unwrap_or_default()
    }

    /// A world with its requests.
    pub fn world(&mut self) -> (World, Vec<Request>) {
        let mut world = World {
            accounts: self.accounts(),
            resource_type: match self.rng.u32(0..100) {
                0..60 => ResourceType::S3,
                60..75 => ResourceType::Trust,
                75..90 => ResourceType::Kms,
                _ => ResourceType::None,
            },
            ..World::default()
        };
        let owner = match world.resource_type {
            // The account is part of these ARNs.
            ResourceType::Trust | ResourceType::Kms => "111111111111",
            ResourceType::S3 => self.pick(&["111111111111", "111111111111", "222222222222"]),
            ResourceType::None => self.pick(&["111111111111", "111111111111", "", "222222222222"]),
        };
        world.resource_owner = (!owner.is_empty()).then(|| owner.to_owned());
        let mut requests: Vec<Request> = (0..REQUESTS_PER_WORLD)
            .map(|_| self.request(&world))
            .collect();
        self.fill(&mut world, &requests);
        for request in &mut requests {
            self.fill_request(&world, request);
        }
        (world, requests)
    }

    fn accounts(&mut self) -> BTreeMap<String, Account> {
        let in_org = self.percent(40);
        let account = |(id, letter): (&&str, &str)| {
            let account = Account {
                canonical_id: letter.repeat(64),
                org: (in_org && *id != "333333333333").then(|| "o-1".to_owned()),
                ..Account::default()
            };
            ((*id).to_owned(), account)
        };
        ACCOUNTS.iter().zip(["a", "b", "c"]).map(account).collect()
    }

    // ----- requests

    fn request(&mut self, world: &World) -> Request {
        let principal = self.principal(world);
        let bare = !principal.provider.is_empty();
        let (action, resource) = match world.resource_type {
            ResourceType::S3 if self.percent(68) => {
                let key = self.pick(KEYS);
                (
                    self.pick(OBJECT_ACTIONS),
                    format!("arn:aws:s3:::data/{key}"),
                )
            }
            ResourceType::S3 => {
                // Root users have rules of their own about bucket policies.
                let about_policy = principal.kind == Kind::Root && self.percent(60);
                let pool = if about_policy {
                    POLICY_ACTIONS
                } else {
                    BUCKET_ACTIONS
                };
                (self.pick(pool), "arn:aws:s3:::data".to_owned())
            }
            ResourceType::Trust if bare => ("sts:AssumeRoleWithWebIdentity", ROLE.to_owned()),
            ResourceType::Trust => (self.pick(STS_ACTIONS), ROLE.to_owned()),
            ResourceType::Kms => (self.pick(KMS_ACTIONS), KEY.to_owned()),
            ResourceType::None => match self.rng.u32(0..3) {
                0 => ("s3:ListAllMyBuckets", "arn:aws:s3:::*".to_owned()),
                1 => ("iam:ListUsers", "*".to_owned()),
                _ => {
                    let user = "arn:aws:iam::111111111111:user/team/amy";
                    (
                        self.pick(&["iam:GetUser", "iam:DeleteUser"]),
                        user.to_owned(),
                    )
                }
            },
        };
        let context = self.context();
        Request {
            principal,
            action: action.to_owned(),
            resource,
            context,
            writes_public_acl: self.percent(8)
                && matches!(
                    action,
                    "s3:PutObject"
                        | "s3:PutObjectAcl"
                        | "s3:PutBucketAcl"
                        | "s3:PutObjectVersionAcl"
                ),
            overwrites: self.percent(40) && action == "s3:PutObject",
            is_upload_initiator: self.percent(30) && action.contains("Multipart"),
            request_payer: self.percent(50),
            ..Request::default()
        }
    }

    fn principal(&mut self, world: &World) -> Principal {
        let tags = match self.rng.u32(0..3) {
            0 => BTreeMap::new(),
            1 => BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            _ => BTreeMap::from([
                ("Team".to_owned(), "a*".to_owned()),
                (
                    "arn".to_owned(),
                    "arn:aws:iam::111111111111:role/app".to_owned(),
                ),
            ]),
        };
        let unsigned = match world.resource_type {
            ResourceType::S3 => 10,
            ResourceType::Trust => 12,
            ResourceType::Kms => 1,
            ResourceType::None => 2,
        };
        let root = if world.resource_type == ResourceType::Trust {
            3
        } else {
            9
        };
        match self.rng.u32(0..100) {
            n if n < unsigned => Principal {
                provider: match world.resource_type {
                    ResourceType::Trust => self.pick(&[PROVIDER, "accounts.google.com"]),
                    _ => "",
                }
                .to_owned(),
                ..Principal::default()
            },
            n if n < unsigned + 7 => Principal {
                kind: Kind::Service,
                service: self.pick(SERVICES).to_owned(),
                ..Principal::default()
            },
            n if n < unsigned + 7 + root => {
                let account = self.pick(ACCOUNTS);
                Principal {
                    kind: Kind::Root,
                    arn: format!("arn:aws:iam::{account}:root"),
                    account: Some(account.to_owned()),
                    ..Principal::default()
                }
            }
            n if n < 50 => {
                let (account, name, id) = self.pick_of(USERS);
                Principal {
                    kind: Kind::User,
                    arn: format!("arn:aws:iam::{account}:user/{name}"),
                    account: Some(account.to_owned()),
                    unique_id: id.to_owned(),
                    tags,
                    ..Principal::default()
                }
            }
            n if n < 86 => {
                let (account, name, id) = self.pick_of(ROLES);
                let short = name.rsplit('/').next().unwrap_or(name);
                let session = self.pick(&["s1", "s1", "s2"]);
                Principal {
                    kind: Kind::AssumedRole,
                    arn: format!("arn:aws:sts::{account}:assumed-role/{short}/{session}"),
                    role_arn: format!("arn:aws:iam::{account}:role/{name}"),
                    account: Some(account.to_owned()),
                    unique_id: id.to_owned(),
                    session_policies: self.percent(40).then(Vec::new),
                    service_linked: self.percent(3),
                    tags,
                    ..Principal::default()
                }
            }
            _ => {
                let (account, name, id) = self.pick_of(USERS);
                Principal {
                    kind: Kind::FederatedUser,
                    arn: format!("arn:aws:sts::{account}:federated-user/fed"),
                    user_arn: format!("arn:aws:iam::{account}:user/{name}"),
                    account: Some(account.to_owned()),
                    unique_id: id.to_owned(),
                    session_policies: self.percent(75).then(Vec::new),
                    tags,
                    ..Principal::default()
                }
            }
        }
    }

    fn context(&mut self) -> BTreeMap<String, Value> {
        let mut context = BTreeMap::new();
        for key in CONTEXT {
            if !self.percent(key.present) {
                continue;
            }
            let value = match key.kind {
                KeyKind::Many => {
                    let count = self.pick_of(&[0, 1, 1, 2, 2, 3]);
                    json!(
                        (0..count)
                            .map(|_| self.pick(key.values))
                            .collect::<Vec<_>>()
                    )
                }
                _ => json!(self.pick(key.values)),
            };
            context.insert(key.name.to_owned(), value);
        }
        context
    }

    // ----- what is in force

    fn fill(&mut self, world: &mut World, requests: &[Request]) {
        for request in requests {
            let who = &request.principal;
            let holder = match who.kind {
                Kind::User => &who.arn,
                Kind::AssumedRole => &who.role_arn,
                Kind::FederatedUser => &who.user_arn,
                Kind::Root | Kind::Service | Kind::Anonymous => continue,
            };
            if world.policies.contains_key(holder) {
                continue;
            }
            let hints = [request.clone()];
            let own = Entity {
                identity: match self.percent(82) {
                    true => self.documents(world, &hints, Place::Own, 2),
                    false => Vec::new(),
                },
                groups: match who.kind == Kind::User && self.percent(25) {
                    true => self.documents(world, &hints, Place::Own, 2),
                    false => Vec::new(),
                },
                boundary: self
                    .percent(28)
                    .then(|| self.document(world, &hints, Place::Own)),
            };
            world.policies.insert(holder.clone(), own);
        }
        for id in ACCOUNTS {
            let scps = self.levels(world, requests, Place::Own, 14);
            let rcps = self.levels(world, requests, Place::Everyone, 10);
            if let Some(account) = world.accounts.get_mut(*id) {
                account.scps = scps;
                account.rcps = rcps;
            }
        }
        world.resource_policy = match world.resource_type {
            ResourceType::S3 => self
                .percent(75)
                .then(|| self.document(world, requests, Place::Bucket)),
            ResourceType::Trust => Some(self.document(world, requests, Place::Trust)),
            ResourceType::Kms => Some(self.document(world, requests, Place::Key)),
            ResourceType::None => None,
        };
        if world.resource_type == ResourceType::S3 {
            world.ownership = self.pick_of(&[
                Ownership::BucketOwnerEnforced,
                Ownership::BucketOwnerPreferred,
                Ownership::ObjectWriter,
            ]);
            world.object_owner = match self.rng.u32(0..10) {
                0..5 => world.resource_owner.clone(),
                9 => None,
                _ => Some(self.pick(ACCOUNTS).to_owned()),
            };
            world.acl = Acls {
                bucket: self.acl(),
                object: self.acl(),
            };
            world.bpa = BlockPublicAccess {
                account: self.flags(8),
                bucket: self.flags(20),
            };
            world.requester_pays = self.percent(4);
        }
        if world.resource_type == ResourceType::Kms {
            world.grants = (0..self.pick_of(&[0, 1, 1, 2]))
                .map(|_| self.key_grant(requests))
                .collect();
        }
    }

    fn fill_request(&mut self, world: &World, request: &mut Request) {
        let hints = [request.clone()];
        if request.principal.session_policies.is_some() {
            let count = self.pick_of(&[0, 1, 1, 1, 1, 2]);
            let documents = self.documents(world, &hints, Place::Own, count);
            request.principal.session_policies = Some(documents);
        }
        if self.percent(10) {
            let document = self.document(world, &hints, Place::Endpoint);
            request.vpc_endpoint_policy = Some(document);
        }
        if request.action == "s3:PutBucketPolicy" {
            request.new_policy = Some(self.document(world, &hints, Place::Bucket));
        }
    }

    fn levels(
        &mut self,
        world: &World,
        requests: &[Request],
        place: Place,
        chance: u32,
    ) -> Vec<Vec<Document>> {
        if !self.percent(chance) {
            return Vec::new();
        }
        let mut full = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        if place == Place::Everyone {
            full = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        }
        let full = json!({"Version": "2012-10-17", "Statement": [full]});
        (0..self.pick_of(&[1, 2, 3]))
            .map(|_| match self.rng.u32(0..100) {
                0..55 => vec![full.clone()],
                55..75 => vec![self.document(world, requests, place), full.clone()],
                75..98 => self.documents(world, requests, place, 2),
                _ => Vec::new(),
            })
            .collect()
    }

    fn acl(&mut self) -> Vec<AclGrant> {
        (0..self.pick_of(&[0, 1, 1, 2, 3]))
            .map(|_| {
                let group = self.percent(40).then(|| self.pick(GROUPS).to_owned());
                let id = match self.rng.u32(0..10) {
                    0..4 => "a".repeat(64),
                    4..7 => "b".repeat(64),
                    7..9 => "c".repeat(64),
                    _ => "65a011a29cdf8ec533ec3d1ccaae921c".to_owned(),
                };
                AclGrant {
                    id: group.is_none().then_some(id),
                    uri: group,
                    permission: self.pick(PERMISSIONS).to_owned(),
                }
            })
            .collect()
    }

    fn flags(&mut self, chance: u32) -> Flags {
        Flags {
            block_public_acls: self.percent(chance),
            ignore_public_acls: self.percent(chance),
            block_public_policy: self.percent(chance),
            restrict_public_buckets: self.percent(chance),
        }
    }

    fn key_grant(&mut self, requests: &[Request]) -> KeyGrant {
        let request = self.pick_of(requests);
        let who = &request.principal;
        let account = who.account.clone().unwrap_or_default();
        let grantees = [
            who.arn.clone(),
            who.arn.clone(),
            who.role_arn.clone(),
            who.user_arn.clone(),
            format!("arn:aws:iam::{account}:root"),
            "arn:aws:iam::111111111111:user/alice".to_owned(),
        ];
        let operation = |action: &str| action.trim_start_matches("kms:").to_owned();
        let mut operations = vec![operation(self.pick(KMS_ACTIONS))];
        if self.percent(80) {
            operations.push(operation(&request.action));
        }
        let pairs = |generator: &mut Generator| {
            let mut pairs = BTreeMap::new();
            for (key, value) in &request.context {
                let name = key.strip_prefix("kms:EncryptionContext:");
                if let Some(name) = name.filter(|_| generator.percent(80)) {
                    pairs.insert(name.to_owned(), crate::context::text(value));
                }
            }
            if generator.percent(15) {
                pairs.insert("tenant".to_owned(), "7".to_owned());
            }
            pairs
        };
        KeyGrant {
            grantee_principal: self.pick_of(&grantees),
            operations,
            constraints: Constraints {
                encryption_context_equals: self.percent(32).then(|| pairs(self)),
                encryption_context_subset: self.percent(40).then(|| pairs(self)),
            },
        }
    }

    // ----- documents

    fn documents(
        &mut self,
        world: &World,
        hints: &[Request],
        place: Place,
        most: usize,
    ) -> Vec<Document> {
        let count = if most == 0 {
            0
        } else {
            self.rng.usize(1..=most)
        };
        (0..count)
            .map(|_| self.document(world, hints, place))
            .collect()
    }

    fn document(&mut self, world: &World, hints: &[Request], place: Place) -> Document {
        let count = self.pick_of(&[1, 1, 2, 2, 3]);
        let mut statements: Vec<Value> = (0..count)
            .map(|_| self.statement(world, hints, place))
            .collect();
        let mut document = Map::new();
        match self.rng.u32(0..100) {
            0..84 => drop(document.insert("Version".to_owned(), "2012-10-17".into())),
            84..93 => drop(document.insert("Version".to_owned(), "2008-10-17".into())),
            _ => {}
        }
        let statement = match statements.pop() {
            Some(only) if statements.is_empty() && self.percent(30) => only,
            last => {
                statements.extend(last);
                Value::Array(statements)
            }
        };
        document.insert("Statement".to_owned(), statement);
        Value::Object(document)
    }

    /// A statement for a document, written with one of the requests in mind.
    pub fn statement(&mut self, world: &World, hints: &[Request], place: Place) -> Value {
        let hint = self.pick_of(hints);
        let denies = self.percent(if place == Place::Bucket { 13 } else { 9 });
        let mut statement = Map::new();
        statement.insert(
            "Effect".to_owned(),
            if denies { "Deny" } else { "Allow" }.into(),
        );
        match place {
            Place::Own => {}
            Place::Everyone => drop(statement.insert("Principal".to_owned(), "*".into())),
            Place::Endpoint if self.percent(70) => {
                statement.insert("Principal".to_owned(), "*".into());
            }
            Place::Bucket | Place::Key | Place::Trust | Place::Endpoint => {
                // Few trust policies are written for others than the caller.
                let not = self.percent(if denies { 50 } else { 5 }) && place != Place::Trust;
                if not {
                    statement.insert("NotPrincipal".to_owned(), self.not_principal(&hint));
                } else {
                    statement.insert("Principal".to_owned(), self.principals(&hint, place));
                }
            }
        }
        let (name, actions) = match self.percent(8) {
            true => ("NotAction", self.other_actions()),
            false => ("Action", self.actions(&hint.action)),
        };
        statement.insert(name.to_owned(), self.one_or_list(actions));
        if place != Place::Trust {
            let (name, resources) = match (place, self.percent(7)) {
                (Place::Key | Place::Everyone, _) => ("Resource", self.key_resources(place)),
                (_, true) => ("NotResource", self.other_resources()),
                (_, false) => ("Resource", self.resources(&hint.resource)),
            };
            statement.insert(name.to_owned(), self.one_or_list(resources));
        }
        let for_everyone = statement.get("Principal").is_some_and(|p| p == "*");
        if for_everyone && place == Place::Bucket && self.percent(50) {
            let condition = self.pin();
            statement.insert("Condition".to_owned(), condition);
        } else if self.percent(if denies { 55 } else { 33 }) {
            let condition = self.condition(world, &hint);
            statement.insert("Condition".to_owned(), condition);
        }
        if self.percent(10) {
            statement.insert("Sid".to_owned(), "S1".into());
        }
        Value::Object(statement)
    }

    /// A list of one is sometimes written without the list.
    fn one_or_list(&mut self, mut values: Vec<String>) -> Value {
        match values.pop() {
            Some(only) if values.is_empty() && self.percent(60) => only.into(),
            last => {
                values.extend(last);
                values.into()
            }
        }
    }

    fn actions(&mut self, action: &str) -> Vec<String> {
        let service = action.split(':').next().unwrap_or_default();
        let mut list = vec![match self.rng.u32(0..100) {
            0..25 => action.to_owned(),
            25..45 => format!("{service}:*"),
            45..55 => "*".to_owned(),
            55..65 => {
                let start: String = action.chars().take(service.len() + 4).collect();
                format!("{start}*")
            }
            65..70 => action.to_uppercase(),
            70..75 => action.replacen('e', "?", 1),
            75..80 => format!("*{}", action.get(service.len()..).unwrap_or_default()),
            80..83 => format!("{action}?"),
            _ => return self.other_actions(),
        }];
        if self.percent(25) {
            list.extend(self.other_actions());
        }
        self.rng.shuffle(&mut list);
        list
    }

    fn other_actions(&mut self) -> Vec<String> {
        let pools = [OBJECT_ACTIONS, BUCKET_ACTIONS, KMS_ACTIONS, STS_ACTIONS];
        let mut list = Vec::new();
        for _ in 0..self.rng.usize(1..=2) {
            let pool = self.rng.choice(pools).unwrap_or(OBJECT_ACTIONS);
            list.push(self.pick(pool).to_owned());
        }
        list
    }

    fn resources(&mut self, resource: &str) -> Vec<String> {
        let (head, rest) = match resource.rsplit_once(':') {
            Some((head, rest)) if !resource.contains("/a:b") => (head, rest),
            _ => ("arn:aws:s3::", resource.trim_start_matches("arn:aws:s3:::")),
        };
        let folder = rest.rsplit_once('/').map_or(rest, |(folder, _)| folder);
        let mut list = vec![match self.rng.u32(0..100) {
            0..22 => resource.to_owned(),
            22..44 => "*".to_owned(),
            44..54 => format!("{head}:{folder}*"),
            54..60 => format!("{head}:*"),
            60..63 => format!(
                "{}?",
                resource.get(..resource.len() - 1).unwrap_or_default()
            ),
            63..66 => resource.replacen("aws", "*", 1),
            66..72 => "arn:aws:s3:::data/${aws:username}/*".to_owned(),
            72..75 => "arn:aws:s3:::data/${aws:PrincipalTag/team, 'al'}/*".to_owned(),
            75..77 => "arn:aws:s3:::data/a${*}/x".to_owned(),
            77..79 => "arn:aws:iam::*:user/${aws:username}".to_owned(),
            79..82 => self
                .pick(&[
                    "arn:aws:s3*",
                    "arn:aws:s3",
                    "arn:aws:*",
                    "arn:aws",
                    "arn:*:kms",
                ])
                .to_owned(),
            82..84 => "arn:aws:iam::${aws:PrincipalAccount}:*".to_owned(),
            84..86 => self
                .pick(&[
                    "arn:aws:s3:::data/${aws:TagKeys}*",
                    "arn:aws:s3:::data/${aws:TagKeys, 'a'}*",
                    "arn:aws:s3:::${aws:CalledVia,'data'}*",
                ])
                .to_owned(),
            86..88 => "arn:aws:s3:::data/${s3:ExistingObjectTag/env,'a'}*".to_owned(),
            _ => return self.other_resources(),
        }];
        if self.percent(25) {
            list.extend(self.other_resources());
        }
        self.rng.shuffle(&mut list);
        list
    }

    fn other_resources(&mut self) -> Vec<String> {
        let pool = &[
            "arn:aws:s3:::data",
            "arn:aws:s3:::data/*",
            "arn:aws:s3:::data/logs/*",
            "arn:aws:s3:::other/*",
            "arn:aws:s3:::DATA/x",
            "arn:aws:iam::111111111111:role/*",
            "arn:aws:iam::111111111111:user/amy",
            "arn:aws:kms:us-east-1:111111111111:key/*",
            "arn:aws:kms:*:222222222222:key/*",
            "arn:aws:s3:::data/${aws:nothing}/*",
            "arn:aws:s3:::data/${aws:username",
            "arn:aws:s3:::data/${}*",
            "**",
            "?",
        ];
        (0..self.rng.usize(1..=2))
            .map(|_| self.pick(pool).to_owned())
            .collect()
    }

    /// Key policies and RCPs mostly say `*`.
    fn key_resources(&mut self, place: Place) -> Vec<String> {
        match (place, self.rng.u32(0..10)) {
            (Place::Key, 8) => vec![KEY.to_owned()],
            (Place::Key, 9) => vec![KEY.replace('5', "6")],
            _ => vec!["*".to_owned()],
        }
    }

    // ----- principals

    fn principals(&mut self, hint: &Request, place: Place) -> Value {
        if place != Place::Trust && self.percent(14) {
            return "*".into();
        }
        let mut kinds = Map::new();
        for _ in 0..self.pick_of(&[1, 1, 1, 2, 2]) {
            let (kind, name) = match self.percent(76) {
                true => self.own_name(hint),
                false => self.other_name(),
            };
            match kinds.get_mut(kind) {
                Some(Value::Array(names)) => names.push(name.into()),
                Some(one) => *one = json!([one.take(), name]),
                None => drop(kinds.insert(kind.to_owned(), name.into())),
            }
        }
        Value::Object(kinds)
    }

    /// One of the names that reach the caller of `hint`.
    fn own_name(&mut self, hint: &Request) -> (&'static str, String) {
        let who = &hint.principal;
        let account = who.account.clone().unwrap_or_default();
        let mut names = vec![("AWS", "*".to_owned())];
        if !account.is_empty() {
            names.push(("AWS", account.clone()));
            names.push(("AWS", format!("arn:aws:iam::{account}:root")));
            names.push(("AWS", who.arn.clone()));
            names.push(("AWS", who.arn.clone()));
            let letter = match account.as_str() {
                "111111111111" => "a",
                "222222222222" => "b",
                _ => "c",
            };
            names.push(("CanonicalUser", letter.repeat(64)));
        }
        for name in [
            &who.role_arn,
            &who.role_arn,
            &who.user_arn,
            &who.user_arn,
            &who.unique_id,
        ] {
            if !name.is_empty() {
                names.push(("AWS", name.clone()));
            }
        }
        if !who.service.is_empty() {
            names = vec![("Service", who.service.clone()), ("AWS", "*".to_owned())];
        }
        if !who.provider.is_empty() {
            let federated = ("Federated", who.provider.clone());
            names = vec![federated.clone(), federated, ("AWS", "*".to_owned())];
        }
        self.rng.choice(names).unwrap_or(("AWS", account))
    }

    fn other_name(&mut self) -> (&'static str, String) {
        let (user, role) = (self.pick_of(USERS), self.pick_of(ROLES));
        match self.rng.u32(0..9) {
            0 => ("AWS", self.pick(ACCOUNTS).to_owned()),
            1 => ("AWS", format!("arn:aws:iam::{}:user/{}", user.0, user.1)),
            2 => ("AWS", format!("arn:aws:iam::{}:role/{}", role.0, role.1)),
            3 => (
                "AWS",
                format!("arn:aws:sts::{}:assumed-role/app/s1", role.0),
            ),
            4 => ("AWS", format!("arn:aws:sts::{}:federated-user/fed", user.0)),
            5 => ("AWS", user.2.to_owned()),
            6 => ("Service", self.pick(SERVICES).to_owned()),
            7 => ("CanonicalUser", self.pick(&["a", "b", "c"]).repeat(64)),
            _ => ("Federated", PROVIDER.to_owned()),
        }
    }

    /// The caller's chain, whole or with a gap, among others.
    fn not_principal(&mut self, hint: &Request) -> Value {
        let who = &hint.principal;
        let mut names = Vec::new();
        for name in [&who.arn, &who.role_arn, &who.user_arn] {
            let is_holder = name.contains(":user/") || name.contains(":role/");
            match self.rng.u32(0..100) {
                _ if name.is_empty() => {}
                0..15 if is_holder => names.push(who.unique_id.clone()),
                15..88 => names.push(name.clone()),
                _ => {}
            }
        }
        match self.rng.u32(0..100) {
            0..2 => return "*".into(),
            2..4 => names.push("*".to_owned()),
            _ => {}
        }
        let mut kinds = Map::new();
        if !who.provider.is_empty() {
            kinds.insert("Federated".to_owned(), who.provider.clone().into());
        }
        if let Some(account) = &who.account {
            match self.rng.u32(0..100) {
                0..50 => names.push(account.clone()),
                50..82 => names.push(format!("arn:aws:iam::{account}:root")),
                82..88 => {
                    let letter = match account.as_str() {
                        "111111111111" => "a",
                        "222222222222" => "b",
                        _ => "c",
                    };
                    kinds.insert("CanonicalUser".to_owned(), letter.repeat(64).into());
                }
                _ => {}
            }
        }
        if self.percent(40) || names.is_empty() {
            names.push("arn:aws:iam::333333333333:user/carol".to_owned());
        }
        kinds.insert("AWS".to_owned(), self.one_or_list(names));
        if !who.service.is_empty() {
            kinds.insert("Service".to_owned(), who.service.clone().into());
        }
        Value::Object(kinds)
    }

    // ----- conditions

    fn condition(&mut self, world: &World, hint: &Request) -> Value {
        let mut blocks = Map::new();
        if self.percent(3) {
            // A block without keys holds.
            blocks.insert("StringEquals".to_owned(), json!({}));
        }
        for _ in 0..self.pick_of(&[1, 1, 1, 1, 1, 2, 2, 0]) {
            let (operator, key, values) = self.clause(world, hint);
            let block = blocks.entry(operator).or_insert_with(|| json!({}));
            if let Some(block) = block.as_object_mut() {
                block.insert(key, values);
            }
        }
        Value::Object(blocks)
    }

    /// A condition that makes a policy for everyone non-public, or nearly does (S-9).
    fn pin(&mut self) -> Value {
        let operator = self.pick(&[
            "StringEquals",
            "StringLike",
            "ArnLike",
            "StringEqualsIgnoreCase",
            "StringEqualsIfExists",
            "StringNotEquals",
            "ForAllValues:StringEquals",
            "ForAnyValue:StringEquals",
        ]);
        let (operator, key, value) = match self.rng.u32(0..8) {
            0..3 => {
                let range = self.pick(&[
                    "11.0.0.0/8",
                    "11.0.0.0/7",
                    "10.0.0.0/7",
                    "192.0.2.1",
                    "2001:db8::/32",
                    "2001:db8::/31",
                    "0.0.0.0/0",
                ]);
                (
                    self.pick(&["IpAddress", "IpAddress", "NotIpAddress"]),
                    "aws:SourceIp",
                    range,
                )
            }
            3 => (operator, "aws:SourceVpc", self.pick(&["vpc-1", "vpc-*"])),
            4 => (operator, "aws:PrincipalOrgID", self.pick(&["o-1", "o-?"])),
            5 => (
                operator,
                "aws:userid",
                self.pick(&["AIDABOBBOBBOBBOBBOBB", "AROAX:*"]),
            ),
            6 => {
                let name = self.pick(&[
                    "arn:aws:s3:us-west-2:111111111111:accesspoint/*",
                    "arn:aws:s3:us-west-2:*:accesspoint/a",
                    "arn:aws:s3:::*",
                ]);
                (operator, "s3:DataAccessPointArn", name)
            }
            _ => (
                operator,
                "aws:SourceAccount",
                self.pick(&["111111111111", "${aws:PrincipalAccount}"]),
            ),
        };
        json!({operator: {key: value}})
    }

    fn clause(&mut self, world: &World, hint: &Request) -> (String, String, Value) {
        let derived = self.percent(35);
        let key = match derived {
            true => self.rng.choice(DERIVED),
            false => self.rng.choice(CONTEXT),
        };
        let Some(key) = key else {
            return ("Null".to_owned(), "aws:x".to_owned(), "true".into());
        };
        let context = Context {
            world,
            request: hint,
        };
        let held = match context.value(key.name) {
            Held::One(value) => vec![value],
            Held::Many(values) => values,
            Held::Absent => Vec::new(),
        };
        let family = match (self.percent(5), key.kind) {
            (true, _) => self.pick_of(FAMILIES),
            (false, KeyKind::Number) => &["Numeric", "Numeric", "Date"],
            (false, KeyKind::Time) => &["Date"],
            (false, KeyKind::Truth) => &["Bool", "Bool", "String"],
            (false, KeyKind::Address) => &["Ip"],
            (false, KeyKind::Bytes) => &["Binary", "String"],
            (false, KeyKind::Arn) => &["Arn", "Arn", "String"],
            (false, KeyKind::Text | KeyKind::Many) => &["String"],
        };
        let family = self.pick(family);
        if self.percent(7) {
            let value = self.pick_of(&[json!("true"), json!("false"), json!(true), json!("False")]);
            return ("Null".to_owned(), self.cased(key.name), value);
        }
        let values = self.values(family, key, &held);
        (self.operator(family, key), self.cased(key.name), values)
    }

    fn operator(&mut self, family: &str, key: &Key) -> String {
        let compared = &[
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        ];
        let base = match family {
            "String" => self
                .pick(&[
                    "StringEquals",
                    "StringEquals",
                    "StringNotEquals",
                    "StringEqualsIgnoreCase",
                    "StringNotEqualsIgnoreCase",
                    "StringLike",
                    "StringLike",
                    "StringNotLike",
                ])
                .to_owned(),
            "Arn" => self
                .pick(&["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"])
                .to_owned(),
            "Ip" => self
                .pick(&["IpAddress", "IpAddress", "NotIpAddress"])
                .to_owned(),
            "Bool" => "Bool".to_owned(),
            "Binary" => "BinaryEquals".to_owned(),
            family => format!("{family}{}", self.pick(compared)),
        };
        let set = if key.kind == KeyKind::Many { 80 } else { 6 };
        let prefix = match self.percent(set) {
            true => self.pick(&["ForAllValues:", "ForAnyValue:"]),
            false => "",
        };
        let suffix = if self.percent(15) { "IfExists" } else { "" };
        format!("{prefix}{base}{suffix}")
    }

    fn values(&mut self, family: &str, key: &Key, held: &[String]) -> Value {
        let mut values: Vec<Value> = (0..self.pick_of(&[1, 1, 1, 2, 3]))
            .map(|_| match self.rng.choice(held) {
                Some(value) if self.rng.u32(0..100) < 60 => {
                    let value = value.clone();
                    self.near(family, &value)
                }
                _ => self.far(family, key),
            })
            .collect();
        match values.pop() {
            Some(only) if values.is_empty() && self.percent(60) => only,
            last => {
                values.extend(last);
                if self.percent(1) {
                    values.clear();
                }
                Value::Array(values)
            }
        }
    }

    /// A value that the given one mostly fulfils.
    fn near(&mut self, family: &str, value: &str) -> Value {
        let half: String = value.chars().take(value.chars().count() / 2).collect();
        match (family, self.rng.u32(0..10)) {
            ("String", 0) => format!("{half}*").into(),
            ("String", 1) => value.to_uppercase().into(),
            ("String", 2) => value.replacen(|c: char| c.is_alphanumeric(), "?", 1).into(),
            ("Arn", 0..3) => match value.rsplit_once('/') {
                Some((head, _)) => format!("{head}/*").into(),
                None => format!("{half}*").into(),
            },
            ("Arn", 3) => value.replacen("111111111111", "*", 1).into(),
            ("Arn", 4) => value
                .replacen("111111111111", "${aws:PrincipalAccount}", 1)
                .into(),
            ("Numeric", 0) => format!("{value}.0").into(),
            ("Numeric", 1) => match value.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => value.into(),
            },
            ("Ip", 0..3) if value.contains('.') => format!("{value}/8").into(),
            ("Ip", 0..3) => format!("{value}/32").into(),
            ("Bool", 0) => value.to_uppercase().into(),
            ("Bool", 1) => (value == "true").into(),
            _ => value.into(),
        }
    }

    fn far(&mut self, family: &str, key: &Key) -> Value {
        let own = key.values;
        let pool: &[&'static str] = match family {
            "String" => &[
                "*",
                "a*",
                "${aws:username}",
                "${aws:PrincipalTag/Team}",
                "${aws:PrincipalTag/team, 'blue'}",
                "${aws:nothing}",
                "${aws:nothing,'a'}",
                "${aws:TagKeys}",
                "${aws:TagKeys, 'env'}",
                "${aws:CalledVia, '*'}",
                "${aws:CalledVia,'blue'}",
                "${AWS:PrincipalAccount}*",
                "a${*}c",
                "${$}{x}",
                "${aws:userid}",
                "${aws:username, al}",
                "${aws:username",
                "${}",
                "${$}${*}",
                "",
            ],
            "Arn" => &[
                "arn:aws:iam::*:*",
                "arn:*:*:*:*:*",
                "arn:aws:iam::111111111111:role/*",
                "arn:aws:sns:*:*:*",
                "arn:aws:s3:::${aws:username}",
                "${aws:PrincipalTag/arn}",
                "not-an-arn",
                "arn:aws:iam",
            ],
            "Numeric" => &[
                "0",
                "10",
                "10.5",
                "-1",
                "1000",
                "x",
                "",
                "1e3",
                "+5",
                ".5",
                "5.",
                "inf",
                "NaN",
                " 10",
                "9007199254740993",
            ],
            "Date" => &[
                "2026-01-01T00:00:00Z",
                "2026-01-01T01:00:00+01:00",
                "2025-12-31",
                "2026",
                "2026-06",
                "2026-01-01T00:00Z",
                "2026-01-01T00:00:00.5Z",
                "2026-01-01T00:00:00",
                "2026-02-30",
                "1767225600",
                "-1",
                "soon",
            ],
            "Bool" => &["true", "false", "TRUE", "yes"],
            "Binary" => &["QQ==", "QmluYXJ5", "QR==", "!!"],
            "Ip" => &[
                "10.0.0.0/8",
                "10.0.0.77/24",
                "192.0.2.1",
                "192.0.2.0/33",
                "0.0.0.0/0",
                "11.0.0.0/7",
                "::/0",
                "2001:db8::/32",
                "2001:db8:0:0::1",
                "::ffff:10.0.0.1",
                "192.168.0.0/16",
                "10.0.0",
                " 10.0.0.0/8 ",
                "x",
            ],
            _ => own,
        };
        match (own.is_empty(), self.rng.u32(0..100)) {
            (false, 0..45) => self.pick(own).into(),
            _ if family == "Bool" && self.percent(20) => true.into(),
            _ if family == "Numeric" && self.percent(20) => json!(10),
            _ if family == "Numeric" && self.percent(10) => json!(10.5),
            _ => self.pick(pool).into(),
        }
    }

    fn cased(&mut self, key: &str) -> String {
        match self.rng.u32(0..12) {
            0 => key.to_uppercase(),
            1 => key.to_lowercase(),
            _ => key.to_owned(),
        }
    }
}

/// Where a document is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As an identity, boundary, session or service control policy: without principals.
    Own,
    /// As a resource control policy: for everyone.
    Everyone,
    /// As a bucket policy.
    Bucket,
    /// As a key policy.
    Key,
    /// As a trust policy.
    Trust,
    /// As the policy of a VPC endpoint.
    Endpoint,
}

/// A condition key, and what may be under it.
struct Key {
    name: &'static str,
    kind: KeyKind,
    /// How often a request has it, in percent.
    present: u32,
    values: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Text,
    Arn,
    Number,
    Time,
    Truth,
    Address,
    Bytes,
    Many,
}

const fn key(
    name: &'static str,
    kind: KeyKind,
    present: u32,
    values: &'static [&'static str],
) -> Key {
    Key {
        name,
        kind,
        present,
        values,
    }
}

const FAMILIES: &[&[&str]] = &[
    &["String"],
    &["Arn"],
    &["Numeric"],
    &["Date"],
    &["Bool"],
    &["Binary"],
    &["Ip"],
];

/// Keys that requests bring.
const CONTEXT: &[Key] = &[
    key(
        "aws:SourceIp",
        KeyKind::Address,
        85,
        &[
            "10.0.0.1",
            "10.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
        ],
    ),
    key(
        "aws:SecureTransport",
        KeyKind::Truth,
        90,
        &["true", "true", "false"],
    ),
    key(
        "aws:CurrentTime",
        KeyKind::Time,
        95,
        &[
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5Z",
            "2026-06-15T12:30:00Z",
        ],
    ),
    key(
        "aws:EpochTime",
        KeyKind::Number,
        90,
        &["1767225600", "1781526600"],
    ),
    key(
        "aws:MultiFactorAuthPresent",
        KeyKind::Truth,
        40,
        &["true", "false"],
    ),
    key(
        "aws:MultiFactorAuthAge",
        KeyKind::Number,
        30,
        &["0", "10", "1000", "10.5", "9007199254740992"],
    ),
    key(
        "aws:TokenIssueTime",
        KeyKind::Time,
        40,
        &["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"],
    ),
    key("aws:SourceVpce", KeyKind::Text, 25, &["vpce-1", "vpce-2"]),
    key("aws:SourceVpc", KeyKind::Text, 25, &["vpc-1", "vpc-2"]),
    key(
        "aws:UserAgent",
        KeyKind::Text,
        70,
        &["abc", "a*c", "ABC", "É", ""],
    ),
    key(
        "aws:SourceAccount",
        KeyKind::Text,
        30,
        &["111111111111", "222222222222"],
    ),
    key(
        "aws:SourceArn",
        KeyKind::Arn,
        30,
        &["arn:aws:s3:::src", "arn:aws:sns:us-east-1:1:t:x", "odd"],
    ),
    key(
        "s3:prefix",
        KeyKind::Text,
        40,
        &["", "alice/", "home/alice", "${aws:username}"],
    ),
    key(
        "s3:max-keys",
        KeyKind::Number,
        30,
        &["10", "1000", "010", "x"],
    ),
    key(
        "s3:x-amz-acl",
        KeyKind::Text,
        30,
        &["private", "public-read", "bucket-owner-full-control"],
    ),
    key(
        "s3:ExistingObjectTag/env",
        KeyKind::Text,
        35,
        &["prod", "a", "Prod"],
    ),
    key(
        "s3:DataAccessPointAccount",
        KeyKind::Text,
        15,
        &["111111111111"],
    ),
    key(
        "s3:DataAccessPointArn",
        KeyKind::Arn,
        15,
        &[
            "arn:aws:s3:us-west-2:111111111111:accesspoint/a",
            "arn:aws:s3:us-west-2:111111111111:accesspoint/*",
            "arn:aws:s3:us-west-2:*:accesspoint/a",
            "arn:aws:s3:::*",
            "arn:aws:s3:::a",
            "odd",
        ],
    ),
    key("sts:ExternalId", KeyKind::Text, 45, &["e-1", "e-2"]),
    key(
        "kms:EncryptionContext:aws:s3:arn",
        KeyKind::Arn,
        50,
        &["arn:aws:s3:::data", "arn:aws:s3:::data/x"],
    ),
    key(
        "kms:EncryptionContext:tenant",
        KeyKind::Text,
        30,
        &["7", "8"],
    ),
    key(
        "kms:ViaService",
        KeyKind::Text,
        40,
        &["s3.us-east-1.amazonaws.com"],
    ),
    key(
        "aws:PrincipalIsAWSService",
        KeyKind::Truth,
        50,
        &["true", "false"],
    ),
    key("saml:x", KeyKind::Bytes, 30, &["QQ==", "QmluYXJ5", "!!"]),
    key(
        "aws:TagKeys",
        KeyKind::Many,
        55,
        &["env", "team", "a", "a*c"],
    ),
    key(
        "aws:CalledVia",
        KeyKind::Many,
        30,
        &["s3.amazonaws.com", "ec2.amazonaws.com"],
    ),
    key(
        "s3:RequestObjectTagKeys",
        KeyKind::Many,
        30,
        &["env", "Env"],
    ),
    key("aws:nothing", KeyKind::Text, 0, &["a", "b"]),
];

/// Keys that follow from the caller and the owner.
const DERIVED: &[Key] = &[
    key(
        "aws:PrincipalArn",
        KeyKind::Arn,
        0,
        &["arn:aws:iam::111111111111:user/alice"],
    ),
    key("aws:PrincipalAccount", KeyKind::Text, 0, ACCOUNTS),
    key(
        "aws:PrincipalType",
        KeyKind::Text,
        0,
        &["User", "AssumedRole", "Account", "Anonymous"],
    ),
    key(
        "aws:userid",
        KeyKind::Text,
        0,
        &[
            "AIDAALICEALICEALICEA",
            "AROAAPPAPPAPPAPPAPPA:s1",
            "anonymous",
        ],
    ),
    key("aws:username", KeyKind::Text, 0, &["alice", "amy"]),
    key("aws:PrincipalTag/team", KeyKind::Text, 0, &["blue", "a*"]),
    key("aws:PrincipalOrgID", KeyKind::Text, 0, &["o-1", "o-2"]),
    key("aws:ResourceAccount", KeyKind::Text, 0, ACCOUNTS),
    key("s3:ResourceAccount", KeyKind::Text, 0, ACCOUNTS),
];
