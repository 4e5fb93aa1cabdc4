//! The function's role: enough for what the function does, of no use for anything else, and nothing in it superfluous.
//!
//! What the function asks for is recorded by the emulators. What AWS asks for in the role's name, and what RunTask implies,
//! is added from AWS's documentation. The policies are those that were deployed.

use std::io::Write as _;
use std::process::Stdio;

use ecs_warmstart::testing::ministack::tool;
use ecs_warmstart::testing::moto::{ACCOUNT, Note, REGION};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cloud::{Cloud, ecs_arn, role_arn, until};
use crate::stack::Stack;

/// One call as IAM sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Call {
    action: String,
    resource: String,
    context: Map<String, Value>,
}

impl Call {
    fn new(action: &str, resource: impl Into<String>) -> Self {
        Self { action: action.to_owned(), resource: resource.into(), context: Map::new() }
    }

    fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context.insert(key.to_owned(), Value::String(value.into()));
        self
    }
}

/// What a call on the wire needs, by the tables of the service authorization reference.
fn needed_by(note: &Note) -> Vec<Call> {
    let text = |name: &str| note.parameters[name].as_str().unwrap_or_default().to_owned();
    // By a name or an ARN.
    let arn = |name: String, kind: &str| {
        if name.starts_with("arn:") { name } else { ecs_arn(&format!("{kind}/{name}")) }
    };
    let cluster = || arn(text("cluster"), "cluster");
    match note.action.as_str() {
        "RunTask" => {
            let definition = text("taskDefinition");
            // A family stands for its last revision.
            let revision = if definition.starts_with("arn:") { "" } else { ":1" };
            let definition = arn(format!("{definition}{revision}"), "task-definition");
            let pass = |role: &str| {
                Call::new("iam:PassRole", role_arn(role))
                    .with("iam:PassedToService", "ecs-tasks.amazonaws.com")
            };
            vec![
                Call::new("ecs:RunTask", definition).with("ecs:cluster", cluster()),
                pass("task"),
                pass("execution"),
            ]
        }
        "StopTask" => vec![Call::new("ecs:StopTask", text("task")).with("ecs:cluster", cluster())],
        "DescribeTasks" => {
            let tasks: Vec<String> = serde_json::from_value(note.parameters["tasks"].clone()).unwrap();
            let call = |task| Call::new("ecs:DescribeTasks", task).with("ecs:cluster", cluster());
            tasks.into_iter().map(call).collect()
        }
        "ListTasks" => vec![Call::new("ecs:ListTasks", "*").with("ecs:cluster", cluster())],
        "DescribeTaskDefinition" => vec![Call::new("ecs:DescribeTaskDefinition", "*")],
        "RegisterTargets" | "DeregisterTargets" => {
            vec![Call::new(&format!("elasticloadbalancing:{}", note.action), text("TargetGroupArn"))]
        }
        "DescribeTargetHealth" | "DescribeTargetGroups" | "DescribeTargetGroupAttributes" => {
            vec![Call::new(&format!("elasticloadbalancing:{}", note.action), "*")]
        }
        "SendMessage" => vec![Call::new("sqs:SendMessage", queue_arn(&text("QueueUrl")))],
        other => panic!("{other} is called and is in no table of this test"),
    }
}

fn queue_arn(url: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", url.rsplit('/').next().unwrap_or_default())
}

/// What is asked for in the role's name without the function: Lambda polls the queue, reports failures for good, and logs;
/// and the one call that only tasks in mode `bridge` or `host` need, which moto has no instances for.
fn needed_by_others(stack: &Stack) -> Vec<Call> {
    let queue = queue_arn(stack.output("ContinueQueueUrl"));
    let log = format!(
        "arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{}:log-stream:2026/01/31/[$LATEST]0",
        stack.output("LogGroupName")
    );
    vec![
        Call::new("sqs:ReceiveMessage", &queue),
        Call::new("sqs:DeleteMessage", &queue),
        Call::new("sqs:GetQueueAttributes", &queue),
        Call::new("sqs:SendMessage", queue_arn(stack.output("DeadLetterQueueUrl"))),
        Call::new("logs:CreateLogStream", &log),
        Call::new("logs:PutLogEvents", &log),
        Call::new("ecs:DescribeContainerInstances", ecs_arn("container-instance/warm/0123"))
            .with("ecs:cluster", ecs_arn("cluster/warm")),
    ]
}

/// Everything that the function does: a start, one that is handed on, a stop.
fn use_everything(stack: &Stack) -> Vec<Call> {
    let cloud = stack.cloud;
    let start = json!({ "action": "start", "run_id": "role-1", "budget_seconds": 0, "detail": { "service": "role" } });
    stack.send("ContinueQueueUrl", &start);
    until("a target in the group", cloud, || (cloud.targets("role").len() == 1).then_some(()));
    until("an empty queue", cloud, || (stack.depth("ContinueQueueUrl") == 0).then_some(()));
    let stopped = stack.invoke(&json!({ "action": "stop", "detail": { "services": ["role"] } }));
    assert_eq!(stopped["status"], "finished", "{stopped:#}");
    assert_eq!((cloud.targets("role").len(), cloud.tasks("role").len()), (0, 0));
    recorded(cloud)
}

fn recorded(cloud: &Cloud) -> Vec<Call> {
    let of_ministack = cloud.ministack.notes().into_iter().filter(|note| note.access_key == ACCOUNT);
    let mut calls: Vec<Call> = Vec::new();
    for call in
        cloud.calls_of_the_function().iter().chain(&of_ministack.collect::<Vec<_>>()).flat_map(needed_by)
    {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls
}

/// The role's inline policies as they were deployed, as one.
fn deployed_policy(stack: &Stack) -> Value {
    let role = stack.output("FunctionRoleName");
    let iam = |action: &str, parameters: &[(&str, &str)], tag: &str| {
        stack.cloud.ministack.form("iam", "2010-05-08", action, parameters, tag)
    };
    let managed = iam("ListAttachedRolePolicies", &[("RoleName", role)], "PolicyArn");
    assert!(managed.is_empty(), "{managed:?} would have to be looked at as well");
    let mut statements = Vec::new();
    for name in iam("ListRolePolicies", &[("RoleName", role)], "member") {
        let text =
            iam("GetRolePolicy", &[("RoleName", role), ("PolicyName", &name)], "PolicyDocument").remove(0);
        let policy: Value = serde_json::from_str(&decoded(&text)).unwrap();
        statements.extend(policy["Statement"].as_array().unwrap().iter().cloned());
    }
    with_statements(&statements)
}

fn with_statements(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// IAM answers policies percent-encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).unwrap()
}

/// For each policy, whether it allows each of these calls.
fn decide(policies: &[Value], calls: &[Call]) -> Vec<Vec<bool>> {
    let questions: Vec<Value> =
        policies.iter().map(|policy| json!({ "policy": policy, "calls": calls })).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deployment/decide.py");
    let mut python = tool("python")
        .expect("emulators are not left out")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(json!(questions).to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn decide_each(policy: &Value, calls: &[Call]) -> Vec<bool> {
    decide(std::slice::from_ref(policy), calls).remove(0)
}

/// The policy with one thing less, and what that is: a statement, or an action of a statement that has several.
fn reductions(policy: &Value) -> Vec<(String, Value)> {
    let statements = policy["Statement"].as_array().unwrap();
    let mut reduced = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        let sid = statement["Sid"].as_str().expect("every statement has a name");
        let mut without = statements.clone();
        without.remove(at);
        reduced.push((sid.to_owned(), with_statements(&without)));
        for action in statement["Action"].as_array().into_iter().flatten() {
            let mut fewer = statements.clone();
            fewer[at]["Action"].as_array_mut().unwrap().retain(|other| other != action);
            reduced.push((format!("{sid}: {action}"), with_statements(&fewer)));
        }
    }
    reduced
}

#[test]
fn the_role_is_enough_and_nothing_in_it_is_superfluous() {
    let Some(stack) = Stack::shared() else { return };
    let mut calls = use_everything(stack);
    calls.extend(needed_by_others(stack));
    let policy = deployed_policy(stack);

    let denied: Vec<&Call> = calls
        .iter()
        .zip(decide_each(&policy, &calls))
        .filter(|(_, allowed)| !allowed)
        .map(|(call, _)| call)
        .collect();
    assert!(denied.is_empty(), "the role does not allow {denied:#?}\nby {policy:#}");

    let reductions = reductions(&policy);
    assert!(reductions.len() > 20, "that is no policy: {policy:#}");
    let policies: Vec<Value> = reductions.iter().map(|(_, policy)| policy.clone()).collect();
    for ((what, _), allowed) in reductions.iter().zip(decide(&policies, &calls)) {
        assert!(allowed.contains(&false), "nothing that the function does needs {what}");
    }
}

#[test]
fn the_role_is_of_no_use_for_anything_else() {
    let Some(stack) = Stack::shared() else { return };
    let policy = deployed_policy(stack);
    let ours = ecs_arn("cluster/warm");
    let strange = ecs_arn("cluster/strange");
    let group = stack.cloud.group("role").as_str();
    let strange_group = format!("{}0", group);
    let pass =
        |role: &str, to: &str| Call::new("iam:PassRole", role_arn(role)).with("iam:PassedToService", to);
    let right = [
        Call::new("ecs:RunTask", ecs_arn("task-definition/role:7")).with("ecs:cluster", &ours),
        Call::new("ecs:StopTask", ecs_arn("task/warm/0123")),
        Call::new("ecs:StopTask", ecs_arn("task/another/0123")),
        Call::new("ecs:ListTasks", "*").with("ecs:cluster", &ours),
        Call::new("elasticloadbalancing:RegisterTargets", group),
        pass("task", "ecs-tasks.amazonaws.com"),
    ];
    let wrong = [
        Call::new("ecs:RunTask", ecs_arn("task-definition/role:7")).with("ecs:cluster", &strange),
        Call::new("ecs:RunTask", ecs_arn("task-definition/role:7")),
        Call::new("ecs:RunTask", ecs_arn("task-definition/role-of-others:1")).with("ecs:cluster", &ours),
        Call::new("ecs:StopTask", ecs_arn("task/strange/0123")),
        Call::new("ecs:DescribeTasks", ecs_arn("task/strange/0123")),
        Call::new("ecs:ListTasks", "*").with("ecs:cluster", &strange),
        Call::new("ecs:DescribeContainerInstances", ecs_arn("container-instance/strange/0123")),
        Call::new("ecs:UpdateService", ecs_arn("service/warm/web")),
        Call::new("ecs:RegisterTaskDefinition", "*"),
        Call::new("elasticloadbalancing:RegisterTargets", &strange_group),
        Call::new("elasticloadbalancing:DeregisterTargets", &strange_group),
        Call::new("elasticloadbalancing:DeleteTargetGroup", group),
        pass("admin", "ecs-tasks.amazonaws.com"),
        pass("task", "lambda.amazonaws.com"),
        Call::new("iam:PassRole", role_arn("task")),
        Call::new("sqs:SendMessage", format!("arn:aws:sqs:{REGION}:{ACCOUNT}:strange")),
        Call::new("sqs:ReceiveMessage", queue_arn(stack.output("DeadLetterQueueUrl"))),
        Call::new(
            "logs:PutLogEvents",
            format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:strange:log-stream:0"),
        ),
        Call::new("logs:CreateLogGroup", "*"),
    ];
    for (call, allowed) in right.iter().zip(decide_each(&policy, &right)) {
        assert!(allowed, "{call:?} is not allowed, so that a denial below proves nothing");
    }
    for (call, allowed) in wrong.iter().zip(decide_each(&policy, &wrong)) {
        assert!(!allowed, "{call:?} is allowed");
    }
}

/// What parliament would have changed, and why it stays.
const KNOWN: [(&str, &str, &str); 2] = [
    // Asked for by startedBy or family, so without the container instance that the table names.
    ("RESOURCE_STAR", "ecs:ListTasks", "limited by ecs:cluster"),
    // Its table knows this action for express executions alone.
    ("RESOURCE_MISMATCH", "states:DescribeExecution", "as AWS's guide to Distributed Map has it"),
];

#[test]
fn parliament_knows_every_action_and_its_resources() {
    let Some(stack) = Stack::shared() else { return };
    for policy in policies_of_all_roles(stack) {
        let mut parliament = tool("parliament")
            .expect("emulators are not left out")
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        parliament.stdin.take().unwrap().write_all(policy.to_string().as_bytes()).unwrap();
        let output = parliament.wait_with_output().unwrap();
        // 0: nothing found, 1: something found; anything else would have looked at nothing.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        for finding in String::from_utf8(output.stdout).unwrap().lines() {
            let is_known =
                KNOWN.iter().any(|(issue, action, _)| finding.contains(issue) && finding.contains(action));
            assert!(is_known, "{finding}\n{policy:#}");
        }
    }
}

/// Of the function and of the state machines.
fn policies_of_all_roles(stack: &Stack) -> Vec<Value> {
    let iam = |action: &str, parameters: &[(&str, &str)], tag: &str| {
        stack.cloud.ministack.form("iam", "2010-05-08", action, parameters, tag)
    };
    let mut policies = Vec::new();
    for role in iam("ListRoles", &[], "RoleName").iter().filter(|role| role.starts_with("warm-")) {
        for name in iam("ListRolePolicies", &[("RoleName", role)], "member") {
            let text = iam("GetRolePolicy", &[("RoleName", role), ("PolicyName", &name)], "PolicyDocument")
                .remove(0);
            policies.push(serde_json::from_str(&decoded(&text)).unwrap());
        }
    }
    assert_eq!(policies.len(), 3, "one for each role");
    policies
}

/// Who may use the function and the queue of dead letters is said by their own policies, which ministack keeps but does not
/// hold anybody to.
#[test]
fn only_the_rules_may_call_the_function_and_leave_dead_letters() {
    let Some(stack) = Stack::shared() else { return };
    let ministack = &stack.cloud.ministack;
    let rules = ministack.json("events", "AWSEvents.ListRules", &json!({ "NamePrefix": "warm-" }));
    let mut rules: Vec<Value> =
        rules["Rules"].as_array().unwrap().iter().map(|rule| rule["Arn"].clone()).collect();
    rules.sort_by_key(Value::to_string);
    assert_eq!(rules.len(), 2);

    let path = format!("/2015-03-31/functions/{}/policy", stack.output("FunctionName"));
    let (status, answer) = ministack.rest("lambda", "GET", &path, "");
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(sources(answer["Policy"].as_str().unwrap(), "lambda:InvokeFunction"), rules);

    let asked = json!({ "QueueUrl": stack.output("DeadLetterQueueUrl"), "AttributeNames": ["Policy"] });
    let answer = ministack.json("sqs", "AmazonSQS.GetQueueAttributes", &asked);
    assert_eq!(sources(answer["Attributes"]["Policy"].as_str().unwrap(), "sqs:SendMessage"), rules);
}

/// From where EventBridge may do this by a resource's policy, which allows nothing else to anybody.
fn sources(policy: &str, action: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy).unwrap();
    let mut sources = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Principal"]["Service"], "events.amazonaws.com", "{statement:#}");
        assert_eq!(statement["Action"], action, "{statement:#}");
        let condition = statement["Condition"].as_object().unwrap();
        let keys = condition.values().filter_map(Value::as_object).flatten();
        let source = keys.filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn")).map(|(_, arn)| arn);
        for arn in source {
            sources.extend(arn.as_array().cloned().unwrap_or_else(|| vec![arn.clone()]));
        }
    }
    sources.sort_by_key(Value::to_string);
    sources
}
