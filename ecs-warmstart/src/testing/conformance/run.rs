//! From cases to tests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Backend, Capability};

/// Makes a module with one test per case of the suite. The attribute says how each test runs, the expression makes a
/// fresh backend, and may await:
///
/// ```text
/// ecs_warmstart::conformance! {
///     #[tokio::test(start_paused = true)]
///     mod memory => MemoryBackend::new()
/// }
/// ```
#[macro_export]
macro_rules! conformance {
    (@case [#[$attribute:meta]] $backend:expr, $part:ident::$case:ident, [$($need:ident),*]) => {
        #[$attribute]
        async fn $case() {
            $crate::testing::conformance::run(
                stringify!($case),
                &[$($crate::testing::conformance::Capability::$need),*],
                $backend,
                |backend| ::std::boxed::Box::pin($crate::testing::conformance::$part::$case(backend)),
            )
            .await;
        }
    };
    (#[$attribute:meta] mod $module:ident => $backend:expr) => {
        mod $module {
            use super::*;

            $crate::conformance!(@case [#[$attribute]] $backend, tasks::one_token_is_one_task, [ClientTokens]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::different_tokens_are_different_tasks, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_token_with_another_request_conflicts, [ClientTokens]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_token_answers_with_the_stopped_task, [ClientTokens]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::overrides_are_those_of_their_task, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_token_with_other_overrides_conflicts, [ClientTokens]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::many_callers_with_one_token_start_one_task, [ClientTokens]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_failed_placement_is_no_capacity, [CapacityFailures]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_token_replays_its_failure, [CapacityFailures]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::tasks_are_found_by_started_by, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_stopped_task_is_not_found, [FindsOnlyRunning]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::stopped_tasks_are_found_by_family, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::all_running_tasks_are_found, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_stopped_task_still_says_its_address, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::all_pages_are_found_and_observed_in_order, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::an_unknown_task_is_missing, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_task_gets_running_with_an_address, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_task_is_not_running_at_once, [Lifecycle]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_status_never_goes_back, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_task_on_a_host_names_instance_and_ports, [HostNetworking]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::stopping_twice_is_fine, []);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::a_stop_keeps_its_reason, [StopReason]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::stopping_an_unknown_task_is_not_found, [StopUnknown]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::an_unknown_cluster_is_not_found, [UnknownClusters]);
            $crate::conformance!(@case [#[$attribute]] $backend, tasks::an_unknown_task_definition_cannot_be_launched, [UnknownDefinitions]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::registering_twice_is_once, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::an_absent_target_is_not_registered, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::observations_come_in_the_order_asked, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::more_than_two_hundred_targets_at_once, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_deregistered_target_is_out, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::deregistering_twice_is_fine, [DeregisterAbsent]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::deregistering_an_absent_target_is_fine, [DeregisterAbsent]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_deregistered_target_drains_and_is_gone, [Draining]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_target_is_initial_first, [HealthTakesTime]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_target_that_serves_gets_healthy, []);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_target_that_nobody_serves_gets_unhealthy, [UnhealthyTargets]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_group_without_listener_is_not_in_use, [NotInUse]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::a_group_refuses_what_it_does_not_take, [TargetTypes]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::an_unknown_group_is_not_found, [UnknownGroups]);
            $crate::conformance!(@case [#[$attribute]] $backend, targets::deregistering_from_an_unknown_group_is_fine, [UnknownGroups]);
            $crate::conformance!(@case [#[$attribute]] $backend, definitions::a_task_definition_says_its_facts, []);
            $crate::conformance!(@case [#[$attribute]] $backend, definitions::an_unknown_task_definition_is_not_found, [UnknownDefinitions]);
            $crate::conformance!(@case [#[$attribute]] $backend, definitions::a_target_group_says_its_facts, []);
            $crate::conformance!(@case [#[$attribute]] $backend, definitions::a_target_group_says_its_deregistration_delay, []);
            $crate::conformance!(@case [#[$attribute]] $backend, definitions::an_unknown_target_group_is_not_found, [UnknownGroups]);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::an_image_says_its_digest_and_platforms, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::an_unknown_image_is_not_found, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::a_log_group_is_there_or_not, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::a_log_says_its_end, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::a_log_that_nobody_wrote_is_empty, [SilentStreams]);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::an_unknown_log_group_is_not_found, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::load_balancers_say_where_they_are, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::an_ecs_service_says_its_facts, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::an_unknown_ecs_service_is_not_found, []);
            $crate::conformance!(@case [#[$attribute]] $backend, inspections::tasks_are_found_by_their_ecs_service, [ServiceTasks]);
        }
    };
}

/// Runs one case, as the tests of [`conformance!`](crate::conformance) do.
///
/// Where the backend declares that it lacks something the case needs, the case has to fail: then the reason is printed.
///
/// # Panics
///
/// Where the contract is broken; and where a case succeeds that needs what the backend declares missing, because then the
/// declaration is wrong.
#[expect(clippy::print_stderr, reason = "a test that leaves something out says so")]
pub async fn run<F>(name: &str, needs: &[Capability], backend: impl Backend, case: F)
where
    F: for<'a> FnOnce(&'a dyn Backend) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> + Send + 'static,
{
    let backend: Arc<dyn Backend> = Arc::new(backend);
    let missing: Vec<(Capability, String)> = needs
        .iter()
        .filter_map(|need| Some((*need, backend.capabilities().missing(*need)?.to_owned())))
        .collect();
    if missing.is_empty() {
        return case(&*backend).await;
    }
    let lacking = Arc::clone(&backend);
    let ended = tokio::spawn(async move { case(&*lacking).await }).await;
    assert!(
        ended.is_err(),
        "{name} holds on a backend that declares {missing:?} missing: take the declaration back"
    );
    eprintln!("{name}: not held to it, because {missing:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::conformance::{Capabilities, Fixture, tasks};
    use crate::testing::{Chaos, ChaosPlan, Fault, PortMethod};

    async fn one_token(backend: Fixture) {
        run("one_token", &[Capability::ClientTokens], backend, |backend| {
            Box::pin(tasks::one_token_is_one_task(backend))
        })
        .await;
    }

    fn without_tokens(backend: Fixture) -> Fixture {
        let capabilities = Capabilities::all().without(Capability::ClientTokens, "it ignores clientToken");
        Fixture { capabilities, ..backend }
    }

    fn broken() -> Fixture {
        let fails = ChaosPlan::none().every(PortMethod::Launch, Fault::Before(ErrorKind::Denied));
        Fixture::memory().wrapped(|ports| Chaos::new(ports, fails).ports())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_declared_missing_may_fail() {
        one_token(without_tokens(broken())).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_declared_missing_must_fail() {
        let ended = tokio::spawn(one_token(without_tokens(Fixture::memory()))).await;
        let panic = ended.unwrap_err().into_panic();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains("take the declaration back"), "{message}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_declared_has_to_hold() {
        assert!(tokio::spawn(one_token(broken())).await.unwrap_err().is_panic());
    }

    /// A case that no test is made of would hold for every backend.
    #[test]
    fn every_case_is_in_the_macro() {
        let here = include_str!("run.rs");
        for (part, source) in [
            ("definitions", include_str!("definitions.rs")),
            ("targets", include_str!("targets.rs")),
            ("tasks", include_str!("tasks.rs")),
        ] {
            let cases: Vec<&str> = source
                .split("\npub async fn ")
                .skip(1)
                .map(|rest| &rest[..rest.find('(').expect("a function has parameters")])
                .collect();
            assert!(!cases.is_empty(), "{part} has no cases");
            for case in cases {
                assert!(here.contains(&format!("{part}::{case}, [")), "{part}::{case} is not in the macro");
            }
        }
    }
}
