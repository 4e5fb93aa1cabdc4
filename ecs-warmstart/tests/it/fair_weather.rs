//! What a start costs when nothing goes wrong: the promises of speed and of few calls.

use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{GateKind, Outcome, RunOutcome, Service, UpOptions, Verdict, sample_services};
use ecs_warmstart::ids::TaskArn;
use ecs_warmstart::memory::{Action, InMemory, Settings};
use ecs_warmstart::time::Timestamp;

use crate::worlds::{assert_outcomes, sample};

fn registered_at(cloud: &InMemory, service: &Service) -> Timestamp {
    let group = format!("{} ", service.bindings[0].target_group.name());
    let calls = cloud.calls();
    calls
        .iter()
        .find(|call| call.action == Action::RegisterTargets && call.about.starts_with(&group))
        .unwrap()
        .at
}

#[tokio::test(start_paused = true)]
async fn five_services_come_up_with_few_calls_and_no_lost_traffic() {
    for seed in 0..200 {
        let (cloud, fleet) = sample(Settings::with_seed(seed));
        let services = sample_services();
        let report = fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
        assert_eq!(report.outcome, Outcome::Succeeded);
        assert_outcomes(&report, RunOutcome::Ready);
        assert_eq!(cloud.running_tasks().len(), 5);
        assert_eq!(cloud.registered().len(), 5);
        assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "seed {seed}");
        // The check beforehand: six images, five log groups, and the load balancers once.
        let checks = [Action::BatchGetImage, Action::DescribeLogGroups, Action::DescribeLoadBalancers]
            .map(|action| cloud.count(action));
        assert_eq!(checks, [6, 5, 1]);
        let calls = cloud.calls().len() - checks.iter().sum::<usize>();
        assert!(calls <= 34 * 5, "seed {seed}: {calls} calls for 5 tasks");

        let status = fleet.status(&services).await;
        assert!(status.services.iter().all(|service| service.verdict == Verdict::Ready), "{status:#?}");

        let writes = cloud.count_writes();
        let report = fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert!(report.services.iter().all(|service| service.tasks[0].adopted));
        assert_eq!(cloud.count_writes(), writes, "the second up changes nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_task_is_registered_about_a_second_later() {
    let (mut lags, mut runs) = (Duration::ZERO, 0);
    for seed in 0..200 {
        let (cloud, fleet) = sample(Settings::with_seed(seed));
        let mut services = sample_services();
        for service in &mut services {
            service.gate = GateKind::Running;
        }
        let report = fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Ready);
        for (service, its_report) in services.iter().zip(&report.services) {
            let task: TaskArn = its_report.tasks[0].task.as_ref().unwrap().parse().unwrap();
            let running_at = cloud.truth(&task).unwrap().running.unwrap();
            lags += registered_at(&cloud, service).since(running_at);
            runs += 1;
        }
    }
    let mean = lags / runs;
    assert!(mean <= Duration::from_millis(1200), "registered {mean:?} after RUNNING on average");
}
