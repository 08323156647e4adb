//! `strongroom why`, `strongroom can`, `strongroom who-can`.
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::explain::{Answer, Explanation, Style};
use catalog::AccountId;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};
use server::{RefusedRequest, WhoCan};

use crate::Common;
use crate::admin::{Admin, wait_for};

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Why a request was refused: who asked what, each side's policies in the order in which they were
/// decided, the statement that came nearest, and the smallest change that would have allowed it.
///
/// The id of a request is in every answer: `x-amz-request-id` of S3, `RequestId` in errors of IAM
/// and STS. The change was proved before it is shown: made on a copy, and decided again.
#[derive(Args)]
pub struct Why {
    /// Id of the request
    #[arg(required_unless_present_any = ["last", "list"], conflicts_with_all = ["last", "list"])]
    request_id: Option<String>,
    /// The last request that was refused
    #[arg(long, conflicts_with = "list")]
    last: bool,
    /// List the last requests that were refused, newest first, with their ids
    #[arg(long, value_name = "COUNT", num_args = 0..=1, default_missing_value = "20")]
    list: Option<usize>,
    /// Show what the administrators of this account may see: their own side whole, and of the other
    /// only which layer refused
    #[arg(long, value_name = "ACCOUNT")]
    for_account: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Whether a principal can do something, with the policies in force now. Exits with 0 if so, with 1
/// if not, and with 2 if the question cannot be answered.
///
/// Nothing is done and nobody's keys are needed. Condition keys that a request would have, such as
/// aws:SourceIp or s3:x-amz-acl, come with --with; what is not given is absent.
#[derive(Args)]
pub struct Can {
    /// ARN of a user, role, role session or root user, an account id, or `anonymous`
    #[arg(long = "as", value_name = "ARN")]
    who: String,
    /// Action, such as s3:PutObject
    #[arg(long = "do", value_name = "ACTION")]
    action: String,
    /// ARN of the resource: arn:aws:s3:::BUCKET/KEY, arn:aws:s3:::BUCKET, arn:aws:iam::…, or `*`
    #[arg(long, value_name = "ARN")]
    on: String,
    /// A condition key with its value; may be given more than once, and twice for a key with
    /// several values
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    with: Vec<(String, String)>,
    /// A role to assume first; may be given more than once, in order
    #[arg(long, value_name = "ROLE-ARN")]
    through: Vec<String>,
    /// File with a session policy for the role session
    #[arg(long, value_name = "FILE")]
    session_policy: Option<PathBuf>,
    /// ARN of a KMS key that encrypts the object
    #[arg(long, value_name = "ARN", requires = "key_policy")]
    key: Option<String>,
    /// File with the key's policy
    #[arg(long, value_name = "FILE", requires = "key")]
    key_policy: Option<PathBuf>,
    /// Print one line for each question: the answer alone
    #[arg(long, conflicts_with = "json")]
    brief: bool,
    #[command(flatten)]
    output: Output,
}

/// Which principals of all accounts can do something, and through which statements.
#[derive(Args)]
pub struct WhoCanDo {
    /// Action, such as s3:GetObject
    action: String,
    /// ARN of the resource
    on: String,
    /// A condition key with its value
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    with: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How the answer is printed.
#[derive(Args)]
struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    colour: Colour,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

impl Why {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Outcome {
        let account = self.for_account.as_deref().map(AccountId::parse);
        let query = match account.transpose()? {
            Some(account) => format!("?account={account}"),
            None => String::new(),
        };
        if let Some(count) = self.list {
            return self.refusals(common, count);
        }
        let path = match &self.request_id {
            Some(id) => format!("/v1/why/{}{query}", escaped(id)),
            None => format!("/v1/why{query}"),
        };
        let explanation: Explanation = ask(common, Method::GET, &path, None)?;
        if self.output.json {
            println!("{}", serde_json::to_string_pretty(&explanation)?);
        } else {
            print!("{}", ::explain::render(&explanation, self.output.style()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Why {
    fn refusals(&self, common: &Common, count: usize) -> Outcome {
        let account = match &self.for_account {
            Some(account) => format!("&account={}", AccountId::parse(account)?),
            None => String::new(),
        };
        let path = format!("/v1/refusals?limit={count}{account}");
        let refused: Vec<RefusedRequest> = ask(common, Method::GET, &path, None)?;
        if self.output.json {
            println!("{}", serde_json::to_string_pretty(&refused)?);
            return Ok(ExitCode::SUCCESS);
        }
        if refused.is_empty() {
            println!("No request was refused.");
        }
        for request in refused {
            let caller = match request.caller.as_str() {
                "" => "nobody",
                caller => caller,
            };
            println!("{}  {}", request.request_id, request.time);
            println!(
                "    {} {} for {caller}\n    on {}",
                request.operation, request.code, request.on
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Can {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Outcome {
        let session_policy = self.session_policy.as_deref().map(read).transpose()?;
        let key = match (&self.key, &self.key_policy) {
            (Some(arn), Some(file)) => Some(json!({ "arn": arn, "policy": read(file)? })),
            _ => None,
        };
        let question = json!({
            "as": self.who,
            "do": self.action,
            "on": self.on,
            "with": context(&self.with),
            "through": self.through,
            "session_policy": session_policy,
            "key": key,
        });
        let steps: Vec<Explanation> = ask(common, Method::POST, "/v1/can", Some(&question))?;
        let allowed = steps.iter().all(|step| step.answer == Answer::Allowed);
        if self.output.json {
            let answer = json!({ "allowed": allowed, "steps": steps });
            println!("{}", serde_json::to_string_pretty(&answer)?);
        } else if self.brief {
            for step in &steps {
                println!("{}", ::explain::answer_line(step));
            }
        } else {
            for (index, step) in steps.iter().enumerate() {
                if index > 0 {
                    println!("\n{}\n", "-".repeat(self.output.style().width));
                }
                print!("{}", ::explain::render(step, self.output.style()));
            }
        }
        Ok(if allowed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

impl WhoCanDo {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Outcome {
        let question = json!({
            "do": self.action, "on": self.on, "with": context(&self.with),
        });
        let found: Vec<WhoCan> = ask(common, Method::POST, "/v1/who-can", Some(&question))?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&found)?);
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            println!("Nobody can {} on {}.", self.action, self.on);
        }
        for one in found {
            match one.account_name {
                Some(name) => println!("{} ({name})", one.principal),
                None => println!("{}", one.principal),
            }
            if one.through.is_empty() {
                println!("    {}", one.why);
            }
            for statement in one.through {
                println!("    {statement}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Output {
    fn style(&self) -> Style {
        let colour = match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
            }
        };
        Style {
            colour,
            ..Style::default()
        }
    }
}

fn ask<T: serde::de::DeserializeOwned>(
    common: &Common,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<T, Box<dyn std::error::Error>> {
    let admin = Admin::of(common)?;
    Ok(wait_for(admin.call(method, path, body))??)
}

/// An id as a part of a path: what is no letter, digit or dash is no part of an id.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    id.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn read(path: &Path) -> Result<String, Box<dyn std::error::Error>> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()).into())
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        Some((key, _)) => Err(format!(
            "`{key}` is no condition key: they have a prefix, such as aws:SourceIp"
        )),
        None => Err("it takes KEY=VALUE, such as aws:SourceIp=10.0.0.1".to_owned()),
    }
}

/// Values by key: a key that comes twice has several values.
fn context(pairs: &[(String, String)]) -> BTreeMap<String, Value> {
    let mut context: BTreeMap<String, Value> = BTreeMap::new();
    for (key, value) in pairs {
        let one = Value::String(value.clone());
        let several = match context.remove(key) {
            None => one,
            Some(Value::Array(mut values)) => {
                values.push(one);
                Value::Array(values)
            }
            Some(first) => Value::Array(vec![first, one]),
        };
        context.insert(key.clone(), several);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_has_several_values() {
        let pairs = [
            ("aws:TagKeys", "a"),
            ("s3:prefix", "p"),
            ("aws:TagKeys", "b"),
        ];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let context = serde_json::to_value(context(&pairs)).unwrap();
        assert_eq!(
            context,
            json!({"aws:TagKeys": ["a", "b"], "s3:prefix": "p"})
        );
    }

    #[test]
    fn condition_keys_have_a_prefix_and_a_value() {
        assert!(key_and_value("aws:SourceIp=10.0.0.1").is_ok());
        assert!(key_and_value("SourceIp=10.0.0.1").is_err());
        assert!(key_and_value("aws:SourceIp").is_err());
    }

    #[test]
    fn ids_go_into_paths_whole() {
        assert_eq!(escaped("4f-A/../?x"), "4f-A%2F%2E%2E%2F%3Fx");
    }
}
