//! ARNs of a simulation: whose policies, who calls, what it is about, who owns it.
use catalog::{AccountId, EntityKind, IamEntity};
use directory::SimulatedPrincipal;
use gate::Identity;
use policy::{Caller, CallerKind};

use super::InvalidSimulation;
use crate::{IamError, entities};

/// `PolicySourceArn`: a user, group or role of the caller's account. Names are unique in an account,
/// so a path that is left out or wrong does not matter, as on AWS.
pub(crate) fn policy_source(who: &Identity, arn: &str) -> Result<IamEntity, IamError> {
    let own = entities::account(who)?;
    let unclear = || InvalidSimulation::Entity(arn.to_owned());
    let (account, kind, name) = match Principal::parse(arn) {
        Some(Principal::User { account, name }) => (account, EntityKind::User, name),
        Some(Principal::Group { account, name }) => (account, EntityKind::Group, name),
        Some(Principal::Role { account, name }) => (account, EntityKind::Role, name),
        Some(Principal::RoleSession { .. } | Principal::Other) | None => {
            return Err(unclear().into());
        }
    };
    if account != own {
        return Err(InvalidSimulation::ForeignEntity {
            caller: own,
            account,
        }
        .into());
    }
    Ok(IamEntity::named(own, kind, name))
}

enum Principal<'a> {
    User {
        account: AccountId,
        name: &'a str,
    },
    Group {
        account: AccountId,
        name: &'a str,
    },
    Role {
        account: AccountId,
        name: &'a str,
    },
    RoleSession {
        account: AccountId,
        role: &'a str,
        session: &'a str,
    },
    /// Of another kind.
    Other,
}

impl Principal<'_> {
    /// `None` for what is no ARN.
    fn parse(arn: &str) -> Option<Principal<'_>> {
        let [_, _, service, _, account, rest] = parts(arn)?;
        let Ok(account) = AccountId::parse_exact(account) else {
            return Some(Principal::Other);
        };
        let (kind, path) = rest.split_once('/').unwrap_or((rest, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        Some(match (service, kind) {
            _ if name.is_empty() => Principal::Other,
            ("iam", "user") => Principal::User { account, name },
            ("iam", "group") => Principal::Group { account, name },
            ("iam", "role") => Principal::Role { account, name },
            ("sts", "assumed-role") => match path.split_once('/') {
                Some((role, session)) if !role.is_empty() => Principal::RoleSession {
                    account,
                    role,
                    session,
                },
                Some(_) | None => Principal::Other,
            },
            _ => Principal::Other,
        })
    }
}

/// The six parts of an ARN.
fn parts(arn: &str) -> Option<[&str; 6]> {
    let mut parts = arn.splitn(6, ':');
    let parts = std::array::from_fn(|_| parts.next());
    match parts {
        [Some("arn"), Some(b), Some(c), Some(d), Some(e), Some(f)]
            if !b.is_empty() && !c.is_empty() && !f.is_empty() =>
        {
            Some(["arn", b, c, d, e, f])
        }
        _ => None,
    }
}

/// `ResourceArns`: ARNs, and `*` for what has none.
pub(crate) fn check_resource(arn: &str) -> Result<(), InvalidSimulation> {
    if arn == "*" || parts(arn).is_some() {
        Ok(())
    } else {
        Err(InvalidSimulation::Resource(arn.to_owned()))
    }
}

/// The account that a resource's ARN tells; those of buckets and objects tell none.
pub(crate) fn account_in(arn: &str) -> Option<AccountId> {
    let [_, _, _, _, account, _] = parts(arn)?;
    AccountId::parse_exact(account).ok()
}

/// `ResourceOwner`: AWS documents an account id and takes the ARN of the account.
pub(crate) fn resource_owner(text: &str) -> Result<AccountId, InvalidSimulation> {
    let invalid = || InvalidSimulation::ResourceOwner(text.to_owned());
    match parts(text) {
        Some([_, _, "iam", "", account, "root"]) => {
            AccountId::parse_exact(account).map_err(|_| invalid())
        }
        Some(_) | None => Err(invalid()),
    }
}

/// Someone in `account` who has no name: only what names accounts or everyone names it.
pub(crate) fn nobody_in_particular(account: AccountId) -> Caller {
    Caller {
        kind: CallerKind::User,
        account: Some(account),
        user_id: String::new(),
        ..Caller::anonymous()
    }
}

/// `CallerArn`: a user, or, beyond AWS, a role or a session of one. The principal whose policies are
/// simulated is known with all that it has, everyone else by the ARN alone.
pub(crate) fn caller(
    arn: &str,
    known: Option<&SimulatedPrincipal>,
) -> Result<Caller, InvalidSimulation> {
    let principal = Principal::parse(arn);
    let principal = principal.ok_or_else(|| InvalidSimulation::Entity(arn.to_owned()))?;
    let known = |kind: EntityKind, account: AccountId, name: &str| {
        known
            .filter(|known| known.kind == kind && known.name == name)
            .and_then(|known| known.caller.clone())
            .filter(|caller| caller.account == Some(account))
    };
    match principal {
        Principal::User { account, name } => Ok(known(EntityKind::User, account, name)
            .unwrap_or_else(|| Caller {
                arn: arn.to_owned(),
                principal_arn: arn.to_owned(),
                user_name: Some(name.to_owned()),
                ..nobody_in_particular(account)
            })),
        Principal::Role { account, name } => {
            Ok(known(EntityKind::Role, account, name).unwrap_or_else(|| role(arn, account)))
        }
        Principal::RoleSession {
            account,
            role: name,
            session,
        } => {
            let of_role = known(EntityKind::Role, account, name).unwrap_or_else(|| {
                // The ARN of a session does not tell the path of its role.
                role(&format!("arn:aws:iam::{account}:role/{name}"), account)
            });
            Ok(Caller {
                arn: arn.to_owned(),
                user_id: match of_role.unique_id.as_str() {
                    "" => String::new(),
                    id => format!("{id}:{session}"),
                },
                kind: CallerKind::RoleSession {
                    role_arn: of_role.principal_arn.clone(),
                    session_name: session.to_owned(),
                },
                ..of_role
            })
        }
        // Groups call nothing, and of the others nobody knows what they may.
        Principal::Group { .. } | Principal::Other => Err(InvalidSimulation::Caller),
    }
}

fn role(arn: &str, account: AccountId) -> Caller {
    Caller {
        arn: arn.to_owned(),
        principal_arn: arn.to_owned(),
        kind: CallerKind::RoleSession {
            role_arn: arn.to_owned(),
            session_name: String::new(),
        },
        ..nobody_in_particular(account)
    }
}

/// `ResourceHandlingOption`: the scenarios of EC2 and the types of resources that each needs.
const SCENARIOS: [(&str, &[&str]); 4] = [
    (
        "EC2-VPC-InstanceStore",
        &["instance", "image", "security-group", "network-interface"],
    ),
    (
        "EC2-VPC-InstanceStore-Subnet",
        &[
            "instance",
            "image",
            "security-group",
            "network-interface",
            "subnet",
        ],
    ),
    (
        "EC2-VPC-EBS",
        &[
            "instance",
            "image",
            "security-group",
            "network-interface",
            "volume",
        ],
    ),
    (
        "EC2-VPC-EBS-Subnet",
        &[
            "instance",
            "image",
            "security-group",
            "network-interface",
            "subnet",
            "volume",
        ],
    ),
];

/// The scenario must be one of AWS's, and the resources that it needs must be there.
pub(crate) fn check_scenario(option: &str, resources: &[String]) -> Result<(), InvalidSimulation> {
    let found = SCENARIOS.iter().find(|(name, _)| *name == option);
    let (_, types) = found.ok_or_else(|| InvalidSimulation::HandlingOption(option.to_owned()))?;
    let has = |wanted: &str| {
        resources.iter().any(|arn| match parts(arn) {
            Some([_, _, "ec2", _, _, rest]) => rest.split('/').next() == Some(wanted),
            Some(_) | None => false,
        })
    };
    let missing: Vec<&str> = types.iter().copied().filter(|one| !has(one)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(InvalidSimulation::MissingResources {
            option: option.to_owned(),
            missing: missing.join(", "),
        })
    }
}
