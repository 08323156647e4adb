//! Keys that signatures are compared with, derived once a day and scope instead of once a request.
//!
//! Whether an access key may still be used is not asked here but of the directory, with every
//! request. What is kept follows from a secret and a scope alone, so it is never out of date.
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use wire::sigv4::{Scope, Secret, SigningKey};

/// How many keys are kept: one for each secret, day, region and service in use. Others push out
/// what lies in the same place.
const SLOTS: usize = 4096;

/// A bounded table without locks.
pub(super) struct SigningKeys {
    slots: Box<[ArcSwapOption<Kept>]>,
    hasher: RandomState,
}

struct Kept {
    secret: Secret,
    scope: Scope,
    key: SigningKey,
}

impl SigningKeys {
    pub(super) fn new() -> SigningKeys {
        SigningKeys {
            slots: (0..SLOTS).map(|_| ArcSwapOption::empty()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The signing key of a secret for a scope.
    pub(super) fn of(&self, secret: &str, scope: &Scope) -> SigningKey {
        // The hash is keyed, so nobody can choose what shares a place.
        let place = self.hasher.hash_one((secret, scope)) as usize % SLOTS;
        let Some(slot) = self.slots.get(place) else {
            return Secret::new(secret).signing_key(scope);
        };
        let kept = slot.load();
        if let Some(kept) = kept.as_ref()
            && kept.scope == *scope
            && kept.secret.is(secret)
        {
            return kept.key.clone();
        }
        let secret = Secret::new(secret);
        let key = secret.signing_key(scope);
        slot.store(Some(Arc::new(Kept {
            secret,
            scope: scope.clone(),
            key: key.clone(),
        })));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(date: &str, region: &str) -> Scope {
        Scope {
            date: date.to_owned(),
            region: region.to_owned(),
            service: "s3".to_owned(),
        }
    }

    #[test]
    fn every_secret_and_scope_has_its_own_key() {
        let keys = SigningKeys::new();
        let (monday, tuesday) = (
            scope("20261130", "eu-west-1"),
            scope("20261201", "eu-west-1"),
        );
        let elsewhere = scope("20261130", "us-east-1");
        for _ in 0..2 {
            for secret in ["one", "two"] {
                for scope in [&monday, &tuesday, &elsewhere] {
                    let wanted = Secret::new(secret).signing_key(scope).sign(b"text");
                    assert_eq!(keys.of(secret, scope).sign(b"text"), wanted);
                }
            }
        }
    }

    #[test]
    fn more_secrets_than_places_are_all_right() {
        let keys = SigningKeys::new();
        let scope = scope("20261130", "us-east-1");
        for number in 0..2 * SLOTS {
            let secret = number.to_string();
            let wanted = Secret::new(&secret).signing_key(&scope).sign(b"text");
            assert_eq!(keys.of(&secret, &scope).sign(b"text"), wanted);
        }
    }
}
