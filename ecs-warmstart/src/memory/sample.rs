//! A world to try things out in: five services of one small company.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::cloud::InMemory;
use super::ecs_service::EcsServiceSettings;
use super::settings::{GroupSettings, Settings};
use crate::clock::Clock;
use crate::facts::{
    Compatibility, ContainerFacts, ContainerHealthCheck, ImageFacts, ImageVariant, LoadBalancerFacts,
    LogConfiguration, NetworkMode, RuntimePlatform, ServiceTargetGroup, TaskDefinitionFacts,
};
use crate::ids::{ClusterId, InvalidId, ServiceName, TargetGroupArn};
use crate::image::{Digest, ImageRef, Platform};
use crate::spec::{AwsVpc, Compute, LaunchRequest, LaunchType};

/// The account of the sample.
pub const SAMPLE_ACCOUNT: &str = "111122223333";
/// The region of the sample.
pub const SAMPLE_REGION: &str = "us-east-2";

const SAMPLE_VPC: &str = "vpc-1";
const SAMPLE_LOAD_BALANCER: &str =
    "arn:aws:elasticloadbalancing:us-east-2:111122223333:loadbalancer/app/sample/0123456789abcdef";

/// The services of the sample.
pub const SAMPLE_SERVICES: [SampleService; 5] = [
    SampleService {
        name: "auth",
        cluster: "authapi-cluster",
        task_definition: "authapi-task-def",
        container: "authapi-container",
        port: 8080,
        target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef",
        has_health_check: true,
        sidecar: None,
    },
    SampleService {
        name: "pdf",
        cluster: "pdfcreator-cluster",
        task_definition: "pdfcreator-task-def",
        container: "pdfcreator-container",
        port: 9080,
        target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/pdf/123456789abcdef0",
        has_health_check: false,
        sidecar: None,
    },
    SampleService {
        name: "fa",
        cluster: "fa-engine-cluster",
        task_definition: "fa-engine-task-def",
        container: "fa-engine-container",
        port: 2531,
        target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/fa/23456789abcdef01",
        has_health_check: true,
        sidecar: None,
    },
    SampleService {
        name: "users",
        cluster: "user-management-cluster",
        task_definition: "user-management-task-def",
        container: "user-management-container",
        port: 8080,
        target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/users/3456789abcdef012",
        has_health_check: true,
        sidecar: Some("log-router"),
    },
    SampleService {
        name: "batch",
        cluster: "batch-engine",
        task_definition: "batch-engine-task-def",
        container: "batch-engine-container",
        port: 8080,
        target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/batch/456789abcdef0123",
        has_health_check: false,
        sidecar: None,
    },
];

/// An ECS service beside them, for those who deploy to one: see [`InMemory::run_sample_ecs_service`].
pub const SAMPLE_ECS_SERVICE: SampleService = SampleService {
    name: "shop",
    cluster: "shop-cluster",
    task_definition: "shop-task-def",
    container: "shop-container",
    port: 8080,
    target_group: "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/shop/56789abcdef01234",
    has_health_check: true,
    sidecar: None,
};

/// A service of the sample: one Fargate task definition in a cluster of its own, and a target group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleService {
    /// Its name.
    pub name: &'static str,
    /// The cluster's name.
    pub cluster: &'static str,
    /// The task definition's family.
    pub task_definition: &'static str,
    /// The container that serves.
    pub container: &'static str,
    /// The port on which it serves.
    pub port: u16,
    /// The target group's ARN. It takes IPv4 addresses and checks them every 10 s.
    pub target_group: &'static str,
    /// Whether the container has a health check.
    pub has_health_check: bool,
    /// A container beside it, which has no health check and no port.
    pub sidecar: Option<&'static str>,
}

impl SampleService {
    /// A launch of it on Fargate.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] where one of its fields was changed to what is no name.
    pub fn request(&self) -> Result<LaunchRequest, InvalidId> {
        let service = ServiceName::new(self.name)?;
        let mut request =
            LaunchRequest::new(ClusterId::new(self.cluster)?, self.task_definition.parse()?, &service);
        request.compute = Compute::LaunchType(LaunchType::Fargate);
        request.network = Some(AwsVpc {
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            security_groups: vec!["sg-1".to_owned()],
            assign_public_ip: false,
        });
        Ok(request)
    }

    fn set_up(&self, cloud: &InMemory) -> Result<(), InvalidId> {
        cloud.add_cluster(&ClusterId::new(self.cluster)?);
        cloud.add_log_group(&self.log_group());
        cloud.add_task_definition(self.definition()?);
        let group = GroupSettings {
            health_check_interval: Duration::from_secs(10),
            vpc: Some(SAMPLE_VPC.to_owned()),
            load_balancer: Some(SAMPLE_LOAD_BALANCER.to_owned()),
            ..GroupSettings::default()
        };
        cloud.add_target_group(&TargetGroupArn::new(self.target_group)?, group);
        Ok(())
    }

    /// What its task definition says; without a revision, as it is registered.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] where one of its fields was changed to what is no name.
    pub fn definition(&self) -> Result<TaskDefinitionFacts, InvalidId> {
        let serving = ContainerFacts {
            name: self.container.to_owned(),
            image: image(self.container)?.to_string(),
            health_check: self.has_health_check.then(|| self.health_check()),
            ports: vec![self.port],
            log: Some(self.log()),
            ..ContainerFacts::default()
        };
        let beside = match self.sidecar {
            Some(name) => Some(ContainerFacts {
                name: name.to_owned(),
                image: image(name)?.to_string(),
                essential: false,
                log: Some(self.log()),
                ..ContainerFacts::default()
            }),
            None => None,
        };
        let containers = [serving].into_iter().chain(beside).collect();
        let role = |name: &str| Some(format!("arn:aws:iam::{SAMPLE_ACCOUNT}:role/{name}"));
        Ok(TaskDefinitionFacts {
            compatibilities: vec![Compatibility::Ec2, Compatibility::Fargate],
            cpu: Some(256),
            memory: Some(512),
            runtime_platform: Some(RuntimePlatform {
                cpu_architecture: Some("X86_64".to_owned()),
                operating_system_family: Some("LINUX".to_owned()),
            }),
            task_role: role("task"),
            execution_role: role("execution"),
            ..TaskDefinitionFacts::new(self.task_definition.parse()?, NetworkMode::AwsVpc, containers)
        })
    }

    /// As often as the simulated containers are checked: [`ContainerCheck`](super::ContainerCheck).
    fn health_check(&self) -> ContainerHealthCheck {
        let checks = super::ContainerCheck::default();
        let command = format!("wget -q -O /dev/null http://127.0.0.1:{}/health || exit 1", self.port);
        ContainerHealthCheck {
            command: vec!["CMD-SHELL".to_owned(), command],
            interval: checks.interval,
            retries: checks.retries,
            start_period: checks.start_period,
            ..ContainerHealthCheck::default()
        }
    }

    fn log(&self) -> LogConfiguration {
        LogConfiguration {
            driver: "awslogs".to_owned(),
            group: Some(self.log_group()),
            region: Some(SAMPLE_REGION.to_owned()),
            stream_prefix: Some("ecs".to_owned()),
            create_group: false,
        }
    }

    fn log_group(&self) -> String {
        format!("/ecs/{}", self.task_definition)
    }
}

/// The images of the sample, made once: whoever proves something makes the sample ten thousand times.
static SAMPLE_IMAGES: LazyLock<Vec<(ImageRef, ImageFacts)>> = LazyLock::new(|| {
    let containers = SAMPLE_SERVICES.iter().flat_map(|it| [Some(it.container), it.sidecar]).flatten();
    containers.filter_map(|name| Some((image(name).ok()?, sample_image(name)))).collect()
});

/// The image of a container of the sample.
fn image(container: &str) -> Result<ImageRef, InvalidId> {
    format!("{SAMPLE_ACCOUNT}.dkr.ecr.{SAMPLE_REGION}.amazonaws.com/{container}:1.0").parse()
}

/// An index of two platforms; its digests follow from the container's name.
fn sample_image(container: &str) -> ImageFacts {
    let digest = |what: &str| Digest::of(format!("{container} {what}").as_bytes());
    let variant =
        |platform: Platform| ImageVariant { digest: digest(&platform.to_string()), platform: Some(platform) };
    ImageFacts {
        digest: digest("index"),
        is_index: true,
        images: vec![variant(Platform::linux_amd64()), variant(Platform::linux_arm64())],
    }
}

impl InMemory {
    /// A cloud with the five services of [`SAMPLE_SERVICES`] set up, and no task.
    pub fn sample(clock: Arc<dyn Clock>) -> Self {
        Self::sample_with(clock, Settings::default())
    }

    /// The same with other settings; its ARNs stay those of [`SAMPLE_REGION`] and [`SAMPLE_ACCOUNT`].
    pub fn sample_with(clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let settings =
            Settings { region: SAMPLE_REGION.to_owned(), account: SAMPLE_ACCOUNT.to_owned(), ..settings };
        let cloud = Self::with_settings(clock, settings);
        cloud.add_load_balancer(LoadBalancerFacts {
            arn: SAMPLE_LOAD_BALANCER.to_owned(),
            vpc: Some(SAMPLE_VPC.to_owned()),
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
        });
        for (image, facts) in SAMPLE_IMAGES.iter() {
            cloud.add_image(image, facts.clone());
        }
        for service in &SAMPLE_SERVICES {
            set_up(service, &cloud);
        }
        cloud
    }
}

impl InMemory {
    /// Sets up [`SAMPLE_ECS_SERVICE`], of two tasks of image `:1.0`. In its repository are `:2.0` too, and `:2.0-arm64`, which was
    /// built on a laptop for another processor. A deployment that fails three times is given up, and not taken back.
    pub fn run_sample_ecs_service(&self) {
        let begun = sample_ecs_service(self);
        debug_assert!(begun.is_ok(), "the names of the sample are well-formed: {begun:?}");
    }
}

fn sample_ecs_service(cloud: &InMemory) -> Result<(), Box<dyn std::error::Error>> {
    let service = SAMPLE_ECS_SERVICE;
    let image = image(service.container)?;
    let tagged = |tag: &str| image.to_string().replace(":1.0", tag).parse::<ImageRef>();
    cloud.add_image(&image, sample_image(service.container));
    cloud.add_image(&tagged(":2.0")?, sample_image("the next shop-container"));
    let laptop = ImageFacts::single(Digest::of(b"built on a laptop"), Some(Platform::linux_arm64()));
    cloud.add_image(&tagged(":2.0-arm64")?, laptop);
    service.set_up(cloud)?;
    cloud.run_ecs_service(EcsServiceSettings {
        name: service.name.to_owned(),
        request: service.request()?,
        desired: 2,
        target_groups: vec![ServiceTargetGroup {
            target_group: service.target_group.parse()?,
            container: Some(service.container.to_owned()),
            port: Some(service.port),
        }],
        circuit_breaker: true,
        rollback: false,
    })?;
    Ok(())
}

fn set_up(service: &SampleService, cloud: &InMemory) {
    service.set_up(cloud).expect("the names of the sample are well-formed: a test parses them all");
}
