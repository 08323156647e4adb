//! A probe tells what may be revealed; it allows nothing.
fn binding<A: gate::Binding>() {}

fn main() {
    binding::<gate::Probe<catalog::s3::ListBucket>>();
}
