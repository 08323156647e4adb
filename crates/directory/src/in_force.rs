//! The policies in force for a user or role, put together once and not for each request.
//!
//! Beside each user and role stands a slot, new with each version of its record. What it holds is
//! good for one state of the account's groups and managed policies, which have numbers: nobody has
//! to know who depends on what, and what an old snapshot leaves in a slot is seen to be old.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use policy::AttachedPolicy;
use rpds::HashTrieMapSync;

/// What a principal's own side of a decision is made of.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub policies: Arc<[AttachedPolicy]>,
    pub boundary: Option<AttachedPolicy>,
}

/// With the state of groups and managed policies that it was put together from.
#[derive(Debug)]
struct Kept {
    shared: u64,
    in_force: InForce,
}

/// The slots of an account's users and roles, by unique id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    slots: HashTrieMapSync<String, Arc<ArcSwapOption<Kept>>>,
    /// The number of this state of groups and managed policies.
    shared: u64,
}

/// No two states have the same number, whichever copy of a snapshot they were made from: a change
/// that is tried on a copy must not be taken for one that happened.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Slots {
    /// The record of a user or role is new.
    pub fn renew(&mut self, id: &str) {
        self.slots.insert_mut(id.to_owned(), Arc::default());
    }

    /// A user or role is gone.
    pub fn remove(&mut self, id: &str) {
        self.slots.remove_mut(id);
    }

    /// A group or managed policy is new, changed or gone.
    pub fn note_shared(&mut self) {
        self.shared = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    /// What is in force for the principal; `gather` puts it together if nobody has.
    pub fn get<E>(
        &self,
        id: &str,
        gather: impl FnOnce() -> Result<InForce, E>,
    ) -> Result<InForce, E> {
        let Some(slot) = self.slots.get(id) else {
            return gather();
        };
        if let Some(kept) = &*slot.load()
            && kept.shared == self.shared
        {
            return Ok(kept.in_force.clone());
        }
        let in_force = gather()?;
        slot.store(Some(Arc::new(Kept {
            shared: self.shared,
            in_force: in_force.clone(),
        })));
        Ok(in_force)
    }
}

#[cfg(test)]
mod tests {
    use catalog::{AccountId, CanonicalUserId, EntityKind};
    use jiff::Timestamp;
    use policy::{Policy, PolicyKind};
    use proptest::prelude::*;

    use super::*;
    use crate::credentials::{CredentialError, of_role, of_user};
    use crate::snapshot::{AccountState, Change, Snapshot};
    use crate::state::{
        Account, AccountStatus, Group, InlinePolicy, ManagedPolicy, PolicyVersion, Record, Role,
        User,
    };

    fn account() -> AccountId {
        AccountId::parse("111122223333").unwrap()
    }

    /// Documents that can be told apart.
    fn document(kind: PolicyKind, mark: u8) -> Arc<Policy> {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Sid":"m{mark}","Effect":"Allow","Action":"*","Resource":"*"}}}}"#
        );
        Arc::new(Policy::load(kind, &text).unwrap())
    }

    fn inline(mark: Option<u8>) -> Vec<InlinePolicy> {
        let inline = mark.map(|mark| InlinePolicy {
            name: "own".to_owned(),
            document: document(PolicyKind::Identity, mark),
        });
        inline.into_iter().collect()
    }

    fn arn(number: u8) -> String {
        format!("arn:aws:iam::{}:policy/p{number}", account())
    }

    fn managed(number: u8, mark: u8) -> Record {
        Record::from(ManagedPolicy {
            id: format!("ANPA{number}"),
            name: format!("p{number}"),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            description: None,
            tags: Vec::new(),
            versions: vec![PolicyVersion {
                number: 1,
                created: Timestamp::UNIX_EPOCH,
                document: document(PolicyKind::Managed, mark),
            }],
            default_version: 1,
            next_version: 2,
        })
    }

    fn user(own: Option<u8>, group: bool, attached: Option<u8>, boundary: Option<u8>) -> Record {
        Record::from(User {
            id: "AIDA1".to_owned(),
            name: "al".to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            boundary: boundary.map(arn),
            inline: inline(own),
            attached: attached.map(arn).into_iter().collect(),
            groups: group.then(|| "AGPA1".to_owned()).into_iter().collect(),
            access_keys: Vec::new(),
        })
    }

    fn role(own: Option<u8>, attached: Option<u8>, boundary: Option<u8>) -> Record {
        Record::from(Role {
            id: "AROA1".to_owned(),
            name: "web".to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            description: None,
            session_seconds_max: 3600,
            trust: document(PolicyKind::Identity, 0),
            tags: Vec::new(),
            boundary: boundary.map(arn),
            inline: inline(own),
            attached: attached.map(arn).into_iter().collect(),
        })
    }

    fn group(own: Option<u8>, attached: Option<u8>) -> Record {
        Record::from(Group {
            id: "AGPA1".to_owned(),
            name: "team".to_owned(),
            path: "/".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            inline: inline(own),
            attached: attached.map(arn).into_iter().collect(),
        })
    }

    fn change() -> impl Strategy<Value = Change> {
        let mark = || prop::option::of(0..4_u8);
        let number = || prop::option::of(0..3_u8);
        let put = prop_oneof![
            (0..3_u8, 0..4_u8).prop_map(|(number, mark)| managed(number, mark)),
            (mark(), any::<bool>(), number(), number())
                .prop_map(|(own, g, a, b)| user(own, g, a, b)),
            (mark(), number(), number()).prop_map(|(own, a, b)| role(own, a, b)),
            (mark(), number()).prop_map(|(own, a)| group(own, a)),
        ];
        let gone = prop_oneof![
            (0..3_u8).prop_map(|number| (EntityKind::Policy, format!("ANPA{number}"))),
            Just((EntityKind::User, "AIDA1".to_owned())),
            Just((EntityKind::Role, "AROA1".to_owned())),
            Just((EntityKind::Group, "AGPA1".to_owned())),
        ];
        prop_oneof![
            5 => put.prop_map(Change::Put),
            1 => gone.prop_map(|(kind, id)| Change::Delete { kind, id }),
        ]
    }

    /// What is in force, as text.
    fn shown(found: Result<InForce, CredentialError>) -> Result<Vec<String>, String> {
        let InForce { policies, boundary } = found.map_err(|error| error.to_string())?;
        let all = policies.iter().chain(&boundary);
        Ok(all
            .map(|attached| format!("{:?} {}", attached.source, attached.policy.text()))
            .collect())
    }

    fn check(state: &AccountState) {
        if let Some(user) = state.by_id::<User>("AIDA1") {
            let kept = state.in_force(&user.id, || of_user(state, user));
            assert_eq!(shown(kept), shown(of_user(state, user)));
        }
        if let Some(role) = state.by_id::<Role>("AROA1") {
            let kept = state.in_force(&role.id, || of_role(state, role));
            assert_eq!(shown(kept), shown(of_role(state, role)));
        }
    }

    fn state(snapshot: &Snapshot) -> &AccountState {
        snapshot.account(account()).unwrap()
    }

    fn empty() -> Snapshot {
        let record = Record::from(Account {
            id: account(),
            name: "one".to_owned(),
            email: None,
            canonical_id: CanonicalUserId::parse(&"a".repeat(64)).unwrap(),
            created_at: Timestamp::UNIX_EPOCH,
            status: AccountStatus::Active,
            alias: None,
            access_keys: Vec::new(),
        });
        let mut snapshot = Snapshot::default();
        snapshot.apply(account(), vec![Change::Put(record)]);
        snapshot
    }

    proptest! {
        /// Whatever changes, also on copies that are thrown away, and whoever still reads an old
        /// snapshot: what is kept is what the records say.
        #[test]
        fn what_is_kept_is_what_the_records_say(
            steps in prop::collection::vec((change(), 0..4_u8), 1..40)
        ) {
            let mut snapshot = empty();
            let mut old = snapshot.clone();
            for (change, kind) in steps {
                let mut next = snapshot.clone();
                next.apply(account(), vec![change]);
                check(state(&next));
                check(state(&old));
                check(state(&snapshot));
                if kind > 0 {
                    old = std::mem::replace(&mut snapshot, next);
                }
                check(state(&snapshot));
            }
        }
    }

    #[test]
    fn what_is_in_force_is_put_together_once() {
        let mut snapshot = empty();
        snapshot.apply(
            account(),
            vec![Change::Put(user(Some(1), false, None, None))],
        );
        let mut gathered = 0;
        for _ in 0..3 {
            let state = state(&snapshot);
            let user = state.by_id::<User>("AIDA1").unwrap();
            state
                .in_force(&user.id, || {
                    gathered += 1;
                    of_user(state, user)
                })
                .unwrap();
        }
        assert_eq!(gathered, 1);
    }
}
