//! Managed policies and their versions. AWS: Managed policies and inline policies; Versioning IAM
//! policies.
use std::sync::Arc;

use catalog::{EntityKind, IamEntity, iam};
use gate::Permit;
use jiff::Timestamp;
use policy::{Policy, PolicyKind, size_for_quota};

use crate::aws_managed;
use crate::entities::{check_new, now, path_of, within};
use crate::entity_error::{DeleteConflict, EntityError, InvalidInput, LimitExceeded, NoSuchEntity};
use crate::quotas;
use crate::snapshot::{AccountState, EntitySet, name_key};
use crate::state::{Entity, ManagedPolicy, PolicyVersion, Tags};
use crate::tags::check_tags;
use crate::{Directory, DirectoryError, IdPrefix, mint};

/// What a policy is made with, besides its name and path.
#[derive(Debug, Default)]
pub struct NewPolicy {
    /// The document, as sent.
    pub document: String,
    /// Free text.
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// A managed policy, the account's own or AWS's, as the account sees it.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// Its name.
    pub name: String,
    /// `ANPA…`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `/` or `/…/`.
    pub path: String,
    /// Such as `v1`.
    pub default_version_id: String,
    /// Users, groups and roles of this account that it is attached to.
    pub attachment_count: usize,
    /// Users and roles of this account whose boundary it is.
    pub boundary_count: usize,
    /// Free text.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When its newest version was made.
    pub updated: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// A version of a managed policy.
#[derive(Clone, Debug)]
pub struct VersionView {
    /// Such as `v1`.
    pub id: String,
    /// Whether it is in force.
    pub is_default: bool,
    /// When it was made.
    pub created: Timestamp,
    /// The document as written.
    pub document: Arc<Policy>,
}

/// Whose policies `ListPolicies` lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyScope {
    /// The account's own and AWS's.
    #[default]
    All,
    /// AWS's.
    Aws,
    /// The account's own.
    Local,
}

/// What policies are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyUsage {
    /// Attached.
    PermissionsPolicy,
    /// A boundary.
    PermissionsBoundary,
}

/// What `ListPolicies` lists.
#[derive(Clone, Debug, Default)]
pub struct PolicyFilter {
    /// Whose.
    pub scope: PolicyScope,
    /// Only those that are in use, in the way that `usage` says.
    pub only_attached: bool,
    /// What the path begins with.
    pub path_prefix: Option<String>,
    /// Which use counts; `None` for attachments.
    pub usage: Option<PolicyUsage>,
}

/// Whom `ListEntitiesForPolicy` lists.
#[derive(Clone, Debug, Default)]
pub struct UserOfPolicyFilter {
    /// Only entities of this kind.
    pub kind: Option<EntityKind>,
    /// What the path of the entity begins with.
    pub path_prefix: Option<String>,
    /// Only those that use the policy this way.
    pub usage: Option<PolicyUsage>,
}

/// A user, group or role that a policy is attached to, or whose boundary it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserOfPolicy {
    /// Its kind.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// Its unique id.
    pub id: String,
}

impl UserOfPolicy {
    /// Its place in the list: groups, users, roles, each in order of names.
    pub fn place(&self) -> String {
        let kind = match self.kind {
            EntityKind::Group => 0,
            EntityKind::User => 1,
            EntityKind::Role => 2,
            EntityKind::Policy | EntityKind::InstanceProfile => 3,
        };
        format!("{kind}{}", name_key(&self.name))
    }
}

/// Reads a document that is about to become a version.
fn parse(document: &str) -> Result<Arc<Policy>, EntityError> {
    let policy = Policy::parse(PolicyKind::Managed, document)?;
    within(
        ("PolicySize", quotas::POLICY_SIZE),
        size_for_quota(document),
    )?;
    Ok(Arc::new(policy))
}

/// Refuses what is no ARN of a managed policy.
fn check_arn(arn: &str) -> Result<(), EntityError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, rest] = parts.as_slice() else {
        return Err(EntityError::InvalidArn);
    };
    if *prefix != "arn" || partition.is_empty() || service.is_empty() || rest.is_empty() {
        return Err(EntityError::InvalidArn);
    }
    let account_ok = *account == "aws"
        || (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
    let is_policy = rest
        .strip_prefix("policy/")
        .is_some_and(|name| !name.is_empty());
    if *service != "iam" || !region.is_empty() || !account_ok || !is_policy {
        return Err(InvalidInput::Arn(arn.to_owned()).into());
    }
    Ok(())
}

fn version_id(number: u32) -> String {
    format!("v{number}")
}

fn number_of(id: &str) -> Option<u32> {
    let number = id.strip_prefix('v')?.parse().ok()?;
    (version_id(number) == id).then_some(number)
}

fn no_such_version(arn: &str, version_id: &str) -> EntityError {
    let version = NoSuchEntity::PolicyVersion {
        arn: arn.to_owned(),
        version_id: version_id.to_owned(),
    };
    version.into()
}

/// The account's own policy that a permit names; AWS's are not the account's to change.
pub(crate) fn own_policy<'a>(
    state: &'a AccountState,
    entity: &IamEntity,
) -> Result<&'a Arc<ManagedPolicy>, EntityError> {
    let arn = catalog::Resource::arn(entity);
    check_arn(&arn)?;
    match state.policy_by_arn(&arn) {
        Some(policy) => Ok(policy),
        None if is_outside(state, &arn) => Err(EntityError::ForeignPolicy),
        None => Err(NoSuchEntity::Policy(arn).into()),
    }
}

fn is_outside(state: &AccountState, arn: &str) -> bool {
    arn.split(':').nth(4) != Some(state.account.id.to_string().as_str())
}

/// The policy that a permit names, the account's own or AWS's, as the account sees it.
pub(crate) fn described(
    state: &AccountState,
    entity: &IamEntity,
) -> Result<PolicyView, EntityError> {
    let arn = catalog::Resource::arn(entity);
    check_arn(&arn)?;
    policy_view(state, &arn).ok_or_else(|| NoSuchEntity::Policy(arn).into())
}

/// The policy with this ARN, the account's own or AWS's.
pub(crate) fn policy_view(state: &AccountState, arn: &str) -> Option<PolicyView> {
    let count = |set: Option<&EntitySet>| set.map_or(0, |set| set.size());
    let attachment_count = count(state.attached_to(arn));
    let boundary_count = count(state.boundary_of(arn));
    if let Some(policy) = state.policy_by_arn(arn) {
        return Some(PolicyView {
            name: policy.name.clone(),
            id: policy.id.clone(),
            arn: arn.to_owned(),
            path: policy.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count,
            boundary_count,
            description: policy.description.clone(),
            created: policy.created,
            updated: policy.updated,
            tags: policy.tags.clone(),
        });
    }
    let index = &aws_managed::policy(arn)?.index;
    Some(PolicyView {
        name: index.policy_name.clone(),
        id: index.policy_id.clone(),
        arn: arn.to_owned(),
        path: index.path.clone(),
        default_version_id: index.default_version_id.clone(),
        attachment_count,
        boundary_count,
        description: Some(index.description.clone()),
        created: index.create_date,
        updated: index.update_date,
        tags: Tags::new(),
    })
}

/// Versions, newest first; of AWS's policies there is one.
pub(crate) fn versions(state: &AccountState, arn: &str) -> Option<Vec<VersionView>> {
    if let Some(policy) = state.policy_by_arn(arn) {
        let version = |version: &PolicyVersion| version_view(policy, version);
        return Some(policy.versions.iter().rev().map(version).collect());
    }
    let policy = aws_managed::policy(arn)?;
    Some(vec![VersionView {
        id: policy.index.default_version_id.clone(),
        is_default: true,
        created: policy.index.update_date,
        document: policy.document.clone(),
    }])
}

fn version_view(policy: &ManagedPolicy, version: &PolicyVersion) -> VersionView {
    VersionView {
        id: version_id(version.number),
        is_default: version.number == policy.default_version,
        created: version.created,
        document: version.document.clone(),
    }
}

/// A policy that shall be attached or become a boundary.
pub(crate) fn check_attachable(state: &AccountState, arn: &str) -> Result<(), EntityError> {
    check_arn(arn)?;
    if state.policy_by_arn(arn).is_some() || aws_managed::policy(arn).is_some() {
        Ok(())
    } else {
        Err(NoSuchEntity::AttachablePolicy(arn.to_owned()).into())
    }
}

/// All policies that the account sees, in order of path and name.
pub(crate) fn policies(state: &AccountState, scope: PolicyScope) -> Vec<PolicyView> {
    let own = state
        .policies
        .values()
        .map(|policy| policy.arn(state.account.id))
        .filter(|_| scope != PolicyScope::Aws);
    let aws = aws_managed::all()
        .iter()
        .map(|policy| policy.index.arn.clone())
        .filter(|_| scope != PolicyScope::Local);
    let mut views: Vec<_> = own
        .chain(aws)
        .filter_map(|arn| policy_view(state, &arn))
        .collect();
    views.sort_by_cached_key(|view| (view.path.clone(), name_key(&view.name), view.arn.clone()));
    views
}

impl Directory {
    /// Creates a policy with its first version.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `LimitExceeded`, `MalformedPolicyDocument`, `InvalidInput`.
    pub async fn create_policy(
        &self,
        permit: &Permit<iam::CreatePolicy>,
        new: NewPolicy,
    ) -> Result<PolicyView, EntityError> {
        let entity = permit.resource();
        let document = parse(&new.document)?;
        let id = mint(IdPrefix::ManagedPolicy, entity.account).map_err(DirectoryError::from)?;
        let created = now();
        let policy = ManagedPolicy {
            id,
            name: entity.name.clone(),
            path: path_of(entity),
            created,
            updated: created,
            description: new.description,
            tags: new.tags,
            versions: vec![PolicyVersion {
                number: 1,
                created,
                document,
            }],
            default_version: 1,
            next_version: 2,
        };
        let arn = policy.arn(entity.account);
        self.change(entity.account, |view, changes| {
            check_new::<ManagedPolicy>(view, &policy.name)?;
            check_tags(&policy.tags)?;
            changes.put(policy);
            Ok::<_, EntityError>(())
        })
        .await?;
        let state = self.account_state(entity.account)?;
        policy_view(&state, &arn).ok_or_else(|| NoSuchEntity::Policy(arn).into())
    }

    /// A policy, the account's own or AWS's.
    ///
    /// # Errors
    /// `NoSuchEntity`, `InvalidInput`, `ValidationError`.
    pub fn get_policy(&self, permit: &Permit<iam::GetPolicy>) -> Result<PolicyView, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        described(&state, permit.resource())
    }

    /// The policies that the account sees, in order of path and name.
    ///
    /// # Errors
    /// The account is gone.
    pub fn list_policies(
        &self,
        permit: &Permit<iam::ListPolicies>,
        filter: &PolicyFilter,
    ) -> Result<Vec<PolicyView>, EntityError> {
        let state = self.account_state(permit.resource().0)?;
        let mut views = policies(&state, filter.scope);
        views.retain(|view| {
            let in_use = match filter.usage {
                None | Some(PolicyUsage::PermissionsPolicy) => view.attachment_count > 0,
                Some(PolicyUsage::PermissionsBoundary) => view.boundary_count > 0,
            };
            // A usage filter asks for use, whether or not `OnlyAttached` says so too.
            let must_be_in_use = filter.only_attached || filter.usage.is_some();
            let path_fits = match &filter.path_prefix {
                Some(prefix) => view.path.starts_with(prefix.as_str()),
                None => true,
            };
            path_fits && (in_use || !must_be_in_use)
        });
        Ok(views)
    }

    /// Deletes a policy that nobody uses and of which only the default version is left.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`, `AccessDenied` (AWS's own).
    pub async fn delete_policy(
        &self,
        permit: &Permit<iam::DeletePolicy>,
    ) -> Result<(), EntityError> {
        let entity = permit.resource();
        self.change(entity.account, |view, changes| {
            let policy = own_policy(view.account, entity)?;
            let arn = policy.arn(entity.account);
            if view.account.attached_to(&arn).is_some() || view.account.boundary_of(&arn).is_some()
            {
                return Err(DeleteConflict::PolicyInUse.into());
            }
            if policy.versions.len() > 1 {
                return Err(DeleteConflict::PolicyVersions.into());
            }
            changes.delete(entity.kind, &policy.id);
            Ok(())
        })
        .await
    }

    /// Adds a version.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`, `MalformedPolicyDocument`, `AccessDenied` (AWS's own).
    pub async fn create_policy_version(
        &self,
        permit: &Permit<iam::CreatePolicyVersion>,
        document: &str,
        default: MakeDefault,
    ) -> Result<VersionView, EntityError> {
        let entity = permit.resource();
        self.change(entity.account, |view, changes| {
            let mut policy = ManagedPolicy::clone(own_policy(view.account, entity)?);
            let document = parse(document)?;
            if policy.versions.len() >= quotas::VERSIONS_PER_POLICY {
                return Err(LimitExceeded::PolicyVersions.into());
            }
            let version = PolicyVersion {
                number: policy.next_version,
                created: now(),
                document,
            };
            policy.next_version += 1;
            policy.updated = version.created;
            if default == MakeDefault::Yes {
                policy.default_version = version.number;
            }
            policy.versions.push(version.clone());
            let view = version_view(&policy, &version);
            changes.put(policy);
            Ok(view)
        })
        .await
    }

    /// A version.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn get_policy_version(
        &self,
        permit: &Permit<iam::GetPolicyVersion>,
        version_id: &str,
    ) -> Result<VersionView, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let policy = described(&state, permit.resource())?;
        versions(&state, &policy.arn)
            .into_iter()
            .flatten()
            .find(|version| version.id == version_id)
            .ok_or_else(|| no_such_version(&policy.arn, version_id))
    }

    /// The versions, newest first.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_policy_versions(
        &self,
        permit: &Permit<iam::ListPolicyVersions>,
    ) -> Result<Vec<VersionView>, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let policy = described(&state, permit.resource())?;
        Ok(versions(&state, &policy.arn).unwrap_or_default())
    }

    /// Puts a version in force.
    ///
    /// # Errors
    /// `NoSuchEntity`, `AccessDenied` (AWS's own).
    pub async fn set_default_policy_version(
        &self,
        permit: &Permit<iam::SetDefaultPolicyVersion>,
        version_id: &str,
    ) -> Result<(), EntityError> {
        self.change_version(permit.resource(), version_id, |policy, number| {
            policy.default_version = number;
            Ok(())
        })
        .await
    }

    /// Deletes a version that is not in force.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict`, `AccessDenied` (AWS's own).
    pub async fn delete_policy_version(
        &self,
        permit: &Permit<iam::DeletePolicyVersion>,
        version_id: &str,
    ) -> Result<(), EntityError> {
        self.change_version(permit.resource(), version_id, |policy, number| {
            if policy.default_version == number {
                return Err(DeleteConflict::DefaultVersion.into());
            }
            policy.versions.retain(|version| version.number != number);
            Ok(())
        })
        .await
    }

    async fn change_version(
        &self,
        entity: &IamEntity,
        version_id: &str,
        change: impl FnOnce(&mut ManagedPolicy, u32) -> Result<(), EntityError>,
    ) -> Result<(), EntityError> {
        self.change(entity.account, |view, changes| {
            let mut policy = ManagedPolicy::clone(own_policy(view.account, entity)?);
            let number = number_of(version_id)
                .filter(|number| policy.versions.iter().any(|has| has.number == *number))
                .ok_or_else(|| no_such_version(&policy.arn(entity.account), version_id))?;
            change(&mut policy, number)?;
            changes.put(policy);
            Ok(())
        })
        .await
    }

    /// Groups, users and roles that use a policy, in this order, each in order of names.
    ///
    /// # Errors
    /// `NoSuchEntity`.
    pub fn list_entities_for_policy(
        &self,
        permit: &Permit<iam::ListEntitiesForPolicy>,
        filter: &UserOfPolicyFilter,
    ) -> Result<Vec<UserOfPolicy>, EntityError> {
        let state = self.account_state(permit.resource().account)?;
        let policy = described(&state, permit.resource())?;
        let attached = state
            .attached_to(&policy.arn)
            .filter(|_| filter.usage != Some(PolicyUsage::PermissionsBoundary));
        let bounded = state
            .boundary_of(&policy.arn)
            .filter(|_| filter.usage != Some(PolicyUsage::PermissionsPolicy));
        let mut users: Vec<UserOfPolicy> = attached
            .into_iter()
            .chain(bounded)
            .flat_map(|set| set.iter())
            .filter(|(kind, _)| filter.kind.is_none_or(|wanted| wanted == *kind))
            .filter(|(kind, id)| path_fits(&state, *kind, id, filter.path_prefix.as_deref()))
            .filter_map(|(kind, id)| {
                let (_, name) = state.name_of(id)?;
                Some(UserOfPolicy {
                    kind: *kind,
                    name: name.to_owned(),
                    id: id.clone(),
                })
            })
            .collect();
        users.sort_by_cached_key(UserOfPolicy::place);
        users.dedup();
        Ok(users)
    }
}

/// Whether a new version is in force at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MakeDefault {
    /// It is.
    Yes,
    /// The old one stays in force.
    No,
}

fn path_fits(state: &AccountState, kind: EntityKind, id: &str, prefix: Option<&str>) -> bool {
    use crate::state::{Group, Role, User};
    let Some(prefix) = prefix else {
        return true;
    };
    let path = match kind {
        EntityKind::User => state.by_id::<User>(id).map(|user| user.path.as_str()),
        EntityKind::Group => state.by_id::<Group>(id).map(|group| group.path.as_str()),
        EntityKind::Role => state.by_id::<Role>(id).map(|role| role.path.as_str()),
        EntityKind::Policy | EntityKind::InstanceProfile => None,
    };
    path.is_some_and(|path| path.starts_with(prefix))
}
