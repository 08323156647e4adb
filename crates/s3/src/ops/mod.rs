//! Every S3 operation. To add one: write its file, then add its lines here.

// Objects.

// Buckets.

/// Hands every operation to `$each`, so that no list of operations is ever written twice.
#[macro_export]
macro_rules! for_each_operation {
    ($each:ident) => {
        $each! {
            // Objects.

            // Buckets.

        }
    };
}

macro_rules! names {
    ($($operation:ident)*) => { &[$(<$operation as gate::Operation>::NAME),*] };
}
/// The operations by name.
pub const NAMES: &[&str] = for_each_operation!(names);
