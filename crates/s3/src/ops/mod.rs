//! Every S3 operation. To add one: write its file, then add its lines here.

// Objects.
mod abort_multipart_upload;
mod complete_multipart_upload;
mod copy_object;
mod create_multipart_upload;
mod delete_object;
mod delete_object_tagging;
mod delete_objects;
mod get_object;
mod get_object_acl;
mod get_object_attributes;
mod get_object_tagging;
mod head_object;
mod list_multipart_uploads;
mod list_object_versions;
mod list_objects;
mod list_objects_v2;
mod list_parts;
mod put_object;
mod put_object_acl;
mod put_object_tagging;
mod upload_part;
mod upload_part_copy;

pub use abort_multipart_upload::AbortMultipartUpload;
pub use complete_multipart_upload::CompleteMultipartUpload;
pub use copy_object::CopyObject;
pub use create_multipart_upload::CreateMultipartUpload;
pub use delete_object::DeleteObject;
pub use delete_object_tagging::DeleteObjectTagging;
pub use delete_objects::DeleteObjects;
pub use get_object::GetObject;
pub use get_object_acl::GetObjectAcl;
pub use get_object_attributes::GetObjectAttributes;
pub use get_object_tagging::GetObjectTagging;
pub use head_object::HeadObject;
pub use list_multipart_uploads::ListMultipartUploads;
pub use list_object_versions::ListObjectVersions;
pub use list_objects::ListObjects;
pub use list_objects_v2::ListObjectsV2;
pub use list_parts::ListParts;
pub use put_object::PutObject;
pub use put_object_acl::PutObjectAcl;
pub use put_object_tagging::PutObjectTagging;
pub use upload_part::UploadPart;
pub use upload_part_copy::UploadPartCopy;

// Buckets.
mod create_bucket;
mod delete_account_public_access_block;
mod delete_bucket;
mod delete_bucket_cors;
mod delete_bucket_encryption;
mod delete_bucket_lifecycle;
mod delete_bucket_ownership_controls;
mod delete_bucket_policy;
mod delete_bucket_tagging;
mod delete_public_access_block;
mod get_account_public_access_block;
mod get_bucket_acl;
mod get_bucket_cors;
mod get_bucket_encryption;
mod get_bucket_lifecycle_configuration;
mod get_bucket_location;
mod get_bucket_ownership_controls;
mod get_bucket_policy;
mod get_bucket_policy_status;
mod get_bucket_request_payment;
mod get_bucket_tagging;
mod get_bucket_versioning;
mod get_public_access_block;
mod head_bucket;
mod list_buckets;
mod put_account_public_access_block;
mod put_bucket_acl;
mod put_bucket_cors;
mod put_bucket_encryption;
mod put_bucket_lifecycle_configuration;
mod put_bucket_ownership_controls;
mod put_bucket_policy;
mod put_bucket_request_payment;
mod put_bucket_tagging;
mod put_bucket_versioning;
mod put_public_access_block;

pub use create_bucket::CreateBucket;
pub use delete_account_public_access_block::DeleteAccountPublicAccessBlock;
pub use delete_bucket::DeleteBucket;
pub use delete_bucket_cors::DeleteBucketCors;
pub use delete_bucket_encryption::DeleteBucketEncryption;
pub use delete_bucket_lifecycle::DeleteBucketLifecycle;
pub use delete_bucket_ownership_controls::DeleteBucketOwnershipControls;
pub use delete_bucket_policy::DeleteBucketPolicy;
pub use delete_bucket_tagging::DeleteBucketTagging;
pub use delete_public_access_block::DeletePublicAccessBlock;
pub use get_account_public_access_block::GetAccountPublicAccessBlock;
pub use get_bucket_acl::GetBucketAcl;
pub use get_bucket_cors::GetBucketCors;
pub use get_bucket_encryption::GetBucketEncryption;
pub use get_bucket_lifecycle_configuration::GetBucketLifecycleConfiguration;
pub use get_bucket_location::GetBucketLocation;
pub use get_bucket_ownership_controls::GetBucketOwnershipControls;
pub use get_bucket_policy::GetBucketPolicy;
pub use get_bucket_policy_status::GetBucketPolicyStatus;
pub use get_bucket_request_payment::GetBucketRequestPayment;
pub use get_bucket_tagging::GetBucketTagging;
pub use get_bucket_versioning::GetBucketVersioning;
pub use get_public_access_block::GetPublicAccessBlock;
pub use head_bucket::HeadBucket;
pub use list_buckets::ListBuckets;
pub use put_account_public_access_block::PutAccountPublicAccessBlock;
pub use put_bucket_acl::PutBucketAcl;
pub use put_bucket_cors::PutBucketCors;
pub use put_bucket_encryption::PutBucketEncryption;
pub use put_bucket_lifecycle_configuration::PutBucketLifecycleConfiguration;
pub use put_bucket_ownership_controls::PutBucketOwnershipControls;
pub use put_bucket_policy::PutBucketPolicy;
pub use put_bucket_request_payment::PutBucketRequestPayment;
pub use put_bucket_tagging::PutBucketTagging;
pub use put_bucket_versioning::PutBucketVersioning;
pub use put_public_access_block::PutPublicAccessBlock;

/// Hands every operation to `$each`, so that no list of operations is ever written twice.
#[macro_export]
macro_rules! for_each_operation {
    ($each:ident) => {
        $each! {
            // Objects.
            AbortMultipartUpload
            CompleteMultipartUpload
            CopyObject
            CreateMultipartUpload
            DeleteObject
            DeleteObjectTagging
            DeleteObjects
            GetObject
            GetObjectAttributes
            GetObjectTagging
            HeadObject
            ListMultipartUploads
            ListObjectVersions
            ListObjects
            ListObjectsV2
            ListParts
            PutObject
            PutObjectTagging
            UploadPart
            UploadPartCopy

            // Buckets.
            CreateBucket
            HeadBucket
            ListBuckets
            DeleteBucket
            GetBucketLocation
            GetBucketPolicy
            PutBucketPolicy
            DeleteBucketPolicy
            GetBucketPolicyStatus
            GetPublicAccessBlock
            PutPublicAccessBlock
            DeletePublicAccessBlock
            GetBucketOwnershipControls
            PutBucketOwnershipControls
            DeleteBucketOwnershipControls
            GetObjectAcl
            PutObjectAcl
            GetBucketAcl
            PutBucketAcl
            GetBucketLifecycleConfiguration
            PutBucketLifecycleConfiguration
            DeleteBucketLifecycle
            GetBucketCors
            PutBucketCors
            DeleteBucketCors
            GetBucketTagging
            PutBucketTagging
            DeleteBucketTagging
            GetAccountPublicAccessBlock
            PutAccountPublicAccessBlock
            DeleteAccountPublicAccessBlock
            GetBucketVersioning
            PutBucketVersioning
            GetBucketEncryption
            PutBucketEncryption
            DeleteBucketEncryption
            GetBucketRequestPayment
            PutBucketRequestPayment
        }
    };
}

macro_rules! names {
    ($($operation:ident)*) => { &[$(<$operation as gate::Operation>::NAME),*] };
}
/// The operations by name.
pub const NAMES: &[&str] = for_each_operation!(names);
