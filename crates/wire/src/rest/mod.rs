//! REST-XML (S3 and S3 Control): which operation a request is, its input, and its response.
//!
//! ```
//! use wire::rest::{self, Domains};
//! use wire::request::Request;
//! use wire::Service;
//!
//! # fn main() -> Result<(), wire::AwsError> {
//! let headers = http::HeaderMap::new();
//! let request = Request { method: "GET", path: "/logs/2026/a%20b", query: "tagging", headers: &headers };
//! let route = rest::route(Service::S3, &request, &Domains::default())?;
//! assert_eq!(route.name(), "GetObjectTagging");
//! assert_eq!(route.key.as_deref(), Some("2026/a b"));
//! let input = rest::decode(&route, &headers, None)?;
//! assert_eq!(input["Bucket"], "logs");
//! # Ok(())
//! # }
//! ```

mod decode;
mod encode;
mod host;
mod payload;
mod route;

pub use decode::decode;
pub use encode::{Response, Written, encode, encode_with};
pub use host::{Addressing, Domains};
pub use payload::XML_BYTES_MAX;
pub(crate) use route::is_subresource;
pub use route::{Route, Target, route, service};

#[cfg(test)]
mod tests;
