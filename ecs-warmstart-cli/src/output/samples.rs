//! Reports and events for tests.

use std::time::Duration;

use ecs_warmstart::config::Config;
use ecs_warmstart::driver::{Event, EventKind};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{
    CauseReport, PhaseReport, Report, RunOutcome, Service, ServiceReport, ServiceStatus, StatusReport,
    TargetReport, TaskReport, Verdict,
};
use ecs_warmstart::machine::{Operation, PhaseName};
use ecs_warmstart::time::Timestamp;

pub(crate) fn service(name: &str) -> Service {
    let text = format!(
        "[services.{name}]\ncluster = \"{name}-cluster\"\ntask_definition = \"{name}-task-def\"\n\
         bindings = [{{ target_group = \"{}\", port = 8080 }}]",
        group(name)
    );
    Config::parse(&text, |_| None).unwrap().services.remove(0)
}

fn group(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef")
}

fn arn(name: &str) -> String {
    format!("arn:aws:ecs:us-east-2:111122223333:task/{name}-cluster/0a1b2c3d")
}

fn target(name: &str, state: &str) -> TargetReport {
    TargetReport { target_group: group(name), id: "10.0.1.5".into(), port: 8080, state: state.into() }
}

fn task(name: &str, outcome: RunOutcome) -> TaskReport {
    let state = match outcome {
        RunOutcome::Ready => "healthy",
        RunOutcome::Registered => "registered",
        RunOutcome::Undone | RunOutcome::Drained => "deregistered",
        RunOutcome::Refused => "healthy",
        RunOutcome::Kept | RunOutcome::Leaked => "unhealthy",
    };
    TaskReport {
        task: Some(arn(name)),
        outcome,
        adopted: false,
        id: Some("10.0.1.5".into()),
        targets: vec![target(name, state)],
        cause: None,
        phases: vec![
            PhaseReport { phase: PhaseName::Launching, ms: 310 },
            PhaseReport { phase: PhaseName::AwaitingRunning, ms: 40_900 },
        ],
        leftovers: Vec::new(),
    }
}

/// One service with one task for each outcome.
pub(crate) fn report_of(outcomes: &[RunOutcome]) -> Report {
    let services = outcomes.iter().enumerate().map(|(index, outcome)| {
        let name = format!("service-{index}");
        let tasks = vec![task(&name, *outcome)];
        ServiceReport { service: name, outcome: *outcome, tasks, warnings: Vec::new() }
    });
    Report::new("up", Duration::from_millis(41_210), services.collect())
}

/// A report with everything that a report can have.
pub(crate) fn report() -> Report {
    let mut adopted = task("auth", RunOutcome::Ready);
    adopted.adopted = true;
    adopted.targets.push(TargetReport { id: "2001:db8::5".into(), ..target("internal", "healthy") });
    let auth = ServiceReport {
        service: "auth".into(),
        outcome: RunOutcome::Ready,
        tasks: vec![adopted, task("auth", RunOutcome::Ready)],
        warnings: vec!["the task definition may not be read; the gate is running".into()],
    };

    let undone = TaskReport {
        task: None,
        id: None,
        targets: Vec::new(),
        cause: Some(CauseReport {
            code: "capacity".into(),
            summary: "no task was launched in 5m".into(),
            evidence: vec!["RunTask: RESOURCE:ENI: nothing could be placed".into()],
        }),
        phases: vec![PhaseReport { phase: PhaseName::Launching, ms: 300_000 }],
        ..task("web", RunOutcome::Undone)
    };
    let web = ServiceReport {
        service: "web".into(),
        outcome: RunOutcome::Undone,
        tasks: vec![undone],
        warnings: vec![],
    };

    let mut leaked = task("batch", RunOutcome::Leaked);
    leaked.cause = Some(CauseReport {
        code: "not_healthy_in_time".into(),
        summary: "10.0.1.5:8080 was not healthy in batch in 2m".into(),
        evidence: vec!["target health: unhealthy, Target.Timeout".into()],
    });
    let stop = format!("aws ecs stop-task --cluster batch-cluster --task {}", arn("batch"));
    leaked.leftovers = vec![format!("task {} may still run: {stop}", arn("batch"))];
    let batch = ServiceReport {
        service: "batch".into(),
        outcome: RunOutcome::Leaked,
        tasks: vec![leaked],
        warnings: vec![],
    };
    Report::new("up", Duration::from_secs(301), vec![auth, web, batch])
}

pub(crate) fn status() -> StatusReport {
    let auth = ServiceStatus {
        service: "auth".into(),
        cluster: "auth-cluster".into(),
        verdict: Verdict::Ready,
        desired: 1,
        running: 1,
        starting: 0,
        healthy: 2,
        unhealthy: 0,
        ports: vec![8080, 9090],
        tasks: Vec::new(),
        cause: None,
    };
    let web = ServiceStatus {
        service: "web".into(),
        cluster: "web-cluster".into(),
        verdict: Verdict::Unknown,
        desired: 10,
        running: 0,
        healthy: 0,
        ports: vec![80],
        cause: Some(CauseReport {
            code: "denied".into(),
            summary: "ListTasks failed: AccessDeniedException: not allowed".into(),
            evidence: vec!["ListTasks: AccessDeniedException: not allowed".into()],
        }),
        ..auth.clone()
    };
    StatusReport::new(Duration::from_millis(120), vec![auth, web])
}

pub(crate) fn events() -> Vec<Event> {
    let event = |at, run: &str, kind| Event {
        at: Timestamp::from_millis(at),
        service: "auth".parse().unwrap(),
        run: run.parse().unwrap(),
        task: (at > 1000).then(|| arn("auth").parse().unwrap()),
        kind,
    };
    let mut failure = Failure::new(ErrorKind::Throttled, "Rate exceeded");
    failure.code = Some("Throttling".into());
    vec![
        event(1000, "auth/0", EventKind::Started { phase: PhaseName::Launching }),
        event(
            2000,
            "auth/0",
            EventKind::Entered {
                from: PhaseName::Launching,
                to: PhaseName::AwaitingRunning,
                because: "the task is PENDING".into(),
            },
        ),
        event(
            3000,
            "auth/0",
            EventKind::Retrying {
                call: Operation::RegisterTargets,
                failure,
                next_at: Timestamp::from_millis(3500),
            },
        ),
        event(3200, "auth/0", EventKind::Warning { message: "the task definition may not be read".into() }),
        event(1000, "auth/1", EventKind::Started { phase: PhaseName::Launching }),
        event(
            4000,
            "auth/0",
            EventKind::Entered {
                from: PhaseName::AwaitingHealthy,
                to: PhaseName::Ready,
                because: "every target is healthy".into(),
            },
        ),
    ]
}
