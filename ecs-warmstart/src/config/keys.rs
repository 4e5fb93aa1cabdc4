//! Which keys are known where, and the way to a place in a file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Finding;

/// A place in the file that has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Top,
    Service,
    Binding,
    CapacityProvider,
    Fallback,
}

impl Level {
    pub(super) const ALL: [Self; 5] =
        [Self::Top, Self::Service, Self::Binding, Self::CapacityProvider, Self::Fallback];

    /// The keys that may stand there. A test holds them and the types of `file` together.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Top => &["region", "defaults", "services"],
            Self::Service => &[
                "cluster",
                "task_definition",
                "count",
                "bindings",
                "launch_type",
                "capacity_providers",
                "fallback",
                "subnets",
                "security_groups",
                "assign_public_ip",
                "platform_version",
                "tags",
                "enable_execute_command",
                "gate",
                "on_failure",
                "running_timeout",
                "healthy_timeout",
            ],
            Self::Binding => &["target_group", "container", "port"],
            Self::CapacityProvider => &["name", "weight", "base"],
            Self::Fallback => &["launch_type", "capacity_providers", "subnets", "assign_public_ip"],
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Top => "at the top of the file",
            Self::Service => "in [services.NAME] or [defaults]",
            Self::Binding => "in [[services.NAME.bindings]]",
            Self::CapacityProvider => "in an item of capacity_providers",
            Self::Fallback => "in [[services.NAME.fallback]]",
        }
    }
}

/// Every key that is not known where it stands, and every list where a table should be: serde would take its items for
/// the values of the keys.
pub(super) fn unknown(table: &DeTable<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    check(table, Level::Top, "", &mut findings);
    if let Some(defaults) = table.get("defaults") {
        check_service(defaults, "defaults", &mut findings);
    }
    let Some(services) = table.get("services") else { return findings };
    for (name, service) in services.get_ref().as_table().into_iter().flatten() {
        check_service(service, &format!("services.{}", name.get_ref()), &mut findings);
    }
    if services.get_ref().is_array() {
        findings.push(list("services", services));
    }
    findings
}

fn check_service(service: &Spanned<DeValue<'_>>, path: &str, findings: &mut Vec<Finding>) {
    if service.get_ref().is_array() {
        findings.push(list(path, service).hint(format!("write it with one pair of brackets: [{path}]")));
    }
    let Some(table) = service.get_ref().as_table() else { return };
    check_with_items(table, Level::Service, path, findings);
}

/// The table's own keys, and those of the items of its lists.
fn check_with_items(table: &DeTable<'_>, level: Level, path: &str, findings: &mut Vec<Finding>) {
    check(table, level, path, findings);
    for (key, level) in [
        ("bindings", Level::Binding),
        ("capacity_providers", Level::CapacityProvider),
        ("fallback", Level::Fallback),
    ] {
        let Some(items) = table.get(key).and_then(|items| items.get_ref().as_array()) else { continue };
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}.{key}[{index}]");
            match item.get_ref() {
                DeValue::Table(item) => check_with_items(item, level, &path, findings),
                DeValue::Array(_) => findings.push(list(&path, item)),
                // What is neither, serde refuses.
                _ => {}
            }
        }
    }
}

fn list(path: &str, value: &Spanned<DeValue<'_>>) -> Finding {
    Finding::new(value.span(), format!("{path}: invalid type: list, expected a table"))
}

fn check(table: &DeTable<'_>, level: Level, path: &str, findings: &mut Vec<Finding>) {
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if !level.keys().contains(&name) {
            let place = if path.is_empty() { String::new() } else { format!(" in {path}") };
            let finding = Finding::new(key.span(), format!("unknown key `{name}`{place}"));
            findings.push(finding.hint(remedy(name, level)));
        }
    }
}

fn remedy(name: &str, level: Level) -> String {
    if let Some(other) = Level::ALL.into_iter().find(|other| other.keys().contains(&name)) {
        return format!("`{name}` stands {}", other.place());
    }
    if let Some(near) = nearest(name, level.keys()) {
        return format!("did you mean `{near}`?");
    }
    let elsewhere = Level::ALL.into_iter().find_map(|other| Some((other, nearest(name, other.keys())?)));
    match elsewhere {
        Some((other, near)) => format!("did you mean `{near}`? It stands {}", other.place()),
        None => format!("known here: {}", level.keys().join(", ")),
    }
}

/// The known name that a mistyped one most likely stands for: at most every third letter is wrong.
fn nearest(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), known), *known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= name.len().max(known.len()).div_ceil(3))
        .map(|(_, known)| known)
}

/// The way to the innermost value that these bytes belong to: `services.auth.bindings[0].port`.
pub(super) fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> String {
    let mut path = String::new();
    descend(table, span, &mut path);
    path
}

fn descend(table: &DeTable<'_>, span: &Range<usize>, path: &mut String) {
    let found = table.iter().find(|(key, value)| key.span() == *span || covers(value, span));
    let Some((key, value)) = found else { return };
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key.get_ref());
    descend_value(value.get_ref(), span, path);
}

fn descend_value(value: &DeValue<'_>, span: &Range<usize>, path: &mut String) {
    match value {
        DeValue::Table(table) => descend(table, span, path),
        DeValue::Array(items) => {
            let found = items.iter().enumerate().find(|(_, item)| covers(item, span));
            if let Some((index, item)) = found {
                path.push_str(&format!("[{index}]"));
                descend_value(item.get_ref(), span, path);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

/// Whether the bytes lie in the value, or in something below it: the span of a table is only that of its header.
fn covers(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    let own = value.span();
    if own.start <= span.start && span.end <= own.end {
        return true;
    }
    match value.get_ref() {
        DeValue::Table(table) => table.iter().any(|(key, value)| key.span() == *span || covers(value, span)),
        DeValue::Array(items) => items.iter().any(|item| covers(item, span)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    }
}
