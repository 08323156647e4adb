//! The one value that every service's typed errors turn into, and how each protocol writes it.

use crate::model::{Service, model};
use crate::xml::Writer;

/// An error as AWS puts it on the wire: code, status, words and extra elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// AWS's code, such as `NoSuchKey`.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// AWS's words.
    pub message: String,
    /// Extra elements in order, such as `("BucketName", "logs")`. S3 writes them between Message and RequestId.
    pub fields: Vec<(String, String)>,
    /// Extra response headers in order, such as `("x-amz-delete-marker", "true")`.
    pub headers: Vec<(String, String)>,
}

impl AwsError {
    /// An error with the status given.
    #[must_use]
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> AwsError {
        AwsError {
            code: code.into(),
            status,
            message: message.into(),
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// An error with the status that the service's model gives the code, 400 where it gives none.
    #[must_use]
    pub fn modelled(
        service: Service,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> AwsError {
        let code = code.into();
        let status = model(service).error_status(&code).unwrap_or(400);
        AwsError::new(status, code, message)
    }

    /// Adds an extra element.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>, value: impl Into<String>) -> AwsError {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> AwsError {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// S3's 501 for an operation or header that is known and not built.
    #[must_use]
    pub fn not_implemented(header: impl Into<String>) -> AwsError {
        AwsError::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )
        .with_field("Header", header)
    }

    /// S3's `InvalidArgument` with the argument's name and value.
    #[must_use]
    pub fn invalid_argument(
        message: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> AwsError {
        AwsError::new(400, "InvalidArgument", message)
            .with_field("ArgumentName", name)
            .with_field("ArgumentValue", value)
    }

    /// S3's answer to XML that is broken or not of the expected form.
    #[must_use]
    pub fn malformed_xml() -> AwsError {
        AwsError::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    }

    /// The S3 body (spec: iam-sts-kms-api 8): no namespace, extra elements between Message and RequestId.
    /// HEAD requests and 304 have no body; the caller leaves it out there ([`AwsError::has_s3_body`]).
    #[must_use]
    pub fn s3_body(&self, request_id: &str, host_id: &str) -> String {
        let mut xml = Writer::document();
        xml.open("Error");
        xml.text("Code", &self.code);
        xml.text_with_quotes("Message", &self.message);
        for (name, value) in &self.fields {
            xml.text_with_quotes(name, value);
        }
        xml.text("RequestId", request_id);
        xml.text("HostId", host_id);
        xml.close("Error");
        xml.finish()
    }

    /// Whether S3 sends a body with this error for this method.
    #[must_use]
    pub fn has_s3_body(&self, method: &str) -> bool {
        method != "HEAD" && self.status != 304
    }

    /// The Query body (spec: iam-sts-kms-api 1). Type is Sender below 500, Receiver from 500.
    #[must_use]
    pub fn query_body(&self, service: Service, request_id: &str) -> String {
        let mut xml = Writer::fragment();
        xml.open_with("ErrorResponse", &[("xmlns", &model(service).xml_namespace)]);
        xml.open("Error");
        xml.text(
            "Type",
            if self.status < 500 {
                "Sender"
            } else {
                "Receiver"
            },
        );
        xml.text("Code", &self.code);
        xml.text("Message", &readable(&self.message));
        for (name, value) in &self.fields {
            xml.text(name, &readable(value));
        }
        xml.close("Error");
        xml.text("RequestId", request_id);
        xml.close("ErrorResponse");
        xml.finish()
    }

    /// The JSON 1.1 body (KMS). `AccessDeniedException` spells `Message` with a capital, as AWS does.
    #[must_use]
    pub fn json_body(&self) -> String {
        let name = if self.code == "AccessDeniedException" {
            "Message"
        } else {
            "message"
        };
        let mut object = serde_json::Map::new();
        object.insert("__type".to_owned(), self.code.clone().into());
        if !self.message.is_empty() {
            object.insert(name.to_owned(), self.message.clone().into());
        }
        for (name, value) in &self.fields {
            object.insert(name.clone(), value.clone().into());
        }
        serde_json::Value::Object(object).to_string()
    }
}

/// The text without characters that XML 1.0 has none of, not even as references: a caller that sent one, as the name of
/// a user, is told so in a text that its reader takes.
fn readable(text: &str) -> String {
    let unreadable = |c: char| {
        (c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.replace(unreadable, "\u{fffd}")
}

impl std::fmt::Display for AwsError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_writes_its_fields_between_message_and_request_id() {
        let error = AwsError::modelled(
            Service::S3,
            "NoSuchKey",
            "The specified key does not exist.",
        )
        .with_field("Key", "a<b>&\u{1}");
        assert_eq!(error.status, 404);
        assert_eq!(
            error.s3_body("0123456789ABCDEF", "host="),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does \
             not exist.</Message><Key>a&lt;b&gt;&amp;&#x1;</Key><RequestId>0123456789ABCDEF</RequestId><HostId>host=</HostId></Error>"
        );
        assert!(!error.has_s3_body("HEAD"));
    }

    #[test]
    fn s3_errors_have_quotation_marks_as_they_are() {
        let denied = AwsError::modelled(
            Service::S3,
            "AccessDenied",
            "no \"arn:aws:s3:::b/<k>\" for you",
        );
        assert!(
            denied
                .s3_body("id", "host")
                .contains("<Message>no \"arn:aws:s3:::b/&lt;k&gt;\" for you</Message>")
        );
    }

    #[test]
    fn query_says_whose_fault_it_was() {
        let error = AwsError::modelled(
            Service::Iam,
            "NoSuchEntity",
            "The user with name x cannot be found.",
        );
        assert_eq!(
            error.query_body(Service::Iam, "id"),
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
             <Code>NoSuchEntity</Code><Message>The user with name x cannot be found.</Message></Error>\
             <RequestId>id</RequestId></ErrorResponse>"
        );
        let error = AwsError::modelled(Service::Iam, "ServiceFailure", "x");
        assert!(
            error
                .query_body(Service::Iam, "id")
                .contains("<Type>Receiver</Type>")
        );
    }

    #[test]
    fn query_errors_can_be_read_whatever_they_repeat() {
        let error = AwsError::modelled(Service::Iam, "ValidationError", "Value 'a\u{1}\u{b}\tb'");
        let body = error.query_body(Service::Iam, "id");
        let wanted = "<Message>Value 'a\u{fffd}\u{fffd}\tb'</Message>";
        assert!(body.contains(wanted), "{body}");
    }

    #[test]
    fn json_names_the_type() {
        let error = AwsError::modelled(Service::Kms, "NotFoundException", "Key 'x' does not exist");
        assert_eq!(
            error.json_body(),
            r#"{"__type":"NotFoundException","message":"Key 'x' does not exist"}"#
        );
    }
}
