//! The emulator's helper itself: it starts, notes what it is asked, ends with its handle, and can be left out.

use std::net::TcpStream;
use std::process::Command;

use ecs_warmstart::testing::moto::{Moto, SWITCH};

fn listens(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

#[test]
fn it_ends_with_its_handle() {
    let Some(moto) = Moto::start() else { return };
    let endpoint = moto.endpoint().to_owned();
    assert!(listens(&endpoint));
    drop(moto);
    assert!(!listens(&endpoint));
}

#[test]
fn it_notes_every_call_in_order() {
    let Some(moto) = Moto::start() else { return };
    assert_eq!(moto.calls(), [] as [&str; 0]);
    moto.create_cluster("noted");
    moto.create_target_group("noted", 80);
    assert_eq!(moto.calls(), ["CreateCluster", "DescribeVpcs", "CreateTargetGroup"]);
}

#[test]
fn what_is_left_out_is_said() {
    let this = std::env::current_exe().unwrap();
    let output =
        Command::new(this).args(["--exact", "it_ends_with_its_handle"]).env(SWITCH, "off").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("it_ends_with_its_handle: left out, because WARMSTART_EMULATOR is off"), "{said}");
}
