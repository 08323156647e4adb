//! IAM and STS: the Query protocol.
use std::sync::Arc;

use aws_lc_rs::digest;
use directory::CredentialError;
use gate::{Identity, Proof};
use http::Response;
use http::request::Parts;
use s3::S3Error;
use serde_json::Value;
use wire::query::Form;
use wire::sigv4::{self, Body, Style};
use wire::{AwsError, Service};

use super::{
    App, Call, Seen, answer, credential_error, endpoint, ends_connection, put, scope_service,
    wire_request,
};
use crate::body::{Arriving, Leaving};

/// The largest form: the longest policy document, percent-encoded three bytes for one, and the rest.
const FORM_BYTES_MAX: usize = 1024 * 1024;

/// A failed call, with the cause that only the operator sees.
struct Failed {
    error: AwsError,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl From<AwsError> for Failed {
    fn from(error: AwsError) -> Failed {
        Failed { error, cause: None }
    }
}

impl From<sts::StsError> for Failed {
    fn from(error: sts::StsError) -> Failed {
        let shown = AwsError::new(error.status(), error.code(), error.to_string());
        Failed {
            error: shown,
            cause: Some(Arc::new(error)),
        }
    }
}

impl From<iam::IamError> for Failed {
    fn from(error: iam::IamError) -> Failed {
        let shown = AwsError::new(error.status(), error.code(), error.to_string());
        Failed {
            error: shown,
            cause: Some(Arc::new(error)),
        }
    }
}

impl App {
    pub(super) async fn query(
        &self,
        call: &mut Call,
        head: &Parts,
        body: Arriving,
    ) -> Response<Leaving> {
        let mut service = match scope_service(head).as_deref() {
            Some("sts") => Service::Sts,
            Some(_) | None => Service::Iam,
        };
        let outcome = self.query_call(call, head, body, &mut service).await;
        let (status, text, ends_connection) = match outcome {
            Ok(text) => (200, text, false),
            Err(failed) => {
                call.note_error(
                    &failed.error,
                    failed.cause.as_deref().and_then(std::error::Error::source),
                );
                (
                    failed.error.status,
                    failed.error.query_body(service, &call.request_id),
                    ends_connection(&failed.error),
                )
            }
        };
        let mut answer = answer(status, Leaving::text(text));
        put(&mut answer, "content-type", "text/xml");
        put(&mut answer, "x-amzn-requestid", &call.request_id);
        if ends_connection {
            put(&mut answer, "connection", "close");
        }
        answer
    }

    async fn query_call(
        &self,
        call: &mut Call,
        head: &Parts,
        body: Arriving,
        service: &mut Service,
    ) -> Result<String, Failed> {
        let body = body
            .collect(FORM_BYTES_MAX)
            .await
            .map_err(|error| match error {
                S3Error::MaxMessageLength => {
                    AwsError::new(413, "RequestEntityTooLarge", "The request is too large.")
                }
                error => error.to_aws(),
            })?;
        let form =
            Form::parse(&body)?.parse_also(head.uri.query().unwrap_or_default().as_bytes())?;
        if scope_service(head).is_none() {
            *service = form.service().unwrap_or(*service);
        }
        call.record.service = service.signing_name().to_owned();
        call.record.operation = form.action().unwrap_or_default().to_owned();

        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &body).as_ref());
        let (proof, identity, region) = self.authenticate_query(call, head, *service, &hash)?;
        call.note_caller(&identity);
        let decoded = wire::query::decode(*service, &form)?;
        let seen = Seen {
            region: &region,
            now: call.now,
            requester_pays: false,
        };
        let judge = self.judge(call, head, &proof, identity, seen);
        let name = decoded.operation.name.as_str();
        let output = if *service == Service::Sts {
            decoded.check()?;
            sts::dispatch(&judge, name, decoded.input, &self.sts)
                .await
                .map_err(Failed::from)
        } else {
            // IAM's words about names come before those of the model's constraints: it checks both.
            iam::dispatch(&judge, name, decoded.input, &self.iam)
                .await
                .map_err(Failed::from)
        };
        call.note_answers(&judge);
        let output: Value = output?;
        Ok(wire::query::encode(
            *service,
            decoded.operation,
            &output,
            &call.request_id,
        ))
    }

    fn authenticate_query(
        &self,
        call: &mut Call,
        head: &Parts,
        service: Service,
        hash: &[u8; 32],
    ) -> Result<(Proof, Identity, String), Failed> {
        let request = wire_request(head);
        let presented = sigv4::parse(&request, &endpoint(service), call.now)?
            .ok_or_else(sigv4::missing_authentication_token)?;
        call.record.access_key_id = Some(presented.access_key_id().to_owned());
        let refuse = |error: CredentialError| {
            let shown = credential_error(
                &error,
                Style::Query,
                presented.access_key_id(),
                presented.session_token(),
            );
            Failed {
                error: shown,
                cause: Some(Arc::new(error)),
            }
        };
        let found = self
            .directory
            .lookup(
                presented.access_key_id(),
                presented.session_token(),
                call.now,
            )
            .map_err(refuse)?;
        let key = self
            .signing_keys
            .of(found.secret().expose(), presented.scope());
        let verified = presented.verify(&request, &key, Body::Sha256(hash))?;
        let name = service.signing_name();
        let identity = self.directory.identity(&found, name).map_err(refuse)?;
        let region = match service {
            // IAM is global: its one endpoint is there.
            Service::Iam => "us-east-1".to_owned(),
            Service::S3 | Service::S3Control | Service::Sts | Service::Kms => {
                presented.scope().region.clone()
            }
        };
        self.directory.note_use(&found, call.now, name, &region);
        Ok((
            Proof::Signed {
                verified: Box::new(verified),
            },
            identity,
            region,
        ))
    }
}
