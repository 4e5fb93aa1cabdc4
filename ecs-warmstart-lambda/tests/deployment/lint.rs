//! The templates by the rules of CloudFormation, SAM and Step Functions.

use std::fs;
use std::path::Path;
use std::process::Command;

use ecs_warmstart::testing::ministack::tool;
use serde_json::{Value, json};

use crate::stack::deploy_directory;

fn passes(mut command: Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// What cfn-lint says of a file with this text.
fn lint(name: &str, text: &str) -> Option<(bool, String)> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, text).unwrap();
    let output = tool("cfn-lint")?.arg("--template").arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn cfn_lint_passes_over_the_template() {
    let Some(mut command) = tool("cfn-lint") else { return };
    command.arg("--template").arg(deploy_directory().join("template.yaml"));
    passes(command);
}

/// cfn-lint reads definitions that stand in a template, so that these are put into one.
#[test]
fn cfn_lint_passes_over_the_state_machines() {
    for name in ["start.asl.json", "start-many.asl.json"] {
        let text = fs::read_to_string(deploy_directory().join(name)).unwrap();
        // The rule knows one partition alone.
        let definition: Value = serde_json::from_str(&text.replace("${Partition}", "aws")).unwrap();
        let Some((passes, said)) = lint(name, &template_of(&definition)) else { return };
        assert!(passes, "{name}: {said}");

        let mut broken = definition;
        broken["StartAt"] = json!("Nowhere");
        let Some((passes, said)) = lint(name, &template_of(&broken)) else { return };
        assert!(!passes && said.contains("Nowhere"), "it does not look at definitions: {said}");
    }
}

fn template_of(definition: &Value) -> String {
    let machine = json!({
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/machine",
            "Definition": definition,
            "DefinitionSubstitutions": {
                "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "StartArn": "arn:aws:states:us-east-1:123456789012:stateMachine:start",
            },
        },
    });
    json!({ "Resources": { "Machine": machine } }).to_string()
}

/// Whoever changes the time-out changes what follows from it.
#[test]
fn the_times_in_the_template_fit_one_another() {
    let text = fs::read_to_string(deploy_directory().join("template.yaml")).unwrap();
    let number = |name: &str, nth: usize| -> u32 {
        let lines = text.lines().map(str::trim).filter_map(|line| line.strip_prefix(&format!("{name}: ")));
        lines.filter_map(|value| value.parse().ok()).nth(nth).unwrap_or_else(|| panic!("no {name}"))
    };
    let timeout = number("Timeout", 0);
    assert_eq!(number("VisibilityTimeout", 0), 6 * timeout, "Lambda asks for six times the time-out");
    let alarm = number("Threshold", 1);
    let own_end = (timeout - 10) * 1000;
    assert!(own_end < alarm && alarm < timeout * 1000, "{own_end} < {alarm} < {}", timeout * 1000);
}
