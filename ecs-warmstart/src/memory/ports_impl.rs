//! The ports.

use std::time::Duration;

use async_trait::async_trait;

use super::cloud::InMemory;
use super::ledger::Action;
use super::state::refused;
use crate::error::ErrorKind;
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{HealthWaiter, Inspector, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::LaunchRequest;

/// ECS describes and lists at most so many tasks per call.
const TASKS_PER_CALL: usize = 100;
/// ELBv2 says no limit; AWS's own controller registers so many targets per call.
const TARGETS_PER_CALL: usize = 200;
/// ELBv2 says no limit for groups; of load balancers it describes so many per call.
const GROUPS_PER_CALL: usize = 20;

#[async_trait]
impl TaskLauncher for InMemory {
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
        let about = format!("{} {token}", request.cluster);
        self.call(Action::RunTask, 1, about, |state, now| state.run_task(token, request, now)).await
    }

    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
        let found = {
            let (state, now) = self.now();
            state.list(cluster, selector, now).len()
        };
        let pages = found.div_ceil(TASKS_PER_CALL).max(1);
        let about = format!("{cluster} {selector}");
        self.call(Action::ListTasks, pages, about, |state, now| {
            state.cluster(cluster)?;
            Ok(state.list(cluster, selector, now))
        })
        .await
    }

    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
        let about = format!("{cluster} {}: {reason}", task.id());
        self.call(Action::StopTask, 1, about, |state, now| {
            state.cluster(cluster)?;
            state.stop_task_if_known(task, reason, now)
        })
        .await
    }
}

#[async_trait]
impl TargetRegistrar for InMemory {
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        let count = targets.len().div_ceil(TARGETS_PER_CALL);
        if count == 0 {
            return Ok(());
        }
        let about = about_targets(group, targets);
        self.call(Action::RegisterTargets, count, about, |state, now| {
            state.authorize(group)?;
            state.register(group, targets, now)
        })
        .await
    }

    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        let count = targets.len().div_ceil(TARGETS_PER_CALL);
        if count == 0 {
            return Ok(());
        }
        let about = about_targets(group, targets);
        self.call(Action::DeregisterTargets, count, about, |state, now| {
            state.authorize(group)?;
            // What is not there need not be taken out.
            if let Ok(group) = state.group(group, now) {
                targets.iter().for_each(|target| group.deregister(target));
            }
            Ok(())
        })
        .await
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        let about = format!("{} all", group.name());
        self.call(Action::DescribeTargetHealth, 1, about, |state, now| {
            state.authorize(group)?;
            Ok(state.group(group, now)?.observe_all())
        })
        .await
    }
}

#[async_trait]
impl HealthWaiter for InMemory {
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        let count = tasks.len().div_ceil(TASKS_PER_CALL);
        if count == 0 {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = tasks.iter().take(3).map(TaskArn::id).collect();
        let about = format!("{cluster} {} tasks: {}", tasks.len(), ids.join(" "));
        self.call(Action::DescribeTasks, count, about, |state, now| {
            state.cluster(cluster)?;
            Ok(tasks.iter().map(|task| state.observe_task(cluster, task, now)).collect())
        })
        .await
    }

    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let about = about_targets(group, targets);
        self.call(Action::DescribeTargetHealth, 1, about, |state, now| {
            state.authorize(group)?;
            let group = state.group(group, now)?;
            Ok(targets.iter().map(|target| group.observe(target)).collect())
        })
        .await
    }
}

#[async_trait]
impl Inspector for InMemory {
    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        self.call(Action::DescribeTaskDefinition, 1, id.to_string(), |state, _| {
            state.definition(id).map(|facts| TaskDefinitionFacts::clone(facts)).ok_or_else(|| {
                refused(ErrorKind::NotFound, "ClientException", "Unable to describe task definition.")
            })
        })
        .await
    }

    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        self.call(Action::DescribeTargetGroups, 1, group.name().to_owned(), |state, now| {
            state.authorize(group)?;
            Ok(state.group(group, now)?.settings.facts())
        })
        .await
    }

    async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        let count = groups.len().div_ceil(GROUPS_PER_CALL);
        if count == 0 {
            return Ok(Vec::new());
        }
        let about = format!("{} groups", groups.len());
        self.call(Action::DescribeTargetGroups, count, about, |state, now| {
            let facts = groups.iter().map(|group| {
                state.authorize(group)?;
                Ok(state.group(group, now)?.settings.facts())
            });
            facts.collect()
        })
        .await
    }

    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        self.call(Action::DescribeTargetGroupAttributes, 1, group.name().to_owned(), |state, now| {
            state.authorize(group)?;
            Ok(state.group(group, now)?.settings.deregistration_delay)
        })
        .await
    }

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        self.call(Action::DescribeLoadBalancers, 1, "all".to_owned(), |state, _| {
            Ok(state.shelf.load_balancers())
        })
        .await
    }

    async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        self.call(Action::BatchGetImage, 1, image.to_string(), |state, _| state.shelf.image(image)).await
    }

    async fn log_group_exists(&self, group: &str) -> Result<bool> {
        self.call(Action::DescribeLogGroups, 1, group.to_owned(), |state, _| {
            Ok(state.shelf.has_log_group(group))
        })
        .await
    }

    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        let about = format!("{} {}", query.group, query.stream);
        self.call(Action::GetLogEvents, 1, about, |state, now| {
            state.shelf.log_tail(query, state.owners.iter(), now)
        })
        .await
    }

    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        self.call(Action::DescribeServices, 1, format!("{cluster} {name}"), |state, now| {
            state.cluster(cluster)?;
            state.ecs_service(cluster, name, now)
        })
        .await
    }
}

fn about_targets(group: &TargetGroupArn, targets: &[Target]) -> String {
    let names: Vec<String> = targets.iter().take(3).map(ToString::to_string).collect();
    format!("{} {} targets: {}", group.name(), targets.len(), names.join(" "))
}
