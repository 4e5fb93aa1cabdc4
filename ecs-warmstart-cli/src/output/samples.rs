//! Reports and events for tests.

use std::time::Duration;

use ecs_warmstart::config::Config;
use ecs_warmstart::driver::{Event, EventKind};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{
    CauseReport, ChangeKind, ChangeReport, DeployOutcome, DeployReport, FindingReport, PhaseReport,
    PinnedImage, PlanReport, Report, RunOutcome, Service, ServicePlan, ServiceReport, ServiceStatus,
    ServiceVerified, StatusReport, TargetReport, TaskReport, TaskStanding, TaskVerified, Verdict,
    VerifyOutcome, VerifyReport,
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
        evidence: None,
    }
}

/// One service with one task for each outcome.
pub(crate) fn report_of(outcomes: &[RunOutcome]) -> Report {
    let services = outcomes.iter().enumerate().map(|(index, outcome)| {
        let name = format!("service-{index}");
        let tasks = vec![task(&name, *outcome)];
        ServiceReport {
            service: name,
            outcome: *outcome,
            tasks,
            cause: None,
            findings: Vec::new(),
            warnings: Vec::new(),
        }
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
        cause: None,
        findings: Vec::new(),
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
            ..CauseReport::default()
        }),
        phases: vec![PhaseReport { phase: PhaseName::Launching, ms: 300_000 }],
        ..task("web", RunOutcome::Undone)
    };
    let web = ServiceReport {
        service: "web".into(),
        outcome: RunOutcome::Undone,
        tasks: vec![undone],
        cause: None,
        findings: Vec::new(),
        warnings: vec![],
    };

    let mut leaked = task("batch", RunOutcome::Leaked);
    leaked.cause = Some(CauseReport {
        code: "not_healthy_in_time".into(),
        summary: "10.0.1.5:8080 was not healthy in batch in 2m".into(),
        evidence: vec!["target health: unhealthy, Target.Timeout".into()],
        ..CauseReport::default()
    });
    let stop = format!("aws ecs stop-task --cluster batch-cluster --task {}", arn("batch"));
    leaked.leftovers = vec![format!("task {} may still run: {stop}", arn("batch"))];
    let batch = ServiceReport {
        service: "batch".into(),
        outcome: RunOutcome::Leaked,
        tasks: vec![leaked],
        cause: None,
        findings: Vec::new(),
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
        findings: vec![finding()],
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
        findings: Vec::new(),
        cause: Some(CauseReport {
            code: "denied".into(),
            summary: "ListTasks failed: AccessDeniedException: not allowed".into(),
            evidence: vec!["ListTasks: AccessDeniedException: not allowed".into()],
            ..CauseReport::default()
        }),
        ..auth.clone()
    };
    StatusReport::new(Duration::from_millis(120), vec![auth, web])
}

fn finding() -> FindingReport {
    FindingReport {
        code: "unknown_target".into(),
        target_group: Some(group("auth")),
        id: Some("10.9.9.9".into()),
        port: Some(8080),
        task: None,
        summary: "no task of the service is known to be behind this target; it is kept".into(),
        remedy: "find out who registered it; if nobody needs it, deregister it by hand".into(),
    }
}

fn change(change: ChangeKind, id: &str, why: &str, made: bool) -> ChangeReport {
    ChangeReport {
        change,
        target_group: group("auth"),
        id: id.into(),
        port: 8080,
        task: Some(arn("auth")),
        why: why.into(),
        made,
    }
}

/// A service that was repaired, one that is not healthy, one without tasks, one of which nothing is known.
pub(crate) fn verified() -> VerifyReport {
    let task = |name: &str, outcome, state| TaskVerified {
        task: arn(name),
        outcome,
        targets: vec![target(name, state)],
        cause: None,
        leftovers: Vec::new(),
    };
    let auth = ServiceVerified {
        service: "auth".into(),
        outcome: VerifyOutcome::Repaired,
        tasks: vec![task("auth", VerifyOutcome::Registered, "healthy")],
        changes: vec![
            change(ChangeKind::Deregister, "10.0.1.4", "its task 0a1b2c3c has stopped", true),
            change(ChangeKind::Register, "10.0.1.5", "its task runs and was not registered", true),
        ],
        findings: vec![finding()],
        cause: None,
        warnings: vec!["1 of 2 tasks run; `up` brings it to its count".into()],
    };
    let mut sick = task("web", VerifyOutcome::Unhealthy, "unhealthy");
    sick.cause = Some(CauseReport {
        code: "not_healthy_in_time".into(),
        summary: "10.0.1.5:8080 was not healthy in web in 2m".into(),
        evidence: vec!["target health: unhealthy, Target.Timeout".into()],
        ..CauseReport::default()
    });
    let quiet = |name: &str, outcome| ServiceVerified {
        service: name.into(),
        outcome,
        tasks: Vec::new(),
        changes: Vec::new(),
        findings: Vec::new(),
        cause: None,
        warnings: Vec::new(),
    };
    let web = ServiceVerified { tasks: vec![sick], ..quiet("web", VerifyOutcome::Unhealthy) };
    let denied = CauseReport {
        code: "denied".into(),
        summary: "ListTasks failed: AccessDeniedException: not allowed".into(),
        evidence: vec!["ListTasks: AccessDeniedException: not allowed".into()],
        ..CauseReport::default()
    };
    let batch = ServiceVerified { cause: Some(denied), ..quiet("batch", VerifyOutcome::Failed) };
    VerifyReport::new(Duration::from_secs(121), vec![auth, web, quiet("cron", VerifyOutcome::NoTasks), batch])
}

pub(crate) fn plan() -> PlanReport {
    let auth = ServicePlan {
        service: "auth".into(),
        kept: 3,
        changes: vec![
            change(ChangeKind::Deregister, "10.0.1.4", "its task 0a1b2c3c has stopped", false),
            change(ChangeKind::Register, "2001:db8::5", "its task runs and is not registered", false),
        ],
        findings: vec![
            finding(),
            FindingReport { id: None, port: None, task: Some(arn("auth")), ..finding() },
            FindingReport {
                code: "different_images".into(),
                target_group: None,
                id: None,
                port: None,
                task: None,
                summary:
                    "the tasks run different images of container web: sha256:1 in 0a1b, sha256:2 in 3c4d"
                        .into(),
                remedy: format!("take the older ones out with `down --task {}`", arn("auth")),
            },
        ],
        cause: None,
        warnings: Vec::new(),
    };
    PlanReport::new(Duration::from_millis(80), vec![auth])
}

pub(crate) fn deployed(outcome: DeployOutcome) -> DeployReport {
    let revision =
        |number: u32| Some(format!("arn:aws:ecs:us-east-2:111122223333:task-definition/web:{number}"));
    let failed = !outcome.is_success();
    let standing =
        TaskStanding { task: arn("web"), status: "RUNNING".into(), targets: vec![target("web", "healthy")] };
    DeployReport {
        version: 1,
        command: "deploy".into(),
        outcome,
        elapsed_ms: 90_000,
        ecs_service: "web".into(),
        cluster: "web-cluster".into(),
        former: revision(1),
        task_definition: revision(2),
        images: vec![PinnedImage { container: "web".into(), image: "web:2.0@sha256:0a1b".into() }],
        tasks: vec![standing],
        failure: failed.then(|| "ECS gave the deployment up: tasks failed to start.".into()),
        cause: failed.then(|| CauseReport {
            code: "out_of_memory".into(),
            summary: "container web used more memory than it may".into(),
            evidence: vec!["reason of container web: OutOfMemoryError".into()],
            remedy: Some("raise memory".into()),
            ..CauseReport::default()
        }),
        warnings: if failed { vec!["the service runs web:1 again".into()] } else { Vec::new() },
    }
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
        event(
            3100,
            "auth/1",
            EventKind::Switched {
                from: "FARGATE_SPOT in subnet-a".into(),
                to: "FARGATE in subnet-a".into(),
                because: "Capacity is unavailable at this time.".into(),
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
