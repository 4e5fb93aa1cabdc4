//! The emulator's helper itself: it starts, notes what it is asked, answers in every protocol, and ends with its handle.

use std::net::TcpStream;

use ecs_warmstart::testing::ministack::{Ministack, tool};
use ecs_warmstart::testing::moto::Moto;
use serde_json::json;

fn listens(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

#[test]
fn it_answers_and_notes_and_ends_with_its_handle() {
    let Some(moto) = Moto::start() else { return };
    let Some(ministack) = Ministack::start(&moto) else { return };
    assert!(ministack.notes().is_empty());

    let made = ministack.json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "noted" }));
    assert_eq!(made["QueueUrl"], format!("{}/123456789012/noted", ministack.endpoint()));
    let role = [("RoleName", "noted"), ("AssumeRolePolicyDocument", "{}")];
    assert_eq!(ministack.form("iam", "2010-05-08", "CreateRole", &role, "RoleName"), ["noted"]);
    let (status, functions) = ministack.rest("lambda", "GET", "/2015-03-31/functions/", "");
    assert_eq!((status, functions.contains("Functions")), (200, true));

    let notes = ministack.notes();
    let actions: Vec<&str> = notes.iter().map(|note| note.action.as_str()).collect();
    assert_eq!(actions, ["CreateQueue", "CreateRole", "GET /2015-03-31/functions/"]);
    assert_eq!((notes[0].access_key.as_str(), &notes[0].parameters["QueueName"]), ("test", &json!("noted")));
    assert_eq!(notes[1].parameters["RoleName"], "noted");

    let endpoint = ministack.endpoint().to_owned();
    drop(ministack);
    assert!(!listens(&endpoint));
}

#[test]
fn the_tools_are_those_that_are_pinned() {
    for (name, version) in
        [("cfn-lint", "cfn-lint 1.58.0"), ("aws", "aws-cli/1.46.3"), ("parliament", "parliament 1.6.4")]
    {
        let Some(mut tool) = tool(name) else { return };
        let output = tool.arg("--version").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(version), "{name}: {said}");
    }
}
