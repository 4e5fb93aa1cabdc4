//! What is refused before anything is called.

use super::*;
use crate::ids::ServiceName;

fn request() -> LaunchRequest {
    let service = ServiceName::new("auth").unwrap();
    let mut request = LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &service);
    request.compute = Compute::LaunchType(LaunchType::Fargate);
    request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
    request
}

#[track_caller]
fn check(change: impl FnOnce(&mut LaunchRequest), expected: Result<(), InvalidSpec>) {
    let mut request = request();
    change(&mut request);
    assert_eq!(request.validate(), expected);
}

#[test]
fn what_run_task_would_refuse_is_refused_here() {
    let provider = |weight, base| CapacityProvider { name: "FARGATE_SPOT".into(), weight, base };
    check(|_| {}, Ok(()));
    check(|request| request.network = None, Err(InvalidSpec::NoSubnets));
    check(|request| request.network = Some(AwsVpc::default()), Err(InvalidSpec::NoSubnets));
    check(
        |request| request.network.as_mut().unwrap().subnets = vec![String::new(); 17],
        Err(InvalidSpec::TooManySubnets { given: 17 }),
    );
    check(
        |request| request.network.as_mut().unwrap().security_groups = vec![String::new(); 6],
        Err(InvalidSpec::TooManySecurityGroups { given: 6 }),
    );
    check(|request| request.compute = Compute::CapacityProviders(vec![provider(1, 0)]), Ok(()));
    for wrong in [
        vec![],
        vec![provider(0, 0)],
        vec![provider(1001, 0)],
        vec![provider(1, 1), provider(1, 1)],
        vec![provider(1, 0); 21],
    ] {
        let mut request = request();
        request.compute = Compute::CapacityProviders(wrong);
        assert!(matches!(request.validate(), Err(InvalidSpec::CapacityProviders(_))));
    }
    check(
        |request| {
            request.compute = Compute::LaunchType(LaunchType::Ec2);
            request.network = None;
        },
        Ok(()),
    );
}

#[test]
fn bindings_are_checked() {
    let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
    let binding = |port| Binding::new(group.parse().unwrap(), port);
    let builder = || Spec::builder("auth".parse().unwrap(), "r".parse().unwrap(), request());
    assert_eq!(builder().binding(binding(0)).build().unwrap_err(), InvalidSpec::PortOutOfRange);
    let twice = builder().binding(binding(80)).binding(binding(80)).build();
    assert_eq!(twice.unwrap_err(), InvalidSpec::SameBindingTwice(group.parse().unwrap()));
    assert_eq!(builder().binding(binding(80)).binding(binding(81)).build().unwrap().bindings().len(), 2);
}
