//! Which services an event concerns that starts nothing: a stop, or a change of a task.

use std::collections::BTreeSet;

use ecs_warmstart::fleet::Service;
use ecs_warmstart::ids::ServiceName;
use ecs_warmstart::observation::TaskObservation;
use ecs_warmstart::spec::Compute;
use ecs_warmstart::started_by::StartedBy;

use crate::event::{StartDetail, StopDetail};
use crate::failure::Failure;
use crate::settings::Settings;

impl Settings {
    /// The services that an event stops.
    pub(crate) fn services_to_stop(&self, detail: &StopDetail) -> Result<Vec<Service>, Failure> {
        let names = detail.services.as_deref().unwrap_or_default();
        let mut seen = BTreeSet::new();
        let names: Vec<&ServiceName> = names.iter().filter(|name| seen.insert(*name)).collect();
        if let Some(start) = detail.of_start(names.first().copied()) {
            return Ok(vec![self.started_by(&start, &names)?]);
        }
        match names[..] {
            [] if self.services.is_empty() => {
                Ok(vec![as_it_runs(self.unconfigured(None, &StartDetail::default())?)])
            }
            [] => Ok(self.services.clone()),
            _ => names.into_iter().map(|name| self.service_named(name)).collect(),
        }
    }

    /// The service as such a start started it.
    fn started_by(&self, start: &StartDetail, names: &[&ServiceName]) -> Result<Service, Failure> {
        if names.len() > 1 {
            return Err(Failure::invalid_event(format!(
                "it names {} services, and `detail.cluster`, `taskDefinition`, `targetGroupArn` and `port` say which tasks of \
                 one are meant",
                names.len()
            )));
        }
        let home = start.service.as_ref().and_then(|name| self.home(name));
        if let (Some(home), Some(_)) = (home, &start.task_definition) {
            return Err(Failure::invalid_event(format!(
                "it has `detail.taskDefinition`, and the tasks of service {} are not told apart by what they run; leave it \
                 out to stop all of them",
                home.name
            )));
        }
        self.described_by(start).map(as_it_runs)
    }

    /// Every service that a task may be of, or share a group with.
    pub(crate) fn services_around(&self, task: &TaskObservation) -> Vec<Service> {
        let its = self.service_of_task(task);
        let name = task.started_by.as_deref().and_then(StartedBy::parse).map(|said| said.service().clone());
        let mut around = self.all_services();
        // Whoever starts tasks under the name that the environment's would have is not this function, where it has a
        // configuration: see `home`.
        around.retain(|service| Some(&service.name) != name.as_ref() || self.services.contains(service));
        let its = its.filter(|its| self.services.iter().all(|service| service.name != its.name));
        // What this function may not start it has not started: it is another one's task.
        let its = its.filter(|its| self.allow.check_service(its).is_ok());
        around.splice(0..0, its);
        around
    }

    /// Every service that is described without an event: those of the configuration, and that of the environment.
    pub(crate) fn all_services(&self) -> Vec<Service> {
        let of_environment = self.unconfigured(None, &StartDetail::default()).ok().map(as_it_runs);
        self.services.iter().cloned().chain(of_environment).collect()
    }

    /// The service of a task, as far as the task, the configuration and the environment say it.
    fn service_of_task(&self, task: &TaskObservation) -> Option<Service> {
        let said = StartedBy::parse(task.started_by.as_deref()?)?;
        let Some((target_group, port)) = said.target_group(&task.task) else {
            return self.home(said.service()).map(as_it_runs);
        };
        let detail = StartDetail {
            cluster: task.task.cluster().and_then(|cluster| cluster.parse().ok()),
            task_definition: task.task_definition.clone(),
            target_group_arn: Some(target_group),
            port: Some(port),
            ..StartDetail::default()
        };
        let described = || self.unconfigured(Some(said.service()), &detail).ok();
        self.home(said.service()).or_else(described).map(as_it_runs)
    }

    fn service_named(&self, name: &ServiceName) -> Result<Service, Failure> {
        if self.services.is_empty() {
            self.unconfigured(Some(name), &StartDetail::default()).map(as_it_runs)
        } else {
            self.configured(name).cloned()
        }
    }

    /// Where tasks of that name belong, where they say nothing else: absent where only events describe it. Beside a
    /// configuration the environment stands for no name, since anybody may start tasks under one that is not in it.
    pub(crate) fn home(&self, name: &ServiceName) -> Option<Service> {
        self.service_named(name).ok()
    }
}

/// Nobody launches it, so that it needs no subnets, whichever capacity the environment names.
fn as_it_runs(mut service: Service) -> Service {
    if service.request.network.is_none() {
        service.request.compute = Compute::ClusterDefault;
    }
    service
}
