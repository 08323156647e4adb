"""Cross-origin requests: a bucket's rules, what a preflight is told, and what a page may read."""

import pytest

from harness.errors import refused

APP = "https://app.example"
NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
    "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
    "resource's CORS spec."
)
RULES = [
    {
        "ID": "app",
        "AllowedOrigins": [APP, "https://*.app.example"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["Content-Type", "x-amz-*"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 3000,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
]


@pytest.fixture
def ruled(account):
    """A bucket of `account` with `RULES` and the object `k`."""
    bucket = account.bucket()
    s3 = account.boto("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return bucket


def cors(answer) -> dict[str, str]:
    """The headers that a browser reads, without their common start."""
    start = "access-control-"
    found = {
        name.removeprefix(start): value for name, value in answer.headers.items() if name.startswith(start)
    }
    vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    assert answer.headers.get("vary") == (vary if found else None)
    return found


def ask(server, path, origin=APP, method="PUT", headers=None):
    """A preflight."""
    said = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return server.send(
        "OPTIONS", path, headers={name: value for name, value in said.items() if value is not None}
    )


def forbidden(answer):
    assert (answer.status, answer.code) == (403, "AccessForbidden")
    assert cors(answer) == {}
    return answer.message, answer.text_of("Method"), answer.text_of("ResourceType")


def test_rules_come_back_as_they_were_put(account, ruled):
    s3 = account.boto("s3")
    assert s3.get_bucket_cors(Bucket=ruled)["CORSRules"] == RULES
    for _ in range(2):
        answer = s3.delete_bucket_cors(Bucket=ruled)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchCORSConfiguration", "The CORS configuration does not exist", 404):
        s3.get_bucket_cors(Bucket=ruled)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            {"AllowedMethods": ["GET", "PATCH"]},
            "InvalidRequest",
            "Found unsupported HTTP method in CORS config. Unsupported method is PATCH",
        ),
        (
            {"AllowedOrigins": ["*example*.com"]},
            "InvalidRequest",
            'AllowedOrigin "*example*.com" can not have more than one wildcard.',
        ),
        (
            {"AllowedHeaders": ["x-*-*"]},
            "InvalidRequest",
            'AllowedHeader "x-*-*" can not have more than one wildcard.',
        ),
        ({"AllowedMethods": []}, "MalformedXML", None),
        ({"AllowedOrigins": []}, "MalformedXML", None),
        ({"MaxAgeSeconds": -1}, "MalformedXML", None),
    ],
)
def test_a_wrong_rule_is_refused_and_the_old_ones_stay(account, ruled, change, code, message):
    s3 = account.boto("s3")
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]} | change
    with refused(code, message, 400):
        s3.put_bucket_cors(Bucket=ruled, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=ruled)["CORSRules"] == RULES


def test_a_configuration_has_100_rules_and_64_kib_at_most(account, ruled):
    s3 = account.boto("s3")
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}

    def put(*rules):
        s3.put_bucket_cors(Bucket=ruled, CORSConfiguration={"CORSRules": list(rules)})

    put(*[rule] * 100)
    with refused(
        "InvalidRequest", "The number of CORS rules should not exceed allowed limit of 100 rules.", 400
    ):
        put(*[rule] * 101)
    with refused("MaxMessageLengthExceeded", "Your request was too big.", 400):
        put(rule | {"AllowedOrigins": ["https://" + "a" * 70_000]})


def test_a_preflight_is_answered_by_the_first_rule_that_fits(server, ruled):
    answer = ask(server, f"/{ruled}/k", headers="Content-Type, X-AMZ-Date")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    app = {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "expose-headers": "ETag, x-amz-request-id",
        "max-age": "3000",
    }
    assert cors(answer) == app | {"allow-headers": "content-type, x-amz-date"}
    below = "https://eu.app.example"
    assert cors(ask(server, f"/{ruled}/k", below)) == app | {"allow-origin": below}
    anyone = {"allow-origin": "*", "allow-methods": "GET"}
    assert cors(ask(server, f"/{ruled}", "https://other.example", "GET")) == anyone


def test_a_preflight_that_no_rule_fits_is_forbidden(server, ruled):
    path = f"/{ruled}/k"
    assert forbidden(ask(server, path, "https://other.example")) == (NOT_ALLOWED, "PUT", "OBJECT")
    assert forbidden(ask(server, f"/{ruled}", f"{APP}.evil")) == (NOT_ALLOWED, "PUT", "BUCKET")
    assert forbidden(ask(server, path, method="DELETE")) == (NOT_ALLOWED, "DELETE", "OBJECT")
    assert forbidden(ask(server, path, headers="x-amz-date,range")) == (NOT_ALLOWED, "PUT", "OBJECT")
    assert forbidden(ask(server, path, method=None)) == (NOT_ALLOWED, "OPTIONS", "OBJECT")


def test_a_preflight_without_origin_bucket_or_rules_says_what_is_missing(server, account, ruled):
    answer = ask(server, f"/{ruled}/k", origin=None)
    assert (answer.status, answer.code, answer.message) == (
        400,
        "BadRequest",
        "Insufficient information. Origin request header needed.",
    )
    missing = ask(server, f"/{server.fresh_bucket_name()}/k", method=None)
    assert forbidden(missing) == ("CORSResponse: Bucket not found", "OPTIONS", "BUCKET")
    account.boto("s3").delete_bucket_cors(Bucket=ruled)
    disabled = "CORSResponse: CORS is not enabled for this bucket."
    assert forbidden(ask(server, f"/{ruled}/k")) == (disabled, "PUT", "BUCKET")


def test_a_preflight_before_a_presigned_upload_needs_no_signature_of_its_own(server, account, ruled):
    url = account.boto("s3").generate_presigned_url("put_object", Params={"Bucket": ruled, "Key": "new"})
    path = url.removeprefix(server.endpoint)
    assert ask(server, path, headers="content-type").status == 200
    uploaded = server.send("PUT", path, body=b"new", headers={"Origin": APP})
    assert uploaded.status == 200, uploaded.body
    assert cors(uploaded)["allow-origin"] == APP


def test_answers_and_errors_tell_the_browser_the_same(server, account, ruled):
    app = {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "expose-headers": "ETag, x-amz-request-id",
        "max-age": "3000",
    }

    def get(path, origin, signed=True, **more):
        headers = {"Origin": origin} if origin else {}
        return server.send("GET", path, account.admin if signed else None, headers=headers | more)

    served = get(f"/{ruled}/k", APP)
    assert (served.status, served.body, cors(served)) == (200, b"body", app)
    missing = get(f"/{ruled}/missing", APP)
    assert (missing.status, missing.code, cors(missing)) == (404, "NoSuchKey", app)
    # Rules let nobody in: the refusal stays one, and the page may read it.
    stranger = get(f"/{ruled}/k", APP, signed=False)
    assert (stranger.status, stranger.code, cors(stranger)) == (403, "AccessDenied", app)
    unchanged = get(f"/{ruled}/k", APP, **{"If-None-Match": served.headers["etag"]})
    assert (unchanged.status, cors(unchanged)) == (304, app)
    anyone = get(f"/{ruled}", "https://other.example")
    assert cors(anyone) == {"allow-origin": "*", "allow-methods": "GET"}
    assert cors(get(f"/{ruled}/k", None)) == {}
    deleted = server.send("DELETE", f"/{ruled}/k", account.admin, headers={"Origin": APP})
    assert (deleted.status, cors(deleted)) == (204, {})


def test_rules_outlive_a_restart(own_server):
    account = own_server.create_account()
    bucket = account.bucket()
    account.boto("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    own_server.restart()
    assert ask(own_server, f"/{bucket}/k").status == 200
