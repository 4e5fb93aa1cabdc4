//! How the command ends: one number for every ending. They never change their meaning.

use ecs_warmstart::fleet::{
    DeployOutcome, DeployReport, PlanReport, Report, RunOutcome, StatusReport, VerifyReport,
};

/// Everything is ready, or registered where health was not to be waited for; or everything is down.
pub const READY: u8 = 0;
/// Something that should not happen, such as a result that cannot be written.
pub const UNEXPECTED: u8 = 1;
/// The command line, the configuration, the region or the credentials: nothing was started.
pub const USAGE: u8 = 2;
/// Something is not ready, and nothing is left over. What was adopted or is kept on purpose counts here.
pub const NOT_READY: u8 = 3;
/// Something is left over that has to be looked after by hand; the result names it.
pub const LEFT_OVER: u8 = 4;
/// Interrupted, or answered with no: what was not ready is undone, and nothing is left over. 128 and SIGINT's number, as
/// shells have it.
pub const INTERRUPTED: u8 = 130;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// See [`READY`].
    Ready,
    /// See [`UNEXPECTED`].
    Unexpected,
    /// See [`USAGE`].
    Usage,
    /// See [`NOT_READY`].
    NotReady,
    /// See [`LEFT_OVER`].
    LeftOver,
    /// See [`INTERRUPTED`].
    Interrupted,
}

impl Ending {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Ready => READY,
            Self::Unexpected => UNEXPECTED,
            Self::Usage => USAGE,
            Self::NotReady => NOT_READY,
            Self::LeftOver => LEFT_OVER,
            Self::Interrupted => INTERRUPTED,
        }
    }

    /// How `up` or `down` ended. What is left over wins over everything: it costs money until somebody looks. After it comes the
    /// interruption, unless everything had got ready all the same.
    pub fn of_report(report: &Report, interrupted: bool) -> Self {
        let leaked = report.services.iter().any(|service| service.outcome == RunOutcome::Leaked);
        if leaked || report.leftovers().next().is_some() {
            return Self::LeftOver;
        }
        Self::with_nothing_left(report.summary.failed == 0, interrupted)
    }

    /// How `verify` ended, by the same order.
    pub fn of_verify(report: &VerifyReport, interrupted: bool) -> Self {
        if report.leftovers().next().is_some() {
            return Self::LeftOver;
        }
        Self::with_nothing_left(report.summary.failed == 0, interrupted)
    }

    /// How `verify --plan` ended: changes that are needed, and what could not be looked at, count as not ready.
    pub fn of_plan(report: &PlanReport, interrupted: bool) -> Self {
        Self::with_nothing_left(report.is_nothing_to_do(), interrupted)
    }

    fn with_nothing_left(as_it_should_be: bool, interrupted: bool) -> Self {
        match (as_it_should_be, interrupted) {
            (true, _) => Self::Ready,
            (false, true) => Self::Interrupted,
            (false, false) => Self::NotReady,
        }
    }

    /// How `deploy` ended. A deployment that was rolled back has failed; one that could not be is left over.
    pub fn of_deploy(report: &DeployReport) -> Self {
        match report.outcome {
            DeployOutcome::Deployed | DeployOutcome::Unchanged => Self::Ready,
            DeployOutcome::Refused | DeployOutcome::Failed | DeployOutcome::RolledBack => Self::NotReady,
            DeployOutcome::RollbackFailed => Self::LeftOver,
            DeployOutcome::Interrupted => Self::Interrupted,
        }
    }

    /// How `status` ended: it starts nothing, so nothing is left over.
    pub fn of_status(report: &StatusReport) -> Self {
        match report.summary.failed {
            0 => Self::Ready,
            _ => Self::NotReady,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    #[test]
    fn the_codes_are_fixed_for_ever() {
        let all = [
            (Ending::Ready, 0),
            (Ending::Unexpected, 1),
            (Ending::Usage, 2),
            (Ending::NotReady, 3),
            (Ending::LeftOver, 4),
            (Ending::Interrupted, 130),
        ];
        for (ending, code) in all {
            assert_eq!(ending.code(), code, "{ending:?}");
        }
    }

    #[test]
    fn the_worst_wins() {
        use RunOutcome::{Drained, Kept, Leaked, Ready, Refused, Registered, Undone};

        for (outcomes, interrupted, expected) in [
            (&[Ready, Registered][..], false, Ending::Ready),
            (&[Ready], true, Ending::Ready),
            (&[Drained], false, Ending::Ready),
            (&[Drained, Refused], false, Ending::NotReady),
            (&[Ready, Undone], false, Ending::NotReady),
            (&[Kept], false, Ending::NotReady),
            (&[Ready, Undone], true, Ending::Interrupted),
            (&[Kept], true, Ending::Interrupted),
            (&[Ready, Undone, Leaked], false, Ending::LeftOver),
            (&[Leaked], true, Ending::LeftOver),
        ] {
            let report = samples::report_of(outcomes);
            assert_eq!(Ending::of_report(&report, interrupted), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn a_leftover_of_a_ready_service_counts() {
        let mut report = samples::report_of(&[RunOutcome::Ready]);
        report.services[0].tasks[0].leftovers.push("task x may still run".to_owned());
        assert_eq!(Ending::of_report(&report, false), Ending::LeftOver);
    }

    #[test]
    fn a_rollback_is_no_success() {
        for (outcome, expected) in [
            (DeployOutcome::Deployed, Ending::Ready),
            (DeployOutcome::Unchanged, Ending::Ready),
            (DeployOutcome::Refused, Ending::NotReady),
            (DeployOutcome::Failed, Ending::NotReady),
            (DeployOutcome::RolledBack, Ending::NotReady),
            (DeployOutcome::RollbackFailed, Ending::LeftOver),
            (DeployOutcome::Interrupted, Ending::Interrupted),
        ] {
            assert_eq!(Ending::of_deploy(&samples::deployed(outcome)), expected, "{outcome:?}");
        }
    }

    #[test]
    fn status_is_ready_or_not() {
        assert_eq!(Ending::of_status(&samples::status()), Ending::NotReady);
        let mut ready = samples::status();
        ready.services.truncate(1);
        let ready = StatusReport::new(std::time::Duration::ZERO, ready.services);
        assert_eq!(Ending::of_status(&ready), Ending::Ready);
    }
}
