//! Both evaluators beside each other.
#![allow(dead_code, reason = "each test uses its part")]
use std::ops::ControlFlow;

use policy_model::generate::Generator;
use policy_model::{Decision, Request, Twist, World};

mod bridge;
mod shrink;
#[allow(unused_imports, reason = "each test uses its part")]
pub use bridge::{Answer, Bad, Compiled, Print};

/// Where the two do not agree.
#[derive(Clone, Debug, PartialEq)]
pub enum Disagreement {
    /// On a request.
    Decision { policy: Decision, model: Decision },
    /// On whether the bucket policy is public.
    Public { policy: bool },
    /// `policy` with itself: the trail leads elsewhere.
    Trail,
}

/// Compares the two on a world and one request.
pub fn compare(
    compiled: &Compiled<'_>,
    request: &Request,
    twist: Option<Twist>,
) -> Result<(Answer, Option<Disagreement>), Bad> {
    let answer = compiled.answer(request)?;
    let policy = answer.decision;
    let model = policy_model::decide_twisted(compiled.world, request, twist);
    let document = compiled.world.resource_policy.as_ref();
    let public = compiled.is_public().zip(document);
    let public = public.filter(|(public, document)| *public != policy_model::is_public(document));
    let disagreement = if policy != model {
        Some(Disagreement::Decision { policy, model })
    } else if !answer.is_trail_true {
        Some(Disagreement::Trail)
    } else {
        public.map(|(policy, _)| Disagreement::Public { policy })
    };
    Ok((answer, disagreement))
}

/// A disagreement that a random world showed.
pub struct Finding {
    /// The world's own seed.
    pub seed: u64,
    pub case: Case,
    pub disagreement: Disagreement,
}

/// Puts the worlds of these seeds to both. `each` sees every answer and may stop at a finding.
pub fn run(
    seeds: impl Iterator<Item = u64>,
    twist: Option<Twist>,
    mut each: impl FnMut(&World, &Request, Answer, Option<Finding>) -> ControlFlow<()>,
) -> Result<(), Bad> {
    for seed in seeds {
        let (world, requests) = Generator::new(seed).world();
        let compiled = Compiled::new(&world)?;
        for request in &requests {
            let (answer, disagreement) = compare(&compiled, request, twist)?;
            let finding = disagreement.map(|disagreement| Finding {
                seed,
                case: Case {
                    about: String::new(),
                    world: world.clone(),
                    request: request.clone(),
                },
                disagreement,
            });
            if each(&world, request, answer, finding).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A world with one request, as regressions are kept.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Case {
    /// What it shows; for readers.
    #[serde(default)]
    pub about: String,
    /// Everything in force.
    pub world: World,
    /// The question.
    pub request: Request,
}

impl Case {
    pub fn disagreement(&self, twist: Option<Twist>) -> Result<Option<Disagreement>, Bad> {
        Ok(compare(&Compiled::new(&self.world)?, &self.request, twist)?.1)
    }

    /// As a file of `tests/regressions`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Finding {
    /// For people: the smallest case that shows the same, both answers, and how to see it again.
    pub fn shown(&self) -> String {
        let Finding { seed, case, .. } = self;
        format!(
            "{:?}\n{}replay: STRONGROOM_SEED={seed} cargo test -p policy-model --test differential",
            self.disagreement,
            case.shrunk(None).to_json()
        )
    }
}
