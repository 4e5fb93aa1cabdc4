//! The whole path over real HTTP: from a fleet to ready targets, and what the second call makes of the first.

mod moto_clients;

use std::time::Duration;

use ecs_warmstart::clock::TokioClock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{
    DownOptions, Fleet, GateKind, Outcome, Service, UpOptions, Verdict, VerifyOptions, VerifyOutcome,
};
use ecs_warmstart::ids::{ServiceName, TaskDefinitionId};
use ecs_warmstart::ports::{Deployer, Ports};
use ecs_warmstart::spec::{AwsVpc, Binding, Compute, LaunchRequest, LaunchType, OnFailure, Revision};
use ecs_warmstart::testing::moto::Moto;
use serde_json::json;

fn service(moto: &Moto, name: &str, count: u32) -> Service {
    let cluster = moto.create_cluster(&format!("{name}-cluster"));
    let definition = moto.register_task_definition(&json!({
        "family": format!("{name}-task-def"),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{
            "name": "web", "image": "web:1", "memory": 256,
            "portMappings": [{ "containerPort": 8080 }],
            "healthCheck": { "command": ["CMD", "true"] },
        }],
    }));
    let group = moto.create_target_group(name, 8080);
    moto.create_listener(name, &group);
    let name = ServiceName::new(name).unwrap();
    let mut request = LaunchRequest::new(cluster, definition, &name);
    request.compute = Compute::LaunchType(LaunchType::Fargate);
    request.network = Some(AwsVpc {
        subnets: moto.subnets(),
        security_groups: vec![moto.security_group()],
        assign_public_ip: false,
    });
    Service {
        name,
        count,
        request,
        fallbacks: Vec::new(),
        bindings: vec![Binding::new(group, 8080)],
        gate: GateKind::ContainerHealthy,
        on_failure: OnFailure::Undo,
        running_timeout: Duration::from_secs(300),
        healthy_timeout: Duration::from_secs(120),
    }
}

/// Those calls since `from` that change something.
fn writes(moto: &Moto, from: usize) -> Vec<String> {
    let mut calls = moto.calls().split_off(from);
    calls.retain(|call| !call.starts_with("Describe") && !call.starts_with("List"));
    calls.sort();
    calls
}

#[tokio::test]
async fn up_makes_targets_healthy_and_up_again_changes_nothing() {
    let Some(moto) = Moto::start() else { return };
    let services = [service(&moto, "one", 1), service(&moto, "two", 2)];
    // The API answers at once, so only the plan of the looks takes time.
    let fleet =
        Fleet::new(Ports::from_one(moto_clients::aws(&moto))).with_clock(TokioClock::new().with_speed(60));
    let up = async || fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;

    let from = moto.calls().len();
    let first = up().await;
    assert_eq!(first.outcome, Outcome::Succeeded, "{first:#?}");
    // The two tasks of one service may be registered in one call.
    let made = writes(&moto, from);
    let count = |action: &str| made.iter().filter(|call| *call == action).count();
    assert_eq!((count("RunTask"), made.len() - count("RegisterTargets")), (3, 3), "{made:?}");
    assert!((2..=3).contains(&count("RegisterTargets")), "{made:?}");
    for read in ["DescribeTargetHealth", "DescribeTaskDefinition", "DescribeTargetGroups"] {
        assert!(moto.calls()[from..].iter().any(|call| call == read), "no {read}");
    }

    let from = moto.calls().len();
    let second = up().await;
    assert_eq!(second.outcome, Outcome::Succeeded, "{second:#?}");
    assert!(second.services.iter().flat_map(|service| &service.tasks).all(|task| task.adopted));
    assert_eq!(writes(&moto, from), [] as [&str; 0]);

    let status = fleet.status(&services).await;
    let verdicts: Vec<Verdict> = status.services.iter().map(|service| service.verdict).collect();
    assert_eq!(verdicts, [Verdict::Ready, Verdict::Ready]);
    let healthy: Vec<u32> = status.services.iter().map(|service| service.healthy).collect();
    assert_eq!(healthy, [1, 2]);
}

#[tokio::test]
async fn verify_mends_what_somebody_changed_and_down_leaves_nothing() {
    let Some(moto) = Moto::start() else { return };
    let services = [service(&moto, "three", 2)];
    let fleet =
        Fleet::new(Ports::from_one(moto_clients::aws(&moto))).with_clock(TokioClock::new().with_speed(60));
    let options = VerifyOptions { prune: true, ..VerifyOptions::default() };
    let verify = async || fleet.verify(&services, &options, &Cancel::new()).await.services.remove(0);

    assert_eq!(verify().await.outcome, VerifyOutcome::NoTasks);
    fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
    let from = moto.calls().len();
    let healthy = verify().await;
    assert_eq!((healthy.outcome, healthy.tasks.len()), (VerifyOutcome::AlreadyHealthy, 2), "{healthy:#?}");
    assert_eq!(writes(&moto, from), [] as [&str; 0]);

    let target = &healthy.tasks[0].targets[0];
    let (id, port) = (target.id.as_str(), target.port.to_string());
    let parameters = [
        ("TargetGroupArn", target.target_group.as_str()),
        ("Targets.member.1.Id", id),
        ("Targets.member.1.Port", &port),
    ];
    moto.elb("DeregisterTargets", &parameters);
    let mended = verify().await;
    assert_eq!((mended.outcome, mended.changes.len()), (VerifyOutcome::Registered, 1), "{mended:#?}");
    assert_eq!(mended.changes[0].id, id);

    let down = DownOptions { allow_empty: true, ..DownOptions::default() };
    let report = fleet.down(&services, &down, &Cancel::new()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:#?}");
    assert_eq!(verify().await.outcome, VerifyOutcome::Stopped);
    let from = moto.calls().len();
    fleet.down(&services, &down, &Cancel::new()).await;
    assert_eq!(writes(&moto, from), [] as [&str; 0]);
}

#[tokio::test]
async fn an_ecs_service_gets_its_next_revision_once_and_nothing_else_of_it_changes() {
    let Some(moto) = Moto::start() else { return };
    let cluster = moto.create_cluster("deployed-cluster");
    let definition = moto.register_task_definition(&json!({
        "family": "deployed-task-def",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "volumes": [{ "name": "scratch" }],
        "tags": [{ "key": "team", "value": "shop" }],
        "containerDefinitions": [
            {
                "name": "web", "image": "web:1", "memory": 256,
                "portMappings": [{ "containerPort": 8080 }],
                "environment": [{ "name": "A", "value": "1" }],
                "dockerLabels": { "team": "shop" },
            },
            { "name": "router", "image": "router:1", "memory": 64, "essential": false },
        ],
    }));
    let group = moto.create_target_group("deployed", 8080);
    moto.create_ecs_service(&cluster, "deployed", &definition, (&group, "web", 8080));
    let aws = moto_clients::aws(&moto);
    let mut changes = Revision::default();
    changes.container("web").image = Some("web:2".parse().unwrap());
    changes.container("web").environment.insert("B".to_owned(), Some("2".to_owned()));

    let next = aws.revise(&definition, &changes).await.unwrap();
    assert_eq!(next.name(), "deployed-task-def:2");
    assert_eq!(aws.revise(&definition, &changes).await.unwrap(), next, "an answer may be lost");
    assert_eq!(aws.revise(&next, &changes).await.unwrap(), next);
    let registered = moto.calls().iter().filter(|call| *call == "RegisterTaskDefinition").count();
    assert_eq!(registered, 2, "the first one, and the next");

    let described = |id: &TaskDefinitionId| {
        let asked = json!({ "taskDefinition": id.as_str(), "include": ["TAGS"] });
        moto.ecs("DescribeTaskDefinition", &asked)
    };
    let (mut before, after) = (described(&definition), described(&next));
    let web = &mut before["taskDefinition"]["containerDefinitions"][0];
    web["image"] = json!("web:2");
    web["environment"].as_array_mut().unwrap().push(json!({ "name": "B", "value": "2" }));
    let own = ["taskDefinitionArn", "revision", "registeredAt", "registeredBy"];
    let essence = |mut answer: serde_json::Value| {
        for key in own {
            answer["taskDefinition"].as_object_mut().unwrap().remove(key);
        }
        answer
    };
    assert_eq!(essence(before), essence(after));

    aws.update_service(&cluster, "deployed", &next).await.unwrap();
    let asked = json!({ "cluster": cluster.as_str(), "services": ["deployed"] });
    let service = &moto.ecs("DescribeServices", &asked)["services"][0];
    assert_eq!(service["taskDefinition"], next.as_str());
    assert_eq!(service["desiredCount"], 0);
    assert_eq!(service["loadBalancers"][0]["containerPort"], 8080);
    let gone = aws.update_service(&cluster, "nobody", &next).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}
