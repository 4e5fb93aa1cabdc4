//! ELBv2's calls and answers on the SDK's own client.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::{
    DeregisterTargetsError, DeregisterTargetsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::DescribeTargetGroupsOutput;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::{
    DescribeTargetHealthError, DescribeTargetHealthOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::register_targets::RegisterTargetsOutput;
use aws_sdk_elasticloadbalancingv2::types::error::{InvalidTargetException, TargetGroupNotFoundException};
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthStateEnum,
};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};

use super::super::Elb;
use crate::error::ErrorKind;
use crate::ids::TargetGroupArn;
use crate::observation::{Target, TargetObservation, TargetState};
use crate::ports::TargetRegistrar;

fn elb(rules: &[&Rule]) -> Elb {
    Elb::new(mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules))
}

fn group() -> TargetGroupArn {
    "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef".parse().unwrap()
}

fn targets(count: u16) -> Vec<Target> {
    (0..count).map(|number| Target::new(format!("10.0.{}.{}", number / 250, number % 250), 8080)).collect()
}

fn healthy(id: &str, port: i32) -> TargetHealthDescription {
    TargetHealthDescription::builder()
        .target(TargetDescription::builder().id(id).port(port).build())
        .target_health(TargetHealth::builder().state(TargetHealthStateEnum::Healthy).build())
        .build()
}

fn names(targets: &[TargetDescription]) -> BTreeSet<(String, i32)> {
    targets.iter().map(|target| (target.id().unwrap().to_owned(), target.port().unwrap())).collect()
}

#[tokio::test]
async fn targets_go_by_the_two_hundred_with_their_ports() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&sent);
    let register = mock!(Client::register_targets).then_compute_output(move |input| {
        noted.lock().unwrap().push(names(input.targets()));
        RegisterTargetsOutput::builder().build()
    });
    let noted = Arc::clone(&sent);
    let deregister = mock!(Client::deregister_targets).then_compute_output(move |input| {
        noted.lock().unwrap().push(names(input.targets()));
        DeregisterTargetsOutput::builder().build()
    });
    let elb = elb(&[&register, &deregister]);
    let many = targets(401);
    elb.register(&group(), &many).await.unwrap();
    elb.deregister(&group(), &many).await.unwrap();
    elb.register(&group(), &[]).await.unwrap();
    elb.deregister(&group(), &[]).await.unwrap();
    let sizes: Vec<usize> = sent.lock().unwrap().iter().map(BTreeSet::len).collect();
    assert_eq!(sizes, [200, 200, 1, 200, 200, 1]);
    let registered: BTreeSet<_> = sent.lock().unwrap()[..3].iter().flatten().cloned().collect();
    assert_eq!(registered, many.iter().map(|target| (target.id.clone(), 8080)).collect());
}

#[tokio::test]
async fn an_absent_target_does_not_keep_the_others_in() {
    let absent = "10.0.0.1";
    let out = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&out);
    let rule = mock!(Client::deregister_targets).then_compute_response(move |input| {
        if input.targets().iter().any(|target| target.id() == Some(absent)) {
            let refused = InvalidTargetException::builder().build();
            return MockResponse::Error(DeregisterTargetsError::InvalidTargetException(refused));
        }
        noted.lock().unwrap().extend(names(input.targets()));
        MockResponse::Output(DeregisterTargetsOutput::builder().build())
    });
    elb(&[&rule]).deregister(&group(), &targets(3)).await.unwrap();
    let out: Vec<String> = out.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(out, ["10.0.0.0", "10.0.0.2"]);
}

#[tokio::test]
async fn a_group_that_is_gone_needs_no_deregistration() {
    let rule = mock!(Client::deregister_targets).then_error(|| {
        DeregisterTargetsError::TargetGroupNotFoundException(TargetGroupNotFoundException::builder().build())
    });
    elb(&[&rule]).deregister(&group(), &targets(1)).await.unwrap();
}

#[tokio::test]
async fn codes_of_the_query_protocol() {
    let refused = |code: &str| {
        let body = format!(
            "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender\
             </Type><Code>{code}</Code><Message>said so</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        mock!(Client::register_targets).sequence().http_status(400, Some(body)).times(3).build()
    };
    for (code, kind) in [
        ("TargetGroupNotFound", ErrorKind::NotFound),
        ("InvalidTarget", ErrorKind::Invalid),
        ("TooManyTargets", ErrorKind::Invalid),
        ("TooManyRegistrationsForTargetId", ErrorKind::Invalid),
        ("AccessDenied", ErrorKind::Denied),
        ("Throttling", ErrorKind::Throttled),
    ] {
        let error = elb(&[&refused(code)]).register(&group(), &targets(1)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert_eq!(error.failure().code.as_deref(), Some(code));
        assert!(error.failure().message.starts_with("said so"), "{error}");
    }
}

#[tokio::test]
async fn looks_are_answered_in_the_order_asked() {
    let rule = mock!(Client::describe_target_health).then_compute_output(|input| {
        let mut seen: Vec<_> = input
            .targets()
            .iter()
            .filter(|target| target.id() != Some("10.0.0.9"))
            .map(|target| healthy(target.id().unwrap(), target.port().unwrap()))
            .collect();
        seen.reverse();
        DescribeTargetHealthOutput::builder().set_target_health_descriptions(Some(seen)).build()
    });
    let asked = [
        Target::new("10.0.0.9", 80),
        Target::new("10.0.0.2", 80),
        Target::new("10.0.0.1", 81),
        Target::new("10.0.0.1", 80),
    ];
    let seen = elb(&[&rule]).observe_targets(&group(), &asked).await.unwrap();
    let is_there: Vec<bool> = seen.iter().map(|seen| seen.state == TargetState::Healthy).collect();
    assert_eq!(is_there, [false, true, true, true]);
    assert_eq!(seen[0], TargetObservation::not_registered());
    assert_eq!(elb(&[]).observe_targets(&group(), &[]).await.unwrap(), [], "no call for nothing");
}

#[tokio::test]
async fn one_refused_target_does_not_hide_the_others() {
    let rule = mock!(Client::describe_target_health).then_compute_response(|input| {
        if input.targets().is_empty() {
            let all = [healthy("2001:db8:0:0::1", 80), healthy("10.0.0.1", 80)];
            let all = DescribeTargetHealthOutput::builder().set_target_health_descriptions(Some(all.into()));
            return MockResponse::Output(all.build());
        }
        let refused = InvalidTargetException::builder().build();
        MockResponse::Error(DescribeTargetHealthError::InvalidTargetException(refused))
    });
    let asked = [Target::new("i-gone", 80), Target::new("10.0.0.1", 80), Target::new("2001:db8::1", 80)];
    let seen = elb(&[&rule]).observe_targets(&group(), &asked).await.unwrap();
    let is_there: Vec<bool> = seen.iter().map(|seen| seen.state == TargetState::Healthy).collect();
    assert_eq!(is_there, [false, true, true], "an IPv6 address is one however it is written");
}

#[tokio::test]
async fn all_targets_are_asked_for_without_naming_any() {
    let rule = mock!(Client::describe_target_health)
        .match_requests(|input| input.targets.is_none() && input.target_group_arn() == Some(group().as_str()))
        .then_output(|| {
            DescribeTargetHealthOutput::builder().target_health_descriptions(healthy("10.0.0.1", 80)).build()
        });
    let held = elb(&[&rule]).targets(&group()).await.unwrap();
    assert_eq!(held, [(Target::new("10.0.0.1", 80), TargetObservation::new(TargetState::Healthy, None))]);
}

#[tokio::test]
async fn a_group_that_nobody_describes_is_not_found() {
    let empty =
        mock!(Client::describe_target_groups).then_output(|| DescribeTargetGroupsOutput::builder().build());
    let error = elb(&[&empty]).target_group(&group()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
