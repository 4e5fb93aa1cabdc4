//! ELBv2 over ports.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::{
    DeregisterTargetsError, DeregisterTargetsInput, DeregisterTargetsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::{
    DescribeLoadBalancersError, DescribeLoadBalancersOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_group_attributes::{
    DescribeTargetGroupAttributesError, DescribeTargetGroupAttributesOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::{
    DescribeTargetGroupsError, DescribeTargetGroupsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::{
    DescribeTargetHealthError, DescribeTargetHealthInput, DescribeTargetHealthOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::register_targets::{
    RegisterTargetsError, RegisterTargetsOutput,
};
use aws_sdk_elasticloadbalancingv2::types::error::TargetGroupNotFoundException;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetGroupAttribute, TargetHealth, TargetHealthDescription,
};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use ecs_warmstart::ids::TargetGroupArn;
use ecs_warmstart::observation::{Target, TargetObservation};
use ecs_warmstart::ports::Ports;

use super::client::{at_once, meta};
use super::facts;

pub(super) fn rules(cloud: &Ports) -> Vec<Rule> {
    let of = || cloud.clone();
    let (register, deregister, health, describe, attributes, balancers) =
        (of(), of(), of(), of(), of(), of());
    vec![
        mock!(Client::register_targets).then_compute_response(move |input| {
            let targets = targets_of(input.targets());
            match at_once(register.registrar.register(&group(input.target_group_arn()), &targets)) {
                Ok(()) => MockResponse::Output(RegisterTargetsOutput::builder().build()),
                Err(error) => MockResponse::Error(RegisterTargetsError::generic(meta(&error))),
            }
        }),
        mock!(Client::deregister_targets)
            .then_compute_response(move |input| deregister_targets(&deregister, input)),
        mock!(Client::describe_target_health)
            .then_compute_response(move |input| target_health(&health, input)),
        mock!(Client::describe_target_groups).then_compute_response(move |input| {
            let asked: Vec<_> = input.target_group_arns().iter().map(|arn| group(Some(arn))).collect();
            match at_once(describe.inspector.target_groups(&asked)) {
                Ok(facts) => {
                    // AWS answers in an order of its own.
                    let groups =
                        asked.iter().zip(&facts).rev().map(|(arn, facts)| facts::group_of(arn, facts));
                    let output = DescribeTargetGroupsOutput::builder();
                    MockResponse::Output(output.set_target_groups(Some(groups.collect())).build())
                }
                Err(error) => MockResponse::Error(DescribeTargetGroupsError::generic(meta(&error))),
            }
        }),
        mock!(Client::describe_target_group_attributes).then_compute_response(move |input| {
            match at_once(attributes.inspector.deregistration_delay(&group(input.target_group_arn()))) {
                Ok(delay) => MockResponse::Output(attributes_of(delay)),
                Err(error) => MockResponse::Error(DescribeTargetGroupAttributesError::generic(meta(&error))),
            }
        }),
        mock!(Client::describe_load_balancers).then_compute_response(move |_| {
            match at_once(balancers.inspector.load_balancers()) {
                Ok(found) => {
                    let found = found.iter().map(facts::load_balancer_of).collect();
                    MockResponse::Output(
                        DescribeLoadBalancersOutput::builder().set_load_balancers(Some(found)).build(),
                    )
                }
                Err(error) => MockResponse::Error(DescribeLoadBalancersError::generic(meta(&error))),
            }
        }),
    ]
}

fn attributes_of(delay: Duration) -> DescribeTargetGroupAttributesOutput {
    let attribute = |key: &str, value: String| TargetGroupAttribute::builder().key(key).value(value).build();
    DescribeTargetGroupAttributesOutput::builder()
        .attributes(attribute("slow_start.duration_seconds", "0".into()))
        .attributes(attribute("deregistration_delay.timeout_seconds", delay.as_secs().to_string()))
        .build()
}

fn group(arn: Option<&str>) -> TargetGroupArn {
    arn.expect("a group is always named").parse().unwrap()
}

fn targets_of(targets: &[TargetDescription]) -> Vec<Target> {
    assert!(targets.len() <= 200, "more targets than AWS's own controller sends: {}", targets.len());
    targets
        .iter()
        .map(|target| {
            let port = target.port().expect("the port is always given");
            Target::new(target.id().unwrap(), port.try_into().unwrap())
        })
        .collect()
}

/// ELBv2 refuses a group that it does not know, where a port says nothing.
fn deregister_targets(
    cloud: &Ports,
    input: &DeregisterTargetsInput,
) -> MockResponse<DeregisterTargetsOutput, DeregisterTargetsError> {
    let group = group(input.target_group_arn());
    if let Err(error) = at_once(cloud.registrar.targets(&group)) {
        let unknown = TargetGroupNotFoundException::builder().meta(meta(&error)).build();
        return MockResponse::Error(DeregisterTargetsError::TargetGroupNotFoundException(unknown));
    }
    match at_once(cloud.registrar.deregister(&group, &targets_of(input.targets()))) {
        Ok(()) => MockResponse::Output(DeregisterTargetsOutput::builder().build()),
        Err(error) => MockResponse::Error(DeregisterTargetsError::generic(meta(&error))),
    }
}

fn target_health(
    cloud: &Ports,
    input: &DescribeTargetHealthInput,
) -> MockResponse<DescribeTargetHealthOutput, DescribeTargetHealthError> {
    let group = group(input.target_group_arn());
    let seen = if input.targets().is_empty() {
        at_once(cloud.registrar.targets(&group))
    } else {
        let targets = targets_of(input.targets());
        at_once(cloud.waiter.observe_targets(&group, &targets))
            .map(|seen| targets.into_iter().zip(seen).collect())
    };
    match seen {
        Ok(seen) => {
            // AWS promises no order.
            let seen = seen.iter().rev().map(|(target, seen)| health_of(target, seen)).collect();
            let answer = DescribeTargetHealthOutput::builder().set_target_health_descriptions(Some(seen));
            MockResponse::Output(answer.build())
        }
        Err(error) => MockResponse::Error(DescribeTargetHealthError::generic(meta(&error))),
    }
}

fn health_of(target: &Target, seen: &TargetObservation) -> TargetHealthDescription {
    let health = TargetHealth::builder()
        .state(seen.state.as_str().into())
        .set_reason(seen.reason.as_ref().map(|reason| reason.as_str().into()))
        .set_description(seen.description.clone())
        .build();
    TargetHealthDescription::builder()
        .target(TargetDescription::builder().id(&target.id).port(target.port.into()).build())
        .target_health(health)
        .build()
}
