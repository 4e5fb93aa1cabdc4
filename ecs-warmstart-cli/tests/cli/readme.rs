//! What the README shows is what the command prints today.
//!
//! Ids, addresses and times are others at every call, so they are compared by their form: both sides have them replaced.
//! `SNAPSHOTS=overwrite` writes the README anew.

use std::path::PathBuf;

use snapbox::Redactions;

use crate::common::command;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md")
}

const FENCE: &str = "```console\n$ ecs-warmstart ";

/// A command in the README, and what is shown below it.
struct Example {
    arguments: String,
    shown: String,
}

impl Example {
    /// As it stands in the README with that output.
    fn block(&self, output: &str) -> String {
        format!("{FENCE}{}\n{output}```", self.arguments)
    }
}

/// The blocks of the language `console`: a command behind `$ ecs-warmstart`, then its output.
fn examples(readme: &str) -> Vec<Example> {
    let blocks = readme.split(FENCE).skip(1).map(|rest| rest.split("```").next().unwrap());
    let example = |block: &str| {
        let (arguments, shown) = block.split_once('\n').unwrap();
        Example { arguments: arguments.to_owned(), shown: shown.to_owned() }
    };
    blocks.map(example).collect()
}

/// The text with everything replaced that another call has otherwise.
fn form(text: &str) -> String {
    let mut redactions = Redactions::new();
    for (name, pattern) in [
        ("[TASK]", r"(?<redacted>\b[0-9a-f]{32}\b)"),
        ("[ADDRESS]", r"(?<redacted>\b10\.\d+\.\d+\.\d+\b)"),
        ("[TIME]", r"(?<redacted>\b(\d+m )?\d+(\.\d)?s\b)"),
        // How wide a column is depends on the longest address.
        ("[GAP]", r"(?<redacted> {2,})"),
    ] {
        redactions.insert(name, regex::Regex::new(pattern).unwrap()).unwrap();
    }
    redactions.redact(text)
}

#[test]
fn the_outputs_in_the_readme_are_those_of_the_command() {
    let mut readme = std::fs::read_to_string(path()).unwrap();
    assert_eq!(
        readme.matches("```console\n").count(),
        readme.matches(FENCE).count(),
        "all are of this command"
    );
    let examples = examples(&readme);
    let is_shown = |name: &str| examples.iter().any(|example| example.arguments.starts_with(name));
    assert!(["up", "verify", "status", "down"].into_iter().all(is_shown), "each has an example");
    let overwrite = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    for example in examples {
        let output = command().args(example.arguments.split_whitespace()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let (now, before) = (form(&printed), form(&example.shown));
        if now != before && overwrite {
            readme = readme.replace(&example.block(&example.shown), &example.block(&printed));
            std::fs::write(path(), &readme).unwrap();
        } else {
            snapbox::assert_data_eq!(now, before);
        }
    }
}
