//! Permissions boundaries of users and roles. AWS: Permissions boundaries for IAM entities.
use catalog::iam;
use gate::Permit;

use crate::Directory;
use crate::entities::Bounded;
use crate::entity_error::{EntityError, InvalidInput};
use crate::policies::check_attachable;
use crate::snapshot::AccountState;
use crate::state::{Role, User};
use crate::store::View;

/// A boundary is the ARN of a managed policy that the account may attach.
pub(crate) fn check_boundary(state: &AccountState, arn: Option<&str>) -> Result<(), EntityError> {
    let Some(arn) = arn else {
        return Ok(());
    };
    check_attachable(state, arn).map_err(|error| match error {
        EntityError::InvalidArn | EntityError::InvalidInput(_) => {
            InvalidInput::PermissionsBoundary(arn.to_owned()).into()
        }
        other => other,
    })
}

fn put<E: Bounded>(view: View<'_>, entity: &mut E, arn: &str) -> Result<(), EntityError> {
    check_boundary(view.account, Some(arn))?;
    *entity.boundary_mut() = Some(arn.to_owned());
    Ok(())
}

macro_rules! boundary_methods {
    ($($type:ident, $word:literal: $put:ident $Put:ident, $delete:ident $Delete:ident;)*) => {
        impl Directory {$(
            #[doc = concat!("Sets the permissions boundary of a ", $word, ".")]
            ///
            /// # Errors
            /// `NoSuchEntity`, `InvalidInput`.
            pub async fn $put(
                &self,
                permit: &Permit<iam::$Put>,
                policy_arn: &str,
            ) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |view, entity| put(view, entity, policy_arn))
                    .await
            }

            #[doc = concat!("Takes the permissions boundary from a ", $word, "; without one nothing happens.")]
            ///
            /// # Errors
            /// `NoSuchEntity`.
            pub async fn $delete(&self, permit: &Permit<iam::$Delete>) -> Result<(), EntityError> {
                self.update::<$type>(permit.resource(), |_, entity| {
                    *entity.boundary_mut() = None;
                    Ok(())
                })
                .await
            }
        )*}
    };
}
boundary_methods! {
    User, "user": put_user_permissions_boundary PutUserPermissionsBoundary,
        delete_user_permissions_boundary DeleteUserPermissionsBoundary;
    Role, "role": put_role_permissions_boundary PutRolePermissionsBoundary,
        delete_role_permissions_boundary DeleteRolePermissionsBoundary;
}
