//! `strongroom account …`
use catalog::AccountId;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};
use server::AccountView;

use crate::Common;
use crate::admin::{Admin, wait_for};

/// Accounts of a running server. They are asked for through its admin API, with the token that
/// lies in its data directory.
#[derive(Subcommand)]
pub enum Account {
    /// Create an account and print its root access key, once
    Create {
        /// 12 digits; fewer are padded with zeros on the left [default: a random id]
        #[arg(long, value_name = "ID")]
        account_id: Option<String>,
        /// Name of the account
        #[arg(long)]
        name: String,
        /// E-mail address of its root user
        #[arg(long)]
        email: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one account
    Show {
        /// Its id
        account_id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Close an account: its credentials stop working at once, its data stays
    Close {
        /// Its id
        account_id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Account {
    /// Runs the subcommand.
    pub fn run(&self, common: &Common) -> Result<(), Box<dyn std::error::Error>> {
        let admin = Admin::of(common)?;
        wait_for(self.call(&admin))?
    }

    async fn call(&self, admin: &Admin) -> Result<(), Box<dyn std::error::Error>> {
        match self {
            Account::Create {
                account_id,
                name,
                email,
                json,
            } => {
                let account_id = account_id.as_deref().map(AccountId::parse).transpose()?;
                let body = json!({ "account_id": account_id, "name": name, "email": email });
                let account = admin
                    .call(Method::POST, "/v1/accounts", Some(&body))
                    .await?;
                print_one(&account, *json)
            }
            Account::List { json } => {
                let accounts: Vec<AccountView> =
                    admin.call(Method::GET, "/v1/accounts", None).await?;
                if *json {
                    println!("{}", serde_json::to_string_pretty(&accounts)?);
                    return Ok(());
                }
                println!("{:<14}{:<8}NAME", "ACCOUNT", "STATUS");
                for account in accounts {
                    println!(
                        "{:<14}{:<8}{}",
                        account.account_id, account.status, account.name
                    );
                }
                Ok(())
            }
            Account::Show { account_id, json } => {
                let path = format!("/v1/accounts/{}", AccountId::parse(account_id)?);
                print_one(&admin.call(Method::GET, &path, None).await?, *json)
            }
            Account::Close { account_id, json } => {
                let path = format!("/v1/accounts/{}/close", AccountId::parse(account_id)?);
                print_one(&admin.call(Method::POST, &path, None).await?, *json)
            }
        }
    }
}

fn print_one(account: &AccountView, json: bool) -> Result<(), Box<dyn std::error::Error>> {
    if json {
        println!("{}", serde_json::to_string_pretty(account)?);
        return Ok(());
    }
    let value = serde_json::to_value(account)?;
    for (key, label) in [
        ("account_id", "Account"),
        ("name", "Name"),
        ("email", "E-mail"),
        ("status", "Status"),
        ("canonical_user_id", "Canonical user id"),
        ("root_arn", "Root user"),
        ("access_key_id", "Root access key id"),
        ("secret_access_key", "Root secret access key"),
    ] {
        if let Some(Value::String(text)) = value.get(key) {
            println!("{:<24}{text}", format!("{label}:"));
        }
    }
    if account.secret_access_key.is_some() {
        println!("The secret access key is shown this once. Keep it.");
    }
    Ok(())
}
