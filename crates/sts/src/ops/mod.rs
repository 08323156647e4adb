//! Every STS operation that is built. To add one: write its file, then add its lines here.
mod assume_role;
mod decode_authorization_message;
mod get_access_key_info;
mod get_caller_identity;
mod get_federation_token;
mod get_session_token;

pub use assume_role::AssumeRole;
pub use decode_authorization_message::DecodeAuthorizationMessage;
pub use get_access_key_info::GetAccessKeyInfo;
pub use get_caller_identity::GetCallerIdentity;
pub use get_federation_token::GetFederationToken;
pub use get_session_token::GetSessionToken;

/// Hands every operation to `$each`, so that no list of operations is ever written twice.
macro_rules! for_each_operation {
    ($each:ident) => {
        $each! {
            AssumeRole
            DecodeAuthorizationMessage
            GetAccessKeyInfo
            GetCallerIdentity
            GetFederationToken
            GetSessionToken
        }
    };
}
pub(crate) use for_each_operation;

macro_rules! names {
    ($($operation:ident)*) => { &[$(<$operation as gate::Operation>::NAME),*] };
}
/// The operations by name.
pub const NAMES: &[&str] = for_each_operation!(names);
