//! Statements and the principals they name (P-2, P-5, P-6, P-8, P-9, E-4).
use serde_json::Value;

use crate::Twist;
use crate::condition::{all_hold, listed};
use crate::context::{Context, text};
use crate::text::{ResourceRules, action_matches, resource_matches};
use crate::world::{Document, Kind};

/// Where a document is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Identity, group, boundary and session policies, SCPs: no principals.
    Identity,
    /// Bucket and key policies.
    Resource,
    /// RCPs and VPC endpoint policies.
    Guardrail,
    /// Trust policies: the role is implied as the resource.
    Trust,
}

/// How a principal entry reaches the caller, which decides what an Allow is worth (E-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `*`, or an Allow with `NotPrincipal`.
    Everyone,
    /// The caller's account.
    Account,
    /// The IAM user, also when its federated user calls.
    User,
    /// The role.
    Role,
    /// One session of a role, by name.
    Session,
    /// Exactly this federated user.
    FederatedUser,
    /// The service.
    Service,
    /// The provider of the caller's token.
    Provider,
}

/// What the documents of one layer say to one request.
#[derive(Default)]
pub(crate) struct Says {
    pub denies: bool,
    pub allows: bool,
    /// How the statements that allow reach the caller.
    pub reaches: Vec<Reach>,
}

/// One question, as statements see it.
pub(crate) struct Asked<'a> {
    pub context: Context<'a>,
    pub has_boundary: bool,
    pub twist: Option<Twist>,
}

impl Asked<'_> {
    /// Asks all documents of one layer: their order does not matter.
    pub fn ask(&self, documents: &[Document], place: Place) -> Says {
        let mut says = Says::default();
        for document in documents {
            let variables = document["Version"] == "2012-10-17";
            for statement in statements(document) {
                let reaches = self.reaches(statement, place);
                if reaches.is_empty() || !self.applies(statement, place, variables) {
                    continue;
                }
                if statement["Effect"] == "Allow" {
                    says.allows = true;
                    says.reaches.extend(reaches);
                } else {
                    says.denies = true;
                }
            }
        }
        says
    }

    fn applies(&self, statement: &Value, place: Place, variables: bool) -> bool {
        let request = self.context.request;
        let action = |pattern: &String| action_matches(pattern, &request.action);
        let rules = ResourceRules {
            variables: variables || self.twist == Some(Twist::VariablesIn2008),
            short_needs_wildcard: place == Place::Resource,
        };
        let resource =
            |pattern: &String| resource_matches(pattern, &request.resource, rules, &self.context);
        let acts = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(actions), _) => listed(actions).iter().any(action),
            (None, Some(actions)) => !listed(actions).iter().any(action),
            (None, None) => false,
        };
        let reaches = match (statement.get("Resource"), statement.get("NotResource")) {
            _ if place == Place::Trust => true,
            (Some(resources), _) => listed(resources).iter().any(resource),
            (None, Some(resources)) => !listed(resources).iter().any(resource),
            (None, None) => false,
        };
        let condition = statement.get("Condition");
        acts && reaches
            && condition.is_none_or(|condition| all_hold(condition, variables, &self.context))
    }

    /// How the statement's principals reach the caller; empty if they do not. In documents without
    /// principals the caller is meant.
    fn reaches(&self, statement: &Value, place: Place) -> Vec<Reach> {
        if place == Place::Identity {
            return vec![Reach::Account];
        }
        if let Some(principal) = statement.get("Principal") {
            let entries = entries(principal);
            let reaches = entries.iter().filter_map(|e| self.reach(e));
            // In a trust policy only its provider lets the holder of a token in.
            let lets_in = |reach: &Reach| {
                place != Place::Trust
                    || statement["Effect"] == "Deny"
                    || self.context.request.principal.kind != Kind::Anonymous
                    || *reach == Reach::Provider
            };
            return reaches.filter(lets_in).collect();
        }
        let Some(not) = statement.get("NotPrincipal") else {
            return Vec::new();
        };
        let chain = self.chain();
        let is_listed = |level: &Reach| {
            let mut found = entries(not).into_iter().filter_map(|e| self.reach(&e));
            found.any(|reach| reach == *level || reach == Reach::Everyone)
        };
        let applies = if statement["Effect"] == "Deny" {
            // Exempt is only whose whole chain is listed; nobody with a boundary is.
            self.has_boundary || chain.is_empty() || !chain.iter().all(is_listed)
        } else {
            !entries(not).iter().any(|entry| self.reach(entry).is_some())
        };
        if applies {
            vec![Reach::Everyone]
        } else {
            Vec::new()
        }
    }

    /// What `NotPrincipal` must list to exempt the caller (P-9).
    fn chain(&self) -> Vec<Reach> {
        match self.context.request.principal.kind {
            Kind::Root => vec![Reach::Account],
            Kind::User => vec![Reach::Account, Reach::User],
            Kind::AssumedRole => match self.twist {
                Some(Twist::NotPrincipalForgetsTheSession) => vec![Reach::Account, Reach::Role],
                _ => vec![Reach::Account, Reach::Role, Reach::Session],
            },
            Kind::FederatedUser => vec![Reach::Account, Reach::FederatedUser],
            Kind::Service => vec![Reach::Service],
            Kind::Anonymous if !self.context.request.principal.provider.is_empty() => {
                vec![Reach::Provider]
            }
            // Nothing lists them.
            Kind::Anonymous => vec![],
        }
    }

    /// How one entry reaches the caller: the table of E-4.
    fn reach(&self, (kind, name): &(String, String)) -> Option<Reach> {
        let who = &self.context.request.principal;
        let own_account = |id: &str| who.account.as_deref() == Some(id);
        match kind.as_str() {
            _ if name == "*" => Some(Reach::Everyone),
            "AWS" => {
                let account_of_root = name
                    .strip_prefix("arn:aws:iam::")
                    .and_then(|rest| rest.strip_suffix(":root"));
                if own_account(name) || account_of_root.is_some_and(own_account) {
                    return Some(Reach::Account);
                }
                let by_id = !who.unique_id.is_empty() && *name == who.unique_id;
                match who.kind {
                    Kind::User => (by_id || *name == who.arn).then_some(Reach::User),
                    Kind::AssumedRole if by_id || *name == who.role_arn => Some(Reach::Role),
                    Kind::AssumedRole => (*name == who.arn).then_some(Reach::Session),
                    Kind::FederatedUser if by_id || *name == who.user_arn => Some(Reach::User),
                    Kind::FederatedUser => (*name == who.arn).then_some(Reach::FederatedUser),
                    Kind::Root | Kind::Service | Kind::Anonymous => None,
                }
            }
            "CanonicalUser" => {
                let accounts = &self.context.world.accounts;
                let own = who.account.as_ref().and_then(|id| accounts.get(id));
                own.is_some_and(|own| own.canonical_id == *name)
                    .then_some(Reach::Account)
            }
            "Service" => {
                (who.kind == Kind::Service && who.service == *name).then_some(Reach::Service)
            }
            "Federated" => {
                (who.kind == Kind::Anonymous && !who.provider.is_empty() && who.provider == *name)
                    .then_some(Reach::Provider)
            }
            _ => None,
        }
    }
}

/// `Statement`: one or a list.
pub(crate) fn statements(document: &Document) -> &[Value] {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    }
}

/// The entries of `Principal` or `NotPrincipal` with their kinds.
pub(crate) fn entries(principal: &Value) -> Vec<(String, String)> {
    match principal {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, names)| listed(names).into_iter().map(|name| (kind.clone(), name)))
            .collect(),
        star => vec![("AWS".to_owned(), text(star))],
    }
}
