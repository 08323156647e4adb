use catalog::{AccountWide, sts};
use gate::{Ask, Authorized, Identity, Operation, SessionKind};
use serde::{Deserialize, Serialize};

use crate::{Stores, StsError};

/// Says which account an access key id belongs to: the id itself tells it, whether or not the key
/// exists (spec 2).
#[derive(Debug)]
pub struct GetAccessKeyInfo;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    access_key_id: String,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account: String,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = Ask<sts::GetAccessKeyInfo>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, StsError> {
        let of_session_token =
            |session: &gate::Session| matches!(session.kind, SessionKind::SessionToken);
        // The policies of users say so too; root users have none.
        if who.session.as_ref().is_some_and(of_session_token) {
            return Err(StsError::SessionCredentials(Self::NAME));
        }
        let account = who.caller.account;
        Ok(Ask::on(AccountWide(
            account.ok_or(StsError::MissingAuthenticationToken)?,
        )))
    }

    async fn serve(call: Authorized<Self>, _stores: &Stores) -> Result<Output, StsError> {
        let id = call.input.access_key_id;
        match directory::account_of(&id) {
            Some(account) => Ok(Output {
                account: account.to_string(),
            }),
            None => Err(StsError::InvalidAccessKeyId(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::*;

    #[tokio::test]
    async fn the_id_tells_the_account() {
        let world = World::new().await;
        let ann = world
            .user(ONE, "ann", &[allow("sts:GetAccessKeyInfo")])
            .await;
        let info = |id: &str| world.call(&ann, "GetAccessKeyInfo", json!({ "AccessKeyId": id }));
        assert_eq!(
            info("ASIAQNZGKIQY56JQ7WML").await.unwrap()["Account"],
            "029608264753"
        );
        assert_eq!(info(&ann.key).await.unwrap()["Account"], ONE);
        assert_eq!(
            refused(info("AKIAIOSFODNN7EXAMPLE").await).0,
            "ValidationError"
        );
        let bob = world.user(ONE, "bob", &[]).await;
        let refusal = world
            .call(&bob, "GetAccessKeyInfo", json!({"AccessKeyId": ann.key}))
            .await;
        assert_eq!(
            refused(refusal).1,
            "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: \
             sts:GetAccessKeyInfo on resource: * because no identity-based policy allows the \
             sts:GetAccessKeyInfo action"
        );
    }
}
