//! POST policy forms. A form is verified by its own fields, and stored as PutObject stores (spec: sigv4 8).
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use gate::{Identity, Proof};
use http::HeaderMap;
use http::request::Parts;
use s3::form::Posted;
use s3::{Body, S3Error};
use std::collections::VecDeque;
use wire::form::{Piece, Reader};
use wire::post::{self, LengthRange, Policy};
use wire::rest::{self, Addressing, Route, Target};
use wire::sigv4::version2;
use wire::sigv4::{Presented, Secret, Style};
use wire::{AwsError, Service};

use super::{App, Call, Seen, credential_error, endpoint, header};
use crate::body::Arriving;

/// Who sends a form.
struct Sender {
    proof: Proof,
    identity: Identity,
    region: String,
}

/// The fields of a form; its file is what is still to come.
struct Form {
    fields: Vec<(String, String)>,
    file: File,
}

impl App {
    pub(super) async fn post_object(
        &self,
        call: &mut Call,
        head: &Parts,
        route: Route,
        body: Arriving,
    ) -> Result<s3::Response, S3Error> {
        let read = async {
            let mut form = Form::read(head, body).await?;
            let sender = self.sender_of_form(call, &form.fields)?;
            if let Some(text) = post::field(&form.fields, "policy") {
                let policy = Policy::parse(text)?;
                let bucket = route.bucket.as_deref().unwrap_or_default();
                form.file.range = policy.check(&form.fields, bucket, call.now)?;
            }
            Ok((form, sender))
        };
        let (form, sender) = match read.await {
            Ok(read) => read,
            // A bucket that is not there is said first, to every caller (spec S-1).
            Err(error) => return Err(self.missing_bucket(&route).await.unwrap_or(error)),
        };
        let Form { fields, file } = form;
        let key = post::field(&fields, "key").unwrap_or_default().to_owned();
        let route = Route {
            key: Some(key.clone()),
            ..route
        };
        let tags = match post::field(&fields, "tagging") {
            Some(xml) => Some(decoded(
                "PutObjectTagging",
                &route,
                &HeaderMap::new(),
                Some(xml),
            )?),
            None => None,
        };
        let tags = tags.as_ref().and_then(|input| input.get("Tagging"));
        let headers = s3::form::headers(&fields, tags)?;
        let input = decoded("PutObject", &route, &headers, None)?;
        let location = location(head, &route);
        let bucket = route.bucket.unwrap_or_default();
        let seen = Seen::of_s3(&sender.region, self.clock.at(call.now), &headers);
        // Nothing signs the headers around a form, and no file is compared with them.
        let mut unsigned = head.clone();
        unsigned.headers.remove("x-amz-content-sha256");
        let judge = self.judge(call, &unsigned, &sender.proof, sender.identity, seen);
        let request = s3::Request {
            operation: "PutObject",
            bucket: Some(bucket.clone()),
            key: Some(key.clone()),
            query: Vec::new(),
            input,
            headers,
            body: Body::from_file(file.into_stream()),
            now: seen.now,
            region: sender.region,
            request_id: call.request_id.clone(),
        };
        let outcome = s3::dispatch(&judge, request, &self.s3).await;
        call.note_answers(&judge);
        let posted = Posted {
            bucket: &bucket,
            key: &key,
            location: &location,
        };
        Ok(s3::form::answer(&fields, posted, outcome?))
    }

    fn sender_of_form(
        &self,
        call: &mut Call,
        fields: &[(String, String)],
    ) -> Result<Sender, S3Error> {
        if let Some(form) = version2::parse_form(fields)? {
            let key = (form.access_key_id(), form.session_token());
            let (region, verify) = (self.region.clone(), |secret: &Secret| form.verify(secret));
            return self.known_sender(call, key, region, verify);
        }
        let Some(signing) = post::credentials(fields)? else {
            return Ok(Sender {
                proof: Proof::Anonymous,
                identity: Identity::anonymous(),
                region: self.region.clone(),
            });
        };
        let presented = Presented::from_post(&signing, &endpoint(Service::S3), call.now)?;
        let key = (presented.access_key_id(), presented.session_token());
        let region = presented.scope().region.clone();
        self.known_sender(call, key, region, |secret| {
            presented.verify_post(signing.policy, &secret.signing_key(presented.scope()))
        })
    }

    fn known_sender(
        &self,
        call: &mut Call,
        (access_key_id, session_token): (&str, Option<&str>),
        region: String,
        verify: impl FnOnce(&Secret) -> Result<wire::sigv4::Verified, AwsError>,
    ) -> Result<Sender, S3Error> {
        call.record.access_key_id = Some(access_key_id.to_owned());
        let refuse = |error: &directory::CredentialError| {
            credential_error(error, Style::S3, access_key_id, session_token)
        };
        let found = self
            .directory
            .lookup(access_key_id, session_token, call.now)
            .map_err(|error| refuse(&error))?;
        let verified = verify(&Secret::new(found.secret().expose()))?;
        let identity = self
            .directory
            .identity(&found, "s3")
            .map_err(|error| refuse(&error))?;
        self.directory.note_use(&found, call.now, "s3", &region);
        call.note_caller(&identity);
        Ok(Sender {
            proof: Proof::Signed {
                verified: Box::new(verified),
            },
            identity,
            region,
        })
    }
}

/// The input of an operation of the model, for the object of this route.
fn decoded(
    operation: &str,
    route: &Route,
    headers: &HeaderMap,
    xml: Option<&str>,
) -> Result<serde_json::Value, S3Error> {
    let operation = wire::model(Service::S3).operation(operation);
    let route = Route {
        service: Service::S3,
        target: operation.map_or(route.target, Target::Operation),
        bucket: route.bucket.clone(),
        key: route.key.clone(),
        addressing: route.addressing,
        account: None,
        query: Vec::new(),
    };
    Ok(rest::decode(&route, headers, xml.map(str::as_bytes))?)
}

/// The URL of the object that the form makes.
fn location(head: &Parts, route: &Route) -> String {
    let host = header(&head.headers, "host").unwrap_or_default();
    let key = s3::form::path(route.key.as_deref().unwrap_or_default());
    match route.addressing {
        Addressing::VirtualHost => format!("http://{host}/{key}"),
        _ => format!(
            "http://{host}/{}/{key}",
            route.bucket.as_deref().unwrap_or_default()
        ),
    }
}

impl Form {
    /// Reads up to the file.
    async fn read(head: &Parts, mut body: Arriving) -> Result<Form, S3Error> {
        let content_type = header(&head.headers, "content-type").unwrap_or_default();
        let mut reader = Reader::new(&content_type)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut filename = None;
        let mut ready = VecDeque::new();
        while filename.is_none() {
            let Some(bytes) = body.next().await else {
                return Err(wire::form::malformed().into());
            };
            for piece in reader.push(&bytes?)? {
                match piece {
                    Piece::Field { name, value } => fields.push((name, value)),
                    Piece::File { filename: named } => filename = Some(named),
                    Piece::Data(bytes) => ready.push_back(bytes),
                }
            }
            if fields.len() > post::FIELDS_MAX {
                return Err(wire::form::malformed().into());
            }
        }
        let filename = filename.unwrap_or_default();
        for (_, value) in &mut fields {
            *value = post::with_filename(value, &filename);
        }
        if post::field(&fields, "key").is_none_or(str::is_empty) {
            return Err(post::missing_field("key").into());
        }
        Ok(Form {
            fields,
            file: File {
                arriving: body,
                reader,
                ready,
                range: None,
                bytes: 0,
            },
        })
    }
}

/// The file of a form on its way in. It ends without an error only when it came whole and has a length that the policy
/// allows.
struct File {
    arriving: Arriving,
    reader: Reader,
    ready: VecDeque<Bytes>,
    range: Option<LengthRange>,
    bytes: u64,
}

impl File {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, S3Error>> + Send {
        futures_util::stream::try_unfold(self, |mut file| async move {
            let bytes = file.next().await?;
            Ok(bytes.map(|bytes| (bytes, file)))
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                self.bytes += bytes.len() as u64;
                if let Some(range) = self.range
                    && self.bytes > range.greatest
                {
                    range.check(self.bytes)?;
                }
                return Ok(Some(bytes));
            }
            if self.reader.is_complete() {
                if let Some(range) = self.range {
                    range.check(self.bytes)?;
                }
                return Ok(None);
            }
            let Some(bytes) = self.arriving.next().await else {
                return Err(S3Error::IncompleteBody);
            };
            for piece in self.reader.push(&bytes?)? {
                if let Piece::Data(bytes) = piece {
                    self.ready.push_back(bytes);
                }
            }
        }
    }
}
