//! From an access key to an identity: what the directory adds to a decision.
use std::sync::Arc;

use catalog::{AccountId, sts};
use directory::{
    Directory, Found, ManagedPolicy, NewAccount, NewRoleSession, PolicyVersion, Record, Role,
    TemporaryCredentials,
};
use gate::{Ask, AskSet, Identity, SystemTask};
use jiff::Timestamp;
use policy::{Policy, PolicyKind};

use crate::gates::{at_once, request_facts};
use crate::rules::document;
use crate::table::{Goal, Row, Table};
use crate::worlds::{self, role_with_policies};
use crate::{Bench, allocations};

const POLICIES: usize = 100;

/// A directory in memory, and the credentials of a session of its last role.
pub struct World {
    pub directory: Directory,
    pub runtime: tokio::runtime::Runtime,
    pub account: AccountId,
    credentials: TemporaryCredentials,
}

impl World {
    /// So many accounts, of which the last has so many roles with a hundred policies each.
    pub fn new(accounts: usize, roles: usize) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let (directory, account, credentials) = runtime.block_on(async {
            let directory = Directory::danger_in_memory().await.expect("a directory");
            let system = directory
                .danger_gate()
                .system(SystemTask::AdministerAccounts);
            let mut account = id(0);
            for number in 0..accounts {
                account = id(number);
                let new = NewAccount {
                    id: Some(account),
                    name: format!("number {number}"),
                    email: None,
                };
                directory
                    .create_account(&system, new)
                    .await
                    .expect("an account");
            }
            let mut records: Vec<Record> = (0..POLICIES).map(|at| managed(at, 0)).collect();
            records.extend((0..roles).map(|number| role(account, number)));
            directory
                .danger_put(account, records)
                .await
                .expect("records");
            let credentials = assume(&directory, account, roles - 1).await;
            (directory, account, credentials)
        });
        World {
            directory,
            runtime,
            account,
            credentials,
        }
    }

    pub fn lookup(&self) -> Found {
        let key = &self.credentials.access_key_id;
        let token = Some(self.credentials.session_token.as_str());
        let found = self.directory.lookup(key, token, Timestamp::UNIX_EPOCH);
        found.expect("the credentials are good")
    }

    pub fn identity(&self, found: &Found) -> Identity {
        self.directory.identity(found, "s3").expect("an identity")
    }
}

fn id(number: usize) -> AccountId {
    AccountId::parse(&format!("{:012}", 100_000_000_000 + number)).expect("an account")
}

/// A managed policy; `round` makes its document a new one.
pub fn managed(number: usize, round: usize) -> Record {
    let world = role_with_policies(round);
    let text = document(&world.identity[number]);
    let policy = Policy::parse(PolicyKind::Managed, &text).expect("a policy");
    Record::from(ManagedPolicy {
        id: format!("ANPA{number:017}"),
        name: format!("p{number}"),
        path: "/".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        updated: Timestamp::UNIX_EPOCH,
        description: None,
        tags: Vec::new(),
        versions: vec![PolicyVersion {
            number: 1,
            created: Timestamp::UNIX_EPOCH,
            document: Arc::new(policy),
        }],
        default_version: 1,
        next_version: 2,
    })
}

fn role(account: AccountId, number: usize) -> Record {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    Record::from(Role {
        id: format!("AROA{number:017}"),
        name: format!("worker-{number}"),
        path: "/".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        description: None,
        session_seconds_max: 3600,
        trust: Arc::new(Policy::parse(PolicyKind::Trust, &trust).expect("a policy")),
        tags: Vec::new(),
        boundary: None,
        inline: Vec::new(),
        attached: (0..POLICIES)
            .map(|at| format!("arn:aws:iam::{account}:policy/p{at}"))
            .collect(),
    })
}

async fn assume(directory: &Directory, account: AccountId, number: usize) -> TemporaryCredentials {
    let all =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let mut caller = worlds::same_account().asker.caller();
    caller.account = Some(account);
    let identity = Identity {
        caller,
        policies: [worlds::attached("all", all)].into(),
        ..Identity::anonymous()
    };
    let request = request_facts(&worlds::same_account().asked);
    let judge = directory
        .danger_gate()
        .danger_judge_unverified(identity, request);
    let arn = format!("arn:aws:iam::{account}:role/worker-{number}");
    let ask = Ask::<sts::AssumeRole>::on(catalog::Role { arn });
    let permit = at_once(ask.admit(&judge)).expect("a permit");
    let (_, role) = directory.role_to_assume(&permit).expect("a role");
    let session = NewRoleSession {
        name: "nightly".to_owned(),
        seconds: 3600,
        policy: None,
        policy_arns: Vec::new(),
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
    };
    directory
        .assume_role(&permit, &role, session)
        .expect("credentials")
}

pub fn measure(bench: &mut Bench, table: &mut Table) {
    let mut alone_ns = None;
    for (name, title, accounts, roles) in [
        ("identity-1-1", "1 account, 1 role", 1, 1),
        ("identity-1-1000", "1 account, 1,000 roles", 1, 1_000),
        ("identity-1000-1", "1,000 accounts, 1 role", 1_000, 1),
    ] {
        let world = World::new(accounts, roles);
        let found = world.lookup();
        assert_eq!(world.identity(&found).policies.len(), POLICIES);
        let ours_ns = bench.median(name, || world.identity(&found));
        let alone = *alone_ns.get_or_insert(ours_ns);
        table.add(Row {
            work: format!("directory, from key to identity with {POLICIES} policies: {title}"),
            ours_ns,
            cedar_ns: None,
            allocations: Some(allocations::per_run(|| world.identity(&found))),
            goal: Goal {
                at_most: (alone != ours_ns).then_some((1.5, alone)),
                ..Goal::default()
            },
        });
    }
}
