"""Writes crates/wire/models/*.json: AWS's service models as botocore ships them, with the prose left out.

Usage: reduce.py OUTPUT_FOLDER    (botocore must be importable; `cargo xtask models` sees to that)

The form: `operations` (http, input, output, errors as shape names), `shapes` (types, constraints, bindings), `pagination`, `metadata`.
"""

import gzip
import json
import pathlib
import sys

import botocore

METADATA = [
    "apiVersion", "protocol", "protocols", "endpointPrefix", "globalEndpoint", "xmlNamespace",
    "jsonVersion", "targetPrefix", "signatureVersion", "signingName", "serviceId",
]
OPERATION = [
    "http", "input", "output", "errors", "httpChecksum", "httpChecksumRequired", "deprecated",
    "authtype", "auth", "unsignedPayload",
]
PROSE = {"documentation", "deprecatedMessage", "deprecatedSince", "contextParam"}

# Account-level calls that Strongroom serves. The rest keep name and URI, so that they answer "not implemented" by name.
S3_CONTROL_SERVED = ["DeletePublicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock"]

NOTICE = """The files {names} in this folder are derived from the service models of botocore {version}
(https://github.com/boto/botocore): the documentation texts were removed and s3control was cut down to the
operations that Strongroom serves. They are written by xtask/models/reduce.py.

Botocore
Copyright 2012-2022 Amazon.com, Inc. or its affiliates. All Rights Reserved.
Licensed under the Apache License, Version 2.0; see LICENSE at the root of this repository.
"""


def load(folder, stem):
    for path in (folder / f"{stem}.json.gz", folder / f"{stem}.json"):
        if path.exists():
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            return json.loads(text)
    return {}


def operation(model):
    kept = {name: model[name] for name in OPERATION if name in model}
    for side in ("input", "output"):
        if side in kept:
            kept[side] = without_prose(kept[side])
    if "errors" in kept:
        kept["errors"] = [error["shape"] for error in kept["errors"]]
    return kept


def without_prose(value):
    return {name: part for name, part in value.items() if name not in PROSE}


def shape(model):
    kept = without_prose(model)
    if "members" in kept:
        kept["members"] = {name: without_prose(member) for name, member in kept["members"].items()}
    return kept


def reachable(operations, shapes):
    """The shapes that the operations need."""
    todo = [side["shape"] for model in operations.values() for side in (model.get("input"), model.get("output")) if side]
    todo += [error for model in operations.values() for error in model.get("errors", [])]
    seen = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        model = shapes[name]
        todo += [member["shape"] for member in model.get("members", {}).values()]
        todo += [model[part]["shape"] for part in ("member", "key", "value") if part in model]
    return {name: model for name, model in shapes.items() if name in seen}


def reduce(service):
    folder = sorted((pathlib.Path(botocore.__file__).parent / "data" / service).iterdir())[-1]
    model = load(folder, "service-2")
    operations = {name: operation(part) for name, part in model["operations"].items()}
    shapes = {name: shape(part) for name, part in model["shapes"].items()}
    pagination = load(folder, "paginators-1").get("pagination", {})
    if service == "s3control":
        operations = {
            name: part if name in S3_CONTROL_SERVED else {"http": part["http"]} for name, part in operations.items()
        }
        shapes = reachable(operations, shapes)
        pagination = {}
    return {
        "about": f"Wire model of {service}, reduced from botocore {botocore.__version__} (Apache-2.0); see NOTICE.",
        "metadata": {name: model["metadata"][name] for name in METADATA if name in model["metadata"]},
        "operations": operations,
        "pagination": pagination,
        "shapes": shapes,
    }


def entries(value, indent):
    """One line per operation and per shape: diffs stay readable and the file small."""
    lines = [f"{indent}{json.dumps(name)}: {json.dumps(part, separators=(',', ':'))}" for name, part in value.items()]
    return ",\n".join(lines)


def main():
    output = pathlib.Path(sys.argv[1])
    services = ["s3", "s3control", "iam", "sts", "kms"]
    for service in services:
        parts = []
        for name, value in reduce(service).items():
            if isinstance(value, dict):
                parts.append(f"{json.dumps(name)}: {{\n{entries(value, ' ')}\n}}" if value else f"{json.dumps(name)}: {{}}")
            else:
                parts.append(f"{json.dumps(name)}: {json.dumps(value)}")
        (output / f"{service}.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")
    names = ", ".join(f"{service}.json" for service in services)
    (output / "NOTICE").write_text(NOTICE.format(names=names, version=botocore.__version__))


main()
