use catalog::{AccountWide, sts};
use gate::{Ask, Authorized, Identity, Operation};
use serde::{Deserialize, Serialize};

use crate::{Stores, StsError};

/// Tells why a request was refused, to the account that sent it and to the one that owns what was
/// asked for; to each its own side.
///
/// On AWS some services hand out an encoded message with a refusal; S3, IAM and STS do not. Here
/// the id of the refused request is the message: every refusal carries one, and it holds nothing
/// that its reader may not know.
#[derive(Debug)]
pub struct DecodeAuthorizationMessage;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    encoded_message: String,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    decoded_message: String,
}

impl Operation for DecodeAuthorizationMessage {
    const NAME: &'static str = "DecodeAuthorizationMessage";
    type Input = Input;
    type Output = Output;
    type Error = StsError;
    type Asks = Ask<sts::DecodeAuthorizationMessage>;
    type Stores = Stores;

    fn asks(_input: &Input, who: &Identity) -> Result<Self::Asks, StsError> {
        let account = who.caller.account;
        Ok(Ask::on(AccountWide(
            account.ok_or(StsError::MissingAuthenticationToken)?,
        )))
    }

    async fn serve(call: Authorized<Self>, stores: &Stores) -> Result<Output, StsError> {
        let account = call.permits.resource().0;
        let message = &call.input.encoded_message;
        let decoded = stores.messages.decode(message, account).await;
        match decoded.map_err(StsError::InternalFailure)? {
            Some(decoded) => Ok(Output {
                decoded_message: decoded.to_string(),
            }),
            None => Err(StsError::InvalidAuthorizationMessage),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::*;

    #[tokio::test]
    async fn a_message_is_told_to_the_accounts_that_it_is_about_only() {
        let world = World::new().await;
        let may = &[allow("sts:DecodeAuthorizationMessage")];
        let ann = world.user(ONE, "ann", may).await;
        let bob = world.user(TWO, "bob", may).await;
        let decode = |who, message: &str| {
            let input = json!({ "EncodedMessage": message });
            world.call(who, "DecodeAuthorizationMessage", input)
        };
        let decoded = decode(&ann, MESSAGE_OF_ONE).await.unwrap();
        assert_eq!(decoded["DecodedMessage"], r#"{"allowed":false}"#);
        for (who, message) in [(&bob, MESSAGE_OF_ONE), (&ann, "no message")] {
            let (code, text) = refused(decode(who, message).await);
            assert_eq!(code, "InvalidAuthorizationMessageException");
            assert_eq!(text, "Message is not valid");
        }
    }

    #[tokio::test]
    async fn decoding_needs_its_permission() {
        let world = World::new().await;
        let ann = world.user(ONE, "ann", &[]).await;
        let input = json!({ "EncodedMessage": MESSAGE_OF_ONE });
        let refusal = world.call(&ann, "DecodeAuthorizationMessage", input).await;
        assert_eq!(refused(refusal).0, "AccessDenied");
    }
}
