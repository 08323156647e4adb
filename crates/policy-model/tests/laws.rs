//! What holds for `policy` on all worlds, whatever the model says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
use std::collections::BTreeMap;

use policy::Reason;
use policy_model::generate::{Generator, Place};
use policy_model::{Decision, Document, Kind, Layer, Request, ResourceType, World};
use serde_json::{Value, json};

mod support;
use support::{Answer, Compiled, Print};

/// Worlds of each law; four requests each.
const WORLDS: u64 = 500;

fn seed() -> u64 {
    match std::env::var("STRONGROOM_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => fastrand::u64(0..1 << 48),
    }
}

/// Puts a law to random worlds. It gets each request with its answer, and says what is wrong.
fn holds(law: impl Fn(&mut Generator, &World, &Request, Answer) -> Result<(), String>) {
    let first = seed();
    println!("STRONGROOM_SEED={first}");
    for seed in first..first + WORLDS {
        let mut generator = Generator::new(seed);
        let (world, requests) = generator.world();
        let compiled = Compiled::new(&world).unwrap();
        for request in &requests {
            let answer = compiled.answer(request).unwrap();
            if let Err(wrong) = law(&mut generator, &world, request, answer) {
                let case = json!({"world": world, "request": request});
                panic!("STRONGROOM_SEED={seed}: {wrong}\n{case:#}\n{answer:?}");
            }
        }
    }
}

fn answer(world: &World, request: &Request) -> Answer {
    Compiled::new(world).unwrap().answer(request).unwrap()
}

fn is_allowed(answer: Answer) -> bool {
    answer.decision == Decision::Allow
}

fn must(holds: bool, law: &str, found: &impl std::fmt::Debug) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{law}, but {found:?}"))
    }
}

// ----- places where a statement can stand

/// The layers whose policies can reach the request, each with the place of its documents.
fn layers(world: &World, request: &Request) -> Vec<(Layer, Place)> {
    let who = &request.principal;
    let mut found = vec![(Layer::VpcEndpoint, Place::Endpoint)];
    if who.account.is_some() && !who.service_linked {
        found.push((Layer::ServiceControl, Place::Own));
    }
    if world.resource_owner.is_some() && !who.service_linked {
        found.push((Layer::ResourceControl, Place::Everyone));
    }
    match who.kind {
        Kind::User | Kind::AssumedRole | Kind::FederatedUser => {
            found.extend([(Layer::Identity, Place::Own), (Layer::Boundary, Place::Own)]);
        }
        Kind::Root | Kind::Service | Kind::Anonymous => {}
    }
    if matches!(who.kind, Kind::AssumedRole | Kind::FederatedUser) {
        found.push((Layer::Session, Place::Own));
    }
    match world.resource_type {
        ResourceType::S3 => found.push((Layer::Resource, Place::Bucket)),
        ResourceType::Kms => found.push((Layer::Resource, Place::Key)),
        ResourceType::Trust => found.push((Layer::Trust, Place::Trust)),
        ResourceType::None => {}
    }
    found
}

/// What the documents of a layer are without any: `true` if that does not limit.
fn limits_nothing_when_absent(layer: Layer) -> bool {
    !matches!(layer, Layer::Identity | Layer::Resource | Layer::Trust)
}

/// The documents of a layer, made if there are none: then with an Allow for everything, so that only
/// what is added makes the difference.
fn documents<'a>(
    world: &'a mut World,
    request: &'a mut Request,
    layer: Layer,
) -> Vec<&'a mut Document> {
    let mut all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    if matches!(layer, Layer::VpcEndpoint | Layer::ResourceControl) {
        all["Principal"] = "*".into();
    }
    let statements = match limits_nothing_when_absent(layer) {
        true => json!([all]),
        false => json!([]),
    };
    let new = json!({"Version": "2012-10-17", "Statement": statements});
    let who = &mut request.principal;
    let holder = match who.kind {
        Kind::AssumedRole => &who.role_arn,
        Kind::FederatedUser => &who.user_arn,
        _ => &who.arn,
    };
    fn of_levels(levels: &mut Vec<Vec<Document>>, new: Document) -> Vec<&mut Document> {
        match levels.is_empty() {
            true => levels.push(vec![new]),
            // A level without documents allows nothing; what is added there is an addition.
            false => levels
                .iter_mut()
                .filter(|l| l.is_empty())
                .for_each(|level| {
                    level.push(json!({"Version": "2012-10-17", "Statement": []}));
                }),
        }
        levels.iter_mut().flatten().collect()
    }
    match layer {
        Layer::ServiceControl => {
            let account = who.account.as_ref().unwrap();
            of_levels(&mut world.accounts.get_mut(account).unwrap().scps, new)
        }
        Layer::ResourceControl => {
            let account = world.resource_owner.as_ref().unwrap();
            of_levels(&mut world.accounts.get_mut(account).unwrap().rcps, new)
        }
        Layer::VpcEndpoint => vec![request.vpc_endpoint_policy.get_or_insert(new)],
        Layer::Identity => {
            let own = &mut world.policies.get_mut(holder).unwrap().identity;
            own.push(new);
            own.iter_mut().collect()
        }
        Layer::Boundary => {
            vec![
                world
                    .policies
                    .get_mut(holder)
                    .unwrap()
                    .boundary
                    .get_or_insert(new),
            ]
        }
        Layer::Session => {
            // None means everything for a role, and nothing for a federated user.
            let none = match who.kind {
                Kind::AssumedRole => vec![new],
                _ => Vec::new(),
            };
            let documents = who.session_policies.get_or_insert(none);
            if documents.is_empty() {
                documents.push(json!({"Version": "2012-10-17", "Statement": []}));
            }
            documents.iter_mut().collect()
        }
        Layer::Resource | Layer::Trust => vec![world.resource_policy.get_or_insert(new)],
        Layer::BlockPublicAcls | Layer::BlockPublicPolicy => Vec::new(),
    }
}

fn add(document: &mut Document, statement: Value) {
    let statements = &mut document["Statement"];
    match statements {
        Value::Array(list) => list.push(statement),
        one => *one = json!([one.take(), statement]),
    }
}

/// The world with a statement of the effect more, somewhere; and in which layer. What the layer needs
/// to be there at all is in the world that is handed back first.
fn with_statement(
    generator: &mut Generator,
    world: &World,
    request: &Request,
    effect: &str,
) -> (Layer, (World, Request), (World, Request)) {
    let layers = layers(world, request);
    let (layer, place) = layers[generator.below(layers.len())];
    let (mut world, mut request) = (world.clone(), request.clone());
    let _ = documents(&mut world, &mut request, layer);
    let before = (world.clone(), request.clone());
    let mut statement = generator.statement(&world, &[request.clone()], place);
    statement["Effect"] = effect.into();
    let mut documents = documents(&mut world, &mut request, layer);
    let at = generator.below(documents.len());
    add(documents[at], statement);
    drop(documents);
    (layer, before, (world, request))
}

// ----- the laws

#[test]
fn a_deny_wins_wherever_it_stands() {
    // E-2.1: the first of these that denies is named.
    let order = [
        Layer::ServiceControl,
        Layer::ResourceControl,
        Layer::VpcEndpoint,
        Layer::Identity,
        Layer::Boundary,
        Layer::Session,
        Layer::Resource,
        Layer::Trust,
    ];
    holds(|_, world, request, _| {
        for (layer, place) in layers(world, request) {
            let (mut world, mut request) = (world.clone(), request.clone());
            let mut deny = json!({"Effect": "Deny", "Action": "*"});
            if place != Place::Trust {
                deny["Resource"] = "*".into();
            }
            if !matches!(place, Place::Own) {
                deny["Principal"] = if place == Place::Trust {
                    json!({"AWS": "*"})
                } else {
                    json!("*")
                };
            }
            add(documents(&mut world, &mut request, layer).remove(0), deny);
            let own_bucket = world.resource_type == ResourceType::S3
                && request.principal.kind == Kind::Root
                && request.principal.account == world.resource_owner
                && matches!(
                    request.action.as_str(),
                    "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy"
                );
            if layer == Layer::Resource && own_bucket {
                // E-10
                continue;
            }
            let found = answer(&world, &request);
            let place_of = |layer| order.iter().position(|one| *one == layer);
            let named = match found.decision {
                Decision::Deny {
                    explicit: true,
                    layer: named,
                } => place_of(named) <= place_of(layer),
                Decision::Deny { .. } | Decision::Allow => false,
            };
            must(named, &format!("{layer:?} denies"), &found)?;
        }
        Ok(())
    });
}

#[test]
fn a_deny_more_gives_nothing() {
    holds(|generator, world, request, _| {
        let (layer, before, after) = with_statement(generator, world, request, "Deny");
        let (less, more) = (answer(&before.0, &before.1), answer(&after.0, &after.1));
        must(
            is_allowed(less) || !is_allowed(more),
            "a Deny more",
            &(layer, less, more),
        )
    });
}

/// With the one exception of S3: an Allow can make the bucket policy public, and then
/// `RestrictPublicBuckets` keeps other accounts out that it let in before (S-9).
#[test]
fn an_allow_more_takes_nothing_away() {
    holds(|generator, world, request, _| {
        let (layer, before, after) = with_statement(generator, world, request, "Allow");
        let (less, more) = (answer(&before.0, &before.1), answer(&after.0, &after.1));
        let is_public = |world: &World| Compiled::new(world).unwrap().is_public() == Some(true);
        let has_become_public = layer == Layer::Resource
            && !is_public(&before.0)
            && is_public(&after.0)
            && (world.bpa.account.restrict_public_buckets
                || world.bpa.bucket.restrict_public_buckets)
            && request.principal.account != world.resource_owner
            && request.principal.kind != Kind::Service;
        let holds = !is_allowed(less) || is_allowed(more) || has_become_public;
        must(holds, "an Allow more", &(layer, less, more))
    });
}

/// Turns every list around; members of objects too.
fn turned(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().rev().map(turned).collect(),
        Value::Object(members) => members
            .into_iter()
            .rev()
            .map(|(k, v)| (k, turned(v)))
            .collect(),
        other => other,
    }
}

#[test]
fn order_does_not_matter() {
    holds(|_, world, request, found| {
        let world = turned(serde_json::to_value(world).unwrap());
        let request = turned(serde_json::to_value(request).unwrap());
        let world = serde_json::from_value(world).unwrap();
        let turned = answer(&world, &serde_json::from_value(request).unwrap());
        must(turned.decision == found.decision, "turned around", &turned)
    });
}

/// Says everything twice that stands in a list: statements, documents, entries, levels, grants.
fn doubled(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let list: Vec<Value> = list.into_iter().map(doubled).collect();
            list.iter().chain(&list).cloned().collect()
        }
        Value::Object(members) => members.into_iter().map(|(k, v)| (k, doubled(v))).collect(),
        other => other,
    }
}

#[test]
fn repetition_does_not_matter() {
    holds(|_, world, request, found| {
        let world = doubled(serde_json::to_value(world).unwrap());
        let mut twice: Request =
            serde_json::from_value(doubled(serde_json::to_value(request).unwrap())).unwrap();
        // How many values a key has is not for us to change: without a set operator one is one.
        twice.context = request.context.clone();
        let doubled = answer(&serde_json::from_value(world).unwrap(), &twice);
        must(doubled.decision == found.decision, "said twice", &doubled)
    });
}

#[test]
fn how_a_document_is_printed_does_not_matter() {
    holds(|_, world, request, found| {
        let plain = Compiled::new(world).unwrap();
        for print in [Print::Compact, Print::Pretty] {
            let printed = Compiled::printed(world, print).unwrap();
            let other = printed.answer(request).unwrap();
            must(
                other.decision == found.decision,
                &format!("{print:?}"),
                &other,
            )?;
            must(printed.is_public() == plain.is_public(), "public", &print)?;
        }
        Ok(())
    });
}

#[test]
fn the_trail_leads_to_the_decision_that_is_made_without_it() {
    holds(|_, _, _, found| must(found.is_trail_true, "the trail", &found.reason));
}

#[test]
fn no_key_is_looked_up_that_no_policy_in_force_names() {
    // Dear facts, such as an object's tags, are fetched only for policies that name them.
    holds(|_, world, request, _| {
        let unnamed = Compiled::new(world).unwrap().keys_unnamed(request).unwrap();
        must(unnamed.is_empty(), "every key is named", &unnamed)
    });
}

#[test]
fn boundary_and_session_policies_give_nothing() {
    holds(|generator, world, request, found| {
        let (mut world, mut request) = (world.clone(), request.clone());
        let hints = [request.clone()];
        let limit = json!({
            "Version": "2012-10-17",
            "Statement": [generator.statement(&world, &hints, Place::Own)],
        });
        for own in world.policies.values_mut() {
            own.boundary.get_or_insert(limit.clone());
        }
        if request.principal.kind == Kind::AssumedRole {
            request
                .principal
                .session_policies
                .get_or_insert_with(|| vec![limit]);
        }
        let limited = answer(&world, &request);
        must(
            is_allowed(found) || !is_allowed(limited),
            "limits give",
            &limited,
        )
    });
}

/// E-5: only a resource policy of its own account that names the session (or everyone) reaches past
/// session policies that allow nothing, and S-10 and E-8 besides.
#[test]
fn a_session_exceeds_its_policies_only_where_it_is_named() {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let count = std::cell::RefCell::new(&mut named);
    holds(|_, world, request, _| {
        if !matches!(
            request.principal.kind,
            Kind::AssumedRole | Kind::FederatedUser
        ) {
            return Ok(());
        }
        let mut request = request.clone();
        request.principal.session_policies = Some(Vec::new());
        let found = answer(world, &request);
        let same_account = request.principal.account == world.resource_owner;
        if is_allowed(found) {
            *count
                .borrow_mut()
                .entry(format!("{:?}", found.reason))
                .or_default() += 1;
            let why = match found.reason {
                Some(Reason::NamedByResource) => same_account,
                Some(Reason::UploadInitiator | Reason::KeyGrant) => true,
                _ => false,
            };
            must(why, "nothing is allowed", &found)?;
        }
        // Without the resource's own word nothing is left.
        let mut world = world.clone();
        world.resource_policy = world.resource_policy.map(|_| json!({"Statement": []}));
        world.acl = Default::default();
        world.grants.clear();
        request.is_upload_initiator = false;
        let found = answer(&world, &request);
        must(!is_allowed(found), "nothing is allowed", &found)
    });
    println!("{named:?}");
    assert!(!named.is_empty());
}
