//! Which operation a request is.
//!
//! Spec: sigv4 9, s3-authorization S-1 (1). The table is the model's URIs; what the URIs do not say (upload ids, copy
//! sources, configuration ids) is written out in `choose`.

use std::sync::LazyLock;

use crate::error::AwsError;
use crate::model::{Operation, Service, model};
use crate::request::{Request, invalid_uri, percent_decoded, query_pairs};
use crate::rest::host::{Addressing, Domains};

/// Where a request goes. Its `Debug` leaves out the query, which may hold credentials.
pub struct Route {
    /// S3 or S3 Control.
    pub service: Service,
    /// The operation.
    pub target: Target,
    /// The bucket, percent-decoded. Not checked for being a valid name.
    pub bucket: Option<String>,
    /// The key, percent-decoded and not normalised; `+` is literal.
    pub key: Option<String>,
    /// Where the bucket was named.
    pub addressing: Addressing,
    /// S3 Control: the account named in the host, if the header does not name one.
    pub account: Option<String>,
    /// The query parameters in order, decoded.
    pub query: Vec<(String, String)>,
}

/// An operation of the model, or one of the two S3 requests that are none.
#[derive(Clone, Copy)]
pub enum Target {
    /// An operation of the model.
    Operation(&'static Operation),
    /// A POST policy form (`multipart/form-data`).
    PostObject,
    /// A CORS preflight (`OPTIONS`).
    Preflight,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Route")
            .field("operation", &self.name())
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Route {
    /// The operation's name; `PostObject` and `OptionsPreflight` for those that the model does not have.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.target {
            Target::Operation(operation) => &operation.name,
            Target::PostObject => "PostObject",
            Target::Preflight => "OptionsPreflight",
        }
    }

    /// The first query parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

const CONTROL_PREFIX: &str = "/v20180820/";

/// Whether a REST request is for S3 or S3 Control: the latter has its version in the path, and the account in a header
/// or in the host.
#[must_use]
pub fn service(request: &Request<'_>, domains: &Domains) -> Service {
    let names_account = || {
        request.headers.contains_key("x-amz-account-id")
            || account_label(request, domains).is_some()
    };
    if request.path.starts_with(CONTROL_PREFIX) && names_account() {
        Service::S3Control
    } else {
        Service::S3
    }
}

fn account_label(request: &Request<'_>, domains: &Domains) -> Option<String> {
    let label = domains.label(request.host())?;
    let account = label.split('.').next().unwrap_or_default();
    let form_ok = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    form_ok.then(|| account.to_owned())
}

/// Finds the operation, the bucket and the key. Query services have no routes here.
///
/// # Errors
/// `InvalidURI`, `MethodNotAllowed`, `InvalidArgument` (conflicting subresources), `InvalidRequest`.
pub fn route(
    service: Service,
    request: &Request<'_>,
    domains: &Domains,
) -> Result<Route, AwsError> {
    let query = query_pairs(request.query)?;
    if service == Service::S3Control {
        return control_route(request, domains, query);
    }
    let path = request.path.strip_prefix('/').unwrap_or(request.path);
    let (bucket, key, addressing) = match domains.label(request.host()) {
        Some(bucket) => (Some(bucket), decoded(path)?, Addressing::VirtualHost),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (
                Some(decoded(bucket)?).filter(|bucket| !bucket.is_empty()),
                decoded(key)?,
                Addressing::Path,
            )
        }
    };
    let key = Some(key).filter(|key| !key.is_empty());
    let level = match (&bucket, &key) {
        (None, _) => Level::Service,
        (Some(_), None) => Level::Bucket,
        (Some(_), Some(_)) => Level::Object,
    };
    let target = choose(level, request, &query)?;
    Ok(Route {
        service,
        target,
        bucket,
        key,
        addressing,
        account: None,
        query,
    })
}

fn decoded(path: &str) -> Result<String, AwsError> {
    percent_decoded(path)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid_uri(path))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Object,
}

impl Level {
    fn resource_type(self) -> &'static str {
        match self {
            Level::Service => "SERVICE",
            Level::Bucket => "BUCKET",
            Level::Object => "OBJECT",
        }
    }
}

struct Entry {
    level: Level,
    /// The query parameter that names what the operation is about, such as `acl`.
    subresource: &'static str,
    operation: &'static Operation,
}

/// The operations of S3 whose URI has a subresource.
static SUBRESOURCES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    model(Service::S3)
        .operations()
        .filter(|operation| !operation.deprecated)
        .filter_map(|operation| {
            let (path, query) = operation.uri.split_once('?')?;
            let subresource = query.split('&').next()?;
            // `list-type=2` is a parameter of listing, not a subresource.
            let level = match path {
                _ if subresource.contains('=') => return None,
                "/{Bucket}" => Level::Bucket,
                "/{Bucket}/{Key+}" => Level::Object,
                _ => return None,
            };
            Some(Entry {
                level,
                subresource,
                operation,
            })
        })
        .collect()
});

/// Whether a query parameter of this name makes another operation of a request.
pub(crate) fn is_subresource(name: &str) -> bool {
    SUBRESOURCES.iter().any(|entry| entry.subresource == name)
}

/// Top to bottom: what a request names beats what it leaves out.
fn choose(
    level: Level,
    request: &Request<'_>,
    query: &[(String, String)],
) -> Result<Target, AwsError> {
    let method = request.method;
    let has = |name: &str| query.iter().any(|(found, _)| found == name);
    if method == "OPTIONS" {
        return Ok(Target::Preflight);
    }
    if level == Level::Service {
        // ListDirectoryBuckets has the same URI on an endpoint of its own, which we do not have.
        return match method {
            "GET" => named("ListBuckets"),
            _ => Err(method_not_allowed(method, level.resource_type())),
        };
    }
    if method == "POST" && request.path == "/WriteGetObjectResponse" {
        return named("WriteGetObjectResponse");
    }
    // HEAD has no subresources; S3 ignores them there.
    if method != "HEAD"
        && let Some(subresource) = subresource(level, method, query)?
    {
        return configuration(level, method, subresource, &has);
    }
    let copies = request.headers.contains_key("x-amz-copy-source");
    let upload = (has("uploadId"), has("partNumber"));
    match (level, method) {
        (Level::Bucket, "GET") => {
            let second = query
                .iter()
                .any(|(name, value)| name == "list-type" && value == "2");
            named(if second {
                "ListObjectsV2"
            } else {
                "ListObjects"
            })
        }
        (Level::Bucket, "HEAD") => named("HeadBucket"),
        (Level::Bucket, "PUT") => named("CreateBucket"),
        (Level::Bucket, "DELETE") => named("DeleteBucket"),
        (Level::Bucket, "POST") if is_form(request) => Ok(Target::PostObject),
        (Level::Bucket, "POST") => Err(no_form()),
        (Level::Object, "GET") => named(if upload.0 { "ListParts" } else { "GetObject" }),
        (Level::Object, "HEAD") => named("HeadObject"),
        (Level::Object, "DELETE") => named(if upload.0 {
            "AbortMultipartUpload"
        } else {
            "DeleteObject"
        }),
        (Level::Object, "POST") if upload.0 => named("CompleteMultipartUpload"),
        (Level::Object, "PUT") => match (upload, copies) {
            ((true, true), true) => named("UploadPartCopy"),
            ((true, true), false) => named("UploadPart"),
            ((false, false), true) => named("CopyObject"),
            ((false, false), false) => named("PutObject"),
            // Half of a part must never become a whole object.
            ((true, false), _) => Err(missing_parameter("partNumber")),
            ((false, true), _) => Err(missing_parameter("uploadId")),
        },
        _ => Err(method_not_allowed(method, level.resource_type())),
    }
}

/// The one known subresource that the request names.
fn subresource(
    level: Level,
    method: &str,
    query: &[(String, String)],
) -> Result<Option<&'static str>, AwsError> {
    let mut found: Vec<&'static str> = Vec::new();
    for (name, _) in query {
        let known = SUBRESOURCES.iter().find(|entry| entry.subresource == name);
        if let Some(entry) = known
            && !found.contains(&entry.subresource)
        {
            found.push(entry.subresource);
        }
    }
    found.sort_unstable();
    let known_here = |name: &str| {
        SUBRESOURCES
            .iter()
            .any(|entry| entry.level == level && entry.subresource == name)
    };
    match found.as_slice() {
        [] => Ok(None),
        [name] if known_here(name) => Ok(Some(name)),
        // A subresource of the other level must not fall through to the object or bucket itself: a DELETE would
        // remove it.
        [name] if level == Level::Object => Err(AwsError::new(
            400,
            "InvalidRequest",
            format!("Key is not expected for the {method} method ?{name} subresource"),
        )),
        [_] if method == "GET" => Ok(None),
        [name] => Err(method_not_allowed(method, &name.to_ascii_uppercase())),
        [first, ..] => Err(AwsError::invalid_argument(
            format!("Conflicting query string parameters: {}", found.join(", ")),
            "ResourceType",
            *first,
        )),
    }
}

fn configuration(
    level: Level,
    method: &str,
    subresource: &str,
    has: &impl Fn(&str) -> bool,
) -> Result<Target, AwsError> {
    let mut candidates = SUBRESOURCES.iter().filter(|entry| {
        entry.level == level && entry.subresource == subresource && entry.operation.method == method
    });
    let first = candidates.next();
    let second = candidates.next();
    match (first, second) {
        (Some(entry), None) => Ok(Target::Operation(entry.operation)),
        // Configurations with ids (analytics, inventory, …): one by id, all without.
        (Some(one), Some(other)) => {
            let wanted = if has("id") { "Get" } else { "List" };
            let entry = if one.operation.name.starts_with(wanted) {
                one
            } else {
                other
            };
            Ok(Target::Operation(entry.operation))
        }
        (None, _) => Err(method_not_allowed(
            method,
            &subresource.to_ascii_uppercase(),
        )),
    }
}

fn is_form(request: &Request<'_>) -> bool {
    request.header("content-type").is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    })
}

fn no_form() -> AwsError {
    AwsError::new(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
    .with_field(
        "Condition",
        "Bucket POST must be of the enclosure-type multipart/form-data",
    )
}

fn named(name: &'static str) -> Result<Target, AwsError> {
    // A test walks all operations, so that none of these names is missing from the model.
    model(Service::S3)
        .operation(name)
        .map(Target::Operation)
        .ok_or_else(|| AwsError::not_implemented(name))
}

fn method_not_allowed(method: &str, resource_type: &str) -> AwsError {
    AwsError::new(
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
    )
    .with_field("Method", method)
    .with_field("ResourceType", resource_type)
}

fn missing_parameter(name: &str) -> AwsError {
    AwsError::invalid_argument(
        format!("This operation requires the query parameter {name}."),
        name,
        "",
    )
}

fn control_route(
    request: &Request<'_>,
    domains: &Domains,
    query: Vec<(String, String)>,
) -> Result<Route, AwsError> {
    let operation = model(Service::S3Control)
        .operations()
        .filter(|operation| operation.method == request.method)
        .filter(|operation| fits(&operation.uri, request.path))
        // `/bucket/{name}/policy` and `/mrap/instances/{name+}`: the template with more fixed parts says more.
        .max_by_key(|operation| {
            operation
                .uri
                .split('/')
                .filter(|part| !part.starts_with('{'))
                .count()
        })
        .ok_or_else(|| method_not_allowed(request.method, "SERVICE"))?;
    Ok(Route {
        service: Service::S3Control,
        target: Target::Operation(operation),
        bucket: None,
        key: None,
        addressing: Addressing::Path,
        account: account_label(request, domains),
        query,
    })
}

fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let mut wanted = template.split('/').peekable();
    while let Some(want) = wanted.next() {
        if want.ends_with("+}") {
            let after = std::iter::from_fn(|| wanted.next()).count();
            let tail: Vec<_> = template.split('/').rev().take(after).collect();
            let rest: Vec<_> = parts.collect();
            return rest.len() > after
                && rest
                    .iter()
                    .rev()
                    .zip(&tail)
                    .all(|(part, want)| part == want);
        }
        match parts.next() {
            Some(part) if want.starts_with('{') => {
                if part.is_empty() {
                    return false;
                }
            }
            Some(part) if part == want => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}
