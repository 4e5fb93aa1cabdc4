//! `connect` as a program calls it: the environment says where AWS is and who asks.

use std::process::Command;

use ecs_warmstart::aws::{ConnectOptions, connect};
use ecs_warmstart::ports::{Selector, TargetRegistrar, TaskLauncher};
use ecs_warmstart::testing::moto::Moto;

/// Set for the copy of this test that runs in the environment under test: no process changes its own.
const INNER: &str = "WARMSTART_TEST_GROUP";

#[tokio::test]
async fn the_environment_leads_to_an_api() {
    if let Ok(group) = std::env::var(INNER) {
        let aws = connect(&ConnectOptions::default()).await.unwrap();
        let nobody = Selector::StartedBy("ecs-warmstart/nobody".into());
        assert_eq!(aws.find(&"connected".parse().unwrap(), &nobody).await.unwrap(), []);
        assert_eq!(aws.targets(&group.parse().unwrap()).await.unwrap(), []);
        return;
    }
    let Some(moto) = Moto::start() else { return };
    moto.create_cluster("connected");
    let group = moto.create_target_group("connected", 8080);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_environment_leads_to_an_api"])
        .envs(moto.environment())
        .env_remove("AWS_ENDPOINT_URL_ECS")
        .env_remove("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2")
        .env(INNER, group.as_str())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let calls = moto.calls();
    assert_eq!(calls[calls.len() - 2..], ["ListTasks", "DescribeTargetHealth"]);
}
