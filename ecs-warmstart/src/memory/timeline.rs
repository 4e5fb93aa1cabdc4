//! A task's life as a function of time. Once drawn it changes only by an end that comes sooner.

use std::time::Duration;

use super::behaviour::{Behaviour, Serves, Stop, When};
use super::dice::Dice;
use super::settings::{ContainerCheck, Settings};
use crate::observation::{HealthStatus, StopInfo, TaskStatus};
use crate::time::{Timestamp, millis};

/// When things happen to a task, were it never stopped; and its end, where one is known. Absent means never.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    pub(super) launched: Timestamp,
    /// `DescribeTasks` knows it.
    pub(super) described: Option<Timestamp>,
    /// `ListTasks` knows it.
    pub(super) listed: Option<Timestamp>,
    /// `StopTask` knows it.
    pub(super) stoppable: Option<Timestamp>,
    pub(super) pending: Option<Timestamp>,
    pub(super) activating: Option<Timestamp>,
    pub(super) running: Option<Timestamp>,
    pub(super) address: Option<Timestamp>,
    pub(super) serves: Option<Timestamp>,
    pub(super) serves_until: Option<Timestamp>,
    pub(super) end: Option<End>,
    deactivating: Duration,
    stopping: Duration,
    deprovisioning: Duration,
}

/// How a task ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// From then on ECS wants it stopped.
    pub(super) at: Timestamp,
    /// Whether its containers are told to stop; otherwise they are gone at that moment.
    pub(super) told: bool,
    pub(super) stop: StopInfo,
    pub(super) exit_code: Option<i32>,
    pub(super) container_reason: Option<String>,
}

/// The moments of an end.
#[derive(Clone, Copy, Debug)]
struct Ending {
    /// The containers are told to stop.
    stopping: Timestamp,
    /// The containers are gone.
    exited: Timestamp,
    stopped: Timestamp,
}

impl Timeline {
    /// Draws a life. The row of throws is always the same, so that a behaviour changes nothing but what it says.
    pub(super) fn draw(
        launched: Timestamp,
        awsvpc: bool,
        behaviour: &Behaviour,
        settings: &Settings,
        mut dice: Dice,
    ) -> Self {
        let described = dice.within(&settings.invisible);
        let listed = dice.within(&settings.invisible);
        let provisioning = if awsvpc { &settings.provisioning_awsvpc } else { &settings.provisioning_other };
        let (provisioning, pending) = (dice.within(provisioning), dice.within(&settings.pending));
        let (activating, lag) = (dice.within(&settings.activating), dice.within(&settings.address_lag));
        let (serving, deactivating) = (dice.within(&settings.serving), dice.within(&settings.deactivating));
        let (stopping, deprovisioning) =
            (dice.within(&settings.stopping), dice.within(&settings.deprovisioning));
        let stoppable = dice.within(&settings.unstoppable);

        // A lost task gets nowhere: nobody could ever take it back.
        let stuck = if behaviour.lost { Some(TaskStatus::Provisioning) } else { behaviour.stuck_in };
        let reaches = |status| stuck.is_none_or(|stuck| status <= stuck);
        let after_provisioning = launched + provisioning;
        let after_pending = after_provisioning + pending;
        let after_activating = after_pending + activating;
        let running = reaches(TaskStatus::Running).then_some(after_activating);
        let serves = running.filter(|_| behaviour.serves != Serves::Never).map(|at| at + serving);
        let serves_until = match behaviour.serves {
            Serves::Normally | Serves::Never => None,
            Serves::For(time) => serves.map(|at| at + time),
        };
        let mut timeline = Self {
            launched,
            described: (!behaviour.lost).then_some(launched + described),
            listed: (!behaviour.lost).then_some(launched + listed),
            stoppable: (!behaviour.lost).then_some(launched + stoppable),
            pending: reaches(TaskStatus::Pending).then_some(after_provisioning),
            activating: reaches(TaskStatus::Activating).then_some(after_pending),
            running,
            address: (awsvpc && behaviour.gets_address && reaches(TaskStatus::Pending))
                .then_some(after_provisioning + lag),
            serves,
            serves_until,
            end: None,
            deactivating,
            stopping: if behaviour.handles_sigterm {
                stopping.min(settings.stop_timeout)
            } else {
                settings.stop_timeout
            },
            deprovisioning,
        };
        if let Some(stop) = &behaviour.stops {
            timeline.plan_stop(stop);
        }
        timeline
    }

    /// Ends the task by that stop when its moment comes, if it does, and unless it ends sooner.
    pub(super) fn plan_stop(&mut self, stop: &Stop) {
        let at = match stop.when {
            When::AfterLaunch(time) => Some(self.launched + time),
            When::AfterRunning(time) => self.running.map(|at| at + time),
            When::InsteadOf(status) => self.reaches(status),
        };
        if let Some(at) = at {
            self.end_by(End {
                at,
                told: stop.told,
                stop: StopInfo { code: Some(stop.code.clone()), reason: stop.reason.clone() },
                exit_code: stop.exit_code,
                container_reason: stop.container_reason.clone(),
            });
        }
    }

    /// Ends the task so, unless it ends sooner.
    pub(super) fn end_by(&mut self, end: End) {
        if self.end.as_ref().is_none_or(|known| end.at < known.at) {
            self.end = Some(end);
        }
    }

    fn reaches(&self, status: TaskStatus) -> Option<Timestamp> {
        match status {
            TaskStatus::Missing | TaskStatus::Provisioning => Some(self.launched),
            TaskStatus::Pending => self.pending,
            TaskStatus::Activating => self.activating,
            TaskStatus::Running => self.running,
            TaskStatus::Deactivating
            | TaskStatus::Stopping
            | TaskStatus::Deprovisioning
            | TaskStatus::Stopped => None,
        }
    }

    /// Where the task really stands, whether or not ECS shows it.
    pub(super) fn status(&self, now: Timestamp) -> TaskStatus {
        match self.ending() {
            Some(ending) if self.is_ending(now) => {
                if now >= ending.stopped {
                    TaskStatus::Stopped
                } else if now >= ending.exited {
                    TaskStatus::Deprovisioning
                } else if now >= ending.stopping {
                    TaskStatus::Stopping
                } else {
                    TaskStatus::Deactivating
                }
            }
            Some(_) | None => {
                let living = [TaskStatus::Running, TaskStatus::Activating, TaskStatus::Pending];
                let reached = |status: &TaskStatus| self.reaches(*status).is_some_and(|at| at <= now);
                living.into_iter().find(reached).unwrap_or(TaskStatus::Provisioning)
            }
        }
    }

    /// Whether ECS wants it stopped.
    pub(super) fn is_ending(&self, now: Timestamp) -> bool {
        self.end.as_ref().is_some_and(|end| end.at <= now)
    }

    fn ending(&self) -> Option<Ending> {
        let end = self.end.as_ref()?;
        let was_running = self.running.is_some_and(|at| at < end.at);
        let (stopping, exited) = if was_running && end.told {
            let stopping = end.at + self.deactivating;
            (stopping, stopping + self.stopping)
        } else {
            (end.at, end.at)
        };
        Some(Ending { stopping, exited, stopped: exited + self.deprovisioning })
    }

    /// When it is STOPPED, now or later, as far as that is known.
    pub(super) fn stopped(&self) -> Option<Timestamp> {
        self.ending().map(|ending| ending.stopped)
    }

    /// When its containers are gone, now or later, as far as that is known.
    pub(super) fn exited(&self) -> Option<Timestamp> {
        self.ending().map(|ending| ending.exited)
    }

    /// The moment, unless the task ends before it.
    pub(super) fn before_end(&self, moment: Option<Timestamp>) -> Option<Timestamp> {
        moment.filter(|at| self.end.as_ref().is_none_or(|end| *at < end.at))
    }

    /// The span in which it serves: from, and until where that is known.
    pub(super) fn service(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        let from = self.before_end(self.serves)?;
        // An application that is told to stop takes no new requests from then on.
        let stopping = self.ending().map(|ending| ending.stopping);
        let until = match (self.serves_until, stopping) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (until, None) | (None, until) => until,
        };
        Some((from, until))
    }

    pub(super) fn is_serving(&self, now: Timestamp) -> bool {
        self.service().is_some_and(|(from, until)| from <= now && until.is_none_or(|until| now < until))
    }

    /// How many changes it has been through.
    pub(super) fn version(&self, now: Timestamp) -> u64 {
        let moments = [
            Some(self.launched),
            self.before_end(self.pending),
            self.before_end(self.activating),
            self.before_end(self.address),
            self.before_end(self.running),
            self.end.as_ref().map(|end| end.at),
            self.ending().map(|ending| ending.stopping),
            self.exited(),
            self.stopped(),
        ];
        moments.iter().flatten().map(|at| u64::from(*at <= now)).sum()
    }

    /// What the health check of a container says. It looks one interval after RUNNING and once per interval from then.
    pub(super) fn container_health(
        &self,
        check: &ContainerCheck,
        works: bool,
        now: Timestamp,
    ) -> HealthStatus {
        let Some(running) = self.before_end(self.running).filter(|at| *at <= now) else {
            return HealthStatus::Unknown;
        };
        let interval = millis(check.interval).max(1);
        let number = |span: Duration| millis(span) / interval;
        // A container that is gone is not checked any more.
        let checks = number(self.exited().map_or(now, |exited| exited.min(now)).since(running));
        let passing = if works { self.passing_checks(running, interval, checks) } else { None };
        let (failing, before) = match passing {
            Some((_, last)) => (checks - last, HealthStatus::Healthy),
            None => (checks.saturating_sub(number(check.start_period)), HealthStatus::Unknown),
        };
        if failing > 0 && failing >= u64::from(check.retries) { HealthStatus::Unhealthy } else { before }
    }

    /// The numbers of the first and the last check that passes, among the first `checks`.
    fn passing_checks(&self, running: Timestamp, interval: u64, checks: u64) -> Option<(u64, u64)> {
        let (from, until) = self.service()?;
        let first = millis(from.since(running)).div_ceil(interval).max(1);
        let last = match until {
            Some(until) => millis(until.since(running)).div_ceil(interval).saturating_sub(1).min(checks),
            None => checks,
        };
        (first <= last).then_some((first, last))
    }

    /// When the health check of a container says HEALTHY for the first time, now or later.
    pub(super) fn container_healthy_at(&self, check: &ContainerCheck) -> Option<Timestamp> {
        let running = self.before_end(self.running)?;
        let interval = millis(check.interval).max(1);
        let (first, _) = self.passing_checks(running, interval, u64::MAX)?;
        Some(running + Duration::from_millis(first.saturating_mul(interval)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::StopCode;

    const CHECK: ContainerCheck =
        ContainerCheck { interval: Duration::from_secs(5), retries: 3, start_period: Duration::ZERO };

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn exactly(seconds: u64) -> std::ops::RangeInclusive<Duration> {
        Duration::from_secs(seconds)..=Duration::from_secs(seconds)
    }

    /// PENDING at 10, ACTIVATING at 30, RUNNING at 33, serving at 37; told to stop it is STOPPING after 1, exits after 4
    /// and is STOPPED after 5 more.
    fn life(behaviour: &Behaviour) -> Timeline {
        let settings = Settings {
            invisible: exactly(2),
            provisioning_awsvpc: exactly(10),
            pending: exactly(20),
            activating: exactly(3),
            serving: exactly(4),
            deactivating: exactly(1),
            stopping: exactly(4),
            deprovisioning: exactly(5),
            ..Settings::default()
        };
        Timeline::draw(at(0), true, behaviour, &settings, Dice::new(1, 1, 1))
    }

    fn told(second: u64) -> End {
        End {
            at: at(second),
            told: true,
            stop: StopInfo { code: Some(StopCode::UserInitiated), reason: "over".into() },
            exit_code: Some(143),
            container_reason: None,
        }
    }

    #[track_caller]
    fn statuses(timeline: &Timeline, expected: &[(u64, TaskStatus)]) {
        for (second, status) in expected {
            assert_eq!(timeline.status(at(*second)), *status, "at {second}");
        }
    }

    #[test]
    fn a_life_and_its_end() {
        let mut timeline = life(&Behaviour::default());
        statuses(
            &timeline,
            &[
                (0, TaskStatus::Provisioning),
                (9, TaskStatus::Provisioning),
                (10, TaskStatus::Pending),
                (30, TaskStatus::Activating),
                (33, TaskStatus::Running),
                (100_000, TaskStatus::Running),
            ],
        );
        assert_eq!(timeline.address, Some(at(10)));
        assert!(!timeline.is_serving(at(36)) && timeline.is_serving(at(37)));
        timeline.end_by(told(50));
        timeline.end_by(told(60));
        statuses(
            &timeline,
            &[
                (49, TaskStatus::Running),
                (50, TaskStatus::Deactivating),
                (51, TaskStatus::Stopping),
                (55, TaskStatus::Deprovisioning),
                (60, TaskStatus::Stopped),
            ],
        );
        assert!(timeline.is_serving(at(50)) && !timeline.is_serving(at(51)));
        assert_eq!(
            [0, 10, 30, 33, 50, 51, 55, 60].map(|second| timeline.version(at(second))),
            [1, 3, 4, 5, 6, 7, 8, 9]
        );
    }

    #[test]
    fn a_stop_before_running_never_serves() {
        for second in [0, 5, 10, 31] {
            let mut timeline = life(&Behaviour::default());
            timeline.end_by(told(second));
            statuses(&timeline, &[(second, TaskStatus::Deprovisioning), (second + 5, TaskStatus::Stopped)]);
            assert_eq!(timeline.service(), None);
            assert_eq!(timeline.container_health(&CHECK, true, at(1_000)), HealthStatus::Unknown);
        }
    }

    #[test]
    fn behaviours() {
        let stuck = life(&Behaviour::stuck_in(TaskStatus::Pending));
        statuses(&stuck, &[(10, TaskStatus::Pending), (100_000, TaskStatus::Pending)]);
        assert_eq!(life(&Behaviour::without_address()).address, None);
        assert_eq!(life(&Behaviour::lost()).described, None);
        assert_eq!(life(&Behaviour::never_serves()).service(), None);
        assert_eq!(
            life(&Behaviour::serves_for(Duration::from_secs(9))).service(),
            Some((at(37), Some(at(46))))
        );
        let ignores = Behaviour { handles_sigterm: false, ..Behaviour::default() };
        let mut ignores = life(&ignores);
        ignores.end_by(told(50));
        assert_eq!(ignores.exited(), Some(at(81)));
    }

    #[test]
    fn stops_by_itself() {
        for (stop, second) in [
            (Stop::interface_timeout(), 10),
            (Stop::image_not_found(), 30),
            (Stop::wrong_platform(), 30),
            (Stop::essential_exit(Duration::from_secs(7), 1), 40),
            (Stop::out_of_memory(Duration::ZERO), 33),
            (Stop { when: When::AfterLaunch(Duration::from_secs(2)), ..Stop::no_free_address() }, 2),
        ] {
            let timeline = life(&Behaviour::stops(stop.clone()));
            let end = timeline.end.as_ref().expect("it ends");
            assert_eq!((end.at, &end.stop.reason), (at(second), &stop.reason));
            statuses(&timeline, &[(second, TaskStatus::Deprovisioning), (second + 5, TaskStatus::Stopped)]);
        }
        let spot = life(&Behaviour::stops(Stop::spot_interruption(Duration::from_secs(7))));
        statuses(&spot, &[(40, TaskStatus::Deactivating), (41, TaskStatus::Stopping)]);
        let never = Behaviour {
            stuck_in: Some(TaskStatus::Pending),
            ..Behaviour::stops(Stop::out_of_memory(Duration::ZERO))
        };
        assert!(life(&never).end.is_none());
    }

    #[test]
    fn container_health_follows_its_checks() {
        use HealthStatus::{Healthy, Unhealthy, Unknown};
        let check =
            |behaviour: &Behaviour, check: &ContainerCheck, works, expected: &[(u64, HealthStatus)]| {
                for (second, health) in expected {
                    let seen = life(behaviour).container_health(check, works, at(*second));
                    assert_eq!(seen, *health, "at {second} with {behaviour:?}");
                }
            };
        // Checks at 38, 43, 48, ...; it serves from 37.
        let normal = Behaviour::default();
        check(&normal, &CHECK, true, &[(33, Unknown), (37, Unknown), (38, Healthy), (9_999, Healthy)]);
        check(&normal, &CHECK, false, &[(38, Unknown), (47, Unknown), (48, Unhealthy)]);
        let patient = ContainerCheck { start_period: Duration::from_secs(10), ..CHECK };
        check(&normal, &patient, false, &[(57, Unknown), (58, Unhealthy)]);
        check(&Behaviour::never_serves(), &CHECK, true, &[(43, Unknown), (48, Unhealthy)]);
        // Serves until 46: 38 and 43 pass, 48, 53 and 58 fail.
        let stops = Behaviour::serves_for(Duration::from_secs(9));
        check(&stops, &CHECK, true, &[(43, Healthy), (57, Healthy), (58, Unhealthy)]);
        assert_eq!(life(&normal).container_healthy_at(&CHECK), Some(at(38)));
        assert_eq!(life(&Behaviour::never_serves()).container_healthy_at(&CHECK), None);
    }
}
