//! What `fallback` becomes, and what is wrong with one.

use super::tests::{auth, parse, refused};
use crate::spec::{AwsVpc, CapacityProvider, Compute, LaunchType, Pool};

#[test]
fn fallbacks_say_what_is_other_there_and_nothing_more() {
    let config = parse(&auth(
        "capacity_providers = [{ name = \"FARGATE_SPOT\" }]\nsubnets = [\"subnet-a\"]\nsecurity_groups = [\"sg-1\"]\n\
         fallback = [{ subnets = [\"subnet-b\"] }, { launch_type = \"FARGATE\" },\n\
         { capacity_providers = [{ name = \"mine\" }], subnets = [\"subnet-c\"], assign_public_ip = true }]",
    ));
    let provider = |name: &str| {
        Compute::CapacityProviders(vec![CapacityProvider { name: name.into(), weight: 1, base: 0 }])
    };
    let network = |subnet: &str, assign_public_ip| {
        Some(AwsVpc { subnets: vec![subnet.into()], security_groups: vec!["sg-1".into()], assign_public_ip })
    };
    assert_eq!(
        config.services[0].fallbacks,
        [
            Pool { compute: provider("FARGATE_SPOT"), network: network("subnet-b", false) },
            Pool { compute: Compute::LaunchType(LaunchType::Fargate), network: network("subnet-a", false) },
            Pool { compute: provider("mine"), network: network("subnet-c", true) },
        ]
    );
    assert!(parse(&auth("")).services[0].fallbacks.is_empty(), "nothing is fallen back to that is not named");
    // As every key: a service's own takes the place of the default, an empty list included.
    let defaults = "[defaults]\nsubnets = [\"s\"]\nfallback = [{ launch_type = \"EC2\" }]\n";
    let fallbacks = |more: &str| parse(&format!("{defaults}{}", auth(more))).services[0].fallbacks.len();
    assert_eq!((fallbacks(""), fallbacks("fallback = []")), (1, 0));
}

#[test]
fn what_is_wrong_with_a_fallback() {
    let same = "services.auth: fallback 1 is the same as what is tried before it; name other subnets or another capacity \
                provider";
    refused(&auth("subnets = [\"s\"]\nfallback = [{}]"), &[&format!("5:1 {same}")]);
    refused(
        &auth("fallback = [{ launch_type = \"FARGATE\" }]"),
        &[
            "4:1 services.auth: fallback 1: no subnets are given; a Fargate task needs at least one (`subnets = \
           [\"subnet-…\"]`)",
        ],
    );
    refused(
        &auth("fallback = [{ launch_type = \"EC2\", capacity_providers = [{ name = \"x\" }] }]"),
        &[
            "4:1 services.auth.fallback[0] has both `launch_type` and `capacity_providers` | ECS takes one of them; for \
           Fargate Spot keep `capacity_providers`",
        ],
    );
    refused(
        &auth("fallback = [{ launchtype = \"EC2\", security_groups = [] }]"),
        &[
            "4:15 unknown key `launchtype` in services.auth.fallback[0] | did you mean `launch_type`?",
            "4:35 unknown key `security_groups` in services.auth.fallback[0] | `security_groups` stands in \
             [services.NAME] or [defaults]",
        ],
    );
    refused(
        &auth("fallback = [{ capacity_providers = [{ nam = \"x\" }] }]"),
        &["4:39 unknown key `nam` in services.auth.fallback[0].capacity_providers[0] | did you mean `name`?"],
    );
    let many: Vec<String> = (0..16).map(|number| format!("{{ subnets = [\"s{number}\"] }}")).collect();
    refused(
        &auth(&format!("subnets = [\"s\"]\nfallback = [{}]", many.join(", "))),
        &["5:1 services.auth: 16 fallbacks are given; there may be at most 15"],
    );
}
