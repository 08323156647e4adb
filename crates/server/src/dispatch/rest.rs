//! S3 and S3 Control: REST-XML.
use std::error::Error as StdError;

use bytes::Bytes;
use catalog::BucketName;
use gate::{Identity, Proof, S3Facts};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use s3::{Body, S3Error};
use wire::chunked::{Announced, Decoder, PayloadCheck};
use wire::request::Request;
use wire::rest::{self, Route, Target};
use wire::sigv4::{self, AuthType, ChunkSeed, Payload, Style, version2};
use wire::{AwsError, Service};

use super::{
    App, Call, Seen, answer, credential_error, endpoint, ends_connection, put, wire_request,
};
use crate::body::{Arriving, Leaving, Upload};

/// The largest XML body: CompleteMultipartUpload with 10,000 parts and their checksums.
const XML_BYTES_MAX: usize = rest::XML_BYTES_MAX;

/// Who sends a request, and what its body must be.
struct Authenticated {
    proof: Proof,
    identity: Identity,
    region: String,
    payload: Payload,
    seed: Option<ChunkSeed>,
}

impl App {
    pub(super) async fn rest(
        &self,
        call: &mut Call,
        service: Service,
        head: &Parts,
        body: Arriving,
    ) -> Response<Leaving> {
        call.record.service = "s3".to_owned();
        let mut answer = match self.rest_call(call, service, head, body).await {
            Ok(served) => {
                let size = served
                    .headers
                    .get(http::header::CONTENT_LENGTH)
                    .and_then(|value| value.to_str().ok()?.parse().ok());
                let mut answer = answer(served.status, Leaving::of(served.body, size));
                *answer.headers_mut() = served.headers;
                answer
            }
            Err(error) => {
                let shown = error.to_aws();
                let cause: Option<&dyn StdError> = match &error {
                    S3Error::Internal(cause) => Some(cause.as_ref()),
                    other => other.source(),
                };
                call.note_error(&shown, cause);
                self.rest_error(call, head, &shown)
            }
        };
        self.tell_browsers(call, service, head, &mut answer);
        put(&mut answer, "x-amz-request-id", &call.request_id);
        put(&mut answer, "x-amz-id-2", &call.host_id);
        put(&mut answer, "server", "AmazonS3");
        answer
    }

    /// CORS headers, on errors too: without them a page cannot read why it was refused.
    fn tell_browsers(
        &self,
        call: &Call,
        service: Service,
        head: &Parts,
        answer: &mut Response<Leaving>,
    ) {
        // Preflights have theirs already.
        if !head.headers.contains_key("origin") || head.method == http::Method::OPTIONS {
            return;
        }
        let route = rest::route(service, &wire_request(head), &self.domains);
        let name = route.ok().and_then(|route| route.bucket);
        let Some(bucket) = name.and_then(|name| BucketName::parse(&name).ok()) else {
            return;
        };
        let told = s3::cors::onto(
            answer.headers_mut(),
            &self.s3.vault,
            &bucket,
            head.method.as_str(),
            &head.headers,
        );
        if let Err(error) = told {
            tracing::error!(request_id = %call.request_id, %error, "CORS rules cannot be read");
        }
    }

    fn rest_error(&self, call: &Call, head: &Parts, error: &AwsError) -> Response<Leaving> {
        let body = if error.has_s3_body(head.method.as_str()) {
            Leaving::text(error.s3_body(&call.request_id, &call.host_id))
        } else {
            Leaving::empty()
        };
        let mut answer = answer(error.status, body);
        for (name, value) in &error.headers {
            put(&mut answer, name, value);
        }
        if error.status != 304 {
            put(&mut answer, "content-type", "application/xml");
        }
        if ends_connection(error) {
            put(&mut answer, "connection", "close");
        }
        answer
    }

    async fn rest_call(
        &self,
        call: &mut Call,
        service: Service,
        head: &Parts,
        body: Arriving,
    ) -> Result<s3::Response, S3Error> {
        let request = wire_request(head);
        let route = rest::route(service, &request, &self.domains)?;
        call.record.operation = route.name().to_owned();
        if let Target::Preflight = route.target {
            // Browsers sign none. The query may be signed for the request that is to follow.
            let (bucket, key) = (route.bucket.as_deref(), route.key.as_deref());
            return s3::cors::preflight(&self.s3.vault, bucket, key, &head.headers);
        }
        if let Target::PostObject = route.target {
            return self.post_object(call, head, route, body).await;
        }
        let who = self.authenticate_rest(call, service, &request)?;
        let Authenticated {
            proof,
            identity,
            region,
            payload,
            seed,
        } = who;
        call.note_caller(&identity);
        let headers = headers_of(head, &route, &proof);
        let read = self.rest_body(&headers, &route, &payload, seed, body).await;
        let (input, body) = match read {
            Ok(read) => read,
            // A bucket that is not there is said first, to every caller (spec S-1).
            Err(error) => return Err(self.missing_bucket(&route).await.unwrap_or(error)),
        };
        let seen = Seen::of_s3(&region, self.clock.at(call.now), &headers);
        let judge = self.judge(call, head, &proof, identity, seen);
        let request = s3::Request {
            operation: s3::operation_name(route.service, route.name()),
            bucket: route.bucket,
            key: route.key,
            query: route.query,
            input,
            headers,
            body,
            now: seen.now,
            region: region.clone(),
            request_id: call.request_id.clone(),
        };
        let outcome = s3::dispatch(&judge, request, &self.s3).await;
        call.note_answers(&judge);
        outcome
    }

    /// `NoSuchBucket`, if the route names a bucket that should be there and is not.
    pub(super) async fn missing_bucket(&self, route: &Route) -> Option<S3Error> {
        let name = route.bucket.as_deref()?;
        if route.name() == "CreateBucket" {
            return None;
        }
        let bucket = BucketName::parse(name).ok()?;
        match self.s3.vault.bucket(&bucket).await {
            Ok(None) => Some(S3Error::NoSuchBucket {
                bucket: name.to_owned(),
            }),
            Ok(Some(_)) | Err(_) => None,
        }
    }

    /// The order is AWS's: form and time, then whether the key exists, its token, the signature.
    fn authenticate_rest(
        &self,
        call: &mut Call,
        service: Service,
        request: &Request<'_>,
    ) -> Result<Authenticated, S3Error> {
        if let Some(url) = version2::parse(request, call.now)? {
            return self.authenticate_version_2(call, request, &url);
        }
        let endpoint = endpoint(service);
        let Some(presented) = sigv4::parse(request, &endpoint, call.now)? else {
            return Ok(Authenticated {
                proof: Proof::Anonymous,
                identity: Identity::anonymous(),
                region: self.region.clone(),
                payload: sigv4::anonymous_payload(request)?,
                seed: None,
            });
        };
        call.record.access_key_id = Some(presented.access_key_id().to_owned());
        let refuse = |error: &directory::CredentialError| {
            credential_error(
                error,
                Style::S3,
                presented.access_key_id(),
                presented.session_token(),
            )
        };
        let found = self
            .directory
            .lookup(
                presented.access_key_id(),
                presented.session_token(),
                call.now,
            )
            .map_err(|error| refuse(&error))?;
        let key = self
            .signing_keys
            .of(found.secret().expose(), presented.scope());
        let verified = presented.verify(request, &key, sigv4::Body::AsDeclared)?;
        let identity = self
            .directory
            .identity(&found, "s3")
            .map_err(|error| refuse(&error))?;
        let region = presented.scope().region.clone();
        self.directory.note_use(&found, call.now, "s3", &region);
        Ok(Authenticated {
            identity,
            region,
            payload: verified.payload().clone(),
            seed: verified.chunk_seed(),
            proof: Proof::Signed {
                verified: Box::new(verified),
            },
        })
    }

    /// Presigned URLs of signature version 2: the AWS CLI and boto3 make them for this endpoint.
    fn authenticate_version_2(
        &self,
        call: &mut Call,
        request: &Request<'_>,
        url: &version2::PresentedUrl,
    ) -> Result<Authenticated, S3Error> {
        call.record.access_key_id = Some(url.access_key_id().to_owned());
        let refuse = |error: &directory::CredentialError| {
            credential_error(error, Style::S3, url.access_key_id(), url.session_token())
        };
        let found = self
            .directory
            .lookup(url.access_key_id(), url.session_token(), call.now)
            .map_err(|error| refuse(&error))?;
        let bucket = self.domains.label(request.host());
        let secret = sigv4::Secret::new(found.secret().expose());
        let verified = url.verify(request, bucket.as_deref(), &secret)?;
        let identity = self
            .directory
            .identity(&found, "s3")
            .map_err(|error| refuse(&error))?;
        self.directory
            .note_use(&found, call.now, "s3", &self.region);
        Ok(Authenticated {
            identity,
            region: self.region.clone(),
            payload: verified.payload().clone(),
            seed: None,
            proof: Proof::Signed {
                verified: Box::new(verified),
            },
        })
    }

    /// Streams bodies of objects; reads all others, whose XML becomes part of the input.
    async fn rest_body(
        &self,
        headers: &HeaderMap,
        route: &Route,
        payload: &Payload,
        seed: Option<ChunkSeed>,
        body: Arriving,
    ) -> Result<(serde_json::Value, Body), S3Error> {
        payload.check_operation(route.name())?;
        if s3::streams(route.name()) {
            let input = rest::decode(route, headers, None)?;
            let decoder = if payload.is_chunked() {
                Decoder::new(payload, seed, Announced::read(headers)?)
            } else {
                None
            };
            let check = PayloadCheck::new(payload);
            let sha256 = check.sha256();
            let upload = Upload::new(body, decoder, check);
            let body = Body::from_frames(upload.into_stream());
            return Ok((input, body.with_sha256(sha256)));
        }
        let bytes = body.collect(XML_BYTES_MAX).await?;
        check_whole(payload, &bytes)?;
        let input = rest::decode(route, headers, Some(&bytes))?;
        Ok((input, Body::from(bytes)))
    }
}

/// The headers, with those that a presigned URL carries as parameters: they were signed with it.
fn headers_of(head: &Parts, route: &Route, proof: &Proof) -> HeaderMap {
    let mut headers = head.headers.clone();
    let presigned = match proof {
        Proof::Signed { verified } => verified.auth_type() == AuthType::Query,
        Proof::Anonymous => false,
    };
    if !presigned {
        return headers;
    }
    for (name, value) in &route.query {
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") || SIGNING_PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value))
            && !headers.contains_key(&name)
        {
            headers.insert(name, value);
        }
    }
    headers
}

/// Parameters of a presigned URL that sign it.
const SIGNING_PARAMETERS: &[&str] = &[
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

fn check_whole(payload: &Payload, bytes: &Bytes) -> Result<(), AwsError> {
    let mut check = PayloadCheck::new(payload);
    check.update(bytes);
    check.finish()
}
