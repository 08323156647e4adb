//! The house rules that the compiler does not keep: who may depend on whom, what may be in a file,
//! whose code we take in. A failure names the rule, the place and what to do.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates from the ground up. A crate may use those on lower floors only.
const FLOORS: &[&[&str]] = &[
    &["catalog", "digest", "engine", "seal"],
    &["policy", "wire"],
    &["gate", "engine-local", "explain"],
    &["vault", "directory", "keyring", "journal"],
    &["s3", "iam", "sts", "kms"],
    &["server"],
    &["cli"],
];
/// Crates beside the house: tests and tasks. Nothing that is shipped may use them.
const BESIDE: &[&str] = &["fuzz", "policy-model", "xtask"];

/// Only these may name the storage engine's traits, so that nothing else can reach stored bytes.
const MAY_USE_ENGINE: &[&str] = &["vault", "directory", "keyring", "engine-local", "server"];
/// Only the server, which builds the stores, may name an engine itself.
const MAY_USE_ENGINE_LOCAL: &[&str] = &["server"];

/// What the crates that decide may depend on: nothing that reads, sends or waits.
const DECIDERS: &[(&str, &[&str])] = &[
    ("catalog", &["serde", "serde_json", "thiserror"]),
    (
        "policy",
        &[
            "catalog",
            "base64",
            "jiff",
            "regex-lite",
            "serde",
            "serde_json",
            "thiserror",
        ],
    ),
    (
        "gate",
        &[
            "catalog",
            "policy",
            "wire",
            "bytes",
            "jiff",
            "serde",
            "thiserror",
        ],
    ),
    ("explain", &["catalog", "policy", "serde", "serde_json"]),
    // Not `policy`, and not `catalog`: two evaluators that share code share its mistakes.
    ("policy-model", &["fastrand", "serde", "serde_json"]),
];
/// The world outside, which `catalog` and `policy` must not see: they are given time and data.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "TcpStream",
    "UdpSocket",
    "std::process",
    "std::env::",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "async fn",
];

// ----- crates ------------------------------------------------------------------------------------

#[test]
fn every_crate_has_a_floor() {
    let placed: BTreeSet<&str> = FLOORS
        .iter()
        .flat_map(|floor| floor.iter().copied())
        .collect();
    for package in workspace() {
        let name = package.name.as_str();
        assert!(
            placed.contains(name) || BESIDE.contains(&name),
            "crate `{name}` stands on no floor: give it one in xtask/tests/tidy.rs"
        );
    }
}

#[test]
fn dependencies_go_one_way() {
    let mut wrong = Vec::new();
    for package in workspace() {
        let Some(own) = floor(&package.name) else {
            continue;
        };
        for used in &package.uses {
            match floor(used) {
                Some(other) if other >= own => {
                    wrong.push(format!(
                        "`{}` uses `{used}`, which does not lie below it",
                        package.name
                    ));
                }
                None if BESIDE.contains(&used.as_str()) => {
                    wrong.push(format!("`{}` ships, but uses `{used}`", package.name));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_stores_and_the_server_can_name_the_engine() {
    let mut wrong = Vec::new();
    for package in workspace() {
        let name = package.name.as_str();
        let walls = [
            ("engine", MAY_USE_ENGINE),
            ("engine-local", MAY_USE_ENGINE_LOCAL),
        ];
        for (engine, allowed) in walls {
            if package.uses.contains(engine) && !allowed.contains(&name) && !BESIDE.contains(&name)
            {
                wrong.push(format!(
                    "`{name}` uses `{engine}`: go through a store and its permits"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_that_is_shipped_has_what_only_tests_may_use() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for package in metadata()["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = strings_of_json(&dependency["features"]);
            if !features
                .iter()
                .any(|feature| feature.starts_with("danger-"))
            {
                continue;
            }
            seen += 1;
            if dependency["kind"].as_str() != Some("dev") {
                wrong.push(format!(
                    "`{}` takes {features:?} of `{}`: only dev-dependencies may",
                    package["name"].as_str().unwrap(),
                    dependency["name"].as_str().unwrap()
                ));
            }
        }
    }
    assert!(seen > 0, "the tests of the services use such features");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_crates_that_decide_depend_on_nothing_that_reads_or_waits() {
    let packages = workspace();
    for (decider, allowed) in DECIDERS {
        let package = packages
            .iter()
            .find(|package| package.name == *decider)
            .expect("is a crate");
        let more: Vec<&String> = package
            .uses
            .iter()
            .filter(|used| !allowed.contains(&used.as_str()))
            .collect();
        assert!(
            more.is_empty(),
            "`{decider}` depends on {more:?}: a dependency here is a decision, write it into DECIDERS"
        );
    }
}

#[test]
fn the_crates_that_decide_are_given_time_and_data() {
    let mut wrong = Vec::new();
    for krate in ["catalog", "policy"] {
        for path in rust_files(&root().join("crates").join(krate).join("src")) {
            for (number, line) in shipped_lines(&read(&path)) {
                for outside in OUTSIDE.iter().filter(|outside| line.contains(**outside)) {
                    wrong.push(format!("{}:{number}: `{outside}`", shown(&path)));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the world outside comes in as an argument:\n{}",
        wrong.join("\n")
    );
}

// ----- operations and stores ---------------------------------------------------------------------

#[test]
fn every_file_of_an_operation_is_listed() {
    // A file that no `mod` line names is silently not compiled.
    let mut wrong = Vec::new();
    for service in ["s3", "iam", "sts", "kms"] {
        let folder = root().join("crates").join(service).join("src/ops");
        if !folder.is_dir() {
            continue;
        }
        let list = read(&folder.join("mod.rs"));
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let is_module = path.is_dir() || path.extension().is_some_and(|end| end == "rs");
            if name != "mod" && is_module && !declares(&list, &name) {
                wrong.push(format!("{}: no `mod {name};` in ops/mod.rs", shown(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_public_method_of_a_store_takes_a_permit() {
    let exceptions = exceptions("xtask/open-store-methods.txt");
    let mut open = BTreeSet::new();
    for (krate, store) in [
        ("vault", "Vault"),
        ("directory", "Directory"),
        ("keyring", "Keyring"),
    ] {
        for path in rust_files(&root().join("crates").join(krate).join("src")) {
            for (name, signature) in public_methods(&read(&path), store) {
                // `System` and `LifecyclePermit` are the gate's proofs for tasks of the server's own.
                let proofs = ["Permit<", "&System", "&LifecyclePermit"];
                if !proofs.iter().any(|proof| signature.contains(proof)) {
                    open.insert(format!("{store}::{name}"));
                }
            }
        }
    }
    let listed: BTreeSet<String> = exceptions.keys().cloned().collect();
    let new: Vec<&String> = open.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&open).collect();
    assert!(
        new.is_empty(),
        "these take no `&Permit<…>`, so nothing proves that they may: {new:#?}"
    );
    assert!(
        gone.is_empty(),
        "take these out of xtask/open-store-methods.txt: {gone:#?}"
    );
}

#[test]
fn the_scanner_of_methods_sees_what_is_there() {
    let source = "\
impl Vault {
    /// Reads.
    pub async fn read(
        &self,
        permit: &Permit<GetObject>,
    ) -> Option<Bytes> {
        inner(|x| { x })
    }

    fn private(&self) {}

    pub fn open(path: &Path) -> Vault {
        Vault {}
    }
}

impl<E: Engine> Vault<E> {
    pub const fn count(&self) -> usize {
        0
    }
}

impl VaultBuilder {
    pub fn not_a_store(&self) {}
}
";
    let found = public_methods(source, "Vault");
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["read", "open", "count"]);
    let takes: Vec<bool> = found
        .iter()
        .map(|(_, text)| text.contains("Permit<"))
        .collect();
    assert_eq!(takes, [true, false, false]);
}

// ----- texts -------------------------------------------------------------------------------------

#[test]
fn every_condition_key_of_s3_is_filled_and_tested_or_told_to_be_absent() {
    let table = read(&root().join("crates/policy/data/s3-actions.json"));
    let table: Value = serde_json::from_str(&table).expect("JSON");
    let keys = table["conditionKeys"].as_object().expect("an object");
    let told = read(&root().join("docs/compatibility.md")).to_lowercase();
    let (_, told) = told
        .split_once("### condition keys that are always absent")
        .expect("the section");
    let (told, _) = told.split_once("\n## ").expect("a section after it");
    let tests = read(&root().join("tests/clients/test_condition_keys_s3.py")).to_lowercase();
    let (before, after) = tests.split_once("never = [").expect("the list");
    let (_, after) = after.split_once(']').expect("its end");
    let named = |text: &str, start: &str, name: &str| {
        text.match_indices(&format!("{start}{name}"))
            .any(|(at, found)| text[at + found.len()..].starts_with(['"', '`', '/']))
    };
    for key in keys.keys().filter(|key| key.starts_with("s3:")) {
        // `s3:ExistingObjectTag/<key>` is known by what is before the tag.
        let key = key.split('/').next().unwrap_or_default().to_lowercase();
        let header = key.trim_start_matches("s3:");
        let absent = told
            .lines()
            .filter(|line| line.starts_with('|'))
            .any(|line| named(line.split('|').nth(1).unwrap_or_default(), "`", &key));
        let tested = [before, after]
            .iter()
            .any(|text| named(text, "\"", &key) || named(text, "\"", header));
        assert!(
            tested != absent,
            "`{key}`: give it its value and a case in tests/clients/test_condition_keys_s3.py, or a \
             reason in docs/compatibility.md, \"Condition keys that are always absent\"; now it is \
             {}",
            if tested { "in both" } else { "in neither" }
        );
    }
}

#[test]
fn no_file_tells_of_the_machine_or_the_tools_it_was_written_with() {
    // In pieces, so that this file is not its own finding.
    let words: Vec<String> = [
        ["/ro", "ot/"],
        ["/wo", "rk/"],
        ["/Us", "ers/"],
        ["clau", "de"],
        ["anthro", "pic"],
        ["chat", "gpt"],
        ["open", "ai"],
        ["ai ag", "ent"],
        ["coding ag", "ent"],
        ["language mo", "del"],
        ["pypi", ".org"],
        ["files.python", "hosted.org"],
        ["registry.npm", "js.org"],
        ["repo.maven.apa", "che.org"],
        ["proxy.go", "lang.org"],
        ["static.crat", "es.io"],
        ["index.crat", "es.io"],
        ["deb.deb", "ian.org"],
    ]
    .iter()
    .map(|pieces| pieces.concat().to_lowercase())
    .collect();
    let mut wrong = Vec::new();
    for path in our_files() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            for word in words.iter().filter(|word| lower.contains(word.as_str())) {
                wrong.push(format!("{}:{}: `{word}`", shown(&path), number + 1));
            }
            if let Some(home) = home_of_a_person(line) {
                wrong.push(format!("{}:{}: `{home}`", shown(&path), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_code_waits_for_later_under_a_mark() {
    let marks: Vec<String> = [["TO", "DO:"], ["FIX", "ME(now)"]]
        .iter()
        .map(|pieces| pieces.concat())
        .collect();
    let mut wrong = Vec::new();
    for path in our_files().into_iter().filter(|path| is_source(path)) {
        for (number, line) in read(&path).lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}: `{mark}`", shown(&path), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that may skip a test, and why. The list only shrinks.
const SKIPS: [(&str, &str); 1] = [(
    "tests/durability/test_disk_full.py",
    "a small file system can be mounted by root only, and not in every container",
)];

#[test]
fn no_test_is_ignored() {
    let mark = ["#[ig", "nore"].concat();
    let python = ["mark.sk", "ip", "mark.xf", "ail", "pytest.sk", "ip("];
    let python: Vec<String> = python.chunks(2).map(<[&str]>::concat).collect();
    let mut wrong = Vec::new();
    let may_skip = |path: &Path| SKIPS.iter().any(|(file, _)| shown(path).ends_with(file));
    let files = our_files().into_iter();
    for path in files.filter(|path| is_source(path) && !may_skip(path)) {
        for (number, line) in read(&path).lines().enumerate() {
            if line.contains(&mark) || python.iter().any(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{}", shown(&path), number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "assert what is wrong and say why, rather than skip:\n{}",
        wrong.join("\n")
    );
}

// ----- what we take in ---------------------------------------------------------------------------

#[test]
fn every_crate_we_take_in_has_a_licence_of_the_list() {
    let list = deny_list();
    let allowed = strings(list.get("licenses").and_then(|table| table.get("allow")));
    assert!(!allowed.is_empty(), "deny.toml has no list of licences");
    let mut wrong = Vec::new();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(licence) = package["license"].as_str() else {
            wrong.push(format!("`{name}` names no licence"));
            continue;
        };
        if !licence_fits(licence, &allowed) {
            wrong.push(format!("`{name}` is under `{licence}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_comes_from_a_listed_source() {
    let list = deny_list();
    let allowed = strings(
        list.get("sources")
            .and_then(|table| table.get("allow-registry")),
    );
    let mut wrong = Vec::new();
    for package in metadata()["packages"].as_array().unwrap() {
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        let listed = allowed
            .iter()
            .any(|registry| source == format!("registry+{registry}"));
        if !listed {
            wrong.push(format!("`{}` comes from {source}", package["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_banned_crate_comes_in() {
    let list = deny_list();
    let banned: Vec<String> = list["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["crate"].as_str().unwrap().to_owned())
        .collect();
    assert!(!banned.is_empty());
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        assert!(
            !banned.iter().any(|one| one == name),
            "`{name}` is banned in deny.toml"
        );
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed: Vec<String> = ["MIT", "ISC", "Apache-2.0"].map(str::to_owned).to_vec();
    for fits in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "ISC AND (MIT OR GPL-3.0)",
        "(MIT)",
    ] {
        assert!(licence_fits(fits, &allowed), "{fits}");
    }
    for not in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "GPL-3.0 OR AGPL-3.0",
        "ISC AND (GPL-3.0)",
        "",
    ] {
        assert!(!licence_fits(not, &allowed), "{not}");
    }
}

// ----- helpers -----------------------------------------------------------------------------------

struct Package {
    name: String,
    /// Normal and build dependencies; what only tests use may lie anywhere.
    uses: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn metadata() -> &'static Value {
    static METADATA: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
    METADATA.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

fn workspace() -> Vec<Package> {
    let members = strings_of_json(&metadata()["workspace_members"]);
    let mut packages = Vec::new();
    for package in metadata()["packages"].as_array().unwrap() {
        if !members.contains(&package["id"].as_str().unwrap().to_owned()) {
            continue;
        }
        let uses = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect();
        packages.push(Package {
            name: package["name"].as_str().unwrap().to_owned(),
            uses,
        });
    }
    assert!(packages.len() > 10, "cargo metadata shows the workspace");
    packages
}

fn strings_of_json(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| entry.as_str().unwrap().to_owned())
        .collect()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

fn deny_list() -> toml::Table {
    read(&root().join("deny.toml")).parse().unwrap()
}

fn strings(list: Option<&toml::Value>) -> Vec<String> {
    let entries = list
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    entries
        .iter()
        .map(|entry| entry.as_str().unwrap().to_owned())
        .collect()
}

/// SPDX: AND binds tighter than OR; an old-style `/` is an OR.
fn licence_fits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let fits = any_of(&mut rest, allowed);
    fits && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = all_of(rest, allowed);
    while let Some((&"OR", after)) = rest.split_first() {
        *rest = after;
        fits |= all_of(rest, allowed);
    }
    fits
}

fn all_of(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = one(rest, allowed);
    while let Some((&"AND", after)) = rest.split_first() {
        *rest = after;
        fits &= one(rest, allowed);
    }
    fits
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    let Some((&word, after)) = rest.split_first() else {
        return false;
    };
    *rest = after;
    if word == "(" {
        let fits = any_of(rest, allowed);
        let Some((&")", after)) = rest.split_first() else {
            return false;
        };
        *rest = after;
        return fits;
    }
    let mut licence = word.to_owned();
    if let Some((&"WITH", after)) = rest.split_first() {
        let (exception, after) = after.split_first().expect("WITH names an exception");
        licence = format!("{licence} WITH {exception}");
        *rest = after;
    }
    allowed.contains(&licence)
}

/// Files that git has or would take, but for lock files, whose text is made by others.
fn our_files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).unwrap();
    let files: Vec<PathBuf> = names
        .split('\0')
        .filter(|name| !name.is_empty() && !name.ends_with("Cargo.lock"))
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() > 20, "git shows the project's files");
    files
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["rs", "py", "sh", "js", "ts", "go", "java"]
            .iter()
            .any(|e| end == *e)
    })
}

/// The home directory of a person. Examples with one read `~`.
fn home_of_a_person(line: &str) -> Option<String> {
    let start = ["/ho", "me/"].concat();
    let (_, after) = line.split_once(&start)?;
    let name: String = after
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (!name.is_empty()).then(|| format!("{start}{name}"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The numbered lines before a file's tests, without comments.
fn shipped_lines(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
        .collect()
}

fn declares(list: &str, name: &str) -> bool {
    list.lines().any(|line| {
        let line = line.trim();
        let line = line
            .strip_prefix("pub(crate) ")
            .or(line.strip_prefix("pub "))
            .unwrap_or(line);
        line == format!("mod {name};")
    })
}

/// The public methods in `impl STORE` blocks and their signatures. Relies on rustfmt's layout:
/// an `impl` and its closing brace stand in the first column, a method four blanks in.
fn public_methods(source: &str, store: &str) -> Vec<(String, String)> {
    let mut methods = Vec::new();
    let mut inside = false;
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") {
            inside = implements(line, store);
        } else if line == "}" {
            inside = false;
        }
        let Some(rest) = line.strip_prefix("    pub ").filter(|_| inside) else {
            continue;
        };
        let Some((_, after)) = rest.split_once("fn ") else {
            continue;
        };
        let name: String = after
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let mut signature = line.to_owned();
        while !signature.ends_with('{') && !signature.ends_with(';') && !signature.contains(" { ") {
            let Some(more) = lines.next() else { break };
            signature.push(' ');
            signature.push_str(more.trim());
        }
        methods.push((name, signature));
    }
    methods
}

/// Whether `impl … {` is for the store itself, and not for a trait or another type.
fn implements(line: &str, store: &str) -> bool {
    let head = line.trim_end_matches('{').trim();
    if head.contains(" for ") {
        return false;
    }
    let after = match head.strip_prefix("impl<") {
        Some(generic) => {
            let mut depth = 1;
            let end = generic.char_indices().find(|(_, c)| {
                depth += i32::from(*c == '<') - i32::from(*c == '>');
                depth == 0
            });
            end.map_or("", |(at, _)| generic.get(at + 1..).unwrap_or_default())
        }
        None => head.strip_prefix("impl").unwrap_or_default(),
    };
    let name: String = after
        .trim()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    name == store
}

/// `NAME: reason` lines; a reason is not optional.
fn exceptions(path: &str) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    for line in read(&root().join(path)).lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let Some((name, reason)) = line
            .split_once(": ")
            .filter(|(_, reason)| reason.len() > 10)
        else {
            panic!("{path}: `{line}` gives no reason");
        };
        listed.insert(name.to_owned(), reason.to_owned());
    }
    listed
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
