//! A permit cannot be made outside the gate.
fn main() {
    let _ = |resource, pinned| gate::Permit::<catalog::s3::GetObject> { resource, pinned };
}
