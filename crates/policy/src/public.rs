//! What S3 calls public (spec S-9).
use catalog::AccountId;

use crate::Effect;
use crate::condition::{Comparison, Condition, Network};
use crate::pattern::arn_parts;
use crate::principal::Principal;
use crate::statement::{Form, Statement};

/// Whether the statement lets in callers that are not fixed.
pub(crate) fn is_public(statement: &Statement) -> bool {
    if statement.effect == Effect::Deny {
        return false;
    }
    let Some(principals) = &statement.principals else {
        return false;
    };
    let everyone = match principals.form {
        Form::These => principals.entries.contains(&Principal::Everyone),
        Form::NotThese => return true,
    };
    everyone && !statement.conditions.iter().any(fixes_callers)
}

/// Whether the condition holds for fixed callers only.
fn fixes_callers(condition: &Condition) -> bool {
    let operator = condition.operator;
    let positive = !operator.negated && !operator.if_exists;
    // Without the key, ForAllValues holds for everyone.
    if !positive || operator.set == Some(crate::condition::SetOperator::ForAllValues) {
        return false;
    }
    let values = &condition.values_text;
    match operator.comparison {
        Comparison::StringEquals
        | Comparison::StringEqualsIgnoreCase
        | Comparison::StringLike
        | Comparison::Arn
        | Comparison::IpAddress => {
            !values.is_empty()
                && values
                    .iter()
                    .all(|value| is_fixed(&condition.key.name, value))
        }
        Comparison::Numeric(_)
        | Comparison::Date(_)
        | Comparison::Bool
        | Comparison::Binary
        | Comparison::Null => false,
    }
}

/// S3 goes by the text: a star is no fixed value even under an operator that takes it literally.
fn is_fixed(key: &str, value: &str) -> bool {
    if value.contains("${") {
        return false;
    }
    let wild = value.contains(['*', '?']);
    match key {
        "aws:sourceip" => Network::parse(value).is_some_and(|network| is_narrow(&network)),
        // The name of the access point may be open if its account is not.
        "s3:dataaccesspointarn" => match arn_parts(value) {
            _ if !wild => true,
            Some([_, _, _, _, account, _]) => AccountId::parse_exact(account).is_ok(),
            None => false,
        },
        "aws:sourcearn"
        | "aws:sourcevpc"
        | "aws:sourcevpce"
        | "aws:sourceowner"
        | "aws:sourceaccount"
        | "aws:userid"
        | "s3:dataaccesspointaccount"
        | "aws:principalorgid"
        | "aws:principalarn"
        | "aws:principalaccount" => !wild,
        _ => false,
    }
}

/// At least /8, or /32 for IPv6; private ranges may be wider.
fn is_narrow(network: &Network) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let mut private = private.into_iter().filter_map(Network::parse);
    let bits_min = if network.is_ipv4() { 8 } else { 32 };
    network.prefix_bits >= bits_min || private.any(|range| range.covers(network))
}
