//! `diagnose` on the simulated cloud, from flight records, and what it refuses.

use crate::common::command;
use ecs_warmstart::fleet::{DiagnosisReport, Report, RunOutcome};

/// Runs the command: exit code, stdout, stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = command().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn one_broken_thing_is_named_with_its_remedy() {
    for (scenario, service, code, remedy) in [
        (
            "platform-mismatch",
            "auth",
            "image_platform_mismatch",
            "docker buildx build --platform linux/amd64",
        ),
        ("oom", "fa", "out_of_memory", "raise memory"),
        ("never-healthy", "auth", "entrypoint_waits", "a limit"),
        ("slow-database", "pdf", "dependency_unreachable", "security group"),
    ] {
        let args = ["diagnose", "--backend", "memory", "--scenario", scenario];
        let (ended, stdout, stderr) = run(&args);
        assert_eq!(ended, 3, "{stdout}{stderr}");
        assert!(stdout.ends_with("\n4 of 5 well\n"), "{stdout}");
        assert_eq!(stdout.matches("nothing_wrong").count(), 4, "{stdout}");
        let broken = stdout.split("\n\n").find(|part| part.starts_with(service)).unwrap();
        assert!(broken.contains(&format!("({code}, ")) && broken.contains(remedy), "{broken}");
        assert!(stderr.contains(&format!("one thing is broken in {service}: {scenario}")), "{stderr}");
    }
}

#[test]
fn a_flight_record_says_the_same_without_anybody_being_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let path = path.to_str().unwrap();
    let scenario = ["--backend", "memory", "--scenario", "slow-database", "--output", "json"];
    let (ended, stdout, stderr) =
        run(&[&["up", "pdf", "--no-check", "--record", path], &scenario[..]].concat());
    assert_eq!(ended, 3, "{stdout}{stderr}");
    let report: Report = serde_json::from_str(&stdout).unwrap();
    let cause = report.services[0].tasks[0].cause.clone().unwrap();
    assert_eq!(
        (report.services[0].outcome, cause.code.as_str()),
        (RunOutcome::Undone, "dependency_unreachable")
    );

    // Neither a backend nor a configuration is needed.
    let (ended, stdout, stderr) = run(&["diagnose", "--from", path, "--output", "json"]);
    assert_eq!(ended, 3, "{stdout}{stderr}");
    let again: DiagnosisReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!((again.subjects.len(), again.subjects[0].name.as_str()), (1, "pdf"));
    assert_eq!(again.subjects[0].root, cause);

    let (ended, _, stderr) = run(&["diagnose", "auth", "--from", path]);
    assert_eq!(ended, 2, "{stderr}");
    assert!(stderr.contains("there is no service \"auth\"") && stderr.contains("there are: pdf"), "{stderr}");
}

#[test]
fn every_command_records() {
    let directory = tempfile::tempdir().unwrap();
    for command in ["up", "status", "down", "diagnose"] {
        let path = directory.path().join(command);
        let path = path.to_str().unwrap();
        let (_, stdout, stderr) = run(&[command, "auth", "--backend", "memory", "--record", path]);
        let document =
            std::fs::read_to_string(path).unwrap_or_else(|_| panic!("{command}: {stdout}{stderr}"));
        let record: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!((&record["version"], &record["command"]), (&1.into(), &command.into()), "{document}");
        assert_eq!(record["subjects"][0]["name"], "auth", "{document}");
    }
}

#[test]
fn a_record_that_cannot_be_written_or_read_is_an_error() {
    let (ended, stdout, stderr) = run(&["up", "--backend", "memory", "--record", "/nowhere/run.json"]);
    assert_eq!((ended, stdout.as_str()), (2, ""), "nothing is started: {stderr}");
    assert!(stderr.contains("the flight record /nowhere/run.json cannot be written"), "{stderr}");
    let (ended, _, stderr) = run(&["diagnose", "--from", "/nowhere/run.json"]);
    assert_eq!(ended, 2, "{stderr}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.json");
    std::fs::write(&path, "{\"version\": 7}").unwrap();
    let (ended, _, stderr) = run(&["diagnose", "--from", path.to_str().unwrap()]);
    assert_eq!(ended, 2, "{stderr}");
    assert!(stderr.contains("its form has version 7, and this program reads version 1"), "{stderr}");
}

#[test]
fn a_record_is_whole_private_and_says_why_nothing_was_started() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    std::fs::write(&path, "an older one").unwrap();
    let record = path.to_str().unwrap();
    let scenario = ["--backend", "memory", "--scenario", "no-listener", "--record", record];
    for command in ["up", "check"] {
        let (ended, stdout, stderr) = run(&[&[command, "pdf"], &scenario[..]].concat());
        assert_eq!(ended, 3, "{stdout}{stderr}");
        let (ended, stdout, stderr) = run(&["diagnose", "--from", record]);
        assert_eq!(ended, 3, "{command}: {stdout}{stderr}");
        assert!(stdout.contains("no listener"), "{command}: {stdout}");
        assert!(stdout.contains("(target_group_unused, high)"), "{command}: {stdout}");
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (ended, _, stderr) = run(&["schema", "config", "--record", record]);
    assert_eq!(ended, 0);
    assert!(stderr.contains("nothing was recorded: schema asked nobody"), "{stderr}");
}

#[test]
fn what_is_refused() {
    let task = "arn:aws:ecs:us-east-2:111122223333:task/prod/0a1b";
    for (args, expected) in [
        (&["diagnose", "--ecs-service", "web"][..], "--cluster"),
        (&["diagnose", "--cluster", "c", "--backend", "memory"], "add --task ARN or --ecs-service NAME"),
        (&["diagnose", "auth", "--task", task], "cannot be used with"),
        (&["diagnose", "--from", "x", "--task", task], "cannot be used with"),
        (&["diagnose", "--scenario", "oom"], "add --backend memory"),
        (&["up", "--backend", "memory", "--scenario", "nothing"], "platform-mismatch"),
    ] {
        let (ended, stdout, stderr) = run(args);
        assert_eq!(ended, 2, "{args:?}: {stdout}{stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}

// --- What the README shows

const FENCE: &str = "```console\n$ ecs-warmstart diagnose ";

/// The text with ids and addresses replaced: they are others at every call.
fn form(text: &str) -> String {
    let is_id = |word: &str| word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mut form = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '.') {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let shown = if is_id(word) {
            "[TASK]"
        } else if word.starts_with("10.0.") {
            "[ADDRESS]"
        } else {
            word
        };
        form.push_str(shown);
        form.push_str(&piece[word.len()..]);
    }
    form
}

/// `SNAPSHOTS=overwrite` writes the README anew.
#[test]
fn the_readme_shows_what_is_said() {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let mut readme = std::fs::read_to_string(&path).unwrap();
    let shown: Vec<String> =
        readme.split(FENCE).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect();
    assert_eq!(shown.len(), 3, "three are shown");
    for block in shown {
        let (arguments, before) = block.split_once('\n').unwrap();
        let arguments: Vec<&str> = std::iter::once("diagnose").chain(arguments.split_whitespace()).collect();
        let (ended, printed, stderr) = run(&arguments);
        assert_eq!(ended, 3, "{stderr}");
        if form(&printed) != form(before) && std::env::var_os("SNAPSHOTS").is_some_and(|it| it == "overwrite")
        {
            let command = block.lines().next().unwrap();
            let old = format!("{FENCE}{block}```");
            readme = readme.replace(&old, &format!("{FENCE}{command}\n{printed}```"));
            std::fs::write(&path, &readme).unwrap();
        } else {
            snapbox::assert_data_eq!(form(&printed), form(before));
        }
    }
}
