//! The decision (E-2 to E-14), from top to bottom.
use crate::acl::{Granted, asks_for_object, bucket_permission, granted, object_permission};
use crate::context::Context;
use crate::public::is_public;
use crate::statement::{Asked, Place, Reach, Says};
use crate::world::{Document, Entity, Kind, Ownership, Request, ResourceType, World};
use crate::{Decision, Layer, Twist};

/// Decides one request to a world.
pub fn decide(world: &World, request: &Request) -> Decision {
    decide_twisted(world, request, None)
}

/// As [`decide`], but with one rule broken: for tests of the tests.
pub fn decide_twisted(world: &World, request: &Request, twist: Option<Twist>) -> Decision {
    Decider::new(world, request, twist).decide()
}

/// What everybody says to the request.
struct Decider<'a> {
    world: &'a World,
    request: &'a Request,
    twist: Option<Twist>,
    scps: Vec<Says>,
    rcps: Vec<Says>,
    endpoint: Option<Says>,
    identity: Says,
    boundary: Option<Says>,
    session: Option<Says>,
    resource: Says,
}

fn allow() -> Decision {
    Decision::Allow
}

fn explicit(layer: Layer) -> Decision {
    Decision::Deny {
        explicit: true,
        layer,
    }
}

fn implicit(layer: Layer) -> Decision {
    Decision::Deny {
        explicit: false,
        layer,
    }
}

/// Operations that work on keys of other accounts (E-8.3).
const KMS_ACROSS_ACCOUNTS: &[&str] = &[
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:Sign",
    "kms:Verify",
    "kms:GenerateMac",
    "kms:VerifyMac",
    "kms:DeriveSharedSecret",
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:RetireGrant",
    "kms:RevokeGrant",
];

/// Operations that take an encryption context, which constraints of grants look at (E-8).
const KMS_WITH_CONTEXT: &[&str] = &[
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
];

impl<'a> Decider<'a> {
    fn new(world: &'a World, request: &'a Request, twist: Option<Twist>) -> Decider<'a> {
        let who = &request.principal;
        let nothing = Entity::default();
        let holder = match who.kind {
            Kind::User => &who.arn,
            Kind::AssumedRole => &who.role_arn,
            Kind::FederatedUser => &who.user_arn,
            // Root users have no policies (E-3), and the others no identity side.
            Kind::Root | Kind::Service | Kind::Anonymous => "",
        };
        let own = world.policies.get(holder).unwrap_or(&nothing);
        let asked = Asked {
            context: Context { world, request },
            has_boundary: own.boundary.is_some(),
            twist,
        };
        let one = |document: &Document, place| asked.ask(std::slice::from_ref(document), place);
        let levels = |levels: &[Vec<Document>], place| {
            let levels = levels.iter().filter(|_| !who.service_linked);
            levels.map(|level| asked.ask(level, place)).collect()
        };
        let account = |id: &Option<String>| world.accounts.get(id.as_ref()?);
        let resource_place = match world.resource_type {
            ResourceType::Trust => Place::Trust,
            ResourceType::S3 | ResourceType::Kms | ResourceType::None => Place::Resource,
        };
        let mut own_documents = own.identity.clone();
        own_documents.extend(own.groups.iter().cloned());
        Decider {
            world,
            request,
            twist,
            scps: match account(&who.account) {
                Some(account) => levels(&account.scps, Place::Identity),
                None => Vec::new(),
            },
            rcps: match account(&world.resource_owner) {
                Some(account) => levels(&account.rcps, Place::Guardrail),
                None => Vec::new(),
            },
            endpoint: request
                .vpc_endpoint_policy
                .as_ref()
                .map(|document| one(document, Place::Guardrail)),
            identity: asked.ask(&own_documents, Place::Identity),
            boundary: own
                .boundary
                .as_ref()
                .map(|document| one(document, Place::Identity)),
            session: who
                .session_policies
                .as_ref()
                .map(|documents| asked.ask(documents, Place::Identity)),
            resource: match &world.resource_policy {
                Some(document) if world.resource_type != ResourceType::None => {
                    one(document, resource_place)
                }
                _ => Says::default(),
            },
        }
    }

    fn decide(&self) -> Decision {
        // E-2.1: an explicit deny anywhere.
        if let Some(layer) = self.first_deny() {
            return explicit(layer);
        }
        // E-2.2: every level of the guardrails must allow.
        if self.scps.iter().any(|level| !level.allows) {
            return implicit(Layer::ServiceControl);
        }
        if self.rcps.iter().any(|level| !level.allows) {
            return implicit(Layer::ResourceControl);
        }
        // E-2.3
        if self.endpoint.as_ref().is_some_and(|says| !says.allows) {
            return implicit(Layer::VpcEndpoint);
        }
        // E-2.4 and E-2.5
        match self.world.resource_type {
            ResourceType::None => self.decide_without_policy(),
            ResourceType::Trust => self.decide_trust(),
            ResourceType::Kms => self.decide_key(),
            // S-11 comes after authorization (S-1).
            ResourceType::S3 if !self.requester_pays_admits() => match self.decide_s3() {
                Decision::Allow => explicit(Layer::Resource),
                refused @ Decision::Deny { .. } => refused,
            },
            ResourceType::S3 => self.decide_s3(),
        }
    }

    /// The first type of policy that denies, in the order of E-2.1.
    fn first_deny(&self) -> Option<Layer> {
        let denies = |says: &Option<Says>| says.as_ref().is_some_and(|says| says.denies);
        let of_resource = match self.world.resource_type {
            ResourceType::Trust => Layer::Trust,
            ResourceType::S3 | ResourceType::Kms | ResourceType::None => Layer::Resource,
        };
        let found = [
            (Layer::ServiceControl, self.scps.iter().any(|l| l.denies)),
            (Layer::ResourceControl, self.rcps.iter().any(|l| l.denies)),
            (Layer::VpcEndpoint, denies(&self.endpoint)),
            (Layer::Identity, self.identity.denies),
            (Layer::Boundary, denies(&self.boundary)),
            (Layer::Session, denies(&self.session)),
            (
                of_resource,
                self.resource.denies && !self.is_root_on_its_bucket_policy(),
            ),
        ];
        found
            .into_iter()
            .find_map(|(layer, denies)| denies.then_some(layer))
    }

    /// E-10: the root user cannot be locked out of its own bucket policy.
    fn is_root_on_its_bucket_policy(&self) -> bool {
        self.world.resource_type == ResourceType::S3
            && self.is_root()
            && self.is_same_account()
            && self.twist != Some(Twist::RootIsLockedOut)
            && matches!(
                self.request.action.as_str(),
                "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy"
            )
    }

    fn is_root(&self) -> bool {
        self.request.principal.kind == Kind::Root
    }

    fn account(&self) -> Option<&str> {
        self.request.principal.account.as_deref()
    }

    fn is_same_account(&self) -> bool {
        self.account().is_some() && self.account() == self.world.resource_owner.as_deref()
    }

    // ----- the identity side (E-3)

    fn boundary_allows(&self) -> bool {
        self.twist == Some(Twist::BoundaryForgotten)
            || self.boundary.as_ref().is_none_or(|says| says.allows)
    }

    /// `GetFederationToken` without session policies means that nothing is allowed.
    fn session_allows(&self) -> bool {
        match &self.session {
            Some(says) => says.allows,
            None => {
                self.request.principal.kind != Kind::FederatedUser
                    || self.twist == Some(Twist::FederatedUserNeedsNoSessionPolicy)
            }
        }
    }

    fn identity_ok(&self) -> bool {
        match self.request.principal.kind {
            Kind::Root => true,
            // They have no identity side, so nothing holds them back there.
            Kind::Service | Kind::Anonymous => true,
            Kind::User | Kind::AssumedRole | Kind::FederatedUser => {
                self.identity.allows && self.boundary_allows() && self.session_allows()
            }
        }
    }

    /// What to name when the caller's own side does not allow (E-14.4 to 6).
    fn identity_missing(&self) -> Decision {
        implicit(if !self.session_allows() {
            Layer::Session
        } else if !self.boundary_allows() {
            Layer::Boundary
        } else {
            Layer::Identity
        })
    }

    /// Allows if the caller's own side does.
    fn by_identity(&self) -> Decision {
        match self.identity_ok() {
            true => allow(),
            false => self.identity_missing(),
        }
    }

    // ----- same account (E-5)

    /// Whether an Allow that reaches the caller in this way is enough by itself. Naming the account
    /// only delegates.
    fn is_direct(&self, reach: Reach) -> bool {
        let within_limits = self.boundary_allows() && self.session_allows();
        match (reach, self.request.principal.kind) {
            (Reach::Account, kind) => kind == Kind::Root,
            (Reach::User, Kind::FederatedUser) => within_limits,
            (Reach::Role, _) => within_limits || self.twist == Some(Twist::RoleArnBypassesLimits),
            (Reach::Session, _) => self.twist != Some(Twist::SessionArnIsLimited),
            (Reach::User | Reach::Everyone | Reach::FederatedUser, _) => true,
            (Reach::Service | Reach::Provider, _) => true,
        }
    }

    fn is_named_directly(&self) -> bool {
        self.resource
            .reaches
            .iter()
            .any(|reach| self.is_direct(*reach))
    }

    /// Whether some Allow names the account, which delegates to its policies.
    fn names_account(&self) -> bool {
        self.resource.reaches.contains(&Reach::Account)
    }

    // ----- resources without a policy

    fn decide_without_policy(&self) -> Decision {
        match self.request.principal.kind {
            Kind::Service | Kind::Anonymous => implicit(Layer::Resource),
            _ if self.world.resource_owner.is_some() && !self.is_same_account() => {
                implicit(Layer::Resource)
            }
            _ => self.by_identity(),
        }
    }

    // ----- trust policies (E-7)

    fn decide_trust(&self) -> Decision {
        if self.is_root() {
            return implicit(Layer::Trust);
        }
        if !self.resource.allows {
            return implicit(Layer::Trust);
        }
        match self.request.principal.kind {
            Kind::Service | Kind::Anonymous => allow(),
            _ if self.is_same_account() && self.is_named_directly() => allow(),
            // The account is named, or it is another account's role.
            _ => self.by_identity(),
        }
    }

    // ----- keys (E-8)

    fn decide_key(&self) -> Decision {
        let across = !self.is_same_account();
        let action = self.request.action.as_str();
        match self.request.principal.kind {
            Kind::Service if self.resource.allows => return allow(),
            Kind::Service | Kind::Anonymous => return implicit(Layer::Resource),
            _ => {}
        }
        if across && !KMS_ACROSS_ACCOUNTS.contains(&action) {
            return implicit(Layer::Resource);
        }
        if self.has_key_grant() {
            return allow();
        }
        if !self.resource.allows {
            return implicit(Layer::Resource);
        }
        if !across && self.is_named_directly() {
            return allow();
        }
        if !across && !self.names_account() {
            // Named as a role or federated user, but held back by a limit.
            return self.identity_missing();
        }
        self.by_identity()
    }

    /// A grant to the caller for the operation, whose constraints the encryption context fulfils.
    fn has_key_grant(&self) -> bool {
        let who = &self.request.principal;
        let Some(operation) = self.request.action.strip_prefix("kms:") else {
            return false;
        };
        let pairs: Vec<(&str, String)> = self
            .request
            .context
            .iter()
            .filter_map(|(key, value)| {
                let name = key.strip_prefix("kms:EncryptionContext:")?;
                Some((name, crate::context::text(value)))
            })
            .collect();
        self.world.grants.iter().any(|grant| {
            let grantee = &grant.grantee_principal;
            // The ARN of an account's root means its root user alone.
            let to_caller =
                *grantee == who.arn || (!who.role_arn.is_empty() && *grantee == who.role_arn);
            let constrained = KMS_WITH_CONTEXT.contains(&operation)
                && self.twist != Some(Twist::GrantConstraintsForgotten);
            let has = |(key, value): (&String, &String)| {
                pairs.iter().any(|(k, v)| k == key && v == value)
            };
            let equals = grant.constraints.encryption_context_equals.as_ref();
            let subset = grant.constraints.encryption_context_subset.as_ref();
            to_caller
                && grant.operations.iter().any(|o| o == operation)
                && (!constrained
                    || (equals.is_none_or(|e| e.len() == pairs.len() && e.iter().all(has))
                        && subset.is_none_or(|s| s.iter().all(has))))
        })
    }

    // ----- S3 (S-6 to S-10)

    fn flag(&self, flag: impl Fn(&crate::world::Flags) -> bool) -> bool {
        flag(&self.world.bpa.account) || flag(&self.world.bpa.bucket)
    }

    fn acls_count(&self) -> bool {
        self.world.ownership != Ownership::BucketOwnerEnforced
    }

    fn acl(&self, acl: &[crate::world::AclGrant], permission: Option<&str>) -> Granted {
        if !self.acls_count() {
            return Granted::default();
        }
        let ignores_public = self.flag(|f| f.ignore_public_acls)
            && self.twist != Some(Twist::IgnorePublicAclsForgotten);
        let who = &self.request.principal;
        granted(self.world, who, acl, permission, ignores_public)
    }

    /// S-11: other accounts must say that they pay for objects and lists.
    fn requester_pays_admits(&self) -> bool {
        let request = self.request;
        let costs = request.resource.contains('/') || request.action.starts_with("s3:List");
        let pays = match request.principal.kind {
            Kind::Anonymous => false,
            Kind::Service => true,
            _ => request.request_payer,
        };
        !self.world.requester_pays || !costs || self.is_same_account() || pays
    }

    fn decide_s3(&self) -> Decision {
        let request = self.request;
        let action = request.action.as_str();
        // S-9: what Block Public Access keeps from being written, by whomever.
        if request.writes_public_acl && self.flag(|f| f.block_public_acls) {
            return explicit(Layer::BlockPublicAcls);
        }
        let writes_public = request.new_policy.as_ref().is_some_and(is_public);
        if writes_public && self.flag(|f| f.block_public_policy) {
            return explicit(Layer::BlockPublicPolicy);
        }
        // S-10
        let is_about_upload = matches!(
            action,
            "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts"
        );
        if is_about_upload && request.is_upload_initiator {
            return allow();
        }
        // S-9, `RestrictPublicBuckets`: a public policy lets no other account in, except services.
        // Other ways in stay open.
        let restricted = self.flag(|f| f.restrict_public_buckets)
            && self.world.resource_policy.as_ref().is_some_and(is_public)
            && self.resource.allows
            && !self.is_same_account()
            && request.principal.kind != Kind::Service
            && self.twist != Some(Twist::RestrictPublicBucketsForgotten);
        if restricted {
            return match self.decide_bucket(false) {
                Decision::Allow => allow(),
                Decision::Deny { .. } => explicit(Layer::Resource),
            };
        }
        self.decide_bucket(true)
    }

    /// The bucket policy, the ACLs and the caller's own side.
    fn decide_bucket(&self, policy_counts: bool) -> Decision {
        let action = self.request.action.as_str();
        let object_acl = self.acl(&self.world.acl.object, object_permission(action));
        let mut bucket_acl = self.acl(&self.world.acl.bucket, bucket_permission(action));
        let owns_object =
            self.account().is_some() && self.account() == self.world.object_owner.as_deref();
        // S-6: who may write may replace and delete, but only its own, unless it owns the bucket.
        let destroys =
            action == "s3:DeleteObject" || (action == "s3:PutObject" && self.request.overwrites);
        if destroys && !owns_object && !self.is_same_account() {
            bucket_acl = Granted::default();
        }
        let by_acl = Granted {
            account: object_acl.account || bucket_acl.account,
            group: object_acl.group || bucket_acl.group,
        };
        let foreign = asks_for_object(action)
            && self.acls_count()
            && self.world.object_owner != self.world.resource_owner
            && self.twist != Some(Twist::ObjectOwnerForgotten);
        if foreign {
            return self.decide_foreign_object(by_acl, owns_object);
        }
        if self.is_same_account() {
            return self.decide_own_bucket(by_acl);
        }
        let resource_side =
            by_acl.account || by_acl.group || (policy_counts && self.resource.allows);
        match resource_side {
            true if self.twist == Some(Twist::OneSideIsEnough) => allow(),
            // E-6: both sides.
            true => self.by_identity(),
            false => implicit(Layer::Resource),
        }
    }

    /// S-8: the bucket owner does not own the object, so its policy cannot give it away.
    fn decide_foreign_object(&self, acl: Granted, owns_object: bool) -> Decision {
        if owns_object || acl.account || acl.group {
            self.by_identity()
        } else {
            implicit(Layer::Resource)
        }
    }

    /// E-5: the identity side, or the bucket policy, or a group in the ACL. A grant to the account
    /// only delegates, which the identity side needs not.
    fn decide_own_bucket(&self, acl: Granted) -> Decision {
        if self.is_root() || self.is_named_directly() || acl.group {
            return allow();
        }
        self.by_identity()
    }
}
