//! What the policy simulator wants to know of a user, group or role: its policies as they are now.
use std::sync::Arc;

use catalog::{EntityKind, IamEntity, iam};
use gate::Permit;
use policy::{AttachedPolicy, Caller, CallerKind, Policy};

use crate::Directory;
use crate::credentials::{self, CredentialError};
use crate::entities::find;
use crate::entity_error::EntityError;
use crate::snapshot::AccountState;
use crate::state::{Entity, Group, Role, User};

/// A user, group or role with the policies in force for it.
#[derive(Debug)]
pub struct SimulatedPrincipal {
    /// Which of the three it is.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// The caller that it is: of a role, a session without a name; `None` for a group, which calls
    /// nothing.
    pub caller: Option<Caller>,
    /// Inline, managed and, for users, group policies.
    pub policies: Vec<AttachedPolicy>,
    /// The permissions boundary.
    pub boundary: Option<AttachedPolicy>,
}

impl Directory {
    /// The user, group or role whose policies may be simulated.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn simulate_principal_policy(
        &self,
        permit: &Permit<iam::SimulatePrincipalPolicy>,
    ) -> Result<SimulatedPrincipal, EntityError> {
        let entity = permit.resource();
        principal(&*self.account_state(entity.account)?, entity)
    }

    /// The policies of a user, group or role; its boundary is none of them.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_context_keys_for_principal_policy(
        &self,
        permit: &Permit<iam::GetContextKeysForPrincipalPolicy>,
    ) -> Result<Vec<Arc<Policy>>, EntityError> {
        let entity = permit.resource();
        let found = principal(&*self.account_state(entity.account)?, entity)?;
        let policies = found.policies.into_iter();
        Ok(policies.map(|attached| attached.policy).collect())
    }
}

fn principal(state: &AccountState, entity: &IamEntity) -> Result<SimulatedPrincipal, EntityError> {
    match entity.kind {
        EntityKind::User => {
            let user = find::<User>(state, entity)?;
            let identity = credentials::user(state, &user.id).map_err(broken)?;
            Ok(SimulatedPrincipal {
                kind: EntityKind::User,
                name: user.name.clone(),
                caller: Some(identity.caller),
                policies: identity.policies.to_vec(),
                boundary: identity.boundary,
            })
        }
        EntityKind::Group => {
            let group = find::<Group>(state, entity)?;
            let mut policies = Vec::new();
            credentials::add_group_policies(state, &group, &mut policies).map_err(broken)?;
            Ok(SimulatedPrincipal {
                kind: EntityKind::Group,
                name: group.name.clone(),
                caller: None,
                policies,
                boundary: None,
            })
        }
        EntityKind::Role => {
            let role = find::<Role>(state, entity)?;
            let boundary = credentials::boundary(state, role.boundary.as_deref());
            Ok(SimulatedPrincipal {
                kind: EntityKind::Role,
                name: role.name.clone(),
                caller: Some(role_caller(state, &role)),
                policies: credentials::own_policies(state, &role.inline, &role.attached)
                    .map_err(broken)?,
                boundary: boundary.map_err(broken)?,
            })
        }
        // No ask of the simulator is about these.
        EntityKind::Policy | EntityKind::InstanceProfile => Err(EntityError::InvalidArn),
    }
}

fn role_caller(state: &AccountState, role: &Role) -> Caller {
    let account = &state.account;
    let arn = role.arn(account.id);
    Caller {
        kind: CallerKind::RoleSession {
            role_arn: arn.clone(),
            session_name: String::new(),
        },
        account: Some(account.id),
        canonical_id: Some(account.canonical_id.clone()),
        principal_arn: arn.clone(),
        arn,
        unique_id: role.id.clone(),
        user_id: String::new(),
        user_name: None,
        tags: role.tags.clone(),
    }
}

/// A policy that is attached is not there: without it nothing can be said.
fn broken(error: CredentialError) -> EntityError {
    EntityError::Store(Box::new(error))
}
