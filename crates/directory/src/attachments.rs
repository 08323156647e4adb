//! Managed policies on users, groups and roles. AWS: Adding and removing IAM identity permissions.
use catalog::{IamEntity, iam};
use gate::Permit;

use crate::Directory;
use crate::entities::{Holder, find, within};
use crate::entity_error::{EntityError, NoSuchEntity};
use crate::policies::{PolicyView, check_attachable, policy_view};
use crate::quotas;
use crate::snapshot::{AccountState, name_key};
use crate::state::{Group, Role, User};
use crate::store::View;

fn attach<E: Holder>(view: View<'_>, holder: &mut E, arn: &str) -> Result<(), EntityError> {
    check_attachable(view.account, arn)?;
    if !holder.attached().iter().any(|attached| attached == arn) {
        holder.attached_mut().push(arn.to_owned());
    }
    within(
        (E::ATTACHED_QUOTA, quotas::POLICIES_PER_ENTITY),
        holder.attached().len(),
    )
}

fn detach<E: Holder>(holder: &mut E, arn: &str) -> Result<(), EntityError> {
    if !holder.attached().iter().any(|attached| attached == arn) {
        return Err(NoSuchEntity::Policy(arn.to_owned()).into());
    }
    holder.attached_mut().retain(|attached| attached != arn);
    Ok(())
}

/// The policies with these ARNs, in order of names.
pub(crate) fn attached_views(state: &AccountState, arns: &[String]) -> Vec<PolicyView> {
    let mut views: Vec<_> = arns
        .iter()
        .filter_map(|arn| policy_view(state, arn))
        .collect();
    views.sort_by_cached_key(|view| (name_key(&view.name), view.arn.clone()));
    views
}

impl Directory {
    fn attached<E: Holder>(
        &self,
        entity: &IamEntity,
        path_prefix: &str,
    ) -> Result<Vec<PolicyView>, EntityError> {
        let state = self.account_state(entity.account)?;
        let holder = find::<E>(&state, entity)?;
        let mut views = attached_views(&state, holder.attached());
        views.retain(|view| view.path.starts_with(path_prefix));
        Ok(views)
    }
}

macro_rules! attachment_methods {
    ($($type:ident, $word:literal: $attach:ident $Attach:ident, $detach:ident $Detach:ident, $list:ident $List:ident;)*) => {
        impl Directory {$(
            #[doc = concat!("Attaches a managed policy to a ", $word, "; again is no error.")]
            ///
            /// # Errors
            /// `NoSuchEntity`, `LimitExceeded`, `InvalidInput`, `ValidationError`.
            pub async fn $attach(
                &self,
                permit: &Permit<iam::$Attach>,
                policy_arn: &str,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |view, holder| {
                    attach(view, holder, policy_arn)
                })
                .await
            }

            #[doc = concat!("Detaches a managed policy from a ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`, also when it is not attached.
            pub async fn $detach(
                &self,
                permit: &Permit<iam::$Detach>,
                policy_arn: &str,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, holder| detach(holder, policy_arn))
                    .await
            }

            #[doc = concat!("The managed policies on a ", $word, " whose path begins with `path_prefix`, in order of names.")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub fn $list(
                &self,
                permit: &Permit<iam::$List>,
                path_prefix: &str,
            ) -> Result<Vec<PolicyView>, EntityError> {
                self.attached::<$type>(permit.resource(), path_prefix)
            }
        )*}
    };
}
attachment_methods! {
    User, "user": attach_user_policy AttachUserPolicy, detach_user_policy DetachUserPolicy,
        list_attached_user_policies ListAttachedUserPolicies;
    Group, "group": attach_group_policy AttachGroupPolicy, detach_group_policy DetachGroupPolicy,
        list_attached_group_policies ListAttachedGroupPolicies;
    Role, "role": attach_role_policy AttachRolePolicy, detach_role_policy DetachRolePolicy,
        list_attached_role_policies ListAttachedRolePolicies;
}
