//! Tags of users, roles, policies and instance profiles. AWS: Tags for IAM resources.
use catalog::{IamEntity, iam};
use gate::Permit;

use crate::Directory;
use crate::entities::{Tagged, find, within};
use crate::entity_error::{EntityError, InvalidInput};
use crate::policies::own_policy;
use crate::quotas;
use crate::state::{InstanceProfile, ManagedPolicy, Role, Tags, User};
use crate::store::View;

/// Tags of a request: no key twice, ignoring case, and none of AWS's own.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), EntityError> {
    for (index, (key, _)) in tags.iter().enumerate() {
        if is_reserved(key) {
            return Err(InvalidInput::ReservedTagKey.into());
        }
        if tags
            .iter()
            .skip(index + 1)
            .any(|(other, _)| same_key(key, other))
        {
            return Err(InvalidInput::DuplicateTagKeys.into());
        }
    }
    Ok(())
}

fn is_reserved(key: &str) -> bool {
    key.get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Adds tags; one with a known key, ignoring case, gets the new spelling and value.
fn merge<E: Tagged>(entity: &mut E, tags: &Tags) -> Result<(), EntityError> {
    check_tags(tags)?;
    for (key, value) in tags {
        let own = entity.tags_mut();
        match own.iter_mut().find(|(known, _)| same_key(known, key)) {
            Some(tag) => *tag = (key.clone(), value.clone()),
            None => own.push((key.clone(), value.clone())),
        }
    }
    within(
        (E::TAGS_QUOTA, quotas::TAGS_PER_ENTITY),
        entity.tags_mut().len(),
    )
}

/// Removes tags; keys that are not there are no error.
fn remove<E: Tagged>(entity: &mut E, keys: &[String]) {
    entity
        .tags_mut()
        .retain(|(known, _)| !keys.iter().any(|key| same_key(key, known)));
}

impl Directory {
    fn tags_of<E: Tagged>(&self, entity: &IamEntity) -> Result<Tags, EntityError> {
        let state = self.account_state(entity.account)?;
        Ok(find::<E>(&state, entity)?.tags().to_vec())
    }

    async fn change_policy_tags(
        &self,
        entity: &IamEntity,
        change: impl FnOnce(&mut ManagedPolicy) -> Result<(), EntityError>,
    ) -> Result<(), EntityError> {
        self.change(entity.account, |view: View<'_>, changes| {
            let mut policy = own_policy(view.account, entity)?.as_ref().clone();
            change(&mut policy)?;
            changes.put(policy);
            Ok(())
        })
        .await
    }

    /// The tags of a policy, its own or AWS's.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_policy_tags(
        &self,
        permit: &Permit<iam::ListPolicyTags>,
    ) -> Result<Tags, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        Ok(crate::policies::described(&state, permit.resource())?.tags)
    }

    /// Adds tags to a policy.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`, `LimitExceeded`.
    pub async fn tag_policy(
        &self,
        permit: &Permit<iam::TagPolicy>,
        tags: &Tags,
    ) -> Result<(), EntityError> {
        self.change_policy_tags(permit.resource(), |policy| merge(policy, tags))
            .await
    }

    /// Removes tags from a policy.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub async fn untag_policy(
        &self,
        permit: &Permit<iam::UntagPolicy>,
        keys: &[String],
    ) -> Result<(), EntityError> {
        self.change_policy_tags(permit.resource(), |policy| {
            remove(policy, keys);
            Ok(())
        })
        .await
    }
}

macro_rules! tag_methods {
    ($($type:ident, $word:literal: $list:ident $List:ident, $tag:ident $Tag:ident, $untag:ident $Untag:ident;)*) => {
        impl Directory {$(
            #[doc = concat!("The tags of ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub fn $list(&self, permit: &Permit<iam::$List>) -> Result<Tags, EntityError> {
                self.tags_of::<$type>(permit.resource())
            }

            #[doc = concat!("Adds tags to ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`, `InvalidInput`, `LimitExceeded`.
            pub async fn $tag(
                &self,
                permit: &Permit<iam::$Tag>,
                tags: &Tags,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, entity| merge(entity, tags)).await
            }

            #[doc = concat!("Removes tags from ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub async fn $untag(
                &self,
                permit: &Permit<iam::$Untag>,
                keys: &[String],
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, entity| {
                    remove(entity, keys);
                    Ok(())
                })
                .await
            }
        )*}
    };
}
tag_methods! {
    User, "a user": list_user_tags ListUserTags, tag_user TagUser, untag_user UntagUser;
    Role, "a role": list_role_tags ListRoleTags, tag_role TagRole, untag_role UntagRole;
    InstanceProfile, "an instance profile":
        list_instance_profile_tags ListInstanceProfileTags,
        tag_instance_profile TagInstanceProfile,
        untag_instance_profile UntagInstanceProfile;
}
