//! Asking nothing is not an ask.
fn binding<A: gate::Binding>() {}

fn main() {
    binding::<()>();
}
