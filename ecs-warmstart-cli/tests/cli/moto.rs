//! The command against a real HTTP server that speaks AWS's APIs.
//!
//! Set `WARMSTART_EMULATOR=off` to leave these out.

use std::fmt::Write as _;
use std::fs;

use ecs_warmstart::fleet::{
    DiagnosisReport, PlanReport, Report, RunOutcome, StatusReport, Verdict, VerifyOutcome, VerifyReport,
};
use ecs_warmstart::testing::moto::{ACCOUNT, Moto, REGION};
use serde_json::json;
use snapbox::cmd::Command;
use tempfile::TempDir;

use crate::common::command;

/// Two services on a server of their own, in a configuration file.
struct Scene {
    moto: Moto,
    dir: TempDir,
}

const SERVICES: [(&str, u16); 2] = [("auth", 8080), ("web", 9090)];

impl Scene {
    /// None where emulators are left out.
    fn new() -> Option<Self> {
        let moto = Moto::start()?;
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("warmstart.toml"), configuration(&moto)).unwrap();
        Some(Self { moto, dir })
    }

    /// The command with this file, at this server; region, subnet and credentials come from the environment.
    fn command(&self, args: &[&str]) -> Command {
        command()
            .current_dir(self.dir.path())
            .env("WARMSTART_REGION", REGION)
            .env("WARMSTART_SUBNET", self.moto.subnets().remove(0))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .args(["--endpoint-url", self.moto.endpoint()])
            .args(args)
    }

    fn up(&self, args: &[&str]) -> Report {
        let output = self.command(&["up", "--output", "json"]).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}{stderr}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// How often the server was called so.
    fn calls(&self, action: &str) -> usize {
        self.moto.calls().iter().filter(|call| *call == action).count()
    }

    fn running(&self, service: &str) -> usize {
        let started_by = format!("ecs-warmstart/{service}");
        let answer = self.moto.ecs("ListTasks", &json!({ "cluster": service, "startedBy": started_by }));
        answer["taskArns"].as_array().unwrap().len()
    }
}

fn configuration(moto: &Moto) -> String {
    let mut text = format!(
        "region = \"${{WARMSTART_REGION}}\"\n[defaults]\nlaunch_type = \"FARGATE\"\n\
         subnets = [\"${{WARMSTART_SUBNET}}\"]\nsecurity_groups = [\"{}\"]\n",
        moto.security_group()
    );
    moto.create_repository("main");
    let media_type = "application/vnd.oci.image.index.v1+json";
    let amd = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "size": 1,
        "digest": format!("sha256:{}", "1".repeat(64)),
        "platform": { "os": "linux", "architecture": "amd64" },
    });
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [amd] });
    moto.put_image("main", "1", media_type, &manifest);
    for (name, port) in SERVICES {
        let cluster = moto.create_cluster(name);
        moto.register_task_definition(&json!({
            "family": name,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/execution"),
            "containerDefinitions": [{
                "name": "main", "image": image("1"), "memory": 256, "essential": true,
                "portMappings": [{ "containerPort": port }],
            }],
        }));
        let group = moto.create_target_group(name, port);
        moto.create_listener(name, &group);
        let _ = write!(
            text,
            "[services.{name}]\ncluster = \"{cluster}\"\ntask_definition = \"{name}\"\n\
             [[services.{name}.bindings]]\ntarget_group = \"{group}\"\nport = {port}\n"
        );
    }
    text
}

/// In the server's own registry: no other one is asked.
fn image(tag: &str) -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/main:{tag}")
}

#[test]
fn an_image_is_verified_by_the_api_of_ecr() {
    let Some(scene) = Scene::new() else { return };
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "size": 1,
        "digest": format!("sha256:{}", "2".repeat(64)) });
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [] });
    scene.moto.put_image("main", "single", media_type, &manifest);
    for (tag, platform, code, said) in [
        ("1", "linux/amd64", 0, "exists for linux/amd64"),
        ("1", "linux/arm64", 3, "is not made for linux/arm64"),
        ("2", "linux/amd64", 3, "does not exist"),
        // Where a configuration lies is what moto does not say.
        ("single", "linux/amd64", 3, "is not said\n  allow ecr:GetDownloadUrlForLayer"),
    ] {
        let args = ["image", "verify", &image(tag), "--platform", platform];
        let output = scene.command(&args).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains(said), "{stdout}");
    }
    assert!(scene.calls("BatchGetImage") >= 4);
    assert_eq!(scene.calls("GetDownloadUrlForLayer"), 1);
}

#[test]
fn an_image_for_another_platform_is_refused_before_anything_starts() {
    let Some(scene) = Scene::new() else { return };
    scene.moto.register_task_definition(&json!({
        "family": "auth",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/execution"),
        "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
        "containerDefinitions": [{
            "name": "main", "image": image("1"), "memory": 256, "essential": true,
            "portMappings": [{ "containerPort": 8080 }],
        }],
    }));
    let output = scene.command(&["up", "--output", "json"]).output().unwrap();
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{report:#?}");
    let outcomes: Vec<_> = report.services.iter().map(|service| service.outcome).collect();
    assert_eq!(outcomes, [RunOutcome::Refused, RunOutcome::Ready]);
    assert_eq!(report.services[0].cause.as_ref().unwrap().code, "image_platform_mismatch");
    assert_eq!((scene.running("auth"), scene.running("web")), (0, 1));
}

#[test]
fn a_second_up_adopts_and_launches_nothing() {
    let Some(scene) = Scene::new() else { return };

    let first = scene.up(&[]);
    for (service, (name, port)) in first.services.iter().zip(SERVICES) {
        assert_eq!((service.service.as_str(), service.outcome), (name, RunOutcome::Ready));
        let [task] = service.tasks.as_slice() else { panic!("{service:?}") };
        // Not whether it is adopted: moto answers RunTask with RUNNING, which on ECS only a task from an earlier call can be.
        assert_eq!((task.targets[0].port, task.targets[0].state.as_str()), (port, "healthy"));
        assert_eq!(scene.running(name), 1);
    }
    for action in ["RunTask", "RegisterTargets"] {
        assert_eq!(scene.calls(action), 2, "{action}");
    }

    let second = scene.up(&[]);
    for (before, after) in first.services.iter().zip(&second.services) {
        let [task] = after.tasks.as_slice() else { panic!("{after:?}") };
        assert!(task.adopted && task.outcome == RunOutcome::Ready, "{task:?}");
        assert_eq!(task.task, before.tasks[0].task);
        assert_eq!(scene.running(&after.service), 1);
    }
    for (action, expected) in
        [("RunTask", 2), ("RegisterTargets", 2), ("DeregisterTargets", 0), ("StopTask", 0)]
    {
        assert_eq!(scene.calls(action), expected, "{action}");
    }
    // How often is not fixed: the answer to RunTask may show all there is to see.
    for action in ["ListTasks", "DescribeTasks", "DescribeTargetHealth"] {
        assert!(scene.calls(action) >= 2, "{action}");
    }
}

#[test]
fn status_says_what_serves() {
    let Some(scene) = Scene::new() else { return };
    let status = |code| {
        let output = scene.command(&["status", "--output", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        let report: StatusReport = serde_json::from_slice(&output.stdout).unwrap();
        report
            .services
            .iter()
            .map(|service| (service.verdict, service.running, service.healthy))
            .collect::<Vec<_>>()
    };

    assert_eq!(status(3), [(Verdict::Stopped, 0, 0); 2]);
    scene.up(&["auth"]);
    assert_eq!(status(3), [(Verdict::Ready, 1, 1), (Verdict::Stopped, 0, 0)]);
    scene.up(&["auth", "web"]);
    assert_eq!(status(0), [(Verdict::Ready, 1, 1); 2]);
    assert_eq!(scene.calls("RunTask"), 2);

    scene.command(&["status"]).assert().code(0).stderr_eq("").stdout_eq(snapbox::str![[r#"
SERVICE  CLUSTER  TASKS  HEALTHY  UNHEALTHY  PORT  VERDICT
auth     auth       1/1        1          0  8080  ready
web      web        1/1        1          0  9090  ready

2 of 2 services ready

"#]]);
}

#[test]
fn verify_puts_in_what_somebody_else_started_and_takes_out_what_died() {
    let Some(scene) = Scene::new() else { return };
    let verify = |code, args: &[&str]| {
        let output = scene.command(&["verify", "--output", "json"]).args(args).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
        stdout
    };
    let outcomes = |json: &str| -> Vec<VerifyOutcome> {
        let report: VerifyReport = serde_json::from_str(json).unwrap();
        report.services.iter().map(|service| service.outcome).collect()
    };
    scene.up(&[]);
    assert_eq!(outcomes(&verify(0, &[])), [VerifyOutcome::AlreadyHealthy; 2]);
    assert_eq!(verify(0, &["--plan"]).matches("\"changes_needed\": 0").count(), 1);
    assert_eq!((scene.calls("RegisterTargets"), scene.calls("DeregisterTargets")), (2, 0));

    // Somebody replaces the task of auth by hand.
    let dead = scene.moto.ecs("ListTasks", &json!({ "cluster": "auth" }))["taskArns"][0].clone();
    scene.moto.ecs("StopTask", &json!({ "cluster": "auth", "task": dead }));
    let network = json!({ "awsvpcConfiguration": {
        "subnets": scene.moto.subnets(), "securityGroups": [scene.moto.security_group()],
    } });
    let request = json!({
        "cluster": "auth", "taskDefinition": "auth", "launchType": "FARGATE",
        "startedBy": "ecs-warmstart/auth", "networkConfiguration": network,
    });
    scene.moto.ecs("RunTask", &request);

    let plan: PlanReport = serde_json::from_str(&verify(3, &["--plan", "--prune"])).unwrap();
    assert_eq!((plan.changes_needed, plan.services[1].kept), (2, 1), "{plan:#?}");
    let mended = outcomes(&verify(0, &["--prune"]));
    assert_eq!(mended, [VerifyOutcome::Repaired, VerifyOutcome::AlreadyHealthy]);
    assert_eq!((scene.calls("RegisterTargets"), scene.calls("DeregisterTargets")), (3, 1));
    assert_eq!(outcomes(&verify(0, &["--prune"])), [VerifyOutcome::AlreadyHealthy; 2]);
    assert_eq!((scene.calls("RegisterTargets"), scene.calls("DeregisterTargets")), (3, 1));
    scene.command(&["status"]).assert().code(0);
}

#[test]
fn what_the_server_refuses_is_undone_and_said() {
    let Some(scene) = Scene::new() else { return };
    let path = scene.dir.path().join("warmstart.toml");
    let text =
        fs::read_to_string(&path).unwrap().replace("task_definition = \"web\"", "task_definition = \"none\"");
    fs::write(&path, text).unwrap();

    let output = scene.command(&["up"]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stdout}");
    assert!(stdout.contains("\n1 of 2 services ready\n\nweb: "), "{stdout}");
    assert_eq!((scene.running("auth"), scene.running("web")), (1, 0));
}

#[test]
fn down_takes_out_of_traffic_and_then_stops() {
    let Some(scene) = Scene::new() else { return };
    scene.up(&[]);
    scene.command(&["down"]).assert().code(3);
    assert_eq!((scene.calls("DeregisterTargets"), scene.calls("StopTask")), (0, 0), "guarded");

    scene.command(&["down", "--allow-empty", "--drain-wait", "1s"]).assert().code(0);
    // moto lists stopped tasks too, so it is not asked for them directly.
    let status = scene.command(&["status", "--output", "json"]).output().unwrap();
    let status: StatusReport = serde_json::from_slice(&status.stdout).unwrap();
    assert!(status.services.iter().all(|service| service.verdict == Verdict::Stopped), "{status:#?}");
    let calls = scene.moto.calls();
    let first = |action: &str| calls.iter().position(|call| call == action).unwrap();
    assert!(first("DeregisterTargets") < first("StopTask"));

    let before = (scene.calls("DeregisterTargets"), scene.calls("StopTask"));
    scene.command(&["down", "--allow-empty"]).assert().code(0);
    assert_eq!((scene.calls("DeregisterTargets"), scene.calls("StopTask")), before, "down already");
}

/// moto keeps the reason of StopTask as `stoppedReason` and has no stop code, so every sentence of ECS can be played.
#[test]
fn diagnose_says_why_a_task_stopped() {
    let Some(scene) = Scene::new() else { return };
    let diagnose = |args: &[&str], code: i32| {
        let output = scene.command(&["diagnose", "--output", "json"]).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{}{stderr}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice::<DiagnosisReport>(&output.stdout).unwrap()
    };
    let report = scene.up(&[]);
    assert!(diagnose(&[], 0).subjects.iter().all(|subject| subject.well && subject.unread.is_empty()));

    let task = report.services[0].tasks[0].task.clone().unwrap();
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref web:9: \
                  not found";
    scene.moto.ecs("StopTask", &json!({ "cluster": "auth", "task": task, "reason": reason }));
    let of_task = diagnose(&["--task", &task], 3);
    let root = &of_task.subjects[0].root;
    assert_eq!(
        (root.code.as_str(), root.confidence.map(|it| it.as_str())),
        ("image_not_found", Some("high"))
    );
    assert!(root.summary.contains("web:9") && root.evidence.iter().any(|it| it.contains(reason)), "{root:?}");
    let of_service = diagnose(&["auth"], 3);
    assert_eq!(of_service.subjects[0].root.code, "image_not_found", "{of_service:#?}");
}
