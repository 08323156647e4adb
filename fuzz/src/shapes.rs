//! Inputs of any size that parsers with a loop too many dislike. The tests of work double their size.

use crate::requests::in_chunks;

/// A family of inputs.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Which target reads it.
    pub target: &'static str,
    /// What it is.
    pub name: &'static str,
    /// One of about this many bytes.
    pub make: fn(usize) -> Vec<u8>,
}

const fn shape(target: &'static str, name: &'static str, make: fn(usize) -> Vec<u8>) -> Shape {
    Shape { target, name, make }
}

/// Every family.
pub const SHAPES: &[Shape] = &[
    shape("policy_json", "open lists", |size| {
        many("", |_| "[".to_owned(), size, "")
    }),
    shape("policy_json", "open objects", |size| {
        many("", |_| "{\"a\":".to_owned(), size, "")
    }),
    shape("policy_json", "many members", |size| {
        many("{", |at| format!("\"{at}\":1,"), size, "\"z\":1}")
    }),
    shape("policy_json", "many statements", |size| {
        let statement = |at| {
            format!(
                "{{\"Sid\":\"s{at}\",\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"arn:aws:s3:::logs/*\",\"Principal\":\"*\"}},"
            )
        };
        let last =
            "{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Principal\":\"*\"}]}";
        many(
            "{\"Version\":\"2012-10-17\",\"Statement\":[",
            statement,
            size,
            last,
        )
    }),
    shape("policy_json", "many actions", |size| {
        let start = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Resource\":\"*\",\"Action\":[";
        many(
            start,
            |at| format!("\"s3:*e*t*{at}*\","),
            size,
            "\"s3:*\"]}}",
        )
    }),
    shape("policy_json", "many resources", |size| {
        let start = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":[";
        many(
            start,
            |at| format!("\"arn:aws:s3:::logs/{at}*\","),
            size,
            "\"*\"]}}",
        )
    }),
    shape("policy_json", "many principals", |size| {
        let start = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::logs/*\",\"Principal\":{\"AWS\":[";
        many(
            start,
            |at| format!("\"arn:aws:iam::123456789012:role/{at}\","),
            size,
            "\"*\"]}}}",
        )
    }),
    shape("policy_json", "many conditions", |size| {
        let start = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::logs/*\",\"Principal\":\"*\",\"Condition\":{\"StringLike\":{";
        many(
            start,
            |at| format!("\"aws:PrincipalTag/{at}\":\"*a*\","),
            size,
            "\"aws:Referer\":\"*\"}}}}",
        )
    }),
    shape("policy_json", "a long text of escapes", |size| {
        many("{\"Version\":\"", |_| "\\u00e9\\\"".to_owned(), size, "\"}")
    }),
    shape("policy_json", "lines", |size| {
        many(
            "{\"Version\":\"2012-10-17\",\"Statement\":[",
            |_| "\n".to_owned(),
            size,
            "]}",
        )
    }),
    shape("condition", "stars", |size| {
        let value = many("StringLike\naws:x\n", |_| "*a".to_owned(), size / 2, "b\n");
        [value, vec![b'a'; size / 2]].concat()
    }),
    shape("condition", "question marks", |size| {
        let value = many("StringLike\naws:x\n", |_| "?*".to_owned(), size / 2, "b\n");
        [value, vec![b'a'; size / 2]].concat()
    }),
    shape("condition", "variables", |size| {
        many(
            "StringEquals\naws:x\n",
            |_| "${aws:username}".to_owned(),
            size,
            "\nal",
        )
    }),
    shape("condition", "open variables", |size| {
        many("StringEquals\naws:x\n", |_| "${".to_owned(), size, "\nal")
    }),
    shape("condition", "values", |size| {
        many(
            "ForAnyValue:StringEquals\naws:x\n",
            |at| format!("v{at}\t"),
            size,
            "z\nz",
        )
    }),
    shape("condition", "networks", |size| {
        many(
            "IpAddress\naws:SourceIp\n",
            |at| format!("10.{}.0.0/16\t", at % 256),
            size,
            "::1\n9.9.9.9",
        )
    }),
    shape("condition", "digits", |size| {
        many("NumericEquals\naws:x\n", |_| "9".to_owned(), size, "\n9")
    }),
    shape("condition", "base64", |size| {
        many(
            "BinaryEquals\naws:x\n",
            |_| "QUJD".to_owned(),
            size,
            "\nQUJD",
        )
    }),
    shape("arn", "colons", |size| {
        many("arn:aws:iam:", |_| ":".to_owned(), size, "root")
    }),
    shape("arn", "path", |size| {
        many(
            "arn:aws:iam::123456789012:user",
            |_| "/a".to_owned(),
            size,
            "",
        )
    }),
    shape("sigv4_header", "signed headers", |size| {
        let start = "GET /logs/k\nhost: h\nx-amz-date: 20260102T030405Z\nauthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/us-east-1/s3/aws4_request, SignedHeaders=host";
        many(start, |at| format!(";h{at}"), size, ", Signature=00\n\n")
    }),
    shape("sigv4_header", "commas", |size| {
        many(
            "GET /\nhost: h\nauthorization: AWS4-HMAC-SHA256 ",
            |_| "a=b, ".to_owned(),
            size,
            "\n\n",
        )
    }),
    shape("sigv4_header", "blanks", |size| {
        many(
            "GET /\nhost: h\nauthorization: AWS4-HMAC-SHA256 Credential=",
            |_| " a".to_owned(),
            size,
            "\n\n",
        )
    }),
    shape("sigv4_query", "parameters", |size| {
        let start = "GET /logs/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
        many(
            start,
            |at| format!("&p{}=%41", at % 1000),
            size,
            "\nhost: h\n\n",
        )
    }),
    shape("sigv4_version2", "parameters", |size| {
        let start =
            "GET /logs/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1767324045&Signature=00";
        many(start, |at| format!("&acl={at}"), size, "\nhost: h\n\n")
    }),
    shape("rest_route", "parameters", |size| {
        many(
            "GET /logs?list-type=2",
            |at| format!("&p{at}=%41"),
            size,
            "\nhost: h\n\n",
        )
    }),
    shape("rest_route", "slashes", |size| {
        many("GET /logs", |_| "/".to_owned(), size, "\nhost: h\n\n")
    }),
    shape("rest_route", "percents", |size| {
        many("GET /logs/", |_| "%25".to_owned(), size, "\nhost: h\n\n")
    }),
    shape("query_body", "members of a list", |size| {
        many(
            "Action=TagUser&Version=2010-05-08&UserName=a",
            |at| format!("&Tags.member.{at}.Key=a"),
            size,
            "",
        )
    }),
    shape("query_body", "parameters of no member", |size| {
        many(
            "Action=CreateUser&Version=2010-05-08&UserName=a",
            |at| format!("&p{at}=b"),
            size,
            "",
        )
    }),
    shape("query_body", "one parameter again", |size| {
        many(
            "Action=CreateUser&Version=2010-05-08",
            |_| "&UserName=a".to_owned(),
            size,
            "",
        )
    }),
    shape("query_body", "dots", |size| {
        many(
            "Action=TagUser&Version=2010-05-08&Tags",
            |_| ".member".to_owned(),
            size,
            "=1",
        )
    }),
    shape("query_body", "far members", |size| {
        many(
            "Action=UntagUser&Version=2010-05-08&UserName=a",
            |at| format!("&TagKeys.member.{at}=k"),
            size,
            "",
        )
    }),
    shape("query_body", "a long document", |size| {
        many(
            "Action=CreatePolicy&Version=2010-05-08&PolicyName=a&PolicyDocument=",
            |_| "%7B%22".to_owned(),
            size,
            "",
        )
    }),
    shape("xml_body", "open elements", |size| {
        many("DeleteObjects\n", |_| "<a>".to_owned(), size, "")
    }),
    shape("xml_body", "objects", |size| {
        many(
            "DeleteObjects\n<Delete>",
            |at| format!("<Object><Key>{at}</Key></Object>"),
            size,
            "</Delete>",
        )
    }),
    shape("xml_body", "references", |size| {
        many(
            "DeleteObjects\n<Delete><Object><Key>",
            |_| "&amp;".to_owned(),
            size,
            "</Key></Object></Delete>",
        )
    }),
    shape("xml_body", "attributes", |size| {
        many(
            "DeleteObjects\n<Delete",
            |at| format!(" a{at}='1'"),
            size,
            "></Delete>",
        )
    }),
    shape("xml_body", "comments", |size| {
        many(
            "DeleteObjects\n<Delete>",
            |_| "<!---->".to_owned(),
            size,
            "</Delete>",
        )
    }),
    shape("xml_body", "an open comment", |size| {
        many("DeleteObjects\n<Delete><!--", |_| "--".to_owned(), size, "")
    }),
    shape("xml_body", "parts", |size| {
        let part = |at| format!("<Part><PartNumber>{at}</PartNumber><ETag>e</ETag></Part>");
        many(
            "CompleteMultipartUpload\n<CompleteMultipartUpload>",
            part,
            size,
            "</CompleteMultipartUpload>",
        )
    }),
    shape("xml_body", "cdata", |size| {
        many(
            "DeleteObjects\n<Delete><Object><Key>",
            |_| "<![CDATA[a]]>".to_owned(),
            size,
            "</Key></Object></Delete>",
        )
    }),
    shape("chunked", "chunks that arrive byte by byte", |size| {
        in_chunks(2, "1", &full(size))
    }),
    shape("chunked", "signed chunks that arrive in pieces", |size| {
        in_chunks(0, "100", &full(size))
    }),
    shape("chunked", "signed chunks at once", |size| {
        in_chunks(1, "", &full(size))
    }),
    shape("chunked", "a long line", |size| {
        many("unsigned-trailer\n1\n1\n", |_| "0".to_owned(), size, "")
    }),
    shape("dates", "digits", |size| {
        many("2026-01-02T03:04:05.", |_| "1".to_owned(), size, "Z")
    }),
    shape("post_form", "open lists", |size| {
        many("{\"expiration\":", |_| "[".to_owned(), size, "")
    }),
    shape("post_form", "conditions", |size| {
        let start = "{\"expiration\":\"2026-12-30T12:00:00Z\",\"conditions\":[";
        many(
            start,
            |at| format!("{{\"x-amz-meta-{at}\":\"b\"}},"),
            size,
            "{\"bucket\":\"logs\"}]}",
        )
    }),
];

/// `start`, as many pieces as fit, `end`.
fn many(start: &str, piece: impl Fn(usize) -> String, size: usize, end: &str) -> Vec<u8> {
    let mut text = start.to_owned();
    for at in 1.. {
        let piece = piece(at);
        if text.len() + piece.len() + end.len() > size {
            break;
        }
        text.push_str(&piece);
    }
    text.push_str(end);
    text.into_bytes()
}

/// Chunks of the least size that all but the last must have.
fn full(size: usize) -> Vec<&'static [u8]> {
    vec![&[b'a'; 8192]; size / 8192]
}
