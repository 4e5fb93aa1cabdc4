//! A service in which everything is as it should be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{Facts, Finding, Seen, Subject, check};
use crate::facts::{
    Compatibility, ContainerFacts, ContainerHealthCheck, ImageFacts, ImageVariant, LoadBalancerFacts,
    LogConfiguration, NetworkMode, RuntimePlatform, TargetGroupFacts, TargetType, TaskDefinitionFacts,
};
use crate::image::{Digest, Platform};
use crate::spec::{AwsVpc, Binding, Compute, LaunchRequest, LaunchType, Pool};

pub(super) const IMAGE: &str = "111122223333.dkr.ecr.us-east-2.amazonaws.com/web:1.0";

/// A service, and what the cloud says of it.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) request: LaunchRequest,
    pub(super) fallbacks: Vec<Pool>,
    pub(super) bindings: Vec<Binding>,
    pub(super) is_gated: bool,
    pub(super) waits_for_health: bool,
    pub(super) healthy_timeout: Duration,
    pub(super) facts: Facts,
}

pub(super) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn binding(group: &str) -> Binding {
    let arn =
        format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{group}/0123456789abcdef");
    Binding::new(arn.parse().unwrap(), 8080)
}

pub(super) fn image(platforms: &[Platform]) -> ImageFacts {
    let variant = |platform: &Platform| ImageVariant {
        digest: Digest::of(platform.to_string().as_bytes()),
        platform: Some(platform.clone()),
    };
    ImageFacts {
        digest: Digest::of(b"index"),
        is_index: true,
        images: platforms.iter().map(variant).collect(),
    }
}

/// One in which everything is as it should be.
pub(super) fn world() -> World {
    let mut request =
        LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &"web".parse().unwrap());
    request.compute = Compute::LaunchType(LaunchType::Fargate);
    request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
    let web = ContainerFacts {
        name: "web".into(),
        image: IMAGE.into(),
        health_check: Some(ContainerHealthCheck { interval: secs(5), ..ContainerHealthCheck::default() }),
        ports: vec![8080],
        log: Some(LogConfiguration {
            driver: "awslogs".into(),
            group: Some("/ecs/web".into()),
            ..LogConfiguration::default()
        }),
        ..ContainerFacts::default()
    };
    let definition = TaskDefinitionFacts {
        compatibilities: vec![Compatibility::Ec2, Compatibility::Fargate],
        cpu: Some(256),
        memory: Some(512),
        runtime_platform: Some(RuntimePlatform {
            cpu_architecture: Some("X86_64".into()),
            operating_system_family: Some("LINUX".into()),
        }),
        execution_role: Some("arn:aws:iam::111122223333:role/execution".into()),
        ..TaskDefinitionFacts::new("web:3".parse().unwrap(), NetworkMode::AwsVpc, vec![web])
    };
    let group = TargetGroupFacts { vpc: Some("vpc-1".into()), ..TargetGroupFacts::new(TargetType::Ipv4) };
    let balancer = LoadBalancerFacts {
        arn: "balancer".into(),
        vpc: Some("vpc-1".into()),
        subnets: vec!["subnet-a".into(), "subnet-b".into()],
    };
    World {
        request,
        fallbacks: Vec::new(),
        bindings: vec![binding("web")],
        is_gated: true,
        waits_for_health: true,
        healthy_timeout: secs(120),
        facts: Facts {
            task_definition: Seen::Known(definition),
            groups: vec![Seen::Known(group)],
            images: BTreeMap::from([(
                IMAGE.to_owned(),
                Seen::Known(image(&[Platform::linux_amd64(), Platform::linux_arm64()])),
            )]),
            log_groups: BTreeMap::from([("/ecs/web".to_owned(), Seen::Known(()))]),
            load_balancers: Seen::Known(vec![balancer]),
        },
    }
}

impl World {
    pub(super) fn definition(&mut self) -> &mut TaskDefinitionFacts {
        match &mut self.facts.task_definition {
            Seen::Known(it) => it,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn web(&mut self) -> &mut ContainerFacts {
        &mut self.definition().containers[0]
    }

    pub(super) fn health_check(&mut self) -> &mut ContainerHealthCheck {
        self.web().health_check.as_mut().unwrap()
    }

    pub(super) fn group(&mut self) -> &mut TargetGroupFacts {
        match &mut self.facts.groups[0] {
            Seen::Known(it) => it,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn see_image(&mut self, seen: Seen<ImageFacts>) {
        self.facts.images.insert(IMAGE.to_owned(), seen);
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        let subject = Subject {
            request: &self.request,
            fallbacks: &self.fallbacks,
            bindings: &self.bindings,
            is_gated: self.is_gated,
            waits_for_health: self.waits_for_health,
            healthy_timeout: self.healthy_timeout,
        };
        check(&subject, &self.facts)
    }
}

pub(super) fn unreadable<T>() -> Seen<T> {
    Seen::Unreadable { why: "AccessDeniedException: no".to_owned() }
}
