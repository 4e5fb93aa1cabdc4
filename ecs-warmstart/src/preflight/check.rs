//! All checks together.

use super::definition::{self, binding_container};
use super::finding::{Code, Finding, Severity};
use super::subject::{Facts, Seen, Subject};
use super::{group, health, image};

/// What is wrong with the service by these facts, the worst first; each thing once.
///
/// What could not be read leads to a hint that says so, and to no other finding. What is wrong with a fallback alone is no
/// more than a warning: the start may do without it.
pub fn check(subject: &Subject<'_>, facts: &Facts) -> Vec<Finding> {
    let mut findings = check_on(subject, facts);
    for (index, pool) in subject.fallbacks.iter().enumerate() {
        let request = subject.request.on(pool);
        let there = check_on(&Subject { request: &request, ..*subject }, facts);
        let its_own: Vec<Finding> = there.into_iter().filter(|finding| !findings.contains(finding)).collect();
        findings.extend(its_own.into_iter().map(|finding| Finding {
            severity: finding.severity.max(Severity::Warning),
            summary: format!("fallback {} ({pool}): {}", index + 1, finding.summary),
            ..finding
        }));
    }
    findings.sort();
    findings.dedup();
    findings
}

/// On the capacity that the request names.
fn check_on(subject: &Subject<'_>, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.task_definition {
        Seen::Known(it) => {
            findings.extend(definition::check(subject, it, facts));
            findings.extend(image::check(subject, it, facts));
        }
        Seen::Missing => findings.push(definition::missing(subject)),
        Seen::Unreadable { why } => findings.push(Finding::hint(
            Code::Unreadable,
            format!("the task definition {} could not be read: {why}", subject.request.task_definition),
            "allow ecs:DescribeTaskDefinition, and its containers, ports and images are checked too",
        )),
    }
    let task_definition = facts.task_definition.known();
    for (place, binding) in subject.bindings.iter().enumerate() {
        if let Some(task_definition) = task_definition {
            match binding_container(binding, task_definition) {
                Ok(container) => {
                    findings.extend(definition::serves(container, task_definition));
                    findings.extend(definition::unmapped(binding, container, task_definition));
                }
                Err(finding) => findings.push(finding),
            }
        }
        let Some(seen) = facts.groups.get(place) else { continue };
        match seen {
            Seen::Known(it) => {
                findings.extend(group::check(subject, binding, it, task_definition));
                findings.extend(group::vpc(subject, binding, it, facts));
            }
            Seen::Missing => findings.push(group::missing(binding)),
            Seen::Unreadable { why } => findings.push(group::unreadable(binding, why)),
        }
    }
    if let Seen::Unreadable { why } = &facts.load_balancers {
        findings.push(Finding::hint(
            Code::Unreadable,
            format!("the load balancers could not be read: {why}"),
            "allow elasticloadbalancing:DescribeLoadBalancers, and it is checked whether subnets and groups are in one VPC",
        ));
    }
    findings.extend(group::one_vpc(subject, facts));
    findings.extend(health::check(subject, task_definition, &facts.groups));
    findings
}
