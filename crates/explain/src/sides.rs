//! Each account's side of a decision.
use policy::{CallerKind, Layer, LayerSays, ObjectOwnership, Reason, Step, Target};

use crate::explanation::{LayerView, Side, SideSays};
use crate::inquiry::Inquiry;

/// Both sides in the order in which they were decided.
pub(crate) fn sides(inquiry: &Inquiry<'_>) -> Vec<Side> {
    let mut sides = Vec::new();
    sides.extend(callers_side(inquiry));
    sides.extend(resources_side(inquiry));
    sides
}

fn callers_side(inquiry: &Inquiry<'_>) -> Option<Side> {
    let caller = &inquiry.case.caller;
    let says = match caller.kind {
        // A caller without credentials has no side.
        CallerKind::Anonymous | CallerKind::TokenHolder { .. } | CallerKind::Service { .. } => {
            return None;
        }
        CallerKind::Root => SideSays::Allows,
        CallerKind::User | CallerKind::RoleSession { .. } | CallerKind::FederatedUser { .. } => {
            let layers = [Layer::Identity, Layer::Boundary, Layer::Session];
            if layers
                .iter()
                .any(|layer| inquiry.says(*layer) == Some(LayerSays::Deny))
            {
                SideSays::Denies
            } else if inquiry.missing_on_callers_side().is_empty() {
                SideSays::Allows
            } else {
                SideSays::DoesNotAllow
            }
        }
    };
    let titles = [
        (Layer::Identity, "identity policies"),
        (Layer::Boundary, "permissions boundary"),
        (Layer::Session, "session policies"),
    ];
    let layers = titles
        .into_iter()
        .filter_map(|(layer, title)| layer_view(inquiry, layer, title));
    Some(Side {
        account: caller.account,
        title: format!("Caller's side, {}", inquiry.callers_account()),
        says,
        layers: layers.collect(),
    })
}

pub(crate) fn resources_side(inquiry: &Inquiry<'_>) -> Option<Side> {
    let case = inquiry.case;
    let blocked = inquiry.reason() == Reason::BlockPublicAccess;
    let (layer, title) = match &case.target {
        Target::None => return None,
        Target::Trust { .. } => (Layer::Trust, "trust policy"),
        Target::S3(_) => (Layer::Resource, "bucket policy"),
        Target::Key(_) => (Layer::Resource, "key policy"),
    };
    let policy = layer_view(inquiry, layer, title).unwrap_or_else(|| LayerView {
        layer,
        title: title.to_owned(),
        says: LayerSays::Nothing,
        looked_at: match &case.target {
            Target::Trust { policy: None } => "there is no such role".to_owned(),
            Target::None | Target::Trust { .. } | Target::S3(_) | Target::Key(_) => {
                "there is none".to_owned()
            }
        },
        matched: Vec::new(),
        nearest: None,
    });
    let foreign = is_foreign_object(inquiry);
    let allowed_by_policy = policy.says == LayerSays::Allow && !foreign && !blocked;
    let denied = policy.says == LayerSays::Deny || blocked;
    let mut layers = vec![policy];
    layers.extend(acl_view(inquiry));
    if foreign && is_object_of_caller(inquiry) {
        layers.push(LayerView {
            layer: Layer::Resource,
            title: "owner of the object".to_owned(),
            says: LayerSays::Allow,
            looked_at: "the caller's account".to_owned(),
            matched: Vec::new(),
            nearest: None,
        });
    }
    let allowed_by_acl = layers
        .iter()
        .skip(1)
        .any(|view| view.says == LayerSays::Allow);
    if blocked {
        layers.push(LayerView {
            layer: match inquiry.decision() {
                policy::Decision::Deny(denial) => denial.layer,
                policy::Decision::Allow => Layer::Resource,
            },
            title: "Block Public Access".to_owned(),
            says: LayerSays::Deny,
            looked_at: "settings of the bucket and of its account".to_owned(),
            matched: Vec::new(),
            nearest: None,
        });
    }
    let says = if denied {
        SideSays::Denies
    } else if allowed_by_policy || allowed_by_acl {
        SideSays::Allows
    } else {
        SideSays::DoesNotAllow
    };
    let title = if matches!(&case.target, Target::Trust { policy: None }) {
        "Resource's side, which is not there".to_owned()
    } else if inquiry.is_one_account() {
        format!("Resource's side, the same {}", inquiry.owner())
    } else {
        format!("Resource's side, {}", inquiry.owner())
    };
    Some(Side {
        account: case.owner,
        title,
        says,
        layers,
    })
}

/// Whether the object belongs to another account than the bucket, so that the bucket policy cannot
/// allow.
pub(crate) fn is_foreign_object(inquiry: &Inquiry<'_>) -> bool {
    let Target::S3(s3) = &inquiry.case.target else {
        return false;
    };
    let acls = s3.ownership != ObjectOwnership::BucketOwnerEnforced;
    let object = s3.object.as_ref();
    let about_object = [
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectAcl",
        "s3:GetObjectVersionAcl",
        "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl",
        "s3:GetObjectAttributes",
        "s3:GetObjectVersionAttributes",
    ];
    acls && about_object.contains(&&*inquiry.case.action)
        && object.is_some_and(|object| object.owner != inquiry.case.owner)
}

/// Whoever uploads to a bucket with ACLs owns what it uploads.
fn is_object_of_caller(inquiry: &Inquiry<'_>) -> bool {
    let Target::S3(s3) = &inquiry.case.target else {
        return false;
    };
    let owner = s3.object.as_ref().and_then(|object| object.owner);
    owner.is_some() && owner == inquiry.case.caller.account
}

fn acl_view(inquiry: &Inquiry<'_>) -> Option<LayerView> {
    inquiry.verdict.steps().iter().find_map(|step| {
        let Step::Acl {
            of_object,
            to_account,
            to_group,
        } = step
        else {
            return None;
        };
        let grants = *to_account || *to_group;
        let subject = if *of_object || is_foreign_object(inquiry) {
            "object ACL"
        } else {
            "bucket ACL"
        };
        let looked_at = match (*to_account, *to_group) {
            (true, _) => "grants it to the caller's account",
            (false, true) => "grants it to everyone or to all AWS accounts",
            (false, false) => "grants nothing that helps",
        };
        Some(LayerView {
            layer: Layer::Resource,
            title: subject.to_owned(),
            says: if grants {
                LayerSays::Allow
            } else {
                LayerSays::Nothing
            },
            looked_at: looked_at.to_owned(),
            matched: Vec::new(),
            nearest: None,
        })
    })
}

fn layer_view(inquiry: &Inquiry<'_>, layer: Layer, title: &str) -> Option<LayerView> {
    let says = inquiry.says(layer)?;
    let statements: Vec<_> = inquiry.statements(layer).collect();
    let mut policies: Vec<_> = statements
        .iter()
        .map(|statement| inquiry.policy_name(statement))
        .collect();
    policies.dedup();
    let plural = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let matched = statements
        .iter()
        .filter(|statement| statement.outcome == policy::Outcome::Matched)
        // Where something denies, what allows does not count.
        .filter(|statement| says != LayerSays::Deny || statement.effect == policy::Effect::Deny)
        .map(|statement| inquiry.view(statement))
        .collect();
    Some(LayerView {
        layer,
        title: title.to_owned(),
        says,
        looked_at: if statements.is_empty() {
            "there is none".to_owned()
        } else {
            format!(
                "{}, {}",
                plural(policies.len(), "policy", "policies"),
                plural(statements.len(), "statement", "statements")
            )
        },
        matched,
        nearest: match says {
            LayerSays::Nothing => inquiry.nearest(layer).map(|near| inquiry.view(near)),
            LayerSays::Allow | LayerSays::Deny => None,
        },
    })
}
