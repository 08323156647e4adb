//! The words with which AWS refuses.
use crate::{Denial, Layer};

/// What a refusal names besides its reason.
#[derive(Clone, Copy, Debug)]
pub struct MessageParts<'a> {
    /// The caller's ARN as messages show it; `None` for anonymous callers.
    pub caller_arn: Option<&'a str>,
    /// The action, `service:Name`.
    pub action: &'a str,
    /// The resource as messages show it: an ARN for S3, `user NAME` and the like for IAM.
    pub resource: &'a str,
    /// How the service writes the resource.
    pub quoting: ResourceQuoting,
    /// Whether the caller may learn the reason.
    pub audience: Audience,
}

/// How a service writes the resource in a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceQuoting {
    /// In double quotes: S3.
    Quoted,
    /// Bare: all others.
    Plain,
}

/// Who reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The caller's account, or its organisation, owns the resource: reasons are told.
    SameAccount,
    /// Another account owns it: no reasons.
    OtherAccount,
}

impl Denial {
    /// AWS's text (spec S-12, and section 9 of the IAM and STS notes).
    pub fn message(&self, parts: MessageParts<'_>) -> String {
        let MessageParts {
            caller_arn,
            action,
            resource,
            quoting,
            audience,
        } = parts;
        let anonymous_or_other = caller_arn.is_none() || audience == Audience::OtherAccount;
        if quoting == ResourceQuoting::Quoted && anonymous_or_other {
            return "Access Denied".to_owned();
        }
        let mut text = match caller_arn {
            Some(arn) => format!("User: {arn} is not authorized to perform: {action}"),
            None => return format!("Not authorized to perform {action}"),
        };
        // ListBuckets is about no one resource.
        if action != "s3:ListAllMyBuckets" {
            text.push_str(" on resource: ");
            match quoting {
                ResourceQuoting::Quoted => {
                    text.push('"');
                    text.push_str(resource);
                    text.push('"');
                }
                ResourceQuoting::Plain => text.push_str(resource),
            }
        }
        // Roles are refused without a reason.
        let role = matches!(
            action,
            "sts:AssumeRole" | "sts:TagSession" | "sts:SetSourceIdentity"
        );
        let told = audience == Audience::SameAccount && self.layer != Layer::Trust;
        if !told || (role && !self.explicit) {
            return text;
        }
        text.push_str(&self.reason(action));
        text
    }

    fn reason(&self, action: &str) -> String {
        match self.layer {
            Layer::BlockPublicAcls => " because public ACLs are prevented by the BlockPublicAcls \
                                       setting in S3 Block Public Access."
                .to_owned(),
            Layer::BlockPublicPolicy => {
                " because public policies are prevented by the BlockPublicPolicy setting in S3 \
                 Block Public Access."
                    .to_owned()
            }
            layer if self.explicit => {
                let name = layer.name();
                let article = if name.starts_with('i') { "an" } else { "a" };
                match &self.policy_arn {
                    Some(arn) => format!(" with an explicit deny in {article} {name}: {arn}"),
                    None => format!(" with an explicit deny in {article} {name}"),
                }
            }
            layer => format!(" because no {} allows the {action} action", layer.name()),
        }
    }
}

impl Layer {
    /// The words of AWS's messages.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Identity => "identity-based policy",
            Layer::Resource => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
            Layer::ServiceControl => "service control policy",
            Layer::ResourceControl => "resource control policy",
            Layer::VpcEndpoint => "VPC endpoint policy",
            Layer::BlockPublicAcls => "BlockPublicAcls setting",
            Layer::BlockPublicPolicy => "BlockPublicPolicy setting",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(explicit: bool, layer: Layer, policy_arn: Option<&str>) -> Denial {
        Denial {
            explicit,
            layer,
            policy_arn: policy_arn.map(str::to_owned),
        }
    }

    const READ: MessageParts<'static> = MessageParts {
        caller_arn: Some("arn:aws:iam::111111111111:user/al"),
        action: "s3:GetObject",
        resource: "arn:aws:s3:::b/k",
        quoting: ResourceQuoting::Quoted,
        audience: Audience::SameAccount,
    };

    #[test]
    fn refusals_say_what_aws_says() {
        let start = "User: arn:aws:iam::111111111111:user/al is not authorized to perform: ";
        let managed = Some("arn:aws:iam::111111111111:policy/p");
        let list = MessageParts {
            action: "s3:ListAllMyBuckets",
            ..READ
        };
        let assume = MessageParts {
            action: "sts:AssumeRole",
            resource: "ROLE",
            quoting: ResourceQuoting::Plain,
            ..READ
        };
        let elsewhere = Audience::OtherAccount;
        let cases = [
            (
                denied(false, Layer::Identity, None).message(READ),
                "s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no identity-based policy \
                 allows the s3:GetObject action",
            ),
            (
                denied(true, Layer::Resource, None).message(READ),
                "s3:GetObject on resource: \"arn:aws:s3:::b/k\" with an explicit deny in a \
                 resource-based policy",
            ),
            (
                denied(true, Layer::Identity, managed).message(READ),
                "s3:GetObject on resource: \"arn:aws:s3:::b/k\" with an explicit deny in an \
                 identity-based policy: arn:aws:iam::111111111111:policy/p",
            ),
            (
                denied(false, Layer::VpcEndpoint, None).message(READ),
                "s3:GetObject on resource: \"arn:aws:s3:::b/k\" because no VPC endpoint policy \
                 allows the s3:GetObject action",
            ),
            (
                denied(true, Layer::BlockPublicAcls, None).message(READ),
                "s3:GetObject on resource: \"arn:aws:s3:::b/k\" because public ACLs are prevented \
                 by the BlockPublicAcls setting in S3 Block Public Access.",
            ),
            (
                denied(false, Layer::Session, None).message(list),
                "s3:ListAllMyBuckets because no session policy allows the s3:ListAllMyBuckets \
                 action",
            ),
            (
                denied(false, Layer::Identity, None).message(assume),
                "sts:AssumeRole on resource: ROLE",
            ),
            (
                denied(true, Layer::Boundary, None).message(assume),
                "sts:AssumeRole on resource: ROLE with an explicit deny in a permissions boundary",
            ),
            (
                denied(true, Layer::Boundary, None).message(MessageParts {
                    audience: elsewhere,
                    ..assume
                }),
                "sts:AssumeRole on resource: ROLE",
            ),
        ];
        for (message, rest) in cases {
            assert_eq!(message, format!("{start}{rest}"));
        }
        for parts in [
            MessageParts {
                audience: elsewhere,
                ..READ
            },
            MessageParts {
                caller_arn: None,
                ..READ
            },
        ] {
            let message = denied(true, Layer::Resource, None).message(parts);
            assert_eq!(message, "Access Denied");
        }
    }
}
