use catalog::{AccountWide, sts};
use directory::DirectoryError;
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
        let made = match stores.directory.session_token(&call.permits, seconds) {
            Err(DirectoryError::NoLongTermCredentials) => {
                return Err(StsError::SessionCredentials(Self::NAME));
            }
            made => made?,
        };
        Ok(Output {
            credentials: made.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use directory::CredentialError;
    use serde_json::json;

    use crate::testing::*;

    #[tokio::test]
    async fn a_user_needs_no_permission_but_a_deny_refuses() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[]).await;
        let answer = world
            .call(&ann, "GetSessionToken", json!({}))
            .await
            .unwrap();
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-15T20:00:00Z");
        let session = client(&answer);
        let who = world
            .call(&session, "GetCallerIdentity", json!({}))
            .await
            .unwrap();
        assert_eq!(who["Arn"], "arn:aws:iam::111111111111:user/ann");
        let bob = world.user(ONE, "bob", &[deny("sts:GetSessionToken")]).await;
        let (code, _) = refused(world.call(&bob, "GetSessionToken", json!({})).await);
        assert_eq!(code, "AccessDenied");
    }

    #[tokio::test]
    async fn sessions_of_root_users_last_an_hour_at_most() {
        let world = World::new().await;
        let answer = world
            .call(
                &world.root(ONE),
                "GetSessionToken",
                json!({"DurationSeconds": 7200}),
            )
            .await
            .unwrap();
        assert_eq!(answer["Credentials"]["Expiration"], "2027-01-15T09:00:00Z");
        let session = client(&answer);
        let who = world
            .call(&session, "GetCallerIdentity", json!({}))
            .await
            .unwrap();
        assert_eq!(who["Arn"], "arn:aws:iam::111111111111:root");
    }

    #[tokio::test]
    async fn its_credentials_reach_neither_iam_nor_most_of_sts() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[allow("*")]).await;
        world.role(TWO, "r", &trust(ONE, json!({})), &[]).await;
        for (who, root) in [(ann, false), (world.root(ONE), true)] {
            let answer = world
                .call(&who, "GetSessionToken", json!({}))
                .await
                .unwrap();
            let session = client(&answer);
            let error = world.identity_at(&session, NOW, "iam").unwrap_err();
            assert!(matches!(error, CredentialError::InvalidToken));
            assert!(world.identity_at(&session, NOW, "s3").is_ok());
            let (code, message) = refused(world.call(&session, "GetSessionToken", json!({})).await);
            assert_eq!(code, "AccessDenied");
            assert_eq!(
                message,
                "Cannot call GetSessionToken with session credentials"
            );
            let info = json!({"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"});
            let (code, _) = refused(world.call(&session, "GetAccessKeyInfo", info).await);
            assert_eq!(code, "AccessDenied");
            let assumed = world.assume(&session, &role_arn(TWO, "r"), json!({})).await;
            assert_eq!(assumed.is_ok(), !root);
        }
    }

    #[tokio::test]
    async fn permissions_of_groups_count_for_the_session_too() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[]).await;
        world.role(TWO, "r", &trust(ONE, json!({})), &[]).await;
        let answer = world
            .call(&ann, "GetSessionToken", json!({}))
            .await
            .unwrap();
        let session = client(&answer);
        let arn = role_arn(TWO, "r");
        assert!(world.assume(&session, &arn, json!({})).await.is_err());
        world.group_with(ONE, "ann", &allow("sts:AssumeRole")).await;
        assert!(world.assume(&session, &arn, json!({})).await.is_ok());
    }
}
