//! Inline policies of users, groups and roles. AWS: Managed policies and inline policies.
use std::sync::Arc;

use catalog::{IamEntity, iam};
use gate::Permit;
use policy::{Policy, PolicyKind, size_for_quota};

use crate::Directory;
use crate::entities::{Holder, find};
use crate::entity_error::{EntityError, LimitExceeded};
use crate::state::{Group, InlinePolicy, Role, User};

fn put<E: Holder>(holder: &mut E, name: &str, document: &str) -> Result<(), EntityError> {
    let policy = Policy::parse(PolicyKind::Identity, document)?;
    let new = InlinePolicy {
        name: name.to_owned(),
        document: Arc::new(policy),
    };
    let policies = holder.inline_mut();
    match policies.binary_search_by(|policy| policy.name.as_str().cmp(name)) {
        Ok(at) => {
            policies.splice(at..=at, [new]);
        }
        Err(at) => policies.insert(at, new),
    }
    let sizes = policies.iter().map(|p| size_for_quota(p.document.text()));
    if sizes.sum::<usize>() > E::INLINE_SIZE_MAX {
        return Err(LimitExceeded::InlinePolicySize {
            size_max: E::INLINE_SIZE_MAX,
            kind: E::WORD,
            name: holder.name().to_owned(),
        }
        .into());
    }
    Ok(())
}

impl Directory {
    fn inline<E: Holder>(
        &self,
        entity: &IamEntity,
        name: &str,
    ) -> Result<Arc<Policy>, EntityError> {
        let holder = find::<E>(&*self.account_state(entity.account)?, entity)?;
        match holder.inline().iter().find(|policy| policy.name == name) {
            Some(policy) => Ok(policy.document.clone()),
            None => Err(E::missing_inline(name).into()),
        }
    }

    fn inline_names<E: Holder>(&self, entity: &IamEntity) -> Result<Vec<String>, EntityError> {
        let holder = find::<E>(&*self.account_state(entity.account)?, entity)?;
        let names = holder.inline().iter().map(|policy| policy.name.clone());
        Ok(names.collect())
    }
}

macro_rules! inline_policy_methods {
    ($($type:ident, $word:literal: $put:ident $Put:ident, $get:ident $Get:ident, $delete:ident $Delete:ident, $list:ident $List:ident;)*) => {
        impl Directory {$(
            #[doc = concat!("Writes an inline policy of a ", $word, ", new or in place of the old one.")]
            ///
            /// # Errors
            /// `NoSuchEntity`, `MalformedPolicyDocument`, `LimitExceeded`.
            pub async fn $put(
                &self,
                permit: &Permit<iam::$Put>,
                name: &str,
                document: &str,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, holder| put(holder, name, document))
                    .await
            }

            #[doc = concat!("An inline policy of a ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub fn $get(
                &self,
                permit: &Permit<iam::$Get>,
                name: &str,
            ) -> Result<Arc<Policy>, EntityError> {
                self.inline::<$type>(permit.resource(), name)
            }

            #[doc = concat!("Deletes an inline policy of a ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub async fn $delete(
                &self,
                permit: &Permit<iam::$Delete>,
                name: &str,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, holder| {
                    let count = holder.inline.len();
                    holder.inline.retain(|policy| policy.name != name);
                    if holder.inline.len() == count {
                        return Err(<$type as Holder>::missing_inline(name).into());
                    }
                    Ok(())
                })
                .await
            }

            #[doc = concat!("Names of the inline policies of a ", $word, ", in order.")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub fn $list(&self, permit: &Permit<iam::$List>) -> Result<Vec<String>, EntityError> {
                self.inline_names::<$type>(permit.resource())
            }
        )*}
    };
}
inline_policy_methods! {
    User, "user": put_user_policy PutUserPolicy, get_user_policy GetUserPolicy,
        delete_user_policy DeleteUserPolicy, list_user_policies ListUserPolicies;
    Group, "group": put_group_policy PutGroupPolicy, get_group_policy GetGroupPolicy,
        delete_group_policy DeleteGroupPolicy, list_group_policies ListGroupPolicies;
    Role, "role": put_role_policy PutRolePolicy, get_role_policy GetRolePolicy,
        delete_role_policy DeleteRolePolicy, list_role_policies ListRolePolicies;
}
