use gate::{Authorized, Identity, Open, OpenReason, Operation};
use serde::{Deserialize, Serialize};

use crate::{Stores, StsError};

/// Says who calls. Needs no permission, and an explicit deny has no effect.
#[derive(Debug)]
pub struct GetCallerIdentity;

/// Nothing.
#[derive(Debug, Deserialize)]
pub struct Input {}

/// Spec E-13.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_id: String,
    account: Option<String>,
    arn: String,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = Open;
    type Stores = Stores;

    fn asks(_input: &Input, _who: &Identity) -> Result<Open, StsError> {
        Ok(Open(OpenReason::GetCallerIdentity))
    }

    async fn serve(call: Authorized<Self>, _stores: &Stores) -> Result<Output, StsError> {
        let caller = &call.permits.identity().caller;
        Ok(Output {
            user_id: caller.user_id.clone(),
            account: caller.account.map(|account| account.to_string()),
            arn: caller.arn.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::*;

    #[tokio::test]
    async fn everyone_may_ask_even_if_denied() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[deny("*")]).await;
        let who = world
            .call(&ann, "GetCallerIdentity", json!({}))
            .await
            .unwrap();
        assert_eq!(who["Arn"], "arn:aws:iam::111111111111:user/ann");
        assert_eq!(who["Account"], ONE);
        assert!(who["UserId"].as_str().unwrap().starts_with("AIDA"));
        let root = world
            .call(&world.root(ONE), "GetCallerIdentity", json!({}))
            .await;
        let root = root.unwrap();
        assert_eq!(root["UserId"], ONE);
        assert_eq!(root["Arn"], "arn:aws:iam::111111111111:root");
    }

    #[tokio::test]
    async fn what_is_not_built_says_its_name() {
        let world = World::new().await;
        let answer = world.call(&world.root(ONE), "AssumeRoot", json!({})).await;
        let error = answer.unwrap_err();
        assert_eq!((error.code(), error.status()), ("NotImplemented", 501));
        assert_eq!(error.to_string(), "AssumeRoot is not implemented.");
    }
}
