//! The rules of the house that no compiler knows, and the tests that hold the five laws.

use std::process::Command;

use crate::source::{Source, library, library_code, sources, words, workspace};

/// The five laws, and the tests that hold each.
const LAWS: [(&str, &[(&str, &str)]); 5] = [
    (
        "1. The machine is a total pure function of state, input, time and policy.",
        &[
            ("tests/it/tidy.rs", "the_machine_is_pure"),
            ("tests/it/machine_table.rs", "every_phase_against_every_input"),
            ("tests/it/machine_properties.rs", "whatever_happens"),
        ],
    ),
    (
        "2. One step asks for exactly one thing: perform an effect, wake at a time, or finished.",
        &[
            ("tests/it/machine_table.rs", "every_phase_against_every_input"),
            ("tests/it/machine_properties.rs", "whatever_happens"),
        ],
    ),
    (
        "3. The state is saved before an effect is performed, and every effect is idempotent.",
        &[
            ("src/driver/tests.rs", "the_state_is_saved_before_every_call_and_at_the_end"),
            ("src/driver/tests.rs", "what_cannot_be_saved_is_not_done"),
            ("tests/it/crashes.rs", "a_start_that_dies_at_any_two_calls_is_gone_on_with"),
            ("tests/it/failures.rs", "every_effect_performed_twice_changes_nothing"),
        ],
    ),
    (
        "4. What may have happened is undone: a run ends Ready, Undone or Leaked with the leftovers named.",
        &[
            ("tests/it/failures.rs", "a_start_under_every_pair_of_failures_ends_with_one_task_or_none"),
            ("tests/it/failures.rs", "an_undo_under_every_pair_of_failures_ends_with_none"),
            ("tests/it/machine_properties.rs", "an_undo_always_ends"),
        ],
    ),
    ("5. The ports speak our types.", &[("tests/it/tidy.rs", "no_type_of_the_sdk_is_public")]),
];

/// Which modules each module of the crate's root may name. What is not here may not be named.
const IMPORTS: [(&str, &[&str]); 29] = [
    ("ids", &[]),
    ("time", &[]),
    ("started_by", &["ids"]),
    ("overrides", &["ids"]),
    ("image", &["ids", "time"]),
    ("clock", &["time"]),
    ("facts", &["ids", "time", "image"]),
    ("observation", &["ids", "time", "overrides"]),
    ("catalogue", &["observation"]),
    ("spec", &["ids", "time", "image", "facts", "observation", "overrides"]),
    ("policy", &["ids", "time", "observation"]),
    ("error", &["ids", "time", "catalogue", "spec", "policy", "observation"]),
    ("address", &["ids", "facts", "observation", "spec"]),
    ("reconcile", &["ids", "started_by", "time", "facts", "observation", "error", "spec", "address"]),
    ("rollout", &["ids", "time", "facts", "observation", "spec"]),
    ("preflight", &["ids", "time", "image", "facts", "spec"]),
    (
        "machine",
        &[
            "ids",
            "time",
            "overrides",
            "facts",
            "catalogue",
            "spec",
            "policy",
            "observation",
            "error",
            "address",
        ],
    ),
    ("diagnose", &["ids", "time", "image", "facts", "catalogue", "observation", "error", "machine"]),
    ("ports", PORTS),
    ("quota", &[]),
    ("limit", &["ids", "time", "clock", "spec", "error", "ports", "quota"]),
    ("batch", BATCH),
    ("memory", MEMORY),
    ("aws", ADAPTER),
    ("registry", ADAPTER),
    ("testing", ADAPTER),
    (
        "driver",
        &[
            "ids",
            "time",
            "clock",
            "facts",
            "spec",
            "policy",
            "observation",
            "error",
            "machine",
            "ports",
            "limit",
        ],
    ),
    (
        "fleet",
        &[
            "ids",
            "started_by",
            "time",
            "overrides",
            "clock",
            "facts",
            "spec",
            "policy",
            "observation",
            "error",
            "address",
            "machine",
            "ports",
            "limit",
            "batch",
            "driver",
            "reconcile",
            "preflight",
            "rollout",
            "image",
            "catalogue",
            "diagnose",
        ],
    ),
    ("config", &["ids", "time", "facts", "spec", "policy", "error", "fleet"]),
];

const PORTS: &[&str] = &["ids", "time", "clock", "image", "facts", "spec", "policy", "observation", "error"];

/// Never the machine, the driver or the fleet: adapters answer, they do not decide.
const ADAPTER: &[&str] = &[
    "ids",
    "time",
    "overrides",
    "clock",
    "image",
    "facts",
    "spec",
    "policy",
    "observation",
    "error",
    "ports",
];

const MEMORY: &[&str] = &[
    "ids",
    "time",
    "overrides",
    "clock",
    "image",
    "facts",
    "spec",
    "policy",
    "observation",
    "error",
    "ports",
    "quota",
];

const BATCH: &[&str] =
    &["ids", "time", "clock", "image", "facts", "spec", "policy", "observation", "error", "ports", "limit"];

/// Single files that may name one thing more, and why.
const EXCEPTIONS: [(&str, &str, &str); 7] = [
    ("aws/cloud.rs", "registry", "images of other registries are asked for beside those of ECR"),
    ("aws/connect.rs", "registry", "who connects gets every client"),
    ("fleet/sample.rs", "memory", "the sample's services are those of the simulated cloud"),
    ("testing/crowd.rs", "memory", "strangers gather in the simulated cloud"),
    ("testing/conformance/fixture.rs", "memory", "the suite's own backend is the simulated cloud"),
    ("testing/conformance/run.rs", "conformance", "the macro, which stands at the crate's root"),
    ("testing/conformance/fixture.rs", "conformance", "the macro, which stands at the crate's root"),
];

/// What has a clock, chance, I/O, a lock, or an end by panic in it.
const IMPURE: [&str; 31] = [
    "clock",
    "Clock",
    "Instant",
    "SystemTime",
    "rand",
    "fastrand",
    "async",
    "await",
    "tokio",
    "tracing",
    "log",
    "Arc",
    "Rc",
    "Mutex",
    "RwLock",
    "Cell",
    "RefCell",
    "OnceLock",
    "LazyLock",
    "thread_local",
    "env",
    "fs",
    "process",
    "thread",
    "println",
    "eprintln",
    "unwrap",
    "panic",
    "unreachable",
    "todo",
    "unimplemented",
];

const LONGEST_FILE: usize = 500;
const LONGEST_ROOT: usize = 150;

/// What in this source is named against the table of imports.
fn forbidden_imports(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: `{module}` is not in the table of imports", source.path)];
    };
    let known = |name: &str| IMPORTS.iter().any(|(known, _)| *known == name);
    let to_root = "super::".repeat(source.depth());
    let by_super = source.after(&to_root).into_iter().filter(|name| known(name));
    let named = source.after("crate::").into_iter().chain(by_super);
    named
        .filter(|name| name != module && !allowed.contains(&name.as_str()))
        .filter(|name| !EXCEPTIONS.iter().any(|(path, extra, _)| *path == source.path && extra == name))
        .map(|name| format!("{} names crate::{name}", source.path))
        .collect()
}

#[test]
fn modules_import_only_what_they_may() {
    let mut code = library_code();
    code.retain(|source| source.path != "lib.rs");
    let broken: Vec<String> = code.iter().flat_map(forbidden_imports).collect();
    assert!(broken.is_empty(), "the layers are crossed:\n{}", broken.join("\n"));
    for (path, name, _) in EXCEPTIONS {
        let source = code.iter().find(|source| source.path == path).unwrap();
        assert!(source.text.contains(&format!("crate::{name}")), "{path} needs no exception for {name}");
    }
}

#[test]
fn the_machine_is_pure() {
    let mut machine = library_code();
    // Addresses, jitter and the meaning of a stop are computed in these for it; the diagnosis is as pure.
    let pure = ["machine", "address", "policy", "catalogue", "diagnose"];
    machine.retain(|source| pure.contains(&source.module()));
    assert!(machine.len() > 10, "only {} files of the machine", machine.len());
    for source in machine {
        let code = source.code_without_texts();
        for word in words(&code) {
            assert!(!IMPURE.contains(&word), "{} has `{word}`, so it is not pure or not total", source.path);
        }
    }
}

/// The public signatures of a file: functions, fields, the bodies of enums, and what is implemented. `pub` is public,
/// since the lint `unreachable_pub` is on.
fn public_signatures(code: &str) -> Vec<String> {
    let mut signatures = Vec::new();
    for (at, _) in code.match_indices('\n') {
        let rest = &code[at + 1..];
        let line = rest.trim_start();
        let end = if line.starts_with("pub enum ") || line.starts_with("pub trait ") {
            rest.find("\n}")
        } else if line.starts_with("pub ") || line.starts_with("impl") {
            Some(end_of_signature(rest))
        } else {
            None
        };
        signatures.extend(end.map(|end| rest[..end].trim().to_owned()));
    }
    signatures
}

/// Up to the body or, where there is none, the end of the field or item.
fn end_of_signature(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '<' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if !text[..at].ends_with('-') => depth -= 1,
            '{' | ';' => return at,
            ',' if depth <= 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// The names that a file takes from the SDK's crates.
fn names_of_the_sdk(code: &str) -> Vec<&str> {
    let imports = code.split(';').filter_map(|item| item.trim().strip_prefix("use aws_"));
    imports.flat_map(words).filter(|word| word.starts_with(char::is_uppercase)).collect()
}

fn signatures_with_the_sdk(source: &Source) -> Vec<String> {
    let code = format!("\n{}", source.code());
    let names = names_of_the_sdk(&code);
    let is_of_the_sdk = |word: &str| word.starts_with("aws_") || names.contains(&word);
    let mut signatures = public_signatures(&code);
    // A constructor takes a client: that is how a caller brings his own.
    signatures.retain(|signature| !signature.starts_with("pub fn new("));
    signatures.retain(|signature| words(signature).any(is_of_the_sdk));
    signatures
}

#[test]
fn no_type_of_the_sdk_is_public() {
    let (aws, others): (Vec<_>, Vec<_>) =
        library_code().into_iter().partition(|source| source.module() == "aws");
    assert!(aws.iter().any(|source| !names_of_the_sdk(&source.code()).is_empty()));
    for source in aws {
        let broken = signatures_with_the_sdk(&source);
        assert!(broken.is_empty(), "{}: the SDK shows in\n{}", source.path, broken.join("\n"));
    }
    for source in others {
        let code = source.code();
        let named = words(&code).find(|word| word.starts_with("aws_"));
        assert_eq!(named, None, "{}: only src/aws knows the SDK", source.path);
    }
}

#[test]
fn without_default_features_there_is_no_sdk() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "ecs-warmstart", "--no-default-features"])
        .args(["--edges", "normal", "--prefix", "none"])
        .current_dir(library())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.lines().any(|line| line.starts_with("tokio ")), "that is no tree:\n{tree}");
    let sdk: Vec<&str> = tree.lines().filter(|line| line.starts_with("aws-")).collect();
    assert!(sdk.is_empty(), "without the feature `aws` these come in:\n{}", sdk.join("\n"));
}

#[test]
fn files_are_short() {
    for source in sources(&workspace()) {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", source.path);
    }
}

#[test]
fn roots_only_name_what_there_is() {
    for source in sources(&workspace()) {
        let file = source.path.rsplit('/').next().unwrap();
        let in_src = source.path.split('/').any(|part| part == "src");
        let is_root = source.path == "ecs-warmstart/src/lib.rs";
        if is_root {
            let lines = source.text.lines().count();
            assert!(lines < LONGEST_ROOT, "{} has {lines} lines", source.path);
        }
        if is_root || (file == "mod.rs" && in_src) {
            let code = source.code();
            assert!(!words(&code).any(|word| word == "fn"), "{} has a function", source.path);
        }
    }
}

#[test]
fn no_lint_is_switched_off_without_a_reason() {
    // In two pieces, or this file would break its own rule.
    for pattern in [concat!("#[al", "low("), concat!("#![al", "low("), concat!(", al", "low(")] {
        for source in sources(&workspace()) {
            let line = source.text.lines().find(|line| line.contains(pattern));
            assert_eq!(line, None, "{}: write #[expect(.., reason = \"..\")]", source.path);
        }
    }
}

#[test]
fn every_law_has_its_test() {
    for (law, tests) in LAWS {
        for (path, test) in tests {
            let text = std::fs::read_to_string(library().join(path)).unwrap();
            assert!(text.contains(&format!("fn {test}(")), "{law} {path} has no test {test}");
        }
    }
}

/// A rule that sees nothing would hold for ever.
#[test]
fn the_rules_see_what_is_against_them() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    for (path, text) in [
        ("memory/x.rs", "use crate::machine::State;"),
        ("memory/x.rs", "fn f() { crate::driver::drive() }"),
        ("aws/x.rs", "use super::super::fleet::Fleet;"),
        ("machine/x.rs", "use crate::{time::Timestamp, clock::Clock};"),
        ("machine/x.rs", "use crate::Timestamp;"),
        ("unheard_of.rs", ""),
    ] {
        assert_eq!(forbidden_imports(&source(path, text)).len(), 1, "{path}: {text}");
    }
    assert!(forbidden_imports(&source("machine/x.rs", "use crate::time::Timestamp;")).is_empty());
    for text in [
        "impl Ecs {\n    pub fn client(&self) -> &aws_sdk_ecs::Client {",
        "use aws_sdk_ecs::Client;\nimpl Ecs {\n    pub async fn f(\n        &self,\n        client: &Client,\n    ) {",
        "use aws_sdk_ecs::{error::{A, SdkError}};\nimpl<E> From<SdkError<E>> for PortError {",
        "pub struct Ecs {\n    pub client: aws_sdk_ecs::Client,\n}",
        "pub enum E {\n    A,\n    B(aws_sdk_ecs::Client),\n}",
        "pub use aws_sdk_ecs::Client;",
    ] {
        assert_eq!(signatures_with_the_sdk(&source("aws/x.rs", text)).len(), 1, "{text}");
    }
    for text in [
        "impl Ecs {\n    pub fn new(client: aws_sdk_ecs::Client) -> Self {",
        "pub struct Ecs {\n    client: aws_sdk_ecs::Client,\n}",
        "pub(super) fn f(client: aws_sdk_ecs::Client) {",
    ] {
        assert!(signatures_with_the_sdk(&source("aws/x.rs", text)).is_empty(), "{text}");
    }
}
