//! The two emulators with what has to stand there before a stack is deployed, shared by the tests of this process.

use std::sync::OnceLock;
use std::time::Duration;

use ecs_warmstart::ids::{ClusterId, TargetGroupArn};
use ecs_warmstart::testing::ministack::Ministack;
use ecs_warmstart::testing::moto::{ACCOUNT, Moto, Note, REGION};
use serde_json::{Value, json};

/// Where packages are uploaded to.
pub(crate) const BUCKET: &str = "packages";

/// The services of the configuration. What one test starts no other looks at.
pub(crate) const SERVICES: [&str; 8] =
    ["event", "change", "loop", "first", "second", "handed-on", "role", "broken"];

/// Of this one the task definition does not exist.
pub(crate) const BROKEN: &str = "broken";

/// ECS and load balancers at moto, everything else at ministack.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) moto: &'static Moto,
    pub(crate) ministack: Ministack,
    /// `warmstart.toml`.
    pub(crate) configuration: String,
    groups: Vec<TargetGroupArn>,
}

impl Cloud {
    /// The one of this process; none where emulators are left out.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cloud>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start).as_ref();
        if shared.is_none() {
            // The first test alone would have said so.
            Moto::shared();
        }
        shared
    }

    fn start() -> Option<Self> {
        let moto = Moto::shared()?;
        let ministack = Ministack::start(moto)?;
        let (status, said) = ministack.rest("s3", "PUT", &format!("/{BUCKET}"), "");
        assert_eq!(status, 200, "{said}");
        let cluster = moto.create_cluster("warm");
        let groups: Vec<TargetGroupArn> =
            SERVICES.iter().map(|service| moto.create_target_group(service, 8080)).collect();
        for service in SERVICES.into_iter().filter(|service| *service != BROKEN) {
            moto.register_task_definition(&definition(service));
        }
        let configuration = configuration(moto, &cluster, &groups);
        Some(Self { moto, ministack, configuration, groups })
    }

    pub(crate) fn group(&self, service: &str) -> &TargetGroupArn {
        let at = SERVICES.iter().position(|name| *name == service).expect("a service of the configuration");
        &self.groups[at]
    }

    pub(crate) fn groups(&self) -> String {
        self.groups.iter().map(TargetGroupArn::as_str).collect::<Vec<_>>().join(",")
    }

    /// The addresses that the service's target group has.
    pub(crate) fn targets(&self, service: &str) -> Vec<String> {
        let group = self.group(service).as_str();
        let health = self.moto.elb("DescribeTargetHealth", &[("TargetGroupArn", group)]);
        health.split("<Id>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
    }

    /// The service's tasks that ECS wants running.
    pub(crate) fn tasks(&self, service: &str) -> Vec<String> {
        // moto lists stopped ones too unless it is told.
        let started_by = format!("ecs-warmstart/{service}");
        let asked = json!({ "cluster": "warm", "startedBy": started_by, "desiredStatus": "RUNNING" });
        let answer = self.moto.ecs("ListTasks", &asked);
        serde_json::from_value(answer["taskArns"].clone()).expect("a list of ARNs")
    }

    /// What the function asked moto for.
    pub(crate) fn calls_of_the_function(&self) -> Vec<Note> {
        self.moto.notes().into_iter().filter(|note| note.access_key == ACCOUNT).collect()
    }

    /// How often the function registered a target of the service.
    pub(crate) fn registrations(&self, service: &str) -> usize {
        let group = json!(self.group(service).as_str());
        let calls = self.calls_of_the_function();
        calls
            .iter()
            .filter(|call| call.action == "RegisterTargets" && call.parameters["TargetGroupArn"] == group)
            .count()
    }
}

/// The ARN of something in ECS.
pub(crate) fn ecs_arn(rest: &str) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{rest}")
}

/// A role that the tasks run with; moto does not look whether it is there.
pub(crate) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// Asks until there is an answer. The emulators are real processes, so that this is real time.
#[expect(clippy::disallowed_methods, reason = "other processes do not run in simulated time")]
pub(crate) fn until<T>(what: &str, cloud: &Cloud, mut ask: impl FnMut() -> Option<T>) -> T {
    const LOOKS: u32 = 450;
    for _ in 0..LOOKS {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!(
        "{what}: not in {:?}. The last lines of ministack:\n{}",
        Duration::from_millis(200) * LOOKS,
        cloud.ministack.said()
    );
}

fn definition(service: &str) -> Value {
    json!({
        "family": service,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": role_arn("task"),
        "executionRoleArn": role_arn("execution"),
        "containerDefinitions": [{
            "name": "main", "image": "main:1", "memory": 256, "essential": true,
            "portMappings": [{ "containerPort": 8080 }],
        }],
    })
}

fn configuration(moto: &Moto, cluster: &ClusterId, groups: &[TargetGroupArn]) -> String {
    let mut text = format!(
        "[defaults]\ncluster = \"{cluster}\"\nlaunch_type = \"FARGATE\"\nsubnets = [\"{}\"]\nsecurity_groups = [\"{}\"]\n",
        moto.subnets().remove(0),
        moto.security_group()
    );
    for (service, group) in SERVICES.iter().zip(groups) {
        // Without a delay, so that nobody waits for a drain.
        moto.set_deregistration_delay(group, Duration::ZERO);
        text.push_str(&format!(
            "[services.{service}]\ntask_definition = \"{service}\"\n[[services.{service}.bindings]]\n\
             target_group = \"{group}\"\nport = 8080\n"
        ));
    }
    text
}
