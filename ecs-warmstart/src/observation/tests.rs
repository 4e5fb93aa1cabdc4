use super::*;

#[test]
fn words_of_the_cloud_round_trip() {
    for word in ["initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "draining", "unavailable"]
    {
        assert_eq!(TargetState::parse(word).as_str(), word);
    }
    for word in [
        "Elb.RegistrationInProgress",
        "Elb.InitialHealthChecking",
        "Elb.InternalError",
        "Target.ResponseCodeMismatch",
        "Target.Timeout",
        "Target.FailedHealthChecks",
        "Target.NotRegistered",
        "Target.NotInUse",
        "Target.DeregistrationInProgress",
        "Target.InvalidState",
        "Target.IpUnusable",
        "Target.HealthCheckDisabled",
    ] {
        let reason = TargetReason::parse(word);
        assert_eq!(reason.as_str(), word);
        assert!(!matches!(reason, TargetReason::Other(_)), "{word}");
    }
    for word in [
        "TaskFailedToStart",
        "EssentialContainerExited",
        "UserInitiated",
        "ServiceSchedulerInitiated",
        "SpotInterruption",
        "TerminationNotice",
        "InfrastructureHealth",
    ] {
        assert_eq!(StopCode::parse(word).as_str(), word);
        assert!(!matches!(StopCode::parse(word), StopCode::Other(_)), "{word}");
    }
}

#[test]
fn unknown_words_are_waited_out() {
    assert_eq!(TargetState::parse("thinking"), TargetState::Unavailable);
    assert!(!TargetReason::parse("Elb.New").is_final());
    assert_eq!(StopCode::parse("New").as_str(), "New");
    assert_eq!(TaskStatus::parse("NEW"), TaskStatus::Pending);
}

#[test]
fn an_ipv6_target_prints_with_brackets() {
    assert_eq!(Target::new("fd00::1", 80).to_string(), "[fd00::1]:80");
    assert_eq!(Target::new("10.0.0.1", 80).to_string(), "10.0.0.1:80");
}
