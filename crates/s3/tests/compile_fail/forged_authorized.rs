//! A call cannot be called authorized outside the gate.
fn main() {
    let _ = |input, permits, identity| gate::Authorized::<s3::ops::GetObject> {
        input,
        permits,
        identity,
    };
}
