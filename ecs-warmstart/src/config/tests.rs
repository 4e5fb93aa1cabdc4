//! Every bad input with its exact message, and what good input becomes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Config;
use super::file;
use super::keys::Level;
use crate::fleet::GateKind;
use crate::spec::{AwsVpc, CapacityProvider, Compute, LaunchType, OnFailure};

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";

/// A service that is as it should be, with `more` in its own table.
pub(super) fn auth(more: &str) -> String {
    format!(
        "[services.auth]\ncluster = \"c\"\ntask_definition = \"t\"\n{more}\n[[services.auth.bindings]]\n\
         target_group = \"{GROUP}\"\nport = 8080\n"
    )
}

fn env(name: &str) -> Option<String> {
    match name {
        "GROUP" => Some(GROUP.to_owned()),
        "PORT" => Some("9090".to_owned()),
        "YES" => Some("true".to_owned()),
        "TRICK" => Some("x\"\nport = 1\n[services.evil]".to_owned()),
        _ => None,
    }
}

pub(super) fn parse(text: &str) -> Config {
    Config::parse(text, env).unwrap_or_else(|error| panic!("{error}\n\n{text}"))
}

/// Holds the text against everything that is said of it: location, message and hint, one line each.
#[track_caller]
pub(super) fn refused(text: &str, expected: &[&str]) {
    let error = Config::parse(text, env).expect_err("it was taken");
    let mut said = Vec::new();
    for problem in error.problems() {
        let location = problem.location().unwrap();
        let place = location.strip_prefix("configuration:").unwrap();
        let hint = problem.hint().map(|hint| format!(" | {hint}")).unwrap_or_default();
        said.push(format!("{place} {}{hint}", problem.message()));
    }
    assert_eq!(said, expected);
}

#[test]
fn the_whole_form_is_read() {
    let config = parse(&format!(
        r#"
        region = "us-east-2"
        [defaults]
        launch_type = "FARGATE"
        subnets = ["subnet-a", "subnet-b"]
        security_groups = ["sg-1"]
        assign_public_ip = "${{YES}}"
        gate = "running"
        running_timeout = "1m 30s"
        on_failure = "keep"
        tags = {{ team = "a", stage = "b" }}
        [services.zeta]
        cluster = "zeta-cluster"
        task_definition = "zeta:7"
        bindings = [{{ target_group = "${{GROUP}}", container = "web", port = "${{PORT:-8080}}" }}]
        [services.alpha]
        cluster = "arn:aws:ecs:us-east-2:111122223333:cluster/alpha"
        task_definition = "alpha"
        count = 2
        capacity_providers = [{{ name = "FARGATE_SPOT", weight = 3 }}, {{ name = "FARGATE", base = 1 }}]
        security_groups = []
        assign_public_ip = false
        platform_version = "1.4.0"
        enable_execute_command = true
        gate = "container-healthy"
        healthy_timeout = "10s"
        on_failure = "undo"
        tags = {{ team = "c" }}
        bindings = [{{ target_group = "{GROUP}", port = 1 }}, {{ target_group = "{GROUP}", port = 2 }}]
        "#
    ));
    assert_eq!(config.region.as_deref(), Some("us-east-2"));
    let [zeta, alpha] = config.services.as_slice() else { panic!("{:?}", config.services) };

    assert_eq!((zeta.name.as_str(), zeta.count, zeta.gate), ("zeta", 1, GateKind::Running));
    assert_eq!(zeta.request.cluster.as_str(), "zeta-cluster");
    assert_eq!(zeta.request.task_definition.as_str(), "zeta:7");
    assert_eq!(zeta.request.compute, Compute::LaunchType(LaunchType::Fargate));
    let subnets = vec!["subnet-a".to_owned(), "subnet-b".to_owned()];
    let network =
        AwsVpc { subnets: subnets.clone(), security_groups: vec!["sg-1".into()], assign_public_ip: true };
    assert_eq!(zeta.request.network, Some(network));
    assert_eq!(zeta.request.tags.len(), 2);
    assert_eq!(zeta.on_failure, OnFailure::Keep);
    assert_eq!(zeta.running_timeout, Duration::from_secs(90));
    assert_eq!(zeta.healthy_timeout, Duration::from_secs(120));
    assert_eq!((zeta.bindings[0].port, zeta.bindings[0].container.as_deref()), (9090, Some("web")));
    assert_eq!(zeta.bindings[0].target_group.as_str(), GROUP);

    assert_eq!((alpha.name.as_str(), alpha.count, alpha.gate), ("alpha", 2, GateKind::ContainerHealthy));
    let provider = |name: &str, weight, base| CapacityProvider { name: name.into(), weight, base };
    let providers = vec![provider("FARGATE_SPOT", 3, 0), provider("FARGATE", 1, 1)];
    assert_eq!(alpha.request.compute, Compute::CapacityProviders(providers));
    assert_eq!(alpha.request.network, Some(AwsVpc { subnets, ..AwsVpc::default() }));
    assert_eq!(alpha.request.tags, BTreeMap::from([("team".to_owned(), "c".to_owned())]));
    assert_eq!(alpha.request.platform_version.as_deref(), Some("1.4.0"));
    assert!(alpha.request.enable_execute_command);
    assert_eq!(alpha.request.started_by, "ecs-warmstart/alpha");
    assert_eq!(alpha.on_failure, OnFailure::Undo);
    assert_eq!(alpha.running_timeout, Duration::from_secs(90));
    assert_eq!(alpha.healthy_timeout, Duration::from_secs(10));
    assert_eq!(alpha.bindings.len(), 2);
}

#[test]
fn everything_but_the_name_may_be_a_default() {
    let config = parse(&format!(
        "region = \"${{NONE:-}}\"\n[defaults]\ncluster = \"c\"\ntask_definition = \"t\"\ncount = 3\n\
         bindings = [{{ target_group = \"{GROUP}\", port = 80 }}]\n[services.a]\n[services.b]\ncount = 1\n"
    ));
    assert_eq!(config.region, None);
    let counts: Vec<_> = config.services.iter().map(|it| (it.name.as_str(), it.count)).collect();
    assert_eq!(counts, [("a", 3), ("b", 1)]);
    assert_eq!(config.services[0].request.compute, Compute::ClusterDefault);
    assert_eq!(config.services[0].request.network, None);
}

#[test]
fn a_variable_cannot_change_what_the_file_means() {
    let config = parse(&auth("platform_version = \"${TRICK}\"\ntags = { price = \"5$$\" }"));
    assert_eq!(config.services.len(), 1);
    assert_eq!(config.services[0].bindings[0].port, 8080);
    assert_eq!(config.services[0].request.platform_version, env("TRICK"));
    assert_eq!(config.services[0].request.tags["price"], "5$");
}

#[test]
fn variables() {
    refused(
        &auth("platform_version = \"${NONE}\"\nsubnets = [\"a\", \"${NOPE}\"]"),
        &[
            "4:20 the environment variable NONE is not set | set it, or give a default: ${NONE:-default}",
            "5:17 the environment variable NOPE is not set | set it, or give a default: ${NOPE:-default}",
        ],
    );
    refused(
        &auth("platform_version = \"${NONE\"\ntags = { a = \"${A B}\" }"),
        &[
            "4:20 a variable begins with ${ and never ends | a dollar as such is $$",
            "5:14 \"A B\" is not the name of an environment variable | a name has letters, digits and _; a dollar \
             as such is $$",
        ],
    );
}

#[test]
fn unknown_keys() {
    refused(
        &auth("clutser = \"x\""),
        &["4:1 unknown key `clutser` in services.auth | did you mean `cluster`?"],
    );
    refused(
        &format!("[service.a]\n{}", auth("region = \"x\"\nport = 1\nContainer_Port = 2")),
        &[
            "1:2 unknown key `service` | did you mean `services`?",
            "5:1 unknown key `region` in services.auth | `region` stands at the top of the file",
            "6:1 unknown key `port` in services.auth | `port` stands in [[services.NAME.bindings]]",
            "7:1 unknown key `Container_Port` in services.auth | did you mean `container`? It stands in \
             [[services.NAME.bindings]]",
        ],
    );
    refused(
        &format!("subnets = []\n[defaults]\nzzzzzz = 1\n{}prt = 1", auth("")),
        &[
            "1:1 unknown key `subnets` | `subnets` stands in [services.NAME] or [defaults]",
            "3:1 unknown key `zzzzzz` in defaults | known here: cluster, task_definition, count, bindings, \
             launch_type, capacity_providers, fallback, subnets, security_groups, assign_public_ip, platform_version, \
             tags, enable_execute_command, gate, on_failure, running_timeout, healthy_timeout",
            "11:1 unknown key `prt` in services.auth.bindings[0] | did you mean `port`?",
        ],
    );
    refused(
        &auth("capacity_providers = [{ name = \"FARGATE\", wieght = 1 }]"),
        &["4:43 unknown key `wieght` in services.auth.capacity_providers[0] | did you mean `weight`?"],
    );
}

#[test]
fn wrong_types_and_ranges() {
    for (more, expected) in [
        ("count = 0", "4:9 services.auth.count: 0 is out of range, 1 to 100"),
        ("count = 101", "4:9 services.auth.count: 101 is out of range, 1 to 100"),
        ("count = -1", "4:9 services.auth.count: -1 is out of range, 1 to 100"),
        (
            "count = \"two\"",
            "4:9 services.auth.count: invalid value: string \"two\", expected a whole number",
        ),
        (
            "count = 1.5",
            "4:9 services.auth.count: invalid type: floating point `1.5`, expected a whole number",
        ),
        (
            "assign_public_ip = \"yes\"",
            "4:20 services.auth.assign_public_ip: invalid value: string \"yes\", expected true or false",
        ),
        (
            "subnets = \"subnet-a\"",
            "4:11 services.auth.subnets: invalid type: string \"subnet-a\", expected a list",
        ),
        (
            "platform_version = 1",
            "4:20 services.auth.platform_version: invalid type: integer `1`, expected a string",
        ),
        ("tags = { a = 1 }", "4:14 services.auth.tags.a: invalid type: integer `1`, expected a string"),
        (
            "launch_type = \"FARGAT\"",
            "4:15 services.auth.launch_type: unknown value `FARGAT`, expected one of `FARGATE`, `EC2`, `EXTERNAL`, \
             `MANAGED_INSTANCES`",
        ),
        (
            "gate = \"healthy\"",
            "4:8 services.auth.gate: unknown value `healthy`, expected `running` or `container-healthy`",
        ),
        (
            "on_failure = \"leave\"",
            "4:14 services.auth.on_failure: unknown value `leave`, expected `undo` or `keep`",
        ),
        (
            "running_timeout = \"5 apples\"",
            "4:19 services.auth.running_timeout: invalid value: string \"5 apples\", expected a duration such as \
             \"5m\" or \"90s\"",
        ),
        (
            "healthy_timeout = 120",
            "4:19 services.auth.healthy_timeout: invalid type: integer `120`, expected a duration such as \"5m\" \
             or \"90s\"",
        ),
        ("healthy_timeout = \"0s\"", "4:19 services.auth.healthy_timeout: a duration has to be above zero"),
        (
            "capacity_providers = [{ weight = 1 }]",
            "4:23 services.auth.capacity_providers[0]: missing key `name`",
        ),
        (
            "capacity_providers = [{ name = \"X\", weight = 1001 }]",
            "4:46 services.auth.capacity_providers[0].weight: 1001 is out of range, 0 to 1000",
        ),
    ] {
        refused(&auth(more), &[expected]);
    }
}

#[test]
fn bindings_and_names() {
    let binding = |binding: &str| {
        format!(
            "[services.a]\ncluster = \"c\"\ntask_definition = \"t\"\n[[services.a.bindings]]\n{binding}\n"
        )
    };
    let group = format!("target_group = \"{GROUP}\"");
    for port in ["0", "70000"] {
        let expected = format!("6:8 services.a.bindings[0].port: {port} is out of range, 1 to 65535");
        refused(&binding(&format!("{group}\nport = {port}")), &[&expected]);
    }
    refused(&binding(&group), &["4:1 services.a.bindings[0]: missing key `port`"]);
    refused(&binding("port = 1"), &["4:1 services.a.bindings[0]: missing key `target_group`"]);
    refused(
        &binding("target_group = \"auth\"\nport = 1"),
        &["5:16 services.a.bindings[0].target_group: \"auth\" is not a target group's ARN: it begins with \
           arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/"],
    );
    let twice = format!("{group}\nport = 1\n[[services.a.bindings]]\n{group}\nport = 1");
    refused(&binding(&twice), &["4:14 services.a: two bindings name the same port of target group auth"]);
    let table = binding(&format!("{group}\nport = 1")).replace("[[", "[").replace("]]", "]");
    refused(
        &table,
        &["4:1 services.a.bindings: invalid type: table, expected a list | write it with two brackets: \
           [[services.a.bindings]]"],
    );
    refused(
        &auth("").replace("\"c\"", "\"my cluster\""),
        &[
            "2:11 services.auth.cluster: \"my cluster\" is not a cluster's name or ARN: ' ' is not a letter, digit, \
           '-' or '_'",
        ],
    );
    refused(
        &auth("").replace("\"t\"", "\"t:latest\""),
        &[
            "3:19 services.auth.task_definition: \"t:latest\" is not a task definition: the revision after ':' is a \
           number",
        ],
    );
    refused(
        &auth("").replace("services.auth", "services.\"my auth\""),
        &["1:11 \"my auth\" is not a service's name: ' ' is not a letter, digit, '-' or '_'"],
    );
    let long = "x".repeat(65);
    let expected = format!("1:11 {long:?} is not a service's name: the name has 65 characters, at most 64");
    refused(&auth("").replace("services.auth", &format!("services.{long}")), &[&expected]);
}

#[test]
fn what_only_shows_when_seen_together() {
    refused(
        "[services.a]\n[services.b]\ncluster = \"c\"\nbindings = []\n",
        &[
            "1:11 services.a has no `cluster` | give the name or the ARN of the ECS cluster",
            "1:11 services.a has no `task_definition` | give its family, or family:revision",
            "1:11 services.a has no `bindings` | add [[services.a.bindings]] with target_group and port",
            "2:11 services.b has no `task_definition` | give its family, or family:revision",
            "4:1 services.b has no `bindings` | add [[services.b.bindings]] with target_group and port",
        ],
    );
    let none =
        "1:1 no service is configured | add one: [services.NAME] with cluster, task_definition and bindings";
    refused("", &[none]);
    refused("[services]", &[none]);
    let no_subnets = "services.auth: no subnets are given; a Fargate task needs at least one (`subnets = \
                      [\"subnet-…\"]`)";
    refused(&auth("launch_type = \"FARGATE\""), &[&format!("1:11 {no_subnets}")]);
    refused(&auth("launch_type = \"FARGATE\"\nsubnets = []"), &[&format!("5:1 {no_subnets}")]);
    let spot = "capacity_providers = [{ name = \"FARGATE_SPOT\" }]";
    refused(&auth(spot), &[&format!("1:11 {no_subnets}")]);
    let both = "services.auth has both `launch_type` and `capacity_providers` | ECS takes one of them; for Fargate \
                Spot keep `capacity_providers`";
    refused(&auth(&format!("launch_type = \"EC2\"\n{spot}\nsubnets = [\"a\"]")), &[&format!("5:1 {both}")]);
    refused(
        &format!("[defaults]\nlaunch_type = \"EC2\"\n{spot}\n{}", auth("subnets = [\"a\"]")),
        &[&format!("3:1 {}", both.replace("services.auth", "defaults"))],
    );
    refused(
        &auth("security_groups = [\"sg-1\"]\nassign_public_ip = true"),
        &[
            "4:1 services.auth has `security_groups` but no `subnets` | only a task with a network interface of its \
             own has them; it needs at least one subnet",
            "5:1 services.auth has `assign_public_ip` but no `subnets` | only a task with a network interface of its \
             own has them; it needs at least one subnet",
        ],
    );
    refused(
        &auth("capacity_providers = []"),
        &["4:1 services.auth: the capacity providers are wrong: ECS takes 1 to 20 of them"],
    );
    let many = format!("subnets = [\"a\"]\nsecurity_groups = [{}]", "\"sg\",".repeat(6));
    refused(&auth(&many), &["5:1 services.auth: 6 security groups are given; ECS takes at most 5"]);
}

#[test]
fn one_compute_takes_the_place_of_the_other() {
    let spot = "capacity_providers = [{ name = \"FARGATE_SPOT\" }]";
    let text = format!("[defaults]\nsubnets = [\"a\"]\n{spot}\n{}", auth("launch_type = \"EC2\""));
    assert_eq!(parse(&text).services[0].request.compute, Compute::LaunchType(LaunchType::Ec2));
}

#[test]
fn tables_and_lists() {
    refused("services = 3", &["1:12 services: invalid type: integer `3`, expected a table"]);
    refused("services = []", &["1:12 services: invalid type: list, expected a table"]);
    refused(
        "defaults = []\n[[services.a]]\nclutser = 1",
        &[
            "1:12 defaults: invalid type: list, expected a table | write it with one pair of brackets: [defaults]",
            "2:1 services.a: invalid type: list, expected a table | write it with one pair of brackets: [services.a]",
        ],
    );
    refused(
        "[services.a]\nbindings = [[\"x\", \"y\", 1]]",
        &["2:13 services.a.bindings[0]: invalid type: list, expected a table"],
    );
    refused(
        "[services.a]\ncluster = [\"x\"]",
        &["2:11 services.a.cluster: invalid type: list, expected a string"],
    );
    refused("[services]\na = \"x\"", &["2:5 services.a: invalid type: string \"x\", expected a table"]);
    refused(
        "[services.a]\nbindings = [\"x\"]",
        &["2:13 services.a.bindings[0]: invalid type: string \"x\", expected a table"],
    );
    refused(
        "[services.a]\ncapacity_providers = \"FARGATE\"",
        &["2:22 services.a.capacity_providers: invalid type: string \"FARGATE\", expected a list"],
    );
}

#[test]
fn what_is_no_toml() {
    refused("[services.auth", &["1:15 unclosed table, expected `]`"]);
    let twice = format!("{}{}", auth(""), auth(""));
    refused(&twice, &["8:11 `auth` is given twice"]);
    refused("[services.a]\ncount = 1\ncount = 2", &["3:1 `count` is given twice"]);
}

#[test]
fn an_error_shows_the_line() {
    let error = Config::parse(&auth("clutser = \"x\""), env).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown key `clutser` in services.auth\n  --> configuration:4:1\n  |\n4 | clutser = \"x\"\n  | ^^^^^^^\n\
         hint: did you mean `cluster`?"
    );
}

#[test]
fn a_file_is_read_and_a_missing_one_is_named() {
    use std::error::Error;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("warmstart.toml");
    let error = Config::load(&path).unwrap_err();
    assert_eq!(error.problems()[0].message(), format!("cannot read {}", path.display()));
    assert_eq!(
        error.problems()[0].hint(),
        Some("a configuration file is needed; --config names another one")
    );
    assert!(error.source().unwrap().to_string().contains("No such file"), "{error:?}");

    std::fs::write(&path, auth("count = 7")).unwrap();
    assert_eq!(Config::load(&path).unwrap().services[0].count, 7);
    std::fs::write(&path, auth("count = 0")).unwrap();
    let location = Config::load(&path).unwrap_err().problems()[0].location().unwrap();
    assert_eq!(location, format!("{}:4:9", path.display()));
}

#[test]
fn the_known_keys_are_those_of_the_types() {
    let schema = file::json_schema();
    let keys = |properties: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    for level in Level::ALL {
        let properties = match level {
            Level::Top => &schema["properties"],
            Level::Service => &schema["$defs"]["Service"]["properties"],
            Level::Binding => &schema["$defs"]["Binding"]["properties"],
            Level::CapacityProvider => &schema["$defs"]["CapacityProvider"]["properties"],
            Level::Fallback => &schema["$defs"]["Fallback"]["properties"],
        };
        let mut known: Vec<_> = level.keys().iter().map(ToString::to_string).collect();
        known.sort();
        assert_eq!(keys(properties), known, "{level:?}");
    }
}
