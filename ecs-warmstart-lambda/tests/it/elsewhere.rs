//! Starts that an event puts elsewhere than their service is configured: whoever hears of them later has to know where.

use std::time::Duration;

use ecs_warmstart::ids::{TargetGroupArn, TaskArn};
use ecs_warmstart::memory::{Action, Behaviour, SAMPLE_SERVICES, SampleService, Stop};
use ecs_warmstart::spec::LaunchRequest;
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::{Value, json};

use crate::stage::{Stage, configuration, failed, start};

const AUTH: &SampleService = &SAMPLE_SERVICES[0];
/// The same port, another group and cluster.
const USERS: &SampleService = &SAMPLE_SERVICES[3];

/// A group that may not be looked at.
const ODD: &str = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/odd/0123456789abcdef";

fn start_with(id: &str, detail: &Value) -> Value {
    json!({ "id": id, "detail-type": "Start ECS Task", "source": "test", "detail": detail })
}

fn stop(detail: &Value) -> Value {
    json!({ "id": "stop-1", "detail-type": "Stop ECS Tasks", "source": "test", "detail": detail })
}

/// Auth, in the group of users.
fn in_users() -> Value {
    json!({ "service": "auth", "targetGroupArn": USERS.target_group })
}

/// Names all that there is, so that it may be done without a configuration.
fn all_of(service: &SampleService) -> Value {
    json!({
        "service": "web", "cluster": service.cluster, "taskDefinition": service.task_definition,
        "targetGroupArn": service.target_group, "port": service.port, "subnets": ["subnet-a"],
    })
}

fn groups(stage: &Stage) -> Vec<String> {
    let mut groups: Vec<String> =
        stage.cloud.registered().iter().map(|(group, _)| group.name().to_owned()).collect();
    groups.sort();
    groups
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The events that EventBridge sends of it: RUNNING, as it is now.
async fn tell_running(stage: &Stage, task: &TaskArn) -> Value {
    let event = stage.told(task).await;
    assert_eq!(event["detail"]["lastStatus"], "RUNNING");
    stage.send(event).await.unwrap()
}

async fn tell_stopped(stage: &Stage, task: &TaskArn) -> Value {
    stage.cloud.stop_by_hand(task, "gone");
    pass(60).await;
    let event = stage.told(task).await;
    assert_eq!(event["detail"]["lastStatus"], "STOPPED");
    stage.send(event).await.unwrap()
}

/// A start elsewhere, told of as EventBridge tells: it stands there, in no other group, and its end is noticed.
async fn lives_and_dies_there(stage: &Stage, detail: &Value, group: &str) {
    stage.send(start_with("event-1", detail)).await.unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    let answer = tell_running(stage, &task).await;
    assert_eq!(answer["status"], "ignored", "{answer:#}");
    assert_eq!(groups(stage), [group]);
    // Its launch was cut off before it registered.
    let (arn, target) = stage.cloud.registered().remove(0);
    stage.cloud.deregister_by_hand(&arn, &[target]).unwrap();
    pass(400).await;
    let answer = tell_running(stage, &task).await;
    assert_eq!(answer["report"]["services"][0]["outcome"], "registered", "{answer:#}");
    assert_eq!(groups(stage), [group]);

    let answer = tell_stopped(stage, &task).await;
    assert_eq!(answer["report"]["services"][0]["outcome"], "drained", "{answer:#}");
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn in_another_group() {
    lives_and_dies_there(&Stage::new(), &in_users(), "users").await;
}

#[tokio::test(start_paused = true)]
async fn in_another_cluster() {
    let detail = json!({ "service": "auth", "cluster": USERS.cluster });
    lives_and_dies_there(&Stage::new(), &detail, "auth").await;
}

#[tokio::test(start_paused = true)]
async fn where_only_the_event_says_so() {
    let allow = "cluster:*-cluster task-definition:*-task-def target-group:*";
    let stage = Stage::with(&[("WARMSTART_ALLOW", allow)], None);
    lives_and_dies_there(&stage, &all_of(USERS), "users").await;
    // Beside services that are configured, under its definition's name.
    let config = configuration(1);
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config), ("WARMSTART_ALLOW", allow)], None);
    let mut detail = all_of(USERS);
    detail["service"].take();
    lives_and_dies_there(&stage, &detail, "users").await;
}

#[tokio::test(start_paused = true)]
async fn where_the_environment_says_something_else() {
    let stage = Stage::with(
        &[
            ("ECS_CLUSTER", AUTH.cluster),
            ("TASK_DEFINITION", AUTH.task_definition),
            ("TARGET_GROUP_ARN", AUTH.target_group),
            ("CONTAINER_PORT", "8080"),
            ("SUBNETS", "subnet-a"),
            ("WARMSTART_ALLOW", "target-group:*"),
        ],
        None,
    );
    lives_and_dies_there(&stage, &json!({ "service": "web", "targetGroupArn": USERS.target_group }), "users")
        .await;
    // And where it says nothing else, as ever.
    lives_and_dies_there(&stage, &json!({ "service": "web" }), "auth").await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_it_out_where_it_stands() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    stage.send(start_with("event-2", &in_users())).await.unwrap();
    stage.send(start_with("event-3", &json!({ "service": "users" }))).await.unwrap();
    assert_eq!(groups(&stage), ["auth", "users", "users"]);

    let answer = stage.send(stop(&json!({ "services": ["auth"] }))).await.unwrap();
    assert_eq!(answer["report"]["services"][0]["tasks"].as_array().unwrap().len(), 2, "{answer:#}");
    assert_eq!(groups(&stage), ["users"]);
    assert_eq!(stage.standing().await, (1, 1, 0));
    assert_eq!(stage.cloud.lost_traffic_in_all(), Duration::ZERO);
    assert_eq!(stage.count(Action::StopTask), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_may_name_what_the_start_named() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    stage.send(start_with("event-2", &in_users())).await.unwrap();
    let there = json!({ "service": "auth", "cluster": USERS.cluster });
    stage.send(start_with("event-3", &there)).await.unwrap();
    // Named like a start, its own place is no more than that.
    let home = json!({ "services": ["auth"], "targetGroupArn": AUTH.target_group });
    stage.send(stop(&home)).await.unwrap();
    assert_eq!(groups(&stage), ["auth", "users"], "that in the other cluster, and that in the other group");
    stage.send(start("event-4", "auth")).await.unwrap();
    let named = json!({ "services": ["auth"], "targetGroupArn": USERS.target_group });
    let answer = stage.send(stop(&named)).await.unwrap();
    assert_eq!(answer["report"]["services"][0]["tasks"].as_array().unwrap().len(), 1, "{answer:#}");
    assert_eq!(groups(&stage), ["auth", "auth"]);
    stage.send(stop(&json!({ "services": ["auth"] }))).await.unwrap();
    assert_eq!(groups(&stage), ["auth"], "the one in the other cluster");
    stage.send(stop(&json!({ "services": ["auth"], "cluster": USERS.cluster }))).await.unwrap();
    assert_eq!(stage.standing().await, (0, 0, 0));
    assert_eq!(stage.cloud.lost_traffic_in_all(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_configuration_names_it_all() {
    let allow = "cluster:*-cluster task-definition:*-task-def target-group:*";
    let stage = Stage::with(&[("WARMSTART_ALLOW", allow)], None);
    stage.send(start_with("event-1", &all_of(USERS))).await.unwrap();
    let mut detail = all_of(USERS);
    detail["service"].take();
    detail["services"] = json!(["web"]);
    stage.send(stop(&detail)).await.unwrap();
    assert_eq!(stage.standing().await, (0, 0, 0));
    assert_eq!(stage.cloud.lost_traffic_in_all(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn addresses_of_what_died_elsewhere_go_with_the_stop() {
    let stage = Stage::new();
    stage.send(start_with("event-1", &in_users())).await.unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    stage.cloud.stop_by_fate(&task, &Stop::out_of_memory(Duration::ZERO)).unwrap();
    stage.cloud.stop_by_hand(&task, "gone");
    pass(60).await;
    assert_eq!(stage.cloud.stale_targets().len(), 1);
    stage.send(stop(&json!({ "services": ["auth"] }))).await.unwrap();
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_place_is_brought_to_its_own_count() {
    let stage = Stage::new();
    for round in 0..2 {
        for mut detail in [json!({ "service": "auth" }), in_users()] {
            detail["ensure"] = json!(true);
            stage.send(start_with(&format!("event-{round}"), &detail)).await.unwrap();
        }
    }
    assert_eq!(groups(&stage), ["auth", "users"]);
    assert_eq!(stage.count(Action::RunTask), 2);
    assert_eq!(stage.standing().await, (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_or_is_not_clear_is_refused() {
    let long = "s".repeat(61);
    let config = configuration(1).replace("services.auth", &format!("services.{long}"));
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    let event =
        start_with("e", &json!({ "service": long, "targetGroupArn": USERS.target_group, "port": 8080 }));
    stage.send(event.clone()).await.unwrap();
    let longer = "s".repeat(64);
    let group: TargetGroupArn = USERS.target_group.parse().unwrap();
    let long_group = group.as_str().replace("/users/", &format!("/{}/", "u".repeat(32)));
    let config = config.replace(&long, &longer).replace(USERS.target_group, &long_group);
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    let event = start_with("e", &json!({ "service": longer, "targetGroupArn": long_group }));
    let why = failed(stage.send(event).await, FailureKind::InvalidEvent);
    assert!(why.contains("shorter by 5 fits"), "{why}");

    let second = format!(
        "[[services.auth.bindings]]\ntarget_group = \"{}\"\nport = 8080\n[services.pdf]",
        USERS.target_group
    );
    let config = configuration(1).replace("[services.pdf]", &second);
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    let event = start_with("e", &json!({ "service": "auth", "cluster": USERS.cluster }));
    let why = failed(stage.send(event).await, FailureKind::InvalidEvent);
    assert!(why.contains("needs `targetGroupArn` and `port` too"), "{why}");

    let two = json!({ "services": ["auth", "pdf"], "cluster": USERS.cluster });
    let why = failed(stage.send(stop(&two)).await, FailureKind::InvalidEvent);
    assert!(why.contains("names 2 services"), "{why}");
    let by_definition = json!({ "services": ["auth"], "taskDefinition": USERS.task_definition });
    let why = failed(stage.send(stop(&by_definition)).await, FailureKind::InvalidEvent);
    assert!(why.contains("not told apart by what they run"), "{why}");
    let denied = json!({ "services": ["auth"], "cluster": "somebodys", "targetGroupArn": USERS.target_group, "port": 1 });
    failed(stage.send(stop(&denied)).await, FailureKind::Denied);
    assert_eq!(stage.cloud.count_writes(), 0);
}

/// An address of a task of users went to one of auth that was started into their group.
#[tokio::test(start_paused = true)]
async fn its_address_stays_whoever_had_it_before() {
    for by_stop in [true, false] {
        let config = configuration(1);
        let stage = Stage::with_addresses(1, &[("WARMSTART_CONFIG", &config)]);
        stage.send(start("event-1", "users")).await.unwrap();
        let first = stage.cloud.running_tasks().remove(0);
        stage.cloud.stop_by_hand(&first, "gone");
        pass(60).await;
        let stopped = stage.told(&first).await;
        stage.send(start_with("event-2", &in_users())).await.unwrap();
        assert_eq!((stage.cloud.tasks().len(), groups(&stage).len()), (2, 1), "one address for both");
        let late = if by_stop { stop(&json!({ "services": ["users"] })) } else { stopped };
        stage.send(late).await.unwrap();
        assert_eq!(stage.standing().await, (1, 1, 0), "by a stop: {by_stop}");
        assert_eq!(groups(&stage), ["users"]);
    }
}

/// A name that is not in the configuration may be anybody's.
#[tokio::test(start_paused = true)]
async fn beside_a_configuration_the_environment_stands_for_no_name() {
    let config = configuration(1);
    let stage = Stage::with(
        &[
            ("WARMSTART_CONFIG", &config),
            ("ECS_CLUSTER", AUTH.cluster),
            ("TASK_DEFINITION", USERS.task_definition),
            ("TARGET_GROUP_ARN", USERS.target_group),
            ("CONTAINER_PORT", "8080"),
            ("WARMSTART_ALLOW", "task-definition:*"),
        ],
        None,
    );
    for (name, elsewhere) in
        [("theirs", ""), (USERS.task_definition, ""), ("theirs", "/somebodys/0123456789abcdef/8080")]
    {
        let request = LaunchRequest {
            started_by: format!("ecs-warmstart/{name}{elsewhere}"),
            ..AUTH.request().unwrap()
        };
        let task = stage.cloud.run_by_hand(&request).unwrap();
        pass(60).await;
        assert_eq!(tell_running(&stage, &task).await["status"], "ignored", "{name}{elsewhere}");
    }
    assert_eq!(stage.cloud.count_writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_odd_task_keeps_no_other_from_being_stopped() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    stage.cloud.deny_group(&ODD.parse().unwrap());
    let odd = format!("ecs-warmstart/auth/{}", "odd/0123456789abcdef/8080");
    stage.cloud.run_by_hand(&LaunchRequest { started_by: odd, ..AUTH.request().unwrap() }).unwrap();
    pass(60).await;
    let answer = stage.send(stop(&json!({ "services": ["auth"] }))).await.unwrap();
    let warnings = &answer["report"]["services"][0]["warnings"];
    assert!(warnings.to_string().contains("1 tasks started by ecs-warmstart/auth/odd"), "{answer:#}");
    assert_eq!(stage.standing().await, (1, 0, 0));
}

/// The family's newest revision has no health check, and it is not what the task runs.
#[tokio::test(start_paused = true)]
async fn a_task_is_judged_by_the_revision_that_it_runs() {
    let stage = Stage::new();
    stage.cloud.behave(AUTH.task_definition, &Behaviour::never_serves());
    let task = stage.cloud.run_by_hand(&AUTH.request().unwrap()).unwrap();
    stage.cloud.add_task_definition(SampleService { has_health_check: false, ..*AUTH }.definition().unwrap());
    pass(60).await;
    let running = stage.told(&task).await;
    failed(stage.send(running).await, FailureKind::Kept);
    assert_eq!(stage.count(Action::RegisterTargets), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_running_opens_no_gate_that_the_start_has_shut() {
    let config = configuration(1).replace("[defaults]", "[defaults]\ngate = \"running\"");
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    stage.cloud.behave(AUTH.task_definition, &Behaviour::never_serves());
    let detail = json!({ "service": "auth", "gate": "container-healthy" });
    let run = stage.send(start_with("event-1", &detail));
    let told = async {
        loop {
            pass(1).await;
            let Some(task) = stage.cloud.running_tasks().pop() else { continue };
            let event = stage.told(&task).await;
            if event["detail"]["lastStatus"] == "RUNNING" {
                break stage.send(event).await;
            }
        }
    };
    let (run, told) = tokio::join!(run, told);
    failed(run, FailureKind::Undone);
    drop(told);
    assert_eq!(stage.count(Action::RegisterTargets), 0);
    assert_eq!(stage.standing().await, (0, 0, 0));
}
