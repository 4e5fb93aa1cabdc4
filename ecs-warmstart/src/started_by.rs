//! `startedBy`: by which tasks are found again, and which says where a task belongs that was started elsewhere than its service
//! is configured.
//!
//! A caller may start a task of a service in another target group or cluster. Whoever takes it out of traffic later, in another
//! process and perhaps after months, knows the task alone, so the task itself has to say where it stands:
//! `ecs-warmstart/SERVICE`, or `ecs-warmstart/SERVICE/GROUP/ID/PORT`. The rest of the group's ARN is that of the task.

use std::fmt;

use crate::ids::{InvalidId, STARTED_BY, ServiceName, TargetGroupArn, TaskArn};

/// AWS: what `startedBy` may have.
const LONGEST: usize = 128;

/// What `startedBy` of a task of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedBy {
    service: ServiceName,
    elsewhere: Option<Elsewhere>,
}

/// A target group, as far as the task's own ARN does not say it, and a port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Elsewhere {
    /// `NAME/ID`
    group: String,
    port: u16,
}

impl StartedBy {
    /// Of a task that belongs where its service is configured.
    pub fn of(service: &ServiceName) -> Self {
        Self { service: service.clone(), elsewhere: None }
    }

    /// Of a task that belongs into this group, with this port of a container.
    ///
    /// # Errors
    ///
    /// [`InvalidId`], where the service's name leaves no room for it: with a group's name of 32 characters it may have 58.
    pub fn elsewhere(
        service: &ServiceName,
        target_group: &TargetGroupArn,
        port: u16,
    ) -> Result<Self, InvalidId> {
        let group = target_group.as_str().split_once('/').map_or("", |(_, group)| group).to_owned();
        let this = Self { service: service.clone(), elsewhere: Some(Elsewhere { group, port }) };
        let text = this.to_string();
        match text.len().saturating_sub(LONGEST) {
            0 => Ok(this),
            over => {
                let why = format!(
                    "AWS takes 128 characters, and it has to say the service, the target group and the port; a name of the \
                     service that is shorter by {over} fits"
                );
                Err(InvalidId::new(&text, "a startedBy", why))
            }
        }
    }

    /// Reads what a task says; absent where it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.strip_prefix(STARTED_BY)?.split('/').collect();
        let (service, elsewhere) = match parts[..] {
            [service] => (service, None),
            [service, name, id, port] => {
                (service, Some(Elsewhere { group: format!("{name}/{id}"), port: port.parse().ok()? }))
            }
            _ => return None,
        };
        let this = Self { service: service.parse().ok()?, elsewhere };
        // Only what this program writes: 080 is not its way to say 80.
        (this.to_string() == text).then_some(this)
    }

    /// The service that the task was started for.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The group into which this task belongs and the port of its container, where that is not as its service is configured.
    pub fn target_group(&self, task: &TaskArn) -> Option<(TargetGroupArn, u16)> {
        let Elsewhere { group, port } = self.elsewhere.as_ref()?;
        let [arn, partition, _, region, account, _] = task.as_str().splitn(6, ':').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let text = format!("{arn}:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{group}");
        Some((text.parse().ok()?, *port))
    }
}

impl fmt::Display for StartedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STARTED_BY}{}", self.service)?;
        match &self.elsewhere {
            Some(Elsewhere { group, port }) => write!(f, "/{group}/{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK: &str = "arn:aws-cn:ecs:cn-north-1:111122223333:task/dev/0a1b";

    fn group(name: &str) -> TargetGroupArn {
        format!("arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:targetgroup/{name}/0123456789abcdef")
            .parse()
            .unwrap()
    }

    #[test]
    fn it_is_written_as_ever_where_the_task_belongs_to_its_service() {
        let auth: ServiceName = "auth".parse().unwrap();
        assert_eq!(StartedBy::of(&auth).to_string(), "ecs-warmstart/auth");
        assert_eq!(StartedBy::of(&auth).to_string(), auth.started_by());
        let elsewhere = StartedBy::elsewhere(&auth, &group("blue"), 8080).unwrap();
        assert_eq!(elsewhere.to_string(), "ecs-warmstart/auth/blue/0123456789abcdef/8080");
    }

    #[test]
    fn what_others_write_is_none_of_ours() {
        for text in [
            "",
            "ecs-svc/1",
            "ecs-warmstart/",
            "ecs-warmstart/a b",
            "ecs-warmstart/auth/",
            "ecs-warmstart/auth/blue",
            "ecs-warmstart/auth/blue/0123/http",
            "ecs-warmstart/auth/blue/0123/70000",
            "ecs-warmstart/auth/blue/0123/080",
            "ecs-warmstart/auth/blue/0123/80/more",
        ] {
            assert_eq!(StartedBy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_leads_to_no_group_says_none() {
        let task = TASK.parse().unwrap();
        let said = StartedBy::parse("ecs-warmstart/auth/b..e/0123/80").unwrap();
        assert_eq!(said.target_group(&task).map(|(group, _)| group.name().to_owned()), Some("b..e".into()));
        let said = StartedBy::parse("ecs-warmstart/auth//0123/80").unwrap();
        assert_eq!(said.target_group(&task), None);
    }

    #[test]
    fn the_longest_name_that_fits_has_58_characters() {
        let long = group(&"g".repeat(32));
        let of = |length| StartedBy::elsewhere(&"s".repeat(length).parse().unwrap(), &long, 65535);
        assert_eq!(of(58).unwrap().to_string().len(), 128);
        let why = of(60).unwrap_err().to_string();
        assert!(why.contains("shorter by 2 fits"), "{why}");
    }

    proptest! {
        #[test]
        fn what_a_task_says_is_where_it_was_started(
            service in "[A-Za-z0-9_-]{1,58}", name in "[A-Za-z0-9-]{1,32}", port in 1_u16..
        ) {
            let (service, group): (ServiceName, _) = (service.parse().unwrap(), group(&name));
            let text = StartedBy::elsewhere(&service, &group, port).unwrap().to_string();
            let read = StartedBy::parse(&text).unwrap();
            prop_assert_eq!(read.service(), &service);
            prop_assert_eq!(read.target_group(&TASK.parse().unwrap()), Some((group, port)));
            let plain = StartedBy::parse(&service.started_by()).unwrap();
            prop_assert_eq!((plain.service(), plain.target_group(&TASK.parse().unwrap())), (&service, None));
        }

        #[test]
        fn anything_can_be_read(text in any::<String>(), rest in "[a-z0-9/]{0,40}") {
            let _ = StartedBy::parse(&text);
            if let Some(said) = StartedBy::parse(&format!("ecs-warmstart/{rest}")) {
                prop_assert_eq!(said.to_string(), format!("ecs-warmstart/{rest}"));
                let _ = said.target_group(&TASK.parse().unwrap());
            }
        }
    }
}
