//! From a request to its answer: names the service, authenticates, hands over, writes the answer
//! and the journal's record.
//!
//! Authentication is not optional here and authorization is not this module's: services are
//! reached through a `Judge` only.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use directory::{CredentialError, Directory};
use gate::{Answer, AuthType, Gate, Identity, Judge, Outcome, Proof, RequestFacts, SessionKind};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use journal::{Asked, Failure, Journal, Record, SessionRecord, Verdict};
use vault::Vault;
use wire::request::Request;
use wire::rest::Domains;
use wire::sigv4::{self, Endpoint, Regions, Style};
use wire::{AwsError, Service};

use crate::body::{Arriving, Leaving};
use crate::clock::Clock;
use crate::config::Config;
use crate::explanations::{Explainer, Messages};

mod form;
mod query;
mod rest;
mod signing_keys;

use signing_keys::SigningKeys;

/// Everything that serving a request needs.
pub(crate) struct App {
    gate: Gate,
    directory: Arc<Directory>,
    s3: s3::Stores,
    iam: iam::Stores,
    sts: sts::Stores,
    journal: Arc<Journal>,
    domains: Domains,
    region: String,
    signing_keys: SigningKeys,
    body_pause_max: Duration,
    clock: Arc<Clock>,
}

/// One request on its way: its ids, and what the journal will say.
struct Call {
    started: Instant,
    /// The real time, which signatures and sessions are judged by.
    now: Timestamp,
    peer: SocketAddr,
    request_id: String,
    host_id: String,
    record: Record,
}

/// Where and when a request is served, as its service sees it.
#[derive(Clone, Copy)]
struct Seen<'a> {
    region: &'a str,
    /// Of S3 what the server's clock shows, of the others the real time.
    now: Timestamp,
    /// As [`RequestFacts::requester_pays`].
    requester_pays: bool,
}

impl<'a> Seen<'a> {
    fn of_s3(region: &'a str, now: Timestamp, headers: &HeaderMap) -> Seen<'a> {
        let payer = headers.get("x-amz-request-payer");
        Seen {
            region,
            now,
            requester_pays: payer.is_some_and(|payer| payer.as_bytes() == b"requester"),
        }
    }
}

/// The services that a request can be for, before its operation is known.
enum Protocol {
    Rest(Service),
    Query,
    Json,
}

impl App {
    pub(crate) fn new(
        gate: Gate,
        directory: Arc<Directory>,
        vault: Arc<Vault>,
        journal: Arc<Journal>,
        explainer: Arc<Explainer>,
        clock: Arc<Clock>,
        config: &Config,
    ) -> App {
        App {
            gate,
            s3: s3::Stores { vault },
            iam: iam::Stores {
                directory: directory.clone(),
            },
            sts: sts::Stores {
                directory: directory.clone(),
                messages: Arc::new(Messages(explainer)),
            },
            directory,
            journal,
            domains: Domains::new(config.domains.iter().cloned()),
            region: config.region.clone(),
            signing_keys: SigningKeys::new(),
            body_pause_max: config.connections.body,
            clock,
        }
    }

    /// Writes what is still only in memory.
    pub(crate) async fn flush(&self) {
        if let Err(error) = self.directory.flush_usage().await {
            tracing::error!(%error, "when access keys were last used could not be written");
        }
        self.journal.flush();
    }

    /// Serves one request.
    pub(crate) async fn handle(
        &self,
        request: http::Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Leaving> {
        let (head, body) = request.into_parts();
        let body = Arriving::new(body, &head.headers, self.body_pause_max);
        let protocol = protocol(&head, &self.domains);
        let mut call = Call::new(peer, matches!(protocol, Protocol::Rest(_)));
        call.record.request = format!("{} {}", head.method, head.uri.path());
        let answer = match protocol {
            Protocol::Rest(service) => self.rest(&mut call, service, &head, body).await,
            Protocol::Query => self.query(&mut call, &head, body).await,
            Protocol::Json => json_not_implemented(&mut call, &head),
        };
        let (status, error) = (answer.status().as_u16(), call.record.error.clone());
        tracing::info!(
            request_id = %call.request_id, service = %call.record.service,
            operation = %call.record.operation, status, error = error.as_deref(), "served"
        );
        self.journal.record_at(call.now, call.finish(status));
        answer
    }

    /// Who signed, with the proof; an anonymous caller if nobody did.
    fn facts(&self, call: &Call, head: &Parts, proof: &Proof, seen: Seen<'_>) -> RequestFacts {
        let (auth_type, signature_age_ms) = match proof {
            Proof::Anonymous => (AuthType::Anonymous, None),
            Proof::Signed { verified } => {
                let age = u64::try_from(verified.signature_age().as_millis()).ok();
                match (verified.auth_type(), verified.is_version_2()) {
                    (sigv4::AuthType::Header, _) => (AuthType::Header, None),
                    (sigv4::AuthType::Query, false) => (AuthType::QueryString, age),
                    (sigv4::AuthType::Query, true) => (AuthType::QueryStringVersion2, None),
                    (sigv4::AuthType::Post, false) => (AuthType::Post, age),
                    (sigv4::AuthType::Post, true) => (AuthType::PostVersion2, None),
                }
            }
        };
        RequestFacts {
            now: seen.now,
            source_ip: Some(call.peer.ip()),
            secure_transport: false,
            user_agent: header(&head.headers, "user-agent"),
            referer: header(&head.headers, "referer"),
            region: seen.region.to_owned(),
            auth_type,
            signature_age_ms,
            content_sha256: header(&head.headers, "x-amz-content-sha256"),
            requester_pays: seen.requester_pays,
            request_id: call.request_id.clone(),
        }
    }

    fn judge(
        &self,
        call: &mut Call,
        head: &Parts,
        proof: &Proof,
        identity: Identity,
        seen: Seen<'_>,
    ) -> Judge {
        let facts = self.facts(call, head, proof, seen);
        call.note_caller(&identity);
        self.gate.judge(proof, identity, facts)
    }
}

impl Call {
    fn new(peer: SocketAddr, rest: bool) -> Call {
        // Ids need not be secret: without randomness they would only not be unique, and the system
        // without randomness cannot sign a session or encrypt an object either.
        let random: [u8; 16] = seal::random().unwrap_or_default();
        let host: [u8; 56] = seal::random().unwrap_or([0; 56]);
        let request_id = if rest {
            wire::request_id::s3(random)
        } else {
            wire::request_id::uuid(random)
        };
        let now = Timestamp::now();
        Call {
            started: Instant::now(),
            now,
            peer,
            host_id: wire::request_id::s3_host(&host),
            record: Record {
                request_id: request_id.clone(),
                source_ip: Some(peer.ip().to_string()),
                ..Record::default()
            },
            request_id,
        }
    }

    /// Notes who calls, once that is verified: also calls that fail before anything is judged have a caller.
    fn note_caller(&mut self, identity: &Identity) {
        self.record.caller.clone_from(&identity.caller.arn);
        self.record.account = identity.caller.account.map(|account| account.to_string());
        self.record.session = identity.session.as_ref().map(|session| SessionRecord {
            made_by: match session.kind {
                SessionKind::Role => "AssumeRole",
                SessionKind::SessionToken => "GetSessionToken",
                SessionKind::FederatedUser => "GetFederationToken",
            }
            .to_owned(),
            issued_at: session.issued_at.to_string(),
            expires_at: session.expires_at.to_string(),
        });
    }

    /// Notes what was asked and answered.
    fn note_answers(&mut self, judge: &Judge) {
        self.record.asked = judge.take_answers().into_iter().map(asked).collect();
    }

    /// Notes an error; its cause is for the operator, who finds it under the request id.
    fn note_error(&mut self, error: &AwsError, cause: Option<&dyn std::error::Error>) {
        self.record.error = Some(error.code.clone());
        self.record.failure = Some(Failure {
            message: error.message.clone(),
            fields: told(&error.fields),
        });
        if let Some(cause) = cause {
            let mut text = cause.to_string();
            let mut source = cause.source();
            while let Some(deeper) = source {
                text.push_str(": ");
                text.push_str(&deeper.to_string());
                source = deeper.source();
            }
            tracing::error!(request_id = %self.request_id, cause = %text, "a call failed");
            self.record.cause = Some(text);
        }
    }

    fn finish(mut self, status: u16) -> Record {
        self.record.status = status;
        self.record.duration_us =
            u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.record
    }
}

/// Elements of errors that the journal keeps. Others can hold what signs: tokens, signatures.
const ELEMENTS: &[&str] = &[
    "ArgumentName",
    "ArgumentValue",
    "BucketName",
    "Condition",
    "Detail",
    "Expires",
    "Header",
    "Key",
    "MissingHeaderName",
    "Region",
    "ServerTime",
    "UploadId",
    "VersionId",
    "X-Amz-Expires",
];

fn told(fields: &[(String, String)]) -> Vec<(String, String)> {
    let of_credentials = |(name, value): &&(String, String)| {
        name == "ArgumentName" && value.eq_ignore_ascii_case("authorization")
    };
    if fields.iter().any(|field| of_credentials(&field)) {
        return Vec::new();
    }
    let kept = fields
        .iter()
        .filter(|(name, _)| ELEMENTS.contains(&&**name));
    kept.cloned().collect()
}

/// An answer as the journal keeps it.
fn asked(answer: Answer) -> Asked {
    let (verdict, layer, reason, case) = match answer.outcome {
        Outcome::Allowed { reason } => (Verdict::Allow, None, Some(reason), None),
        Outcome::Denied { denial, case } => {
            let verdict = if denial.explicit {
                Verdict::ExplicitDeny
            } else {
                Verdict::ImplicitDeny
            };
            (verdict, Some(denial.layer), None, case)
        }
        Outcome::Stopped(stop) => (Verdict::Stopped(stop), None, None, None),
    };
    Asked {
        action: answer.action.to_owned(),
        resource: answer.resource,
        owner: answer.owner,
        probe: answer.probe,
        verdict,
        layer,
        reason,
        case,
    }
}

/// Names the protocol: by the signature's scope where there is one, else by the request's form.
fn protocol(head: &Parts, domains: &Domains) -> Protocol {
    if header(&head.headers, "x-amz-target").is_some() {
        return Protocol::Json;
    }
    let request = wire_request(head);
    match scope_service(head).as_deref() {
        Some("iam" | "sts") => Protocol::Query,
        Some("kms") => Protocol::Json,
        Some(_) => Protocol::Rest(wire::rest::service(&request, domains)),
        None if is_query(head) => Protocol::Query,
        None => Protocol::Rest(wire::rest::service(&request, domains)),
    }
}

/// The service that the signature's scope names, read without believing it.
fn scope_service(head: &Parts) -> Option<String> {
    let from_header = || {
        let value = header(&head.headers, "authorization")?;
        let credential = value.split_once("Credential=")?.1;
        let scope = credential.split([',', ' ']).next()?;
        scope.split('/').nth(3).map(str::to_owned)
    };
    let from_query = || {
        let pairs = wire::request::query_pairs(head.uri.query()?).ok()?;
        let (_, credential) = pairs
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("x-amz-credential"))?;
        credential.split('/').nth(3).map(str::to_owned)
    };
    from_header().or_else(from_query)
}

/// Unsigned calls of the Query services: a form sent to the root, or `?Action=`.
fn is_query(head: &Parts) -> bool {
    let form = header(&head.headers, "content-type")
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let action = head
        .uri
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")));
    head.uri.path() == "/" && (action || (form && head.method == http::Method::POST))
}

fn wire_request(head: &Parts) -> Request<'_> {
    Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The endpoint takes signatures for every region: a client's region is its own affair, as long as
/// the service is right.
fn endpoint(service: Service) -> Endpoint {
    match service {
        Service::S3 | Service::S3Control => Endpoint::s3(Regions::Any),
        Service::Iam | Service::Sts | Service::Kms => {
            Endpoint::query(service.signing_name(), Regions::Any)
        }
    }
}

/// KMS speaks JSON 1.1; none of its operations is built.
fn json_not_implemented(call: &mut Call, head: &Parts) -> Response<Leaving> {
    let target = header(&head.headers, "x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let error = AwsError::new(
        501,
        "NotImplemented",
        format!("The operation {operation} is not implemented."),
    );
    call.record.service = "kms".to_owned();
    call.record.operation = operation;
    call.note_error(&error, None);
    let mut answer = answer(501, Leaving::text(error.json_body()));
    put(&mut answer, "content-type", "application/x-amz-json-1.1");
    put(&mut answer, "x-amzn-requestid", &call.request_id);
    answer
}

fn answer(status: u16, body: Leaving) -> Response<Leaving> {
    let mut answer = Response::new(body);
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// Sets a header. What no header can hold is left out.
fn put(answer: &mut Response<Leaving>, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        answer.headers_mut().insert(name, value);
    }
}

/// Whether the request's body did not come to its end: what comes next is no request.
fn ends_connection(error: &AwsError) -> bool {
    matches!(&*error.code, "RequestTimeout" | "IncompleteBody")
}

/// A credential that cannot be used, in the words of the protocol.
fn credential_error(
    error: &CredentialError,
    style: Style,
    access_key_id: &str,
    token: Option<&str>,
) -> AwsError {
    let token = token.unwrap_or_default();
    match error {
        CredentialError::UnknownKey | CredentialError::InactiveKey => {
            sigv4::unknown_access_key(style, access_key_id)
        }
        CredentialError::InvalidToken => sigv4::invalid_token(style, token),
        CredentialError::ExpiredToken => sigv4::expired_token(style, token),
        CredentialError::Sealed(_) | CredentialError::PolicyMissing { .. } => match style {
            Style::S3 => AwsError::new(
                500,
                "InternalError",
                "We encountered an internal error. Please try again.",
            ),
            Style::Query => AwsError::new(
                500,
                "InternalFailure",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
        },
    }
}
