//! What the command line says.
use std::error::Error;
use std::path::PathBuf;

use crate::load::Payload;
use crate::sign::Credentials;

pub const USAGE: &str = "\
usage: cargo xtask bench s3 [--quick] [--large] [--rows A,B] [--json FILE] [--payload signed|unsigned]
       ... --endpoint http://HOST:PORT --access-key A --secret-key S [--region R] [--pid N]
                                measure another server; with --pid also its processor time and memory
rows: put-256 put-16 get head put-1m put-64m get-64m list prefixes assume-role maintenance memory
      restart disk stalls";

pub struct Arguments {
    pub quick: bool,
    pub large: bool,
    /// Empty for all.
    pub rows: Vec<String>,
    pub json: Option<PathBuf>,
    /// Of bodies up to 64 KiB, if not said otherwise, the hash is signed; of longer ones it is not,
    /// as clients do over TLS.
    pub payload: Option<Payload>,
    pub endpoint: Option<Endpoint>,
}

pub struct Endpoint {
    pub address: String,
    pub credentials: Credentials,
    pub pid: Option<u32>,
}

impl Arguments {
    pub fn parse(given: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn Error>> {
        let mut arguments = Arguments {
            quick: false,
            large: false,
            rows: Vec::new(),
            json: None,
            payload: None,
            endpoint: None,
        };
        let (mut address, mut access_key, mut secret_key, mut pid) = (None, None, None, None);
        let mut region = "us-east-1".to_owned();
        let mut given = given;
        while let Some(argument) = given.next() {
            let mut value = || {
                given
                    .next()
                    .ok_or(format!("`{argument}` needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--quick" => arguments.quick = true,
                "--large" => arguments.large = true,
                "--rows" => arguments.rows = value()?.split(',').map(str::to_owned).collect(),
                "--json" => arguments.json = Some(value()?.into()),
                "--payload" => {
                    arguments.payload = Some(match value()?.as_str() {
                        "signed" => Payload::Signed,
                        "unsigned" => Payload::Unsigned,
                        other => return Err(format!("no payload `{other}`\n{USAGE}").into()),
                    });
                }
                "--endpoint" => address = Some(value()?.trim_start_matches("http://").to_owned()),
                "--access-key" => access_key = Some(value()?),
                "--secret-key" => secret_key = Some(value()?),
                "--region" => region = value()?,
                "--pid" => pid = Some(value()?.parse()?),
                other => return Err(format!("`{other}` is not understood\n{USAGE}").into()),
            }
        }
        if let Some(address) = address {
            let missing = "an endpoint needs --access-key and --secret-key";
            arguments.endpoint = Some(Endpoint {
                address: address.trim_end_matches('/').to_owned(),
                credentials: Credentials {
                    access_key: access_key.ok_or(missing)?,
                    secret_key: secret_key.ok_or(missing)?,
                    region,
                },
                pid,
            });
        }
        Ok(arguments)
    }

    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }

    pub fn payload_of(&self, size_bytes: usize) -> Payload {
        self.payload.unwrap_or(if size_bytes <= 64 * 1024 {
            Payload::Signed
        } else {
            Payload::Unsigned
        })
    }
}
