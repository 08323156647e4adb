use catalog::{AccountWide, sts};
use gate::{Ask, Authorized, Identity, NotDenied, Operation};
use policy::CallerKind;
use serde::{Deserialize, Serialize};

use crate::session::Credentials;
use crate::{Stores, StsError};

/// Spec E-7: twelve hours.
const SECONDS_DEFAULT: u32 = 43_200;
/// Spec E-7: longer sessions of root users are cut.
const ROOT_SECONDS_MAX: u32 = 3_600;

/// Makes temporary credentials for the calling user. Needs no permission, yet a deny refuses it.
/// What they must not do is said by the directory, in the identity of whoever uses them.
#[derive(Debug)]
pub struct GetSessionToken;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    duration_seconds: Option<u32>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct Output {
    credentials: Credentials,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = NotDenied<sts::GetSessionToken>;
    type Stores = Stores;

    fn asks(input: &Input, who: &Identity) -> Result<Self::Asks, StsError> {
        if who.session.is_some() {
            return Err(StsError::SessionCredentials(Self::NAME));
        }
        if input.serial_number.is_some() || input.token_code.is_some() {
            return Err(StsError::MfaNotValidated);
        }
        let account = who.caller.account;
        Ok(NotDenied(Ask::on(AccountWide(
            account.ok_or(StsError::MissingAuthenticationToken)?,
        ))))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, StsError> {
        let asked = call.input.duration_seconds.unwrap_or(SECONDS_DEFAULT);
        let seconds = if call.identity.caller.kind == CallerKind::Root {
            asked.min(ROOT_SECONDS_MAX)
        } else {
            asked
        };
        let made = stores.directory.session_token(&call.permits, seconds)?;
        Ok(Output {
            credentials: made.into(),
        })
    }
}
