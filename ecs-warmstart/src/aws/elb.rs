//! ELBv2: target groups and their targets.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::DeregisterTargetsError;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthError;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetGroup, TargetHealthDescription};

use super::convert;
use super::definitions;
use super::error::port_error;
use super::request;
use crate::error::{ErrorKind, PortError};
use crate::facts::{LoadBalancerFacts, TargetGroupFacts};
use crate::ids::TargetGroupArn;
use crate::observation::{Target, TargetObservation};
use crate::ports::{Result, TargetRegistrar};

/// How many targets go into one call. AWS names no limit; its own Load Balancer Controller sends 200.
const TARGETS_MAX: usize = 200;

/// How many target groups are described in one call. AWS names no limit; of load balancers `DescribeLoadBalancers` takes 20.
const GROUPS_MAX: usize = 20;

/// ELBv2 of one region. Clones are handles on the same client.
#[derive(Clone, Debug)]
pub struct Elb {
    client: Client,
}

impl Elb {
    /// ELBv2 by this client. It should have an attempt timeout, which the SDK does not set.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The target half of [`HealthWaiter`](crate::ports::HealthWaiter): one observation for each target, in the order
    /// asked.
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        let mut observations = Vec::with_capacity(targets.len());
        for chunk in targets.chunks(TARGETS_MAX) {
            let seen = self.look(group, chunk).await?;
            let look = |target: &Target| match seen.get(&convert::canonical(target)) {
                Some(observation) => observation.clone(),
                None => TargetObservation::not_registered(),
            };
            observations.extend(chunk.iter().map(look));
        }
        Ok(observations)
    }

    /// The target group half of [`Inspector`](crate::ports::Inspector).
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        let mut facts = self.target_groups(std::slice::from_ref(group)).await?;
        facts.pop().ok_or_else(|| no_such_group(group))
    }

    /// The same of several, in the order asked.
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        let mut facts = Vec::with_capacity(groups.len());
        for chunk in groups.chunks(GROUPS_MAX) {
            let answer = self
                .client
                .describe_target_groups()
                .set_target_group_arns(Some(chunk.iter().map(ToString::to_string).collect()))
                .send()
                .await
                .map_err(|error| port_error("elasticloadbalancing:DescribeTargetGroups", error))?;
            for group in chunk {
                let is_it = |described: &&TargetGroup| described.target_group_arn() == Some(group.as_str());
                let described = answer.target_groups().iter().find(is_it);
                facts.push(definitions::target_group(described.ok_or_else(|| no_such_group(group))?));
            }
        }
        Ok(facts)
    }

    /// The drain half of [`Inspector`](crate::ports::Inspector): how long a target drains.
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        let answer = self
            .client
            .describe_target_group_attributes()
            .target_group_arn(group.as_str())
            .send()
            .await
            .map_err(|error| port_error("elasticloadbalancing:DescribeTargetGroupAttributes", error))?;
        convert::deregistration_delay(answer.attributes())
    }

    /// The load balancer part of [`Inspector`](crate::ports::Inspector): all pages of them.
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        let found = self.client.describe_load_balancers().into_paginator().items().send();
        let found: Result<Vec<_>, _> = found.collect().await;
        let found = found.map_err(|error| port_error("elasticloadbalancing:DescribeLoadBalancers", error))?;
        Ok(found.iter().map(definitions::load_balancer).collect())
    }

    /// The health of those targets that the group knows, by their canonical form.
    async fn look(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<HashMap<Target, TargetObservation>> {
        let answer = match self.describe(group, Some(request::target_descriptions(targets))).await {
            // One target that ELBv2 refuses to look at says nothing of the others: look at the whole group instead.
            Err(Refused::Target) => self.describe(group, None).await,
            answer => answer,
        };
        let seen = answer.map_err(Refused::into_port_error)?;
        Ok(seen
            .iter()
            .filter_map(convert::target_health)
            .map(|(target, observation)| (convert::canonical(&target), observation))
            .collect())
    }

    async fn describe(
        &self,
        group: &TargetGroupArn,
        targets: Option<Vec<TargetDescription>>,
    ) -> Result<Vec<TargetHealthDescription>, Refused> {
        let answer = self
            .client
            .describe_target_health()
            .target_group_arn(group.as_str())
            .set_targets(targets)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.target_health_descriptions.unwrap_or_default()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_invalid_target_exception()) =>
            {
                Err(Refused::Target)
            }
            Err(error) => Err(Refused::Call(port_error::<DescribeTargetHealthError>(
                "elasticloadbalancing:DescribeTargetHealth",
                error,
            ))),
        }
    }

    /// Takes out one chunk, and says whether ELBv2 refused a target of it.
    async fn deregister_chunk(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<(), Refused> {
        let answer = self
            .client
            .deregister_targets()
            .target_group_arn(group.as_str())
            .set_targets(Some(request::target_descriptions(targets)))
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        match error.as_service_error() {
            Some(DeregisterTargetsError::TargetGroupNotFoundException(_)) => Ok(()),
            Some(DeregisterTargetsError::InvalidTargetException(_)) => Err(Refused::Target),
            _ => Err(Refused::Call(port_error("elasticloadbalancing:DeregisterTargets", error))),
        }
    }
}

fn no_such_group(group: &TargetGroupArn) -> PortError {
    PortError::new(ErrorKind::NotFound, format!("there is no target group {}", group.name()))
}

/// Why a call about several targets did not work.
#[derive(Debug)]
enum Refused {
    /// `InvalidTarget`: because of at least one of them.
    Target,
    /// As a whole.
    Call(PortError),
}

impl Refused {
    fn into_port_error(self) -> PortError {
        match self {
            Self::Target => {
                PortError::new(ErrorKind::Invalid, "ELBv2 refuses a target").with_code("InvalidTarget")
            }
            Self::Call(error) => error,
        }
    }
}

#[async_trait]
impl TargetRegistrar for Elb {
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        for chunk in targets.chunks(TARGETS_MAX) {
            self.client
                .register_targets()
                .target_group_arn(group.as_str())
                .set_targets(Some(request::target_descriptions(chunk)))
                .send()
                .await
                .map_err(|error| port_error("elasticloadbalancing:RegisterTargets", error))?;
        }
        Ok(())
    }

    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        for chunk in targets.chunks(TARGETS_MAX) {
            match self.deregister_chunk(group, chunk).await {
                Ok(()) => {}
                // AWS answers success for an absent target, others refuse the whole call: then one by one.
                Err(Refused::Target) => {
                    for target in chunk {
                        match self.deregister_chunk(group, std::slice::from_ref(target)).await {
                            Ok(()) | Err(Refused::Target) => {}
                            Err(Refused::Call(error)) => return Err(error),
                        }
                    }
                }
                Err(Refused::Call(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        let seen = self.describe(group, None).await.map_err(Refused::into_port_error)?;
        Ok(seen.iter().filter_map(convert::target_health).collect())
    }
}
