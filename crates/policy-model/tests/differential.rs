//! Both evaluators, on the regressions and on random worlds.
#![expect(clippy::unwrap_used, reason = "tests")]
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use policy_model::generate::{Generator, REQUESTS_PER_WORLD};
use policy_model::{Decision, Twist};
use serde_json::Value;

mod support;
use support::{Case, run};

/// Worlds of one run.
const WORLDS: u64 = 15_000;
/// Each broken rule must be noticed within so many worlds.
const WORLDS_UNTIL_NOTICED: u64 = 15_000;
/// What is answered less often than once in so many cases is not covered.
const RARE: usize = 1_500;
/// More findings of one run are hardly read.
const FINDINGS_SHOWN: usize = 3;

/// Of `STRONGROOM_SEED`, or any.
fn seed() -> u64 {
    match std::env::var("STRONGROOM_SEED") {
        Ok(text) => text.parse().unwrap(),
        // Below 2^48, so that adding worlds overflows nothing.
        Err(_) => fastrand::u64(0..1 << 48),
    }
}

#[test]
fn regressions_stay_settled() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(found) = case.disagreement(None).unwrap() {
            wrong.push(format!("{}: {found:?}", path.display()));
        }
        count += 1;
    }
    println!("{count} regressions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 0);
}

#[test]
fn both_evaluators_agree_on_random_worlds() {
    let seed = seed();
    println!("STRONGROOM_SEED={seed}");
    let (mut findings, mut shown) = (0, Vec::new());
    let mut cases = 0;
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    run(seed..seed + WORLDS, None, |_, request, answer, finding| {
        cases += 1;
        let allowed = usize::from(answer.decision == Decision::Allow);
        *answers.entry(format!("{:?}", answer.decision)).or_default() += 1;
        *reasons.entry(format!("{:?}", answer.reason)).or_default() += 1;
        let kind = kinds.entry(format!("{:?}", request.principal.kind));
        let kind = kind.or_default();
        (kind.0, kind.1) = (kind.0 + allowed, kind.1 + 1);
        if let Some(finding) = finding {
            findings += 1;
            if shown.len() < FINDINGS_SHOWN {
                shown.push(finding.shown());
            }
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(
        shown.is_empty(),
        "{findings} disagreements\n{}",
        shown.join("\n\n")
    );

    println!("{cases} cases");
    assert!(cases >= 50_000);
    for (word, count) in answers.iter().chain(&reasons) {
        println!("{count:6} {word}");
    }
    for (kind, (allowed, of)) in &kinds {
        println!("{allowed:6} of {of:6} allowed to {kind}");
    }
    // The worlds are worth something only while everything happens in them.
    assert!(answers.get("Allow").is_some_and(|count| *count > cases / 6));
    // Eight layers deny by a statement and by being silent, two more by a setting.
    assert_eq!(answers.len(), 1 + 8 * 2 + 2);
    assert_eq!(reasons.len(), REASONS);
    assert_eq!(kinds.len(), 6);
    let rare = |(word, count): (&String, &usize)| {
        (*count < cases / RARE).then(|| format!("{count} {word}"))
    };
    let rare: Vec<_> = answers.iter().filter_map(rare).collect();
    assert!(rare.is_empty(), "hardly ever: {rare:?}");
    for (kind, (allowed, of)) in kinds {
        assert!(allowed * 12 > of, "{kind} is hardly ever allowed anything");
    }
}

/// The variants of `policy::Reason`.
const REASONS: usize = 16;

#[test]
fn every_broken_rule_is_noticed() {
    // Always the same worlds: whether a rare one comes up in time is no matter of luck.
    let seed = 1;
    for twist in Twist::ALL {
        let mut cases = 0;
        let mut noticed = None;
        run(
            seed..seed + WORLDS_UNTIL_NOTICED,
            Some(*twist),
            |_, _, _, finding| {
                cases += 1;
                noticed = finding;
                match noticed {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            },
        )
        .unwrap();
        println!("{twist:?}: {cases} cases");
        let noticed = noticed.map(|finding| finding.case.shrunk(Some(*twist)));
        let small = noticed.map_or(usize::MAX, |case| case.to_json().len());
        assert!(
            small < 4_000,
            "{twist:?}: after {cases} cases, {small} bytes"
        );
    }
}

#[test]
fn all_operators_occur_in_all_forms() {
    fn operators(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if name == "Condition" {
                        found.extend(
                            member
                                .as_object()
                                .into_iter()
                                .flatten()
                                .map(|m| m.0.clone()),
                        );
                    } else {
                        operators(member, found);
                    }
                }
            }
            Value::Array(entries) => entries.iter().for_each(|entry| operators(entry, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for seed in 0..20_000 / REQUESTS_PER_WORLD as u64 {
        let (world, requests) = Generator::new(seed).world();
        operators(&serde_json::to_value(world).unwrap(), &mut found);
        operators(&serde_json::to_value(requests).unwrap(), &mut found);
    }
    let bases: BTreeSet<&str> = found
        .iter()
        .map(|name| {
            name.rsplit(':')
                .next()
                .unwrap()
                .trim_end_matches("IfExists")
        })
        .collect();
    assert_eq!(bases.len(), 27, "{bases:?}");
    for base in bases.into_iter().filter(|base| *base != "Null") {
        for set in ["", "ForAllValues:", "ForAnyValue:"] {
            // Common operators alone have every suffix with every prefix.
            let forms = [format!("{set}{base}"), format!("{set}{base}IfExists")];
            assert!(forms.iter().any(|form| found.contains(form)), "{forms:?}");
        }
        assert!(found.contains(&format!("{base}IfExists")), "{base}IfExists");
    }
}
