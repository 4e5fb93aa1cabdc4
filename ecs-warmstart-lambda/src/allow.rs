//! Who may start what: an event names what runs with this function's role, so it is checked before any call.

use std::fmt::Display;

use ecs_warmstart::fleet::{Service, Touched};
use ecs_warmstart::ids::{ClusterId, RoleArn, TargetGroupArn, TaskDefinitionId};
use ecs_warmstart::overrides::{ContainerOverride, TaskOverride};

use crate::failure::{Failure, FailureKind};
use crate::settings::{Defaults, wrong};

/// What may stand between two patterns.
const SEPARATORS: [char; 5] = [',', ' ', '\n', '\t', '\r'];

/// What patterns may be for.
const KINDS: [&str; 9] = [
    "cluster",
    "task-definition",
    "target-group",
    "task-role",
    "execution-role",
    "command",
    "environment",
    "cpu",
    "memory",
];

/// What events may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allow {
    clusters: Rule<ClusterId>,
    task_definitions: Rule<TaskDefinitionId>,
    target_groups: Rule<TargetGroupArn>,
    overrides: Overrides,
}

/// What launches may change of their definitions: nothing that fits no pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Overrides {
    task_roles: Vec<Pattern>,
    execution_roles: Vec<Pattern>,
    /// Of containers, by their names.
    commands: Vec<Pattern>,
    /// Of containers, and of variables.
    environment: Vec<(Pattern, Pattern)>,
    cpu: Vec<Pattern>,
    memory: Vec<Pattern>,
}

/// What is allowed of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule<T> {
    /// What the configuration names.
    Named(Vec<T>),
    /// What fits one of these.
    Patterns(Vec<Pattern>),
}

/// A text in which `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(String);

impl Allow {
    /// Reads `WARMSTART_ALLOW`. A kind without a pattern: what the configuration and the environment name.
    pub(crate) fn read(
        text: Option<&str>,
        services: &[Service],
        defaults: &Defaults,
    ) -> Result<Self, Failure> {
        let (mut clusters, mut definitions, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let mut overrides = Overrides::default();
        let items = text.unwrap_or_default().split(SEPARATORS);
        for item in items.filter(|item| !item.is_empty()) {
            let (kind, pattern) = item.split_once(':').unwrap_or((item, ""));
            let patterns = match kind {
                "cluster" => &mut clusters,
                "task-definition" => &mut definitions,
                "target-group" => &mut groups,
                "task-role" => &mut overrides.task_roles,
                "execution-role" => &mut overrides.execution_roles,
                "command" => &mut overrides.commands,
                "cpu" => &mut overrides.cpu,
                "memory" => &mut overrides.memory,
                "environment" => {
                    let Some((container, name)) = pattern.split_once('/') else {
                        let why = format!("{item:?} is not environment:CONTAINER/NAME; */* allows all");
                        return Err(wrong("WARMSTART_ALLOW", why));
                    };
                    overrides.environment.push((Pattern(container.to_owned()), Pattern(name.to_owned())));
                    continue;
                }
                _ => {
                    let why = format!("{item:?} begins with none of {}", KINDS.join(":, ") + ":");
                    return Err(wrong("WARMSTART_ALLOW", why));
                }
            };
            if pattern.is_empty() {
                return Err(wrong("WARMSTART_ALLOW", format!("{item:?} has no pattern; * allows all")));
            }
            patterns.push(Pattern(pattern.to_owned()));
        }
        let requests = || services.iter().map(|service| &service.request);
        let named_clusters = requests().map(|it| &it.cluster).chain(&defaults.cluster);
        let named_definitions = requests().map(|it| &it.task_definition).chain(&defaults.task_definition);
        let bindings = services.iter().flat_map(|service| &service.bindings);
        let named_groups = bindings.map(|binding| &binding.target_group).chain(&defaults.target_group);
        Ok(Self {
            clusters: Rule::new(clusters, named_clusters),
            task_definitions: Rule::new(definitions, named_definitions),
            target_groups: Rule::new(groups, named_groups),
            overrides,
        })
    }

    /// Checks what a service would start and where it would be registered.
    pub(crate) fn check_service(&self, service: &Service) -> Result<(), Failure> {
        self.check(&Touched {
            clusters: [&service.request.cluster].into(),
            task_definitions: [&service.request.task_definition].into(),
            target_groups: service.bindings.iter().map(|binding| &binding.target_group).collect(),
            overrides: vec![&service.request.overrides],
        })
    }

    /// Checks everything that a piece of work touches.
    pub(crate) fn check(&self, touched: &Touched<'_>) -> Result<(), Failure> {
        for cluster in &touched.clusters {
            let fits = |named: &ClusterId| names_cluster(named, cluster);
            if !self.clusters.allows(fits, &[cluster.name()], cluster.as_str()) {
                return Err(denied("cluster", cluster));
            }
        }
        for definition in &touched.task_definitions {
            let (family, revision) = (definition.family(), definition.name());
            let fits = |named: &TaskDefinitionId| names_definition(named, definition);
            if !self.task_definitions.allows(fits, &[family, revision], definition.as_str()) {
                return Err(denied("task-definition", definition));
            }
        }
        for group in &touched.target_groups {
            let fits = |named: &TargetGroupArn| named == *group;
            if !self.target_groups.allows(fits, &[group.name()], group.as_str()) {
                return Err(denied("target-group", group));
            }
        }
        touched.overrides.iter().try_for_each(|overrides| self.overrides.check(overrides))
    }
}

impl Overrides {
    /// Names what is not allowed, never what a variable or a command says.
    fn check(&self, asked: &TaskOverride) -> Result<(), Failure> {
        // A field that is not here would be allowed to everybody.
        let TaskOverride { task_role_arn, execution_role_arn, cpu, memory, container_overrides } = asked;
        let roles = [
            ("task-role", &self.task_roles, task_role_arn),
            ("execution-role", &self.execution_roles, execution_role_arn),
        ];
        for (kind, patterns, role) in roles {
            let fits = |role: &&RoleArn| !any(patterns, &[role.name()], role.as_str());
            if let Some(role) = role.as_ref().filter(fits) {
                return Err(denied(kind, role));
            }
        }
        for (kind, patterns, size) in [("cpu", &self.cpu, cpu), ("memory", &self.memory, memory)] {
            if let Some(size) = size.as_ref().filter(|size| !any(patterns, &[size], size)) {
                return Err(denied(kind, size));
            }
        }
        for ContainerOverride { name: container, command, environment } in container_overrides {
            if command.is_some() && !any(&self.commands, &[container], container) {
                return Err(denied("command", container));
            }
            let allowed = |name: &str| {
                self.environment.iter().any(|(its, names)| its.matches(container) && names.matches(name))
            };
            if let Some(pair) = environment.iter().find(|pair| !allowed(&pair.name)) {
                return Err(denied("environment", &format!("{container}/{}", pair.name)));
            }
        }
        Ok(())
    }
}

fn any(patterns: &[Pattern], names: &[&str], whole: &str) -> bool {
    patterns.iter().any(|pattern| pattern.allows(names, whole))
}

fn denied(kind: &str, what: &impl Display) -> Failure {
    // What separates patterns cannot stand in one.
    let pattern = what.to_string().replace(SEPARATORS, "*");
    Failure::new(
        FailureKind::Denied,
        format!(
            "{kind} {what} is not allowed; to allow it, add {kind}:{pattern} to WARMSTART_ALLOW; nothing was done"
        ),
    )
}

/// As a whole where both are ARNs, otherwise by name.
fn names_cluster(named: &ClusterId, cluster: &ClusterId) -> bool {
    let arns = named.as_str().starts_with("arn:") && cluster.as_str().starts_with("arn:");
    if arns { named == cluster } else { named.name() == cluster.name() }
}

/// A family allows all its revisions, a revision only itself.
fn names_definition(named: &TaskDefinitionId, definition: &TaskDefinitionId) -> bool {
    let arns = named.as_str().starts_with("arn:") && definition.as_str().starts_with("arn:");
    if arns {
        return named == definition;
    }
    let whole = named.name();
    if whole.contains(':') { whole == definition.name() } else { named.family() == definition.family() }
}

impl<T: Clone> Rule<T> {
    fn new<'a>(patterns: Vec<Pattern>, named: impl Iterator<Item = &'a T>) -> Self
    where
        T: 'a,
    {
        if patterns.is_empty() { Self::Named(named.cloned().collect()) } else { Self::Patterns(patterns) }
    }

    fn allows(&self, fits: impl Fn(&T) -> bool, names: &[&str], whole: &str) -> bool {
        match self {
            Self::Named(named) => named.iter().any(fits),
            Self::Patterns(patterns) => any(patterns, names, whole),
        }
    }
}

impl Pattern {
    fn allows(&self, names: &[&str], whole: &str) -> bool {
        if self.0.starts_with("arn:") {
            return self.matches(whole);
        }
        names.iter().any(|name| self.matches(name))
    }

    fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let parts: Vec<&str> = parts.collect();
        let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";

    fn allow(text: &str) -> Allow {
        let env = |name: &str| match name {
            "ECS_CLUSTER" => Some("dev".to_owned()),
            "TASK_DEFINITION" => Some("web".to_owned()),
            "TARGET_GROUP_ARN" => Some(GROUP.to_owned()),
            "WARMSTART_ALLOW" => Some(text.to_owned()),
            _ => None,
        };
        Settings::read(env).unwrap().allow
    }

    fn check(allow: &Allow, cluster: &str, definition: &str, group: &str) -> bool {
        let (cluster, definition, group) =
            (cluster.parse().unwrap(), definition.parse().unwrap(), group.parse().unwrap());
        let touched = Touched {
            clusters: [&cluster].into(),
            task_definitions: [&definition].into(),
            target_groups: [&group].into(),
            overrides: Vec::new(),
        };
        allow.check(&touched).is_ok()
    }

    #[test]
    fn by_default_what_is_named() {
        let allow = allow("");
        assert!(check(&allow, "dev", "web", GROUP));
        assert!(check(&allow, "arn:aws:ecs:us-east-2:111122223333:cluster/dev", "web:3", GROUP));
        assert!(check(&allow, "dev", "arn:aws:ecs:us-east-2:111122223333:task-definition/web:3", GROUP));
        assert!(!check(&allow, "prod", "web", GROUP));
        assert!(!check(&allow, "dev", "webb", GROUP));
        assert!(!check(&allow, "dev", "web", &GROUP.replace("auth", "users")));
        assert!(!check(&allow, "dev", "web", &GROUP.replace("111122223333", "999999999999")));
    }

    #[test]
    fn patterns_take_the_place_of_what_is_named_kind_by_kind() {
        let allow = allow("cluster:dev-*, cluster:*-test\ntask-definition:web:3 task-definition:job*");
        assert!(check(&allow, "dev-1", "web:3", GROUP));
        assert!(check(&allow, "a-test", "job:7", GROUP));
        assert!(check(&allow, "a-test", "jobs", GROUP));
        assert!(!check(&allow, "dev", "web:3", GROUP), "named, but not in the patterns");
        assert!(!check(&allow, "dev-1", "web:4", GROUP));
        assert!(!check(&allow, "dev-1", "web", GROUP), "its newest revision may be another one");
        assert!(!check(&allow, "dev-1", "web:3", &GROUP.replace("auth", "users")));
    }

    #[test]
    fn a_pattern_of_an_arn_is_compared_with_the_whole_arn() {
        let allow = allow("target-group:arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/*");
        assert!(check(&allow, "dev", "web", &GROUP.replace("auth", "users")));
        assert!(!check(&allow, "dev", "web", &GROUP.replace("111122223333", "999999999999")));
    }

    #[track_caller]
    fn overrides(text: &str, asked: serde_json::Value, refused: Option<&str>) {
        let asked: TaskOverride = serde_json::from_value(asked).unwrap();
        match (allow(text).overrides.check(&asked), refused) {
            (Ok(()), None) => {}
            (Err(failure), Some(what)) => {
                let said = failure.to_string();
                assert!(said.contains(&format!("add {what} to WARMSTART_ALLOW")), "{said}");
                assert!(!said.contains("secret"), "{said}");
            }
            (answer, expected) => panic!("{text}: {answer:?}, not {expected:?}"),
        }
    }

    #[test]
    fn overrides_need_a_pattern_each() {
        use serde_json::json;
        let arn = "arn:aws:iam::111122223333:role/team/job";
        let container = |what: serde_json::Value| json!({ "containerOverrides": [{ "name": "log" }, what] });
        let command = || container(json!({ "name": "web", "command": ["secret"] }));
        let variables = |names: &[&str]| {
            let pairs: Vec<_> = names.iter().map(|name| json!({ "name": name, "value": "secret" })).collect();
            container(json!({ "name": "web", "environment": pairs }))
        };
        overrides("", json!({}), None);
        overrides("", container(json!({ "name": "web" })), None);
        for (field, kind) in [("taskRoleArn", "task-role"), ("executionRoleArn", "execution-role")] {
            let asked = || json!({ field: arn });
            let refused = format!("{kind}:{arn}");
            overrides("", asked(), Some(&refused));
            overrides("task-role:other execution-role:other command:*", asked(), Some(&refused));
            overrides(&format!("{kind}:job"), asked(), None);
            overrides(&format!("{kind}:arn:aws:iam::111122223333:role/team/*"), asked(), None);
            overrides(&format!("{kind}:arn:aws:iam::999999999999:*"), asked(), Some(&refused));
        }
        overrides("task-role:*", json!({ "executionRoleArn": arn }), Some(&format!("execution-role:{arn}")));
        overrides("environment:*/*", command(), Some("command:web"));
        overrides("command:w", command(), Some("command:web"));
        overrides("command:w*", command(), None);
        overrides("command:*", variables(&["A"]), Some("environment:web/A"));
        overrides("environment:web/LOG_*", variables(&["LOG_LEVEL", "LOG_FILE"]), None);
        overrides("environment:web/LOG_*", variables(&["LOG_LEVEL", "PATH"]), Some("environment:web/PATH"));
        overrides("environment:other/* environment:web/B", variables(&["A"]), Some("environment:web/A"));
        overrides("environment:web/A", variables(&["x/A"]), Some("environment:web/x/A"));
        overrides("environment:*/A environment:*/B", variables(&["A", "B"]), None);
        overrides("memory:*", json!({ "cpu": "4096" }), Some("cpu:4096"));
        overrides("cpu:*", json!({ "memory": "1 GB" }), Some("memory:1*GB"));
        overrides("memory:1*GB", json!({ "memory": "1 GB" }), None);
        overrides("cpu:512 memory:1024", json!({ "cpu": "512", "memory": "1024" }), None);
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("ab*ba", "aba", false),
            ("*b*", "abc", true),
            ("*b*d", "abcd", true),
            ("*b*d", "abc", false),
            ("a", "ab", false),
            ("", "a", false),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).matches(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_wrong_list_is_refused() {
        for (text, why) in [
            ("dev-*", "begins with none of cluster:, task-definition:, target-group:, task-role:"),
            ("cluster:", "has no pattern"),
            ("command:", "has no pattern"),
            ("environment:*", "is not environment:CONTAINER/NAME"),
        ] {
            let env = |name: &str| (name == "WARMSTART_ALLOW").then(|| text.to_owned());
            let message = Settings::read(env).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
