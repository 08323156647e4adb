//! Rules in two languages: what one rule says as a statement of a policy document, it says as a
//! Cedar policy too.
use std::fmt::Write as _;

/// One statement.
pub struct Rule {
    pub allows: bool,
    pub who: Who,
    /// Empty: every action of S3.
    pub actions: &'static [&'static str],
    pub on: On,
    pub when: Vec<When>,
}

/// Whom a rule of a bucket policy names.
pub enum Who {
    /// Rules of identity policies name nobody.
    Attached,
    Everyone,
    Account(&'static str),
    /// Account, name and unique id.
    Role(&'static str, String, String),
}

pub enum On {
    Bucket(String),
    /// Bucket, and what keys start with.
    Objects(String, String),
}

pub enum When {
    SourceIp(String),
    SecureTransport(bool),
    TeamIs(String),
    PrincipalArnLike(String),
    VpcIsNot(String),
    UserAgentIs(Vec<String>),
}

impl Rule {
    fn statement(&self) -> String {
        let mut out = String::from("{\"Effect\":");
        out.push_str(if self.allows { "\"Allow\"" } else { "\"Deny\"" });
        match &self.who {
            Who::Attached => {}
            Who::Everyone => out.push_str(",\"Principal\":\"*\""),
            Who::Account(id) => {
                let _ = write!(out, ",\"Principal\":{{\"AWS\":\"arn:aws:iam::{id}:root\"}}");
            }
            // As the server keeps it: by unique id.
            Who::Role(_, _, id) => {
                let _ = write!(out, ",\"Principal\":{{\"AWS\":\"{id}\"}}");
            }
        }
        let actions = if self.actions.is_empty() {
            "\"s3:*\"".to_owned()
        } else {
            json(self.actions)
        };
        let resource = match &self.on {
            On::Bucket(name) => format!("arn:aws:s3:::{name}"),
            On::Objects(name, start) => format!("arn:aws:s3:::{name}/{start}*"),
        };
        let _ = write!(out, ",\"Action\":{actions},\"Resource\":\"{resource}\"");
        if !self.when.is_empty() {
            let conditions: Vec<_> = self.when.iter().map(When::condition).collect();
            let _ = write!(out, ",\"Condition\":{{{}}}", conditions.join(","));
        }
        out.push('}');
        out
    }

    fn cedar(&self) -> String {
        let effect = if self.allows { "permit" } else { "forbid" };
        let principal = match &self.who {
            Who::Attached | Who::Everyone => "principal".to_owned(),
            Who::Account(id) => format!("principal in Account::\"{id}\""),
            Who::Role(account, name, _) => {
                format!("principal == Role::\"arn:aws:iam::{account}:role/{name}\"")
            }
        };
        let action = match self.actions {
            [] => "action in Action::\"s3\"".to_owned(),
            [one] => format!("action == Action::\"{one}\""),
            many => {
                let many: Vec<_> = many.iter().map(|a| format!("Action::\"{a}\"")).collect();
                format!("action in [{}]", many.join(", "))
            }
        };
        let mut when: Vec<String> = Vec::new();
        let resource = match &self.on {
            On::Bucket(name) => format!("resource == Bucket::\"{name}\""),
            On::Objects(name, start) => {
                if !start.is_empty() {
                    when.push(format!("resource.key like \"{start}*\""));
                }
                format!("resource is Object in Bucket::\"{name}\"")
            }
        };
        when.extend(self.when.iter().map(When::cedar));
        let when = if when.is_empty() {
            String::new()
        } else {
            format!(" when {{ {} }}", when.join(" && "))
        };
        format!("{effect}({principal}, {action}, {resource}){when};\n")
    }
}

impl When {
    fn condition(&self) -> String {
        match self {
            When::SourceIp(range) => {
                format!("\"IpAddress\":{{\"aws:SourceIp\":\"{range}\"}}")
            }
            When::SecureTransport(wanted) => {
                format!("\"Bool\":{{\"aws:SecureTransport\":\"{wanted}\"}}")
            }
            When::TeamIs(team) => {
                format!("\"StringEquals\":{{\"aws:PrincipalTag/team\":\"{team}\"}}")
            }
            When::PrincipalArnLike(pattern) => {
                format!("\"StringLike\":{{\"aws:PrincipalArn\":\"{pattern}\"}}")
            }
            When::VpcIsNot(vpc) => format!("\"StringNotEquals\":{{\"aws:SourceVpc\":\"{vpc}\"}}"),
            When::UserAgentIs(names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                format!("\"StringEquals\":{{\"aws:UserAgent\":{}}}", json(&names))
            }
        }
    }

    fn cedar(&self) -> String {
        match self {
            When::SourceIp(range) => format!("context.sourceIp.isInRange(ip(\"{range}\"))"),
            When::SecureTransport(true) => "context.secureTransport".to_owned(),
            When::SecureTransport(false) => "!context.secureTransport".to_owned(),
            When::TeamIs(team) => format!("principal has team && principal.team == \"{team}\""),
            When::PrincipalArnLike(pattern) => format!("principal.arn like \"{pattern}\""),
            When::VpcIsNot(vpc) => {
                format!("!(context has sourceVpc && context.sourceVpc == \"{vpc}\")")
            }
            When::UserAgentIs(names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                format!("{}.contains(context.userAgent)", json(&names))
            }
        }
    }
}

fn json(texts: &[&str]) -> String {
    match texts {
        [one] => format!("\"{one}\""),
        many => {
            let many: Vec<_> = many.iter().map(|text| format!("\"{text}\"")).collect();
            format!("[{}]", many.join(","))
        }
    }
}

/// The rules as a policy document.
pub fn document(rules: &[Rule]) -> String {
    let statements: Vec<_> = rules.iter().map(Rule::statement).collect();
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}",
        statements.join(",")
    )
}

/// The rules as Cedar policies.
pub fn cedar<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    rules.into_iter().map(Rule::cedar).collect()
}
