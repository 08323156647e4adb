//! Every S3 operation. To add one: write its file, then add its lines here.

// Objects.
mod delete_object;
mod get_object;
mod head_object;
mod list_objects_v2;
mod put_object;

pub use delete_object::DeleteObject;
pub use get_object::GetObject;
pub use head_object::HeadObject;
pub use list_objects_v2::ListObjectsV2;
pub use put_object::PutObject;

// Buckets.

/// Hands every operation to `$each`, so that no list of operations is ever written twice.
#[macro_export]
macro_rules! for_each_operation {
    ($each:ident) => {
        $each! {
            // Objects.
            DeleteObject
            GetObject
            HeadObject
            ListObjectsV2
            PutObject

            // Buckets.

        }
    };
}

macro_rules! names {
    ($($operation:ident)*) => { &[$(<$operation as gate::Operation>::NAME),*] };
}
/// The operations by name.
pub const NAMES: &[&str] = for_each_operation!(names);
