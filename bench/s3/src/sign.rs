//! Signature version 4, as a client makes it.
use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;

/// What signs.
#[derive(Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

/// Signs for one service; keeps the signing key of the day, as SDKs do.
pub struct Signer {
    credentials: Credentials,
    service: &'static str,
    day: String,
    key: hmac::Key,
}

/// What is signed. Path and query are sent as they stand: encoded, the query sorted.
pub struct Unsigned<'a> {
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub payload: &'a str,
}

impl Signer {
    pub fn new(credentials: &Credentials, service: &'static str) -> Signer {
        Signer {
            credentials: credentials.clone(),
            service,
            day: String::new(),
            key: hmac::Key::new(hmac::HMAC_SHA256, b""),
        }
    }

    /// Appends the headers that sign the request: the date, the payload's hash, the signature.
    pub fn sign(&mut self, request: &Unsigned<'_>, head: &mut String) {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &time[..8];
        if self.day != day {
            self.day = day.to_owned();
            self.key = self.derive();
        }
        let canonical = format!(
            "{}\n{}\n{}\nhost:{}\nx-amz-content-sha256:{}\nx-amz-date:{time}\n\nhost;x-amz-content-sha256;x-amz-date\n{}",
            request.method,
            request.path,
            request.query,
            request.host,
            request.payload,
            request.payload
        );
        let scope = format!(
            "{day}/{}/{}/aws4_request",
            self.credentials.region, self.service
        );
        let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let signature = hex::encode(hmac::sign(&self.key, text.as_bytes()));
        write!(
            head,
            "x-amz-content-sha256: {}\r\nx-amz-date: {time}\r\nauthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}\r\n",
            request.payload, self.credentials.access_key,
        )
        .unwrap();
    }

    fn derive(&self) -> hmac::Key {
        let mut key = format!("AWS4{}", self.credentials.secret_key).into_bytes();
        for part in [
            &self.day,
            &self.credentials.region,
            self.service,
            "aws4_request",
        ] {
            let signing = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&signing, part.as_bytes()).as_ref().to_vec();
        }
        hmac::Key::new(hmac::HMAC_SHA256, &key)
    }
}
