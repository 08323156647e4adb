"""Writes crates/wire/tests/data/botocore-requests.json: one request per operation as botocore sends it, with its input.

Usage: samples.py OUTPUT_FILE    (run by hand after `cargo xtask models`, with the same Python)

Every member of every input is set, so that the decoder meets each binding that a real client uses.
"""

import base64
import datetime
import json
import pathlib
import sys

import botocore.loaders
import botocore.model
import botocore.serialize
import botocore.utils

MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
S3_CONTROL = ["DeletePublicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock"]


def sample(shape, name, seen=()):
    """A value for botocore, and the same as JSON."""
    kind = shape.type_name
    if kind == "structure":
        pairs = {
            member: sample(part, member, (*seen, shape.name))
            for member, part in shape.members.items()
            if part.name not in seen and not part.serialization.get("eventpayload")
        }
        return {k: v[0] for k, v in pairs.items()}, {k: v[1] for k, v in pairs.items()}
    if kind == "list":
        value, plain = sample(shape.member, name, seen)
        return [value, value], [plain, plain]
    if kind == "map":
        value, plain = sample(shape.value, name, seen)
        return {"k": value}, {"k": plain}
    if name == "Expires":
        # The SDKs call it a timestamp, the service a text.
        return MOMENT, "Fri, 02 Jan 2026 03:04:05 GMT"
    if kind == "timestamp":
        return MOMENT, "2026-01-02T03:04:05Z"
    if kind == "boolean":
        return True, True
    if kind in ("integer", "long"):
        return 7, 7
    if kind == "blob":
        return b"bytes", base64.b64encode(b"bytes").decode()
    enum = shape.metadata.get("enum")
    text = enum[0] if enum else f"a b+c/ü&<{name}>" if name not in ("Bucket", "AccountId", "RequestRoute") else name.lower()
    return text, text


def main():
    loader = botocore.loaders.Loader()
    cases = []
    for service in ("s3", "s3control", "iam", "sts"):
        model = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)
        serializer = botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False)
        for name in model.operation_names:
            if service == "s3control" and name not in S3_CONTROL:
                continue
            operation = model.operation_model(name)
            if service == "s3" and operation.deprecated or name == "ListDirectoryBuckets":
                continue
            value, plain = sample(operation.input_shape, name) if operation.input_shape else ({}, {})
            # Texts in headers are ISO 8859-1 at best; botocore refuses others before it sends them.
            for member, part in (operation.input_shape.members if operation.input_shape else {}).items():
                if part.serialization.get("location") in ("header", "headers") and part.type_name in ("string", "map", "list"):
                    ascii_text = json.loads(json.dumps(plain[member]).replace("\\u00fc", "u").replace(" ", ""))
                    value[member] = plain[member] = ascii_text
            request = serializer.serialize_to_request(value, operation)
            query = request["query_string"]
            if isinstance(query, dict):
                query = botocore.utils.percent_encode_sequence(query)
            body = request["body"]
            if isinstance(body, dict):
                body = botocore.utils.percent_encode_sequence(body)
            if isinstance(body, bytes):
                body = body.decode()
            path, _, more = request["url_path"].partition("?")
            cases.append({
                "service": service, "operation": name, "method": request["method"], "path": path,
                "query": "&".join(part for part in (more, query) if part),
                "headers": {key: str(text) for key, text in request["headers"].items()}, "body": body or "", "input": plain,
            })
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    pathlib.Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n")


main()
