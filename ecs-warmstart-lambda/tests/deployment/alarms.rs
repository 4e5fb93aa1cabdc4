//! The alarms watch what the function counts.

use serde_json::{Value, json};

use crate::cloud::{BROKEN, until};
use crate::stack::Stack;

/// Of each alarm of the stack, the namespace and the metric.
fn watched(stack: &Stack) -> Vec<(String, String)> {
    let alarms = |tag| {
        let only = [("AlarmNamePrefix", "warm-")];
        stack.cloud.ministack.form("monitoring", "2010-08-01", "DescribeAlarms", &only, tag)
    };
    let mut watched: Vec<_> = alarms("Namespace").into_iter().zip(alarms("MetricName")).collect();
    watched.sort();
    watched
}

/// What the function wrote for CloudWatch, by its log group.
fn counted(stack: &Stack) -> Vec<Value> {
    let asked = json!({ "logGroupName": stack.output("LogGroupName"), "limit": 10_000 });
    let answer = stack.cloud.ministack.json("logs", "Logs_20140328.FilterLogEvents", &asked);
    let lines = answer["events"].as_array().cloned().unwrap_or_default();
    let documents = lines.iter().filter_map(|line| serde_json::from_str(line["message"].as_str()?).ok());
    documents.filter(|document: &Value| document["_aws"].is_object()).collect()
}

#[test]
fn a_start_that_fails_is_counted_where_its_alarm_looks() {
    let Some(stack) = Stack::shared() else { return };
    let expected = [
        ("AWS/Lambda", "Duration"),
        ("AWS/Lambda", "Errors"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("EcsWarmstart", "Leftovers"),
        ("EcsWarmstart", "StartFailures"),
    ];
    assert_eq!(watched(stack), expected.map(|(space, metric)| (space.to_owned(), metric.to_owned())));

    let failure =
        stack.invoke(&json!({ "action": "start", "run_id": "counted-1", "detail": { "service": BROKEN } }));
    assert_eq!(failure["errorType"], "WarmStart.Misconfigured", "{failure:#}");
    let document = until("a count of the failure", stack.cloud, || {
        counted(stack)
            .into_iter()
            .find(|document| document["Service"] == BROKEN && document["StartFailures"] == 1)
    });
    let directive = &document["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "EcsWarmstart");
    // The alarms are over all services of the function, and of no other function in the account.
    let dimensions = directive["Dimensions"].as_array().unwrap();
    assert!(dimensions.contains(&json!(["FunctionName"])), "{document:#}");
    assert_eq!(document["FunctionName"], stack.output("FunctionName"), "{document:#}");
}
