//! IAM through its one door, [`iam::dispatch`]: with policies that are evaluated, on a directory in
//! memory. Every answer is held against the shapes of IAM's model.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authorization;
mod callers;
mod deletion;
mod entities;
mod errors;
mod lists;
mod policies;
mod quotas;
mod simulation;
mod sweep;
mod trust;
mod wire_form;
mod world;
