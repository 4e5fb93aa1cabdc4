//! Two hundred services over real HTTP, with and without merged calls: `cargo run -p benches --features aws --bin http`.
//!
//! The server is moto on 127.0.0.1. Each row is a process of its own, so that its memory is its own.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::process::Command;
use std::sync::Arc;

use benches::measure::peak_memory;
use ecs_warmstart::aws::{ConnectOptions, connect};
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, RunOutcome, Service, UpOptions, sample_services};
use ecs_warmstart::ids::ServiceName;
use ecs_warmstart::limit::Limits;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{AwsVpc, Binding, LaunchRequest};
use ecs_warmstart::testing::moto::Moto;
use serde_json::json;

const SERVICES: usize = 200;

/// How the calls are made.
const WAYS: [(&str, &str); 3] = [
    ("direct", "every call by itself"),
    ("merged", "merged, without limits"),
    ("limited", "merged, within half of AWS's quotas"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [way, services, group, subnet, security_group] => {
            row(way, services.parse().expect("a number"), group, subnet, security_group);
        }
        [services] => table(services.parse().expect("a number of services")),
        _ => table(SERVICES),
    }
}

fn table(services: usize) {
    println!(
        "| {services} services | ready | wall | calls | RunTask | DescribeTasks | RegisterTargets | other | peak RSS |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (way, name) in WAYS {
        // A server for each: it keeps every call, and gets slower with what it holds.
        let Some(moto) = Moto::start() else { return };
        moto.create_cluster("fleet");
        moto.register_task_definition(&json!({
            "family": "fleet",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{
                "name": "app", "image": "app:1", "memory": 256, "essential": true,
                "portMappings": [{ "containerPort": 8080 }],
            }],
        }));
        let group = moto.create_target_group("fleet", 8080);
        moto.create_listener("fleet", &group);
        let before = moto.calls().len();
        let output = Command::new(std::env::current_exe().expect("this program's path"))
            .envs(moto.environment())
            .args([way, &services.to_string(), group.as_str(), &moto.subnets()[0], &moto.security_group()])
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        let [ready, wall, memory] = said.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{way} says {said:?}");
        };
        let calls = moto.calls().split_off(before);
        let of = |action: &str| calls.iter().filter(|call| *call == action).count();
        let (run, look, register) = (of("RunTask"), of("DescribeTasks"), of("RegisterTargets"));
        let (all, other) = (calls.len(), calls.len() - run - look - register);
        println!(
            "| {name} | {ready} | {wall} s | {all} | {run} | {look} | {register} | {other} | {memory} MiB |"
        );
    }
}

fn row(way: &str, count: usize, group: &str, subnet: &str, security_group: &str) {
    let services: Vec<Service> =
        (0..count).map(|number| service(number, group, subnet, security_group)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (ready, wall) = runtime.block_on(async {
        let clock = Arc::new(TokioClock::new());
        let aws = connect(&ConnectOptions::default()).await.expect("moto's environment");
        let fleet = Fleet::new(Ports::from_one(aws)).with_clock(Arc::clone(&clock));
        let fleet = match way {
            "direct" => fleet.with_direct_calls(),
            "merged" => fleet.with_limits(Limits::of_published(10_000.0)),
            _ => fleet,
        };
        let began = clock.now();
        let report = fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
        let outcomes = report.services.iter().map(|service| service.outcome);
        let ready = outcomes.filter(|outcome| *outcome == RunOutcome::Ready).count();
        (ready, clock.now().since(began))
    });
    println!("{ready} {:.1} {}", wall.as_secs_f64(), peak_memory().unwrap_or_default() / 1024 / 1024);
}

fn service(number: usize, group: &str, subnet: &str, security_group: &str) -> Service {
    let name: ServiceName = format!("s{number}").parse().expect("a service's name");
    let sample = sample_services().remove(0);
    let request = LaunchRequest {
        cluster: "fleet".parse().expect("a cluster's name"),
        task_definition: "fleet".parse().expect("a family"),
        started_by: name.started_by(),
        network: Some(AwsVpc {
            subnets: vec![subnet.to_owned()],
            security_groups: vec![security_group.to_owned()],
            assign_public_ip: false,
        }),
        ..sample.request.clone()
    };
    let bindings = vec![Binding::new(group.parse().expect("an ARN"), 8080)];
    Service { name, count: 1, request, bindings, ..sample }
}
