//! The sentences in which ECS says what failed: `stoppedReason`, a container's `reason`, `failures[]`, service events.
//!
//! AWS documents few of them and changes them without notice, so a row asks for as little of a sentence as tells it from
//! the others. The first row that fits decides: special ones stand above general ones. What no row fits has no meaning
//! here, and is quoted as it is.

use super::Code;
use super::Confidence::{self, High, Medium};

/// What a sentence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What happened.
    pub code: Code,
    /// How sure the sentence makes it: some leave two causes open.
    pub confidence: Confidence,
}

struct Row {
    /// All of these are in the sentence, as they are written.
    says: &'static [&'static str],
    code: Code,
    confidence: Confidence,
}

const fn row(says: &'static [&'static str], code: Code) -> Row {
    Row { says, code, confidence: High }
}

const fn vague(says: &'static [&'static str], code: Code) -> Row {
    Row { says, code, confidence: Medium }
}

const PULL: &str = "CannotPull";
const INIT: &str = "ResourceInitializationError";
const CREATE_INTERFACE: &str = "Unexpected EC2 error while attempting to Create Network Interface";

/// About tasks and their containers.
const SENTENCES: &[Row] = &[
    // Memory first: whatever else is said, this decides.
    row(&["OutOfMemoryError"], Code::OutOfMemory),
    row(&["OOM-killed"], Code::OutOfMemory),
    row(&["exec format error"], Code::ImagePlatformMismatch),
    row(&["does not contain descriptor matching platform"], Code::ImagePlatformMismatch),
    row(&["failed to find a descriptor for platform"], Code::ImagePlatformMismatch),
    row(&["no match for platform in manifest"], Code::ImagePlatformMismatch),
    row(&["no matching manifest for"], Code::ImagePlatformMismatch),
    row(&["no space left on device"], Code::DiskFull),
    // Placing: capacity providers say on the task what RunTask says in `failures[]`.
    row(&["Capacity is unavailable"], Code::Capacity),
    row(&["RESOURCE:FARGATE"], Code::Capacity),
    row(&["RESOURCE:"], Code::InstanceResources),
    row(&["TaskFailedToStart: AGENT"], Code::AgentDisconnected),
    row(&["TaskFailedToStart: ATTRIBUTE"], Code::InstanceAttribute),
    row(&["MemberOf placement constraint unsatisfied"], Code::PlacementConstraint),
    row(&["NO ACTIVE INSTANCES"], Code::NoInstances),
    row(&["EMPTY CAPACITY PROVIDER"], Code::NoInstances),
    row(&["is not compatible with the selected compute strategy"], Code::ComputeIncompatible),
    row(&["reached the limit on the number of"], Code::QuotaReached),
    row(&["configuration is above your limit"], Code::QuotaReached),
    row(&["TaskDefinition is inactive"], Code::TaskDefinitionInactive),
    row(&["unable to assume the role"], Code::RoleNotAssumable),
    // Network interface and storage.
    row(&["Timeout waiting for network interface provisioning"], Code::InterfaceTimeout),
    row(&["Timeout waiting for EphemeralStorage provisioning"], Code::StorageTimeout),
    row(&["InsufficientFreeAddressesInSubnet"], Code::SubnetFull),
    row(&[CREATE_INTERFACE, "AuthFailure"], Code::InterfaceFailed),
    row(&[CREATE_INTERFACE], Code::InterfaceRefused),
    row(&["Unable to attach network interface to unused device index"], Code::InterfaceLimit),
    row(&["Task provisioning failed"], Code::ProvisioningFailed),
    row(&["Service Discovery instance could not be registered"], Code::ServiceDiscoveryFailed),
    // The registry.
    row(&["toomanyrequests"], Code::RegistryRateLimited),
    row(&["You have reached your pull rate limit"], Code::RegistryRateLimited),
    row(&[PULL, "429 Too Many Requests"], Code::RegistryRateLimited),
    row(&[PULL, "nil pointer dereference"], Code::LayersUnreachable),
    // ECR's bucket.
    row(&[PULL, "starport-layer-bucket", "timeout"], Code::LayersUnreachable),
    row(&[PULL, "starport-layer-bucket", "dial tcp"], Code::LayersUnreachable),
    vague(&[PULL, "pull command failed"], Code::LayersUnreachable),
    row(&[PULL, "x509: "], Code::RegistryUntrusted),
    row(&[PULL, "no such host"], Code::RegistryUnknown),
    row(&[PULL, "i/o timeout"], Code::RegistryUnreachable),
    row(&[PULL, "request canceled while waiting for connection"], Code::RegistryUnreachable),
    row(&[PULL, "Client.Timeout exceeded"], Code::RegistryUnreachable),
    row(&[PULL, "TLS handshake timeout"], Code::RegistryUnreachable),
    row(&[PULL, "Check your task network configuration"], Code::RegistryUnreachable),
    row(&[PULL, "Check your network configuration"], Code::RegistryUnreachable),
    row(&[PULL, "connection issue"], Code::RegistryUnreachable),
    vague(&[PULL, "context canceled"], Code::RegistryUnreachable),
    row(&[PULL, "EOF"], Code::PullInterrupted),
    row(&[PULL, "invalid argument"], Code::PullInterrupted),
    row(&[PULL, "not authorized to perform: ecr:"], Code::PullDenied),
    row(&[PULL, "no basic auth credentials"], Code::RegistryAuthFailed),
    row(&[PULL, "authentication required"], Code::RegistryAuthFailed),
    row(&[PULL, "401 Unauthorized"], Code::RegistryAuthFailed),
    row(&[PULL, ".dkr.ecr.", "403 Forbidden"], Code::PullDenied),
    row(&[PULL, "403 Forbidden"], Code::RegistryAuthFailed),
    vague(&[PULL, "Check that the role has the permissions"], Code::PullDenied),
    vague(&[PULL, "pull access denied"], Code::ImageNotFound),
    vague(&[PULL, "Check whether the image exists"], Code::ImageNotFound),
    vague(&[PULL, "requested access to the resource is denied"], Code::ImageNotFound),
    row(&[PULL, "manifest unknown"], Code::ImageNotFound),
    row(&[PULL, "does not exist"], Code::ImageNotFound),
    row(&[PULL, "not found"], Code::ImageNotFound),
    vague(&["CannotPullContainerAuthError"], Code::RegistryAuthFailed),
    vague(&["CannotPullECRContainerError"], Code::RegistryAuthFailed),
    vague(&["CannotPullImageManifestError"], Code::ImageManifestInvalid),
    vague(&[PULL], Code::PullFailed),
    // Starting a program. Fargate puts these words behind the prefix of what comes before the start.
    row(&["failed to invoke EFS utils commands"], Code::EfsMountFailed),
    row(&["mount.nfs4"], Code::EfsMountFailed),
    row(&["error mounting"], Code::VolumeFailed),
    row(&["executable file not found"], Code::CommandNotFound),
    row(&["exec: ", "no such file or directory"], Code::CommandNotFound),
    row(&["CannotStartContainerError", "no such file or directory"], Code::CommandNotFound),
    row(&["exec: ", "permission denied"], Code::CommandNotExecutable),
    row(&["CannotStartContainerError", "permission denied"], Code::CommandNotExecutable),
    // What has to be there before a container starts. A broken connection before a refusal: it may quote one.
    row(&["environment variable files from Amazon S3", "connection issue"], Code::EndpointUnreachable),
    row(&["failed to download env files", "context deadline exceeded"], Code::EndpointUnreachable),
    row(&["failed to download env files", "i/o timeout"], Code::EndpointUnreachable),
    row(&["environment variable files from Amazon S3"], Code::EnvironmentFiles),
    row(&["failed to download env files"], Code::EnvironmentFiles),
    row(&[INIT, "i/o timeout"], Code::EndpointUnreachable),
    row(&[INIT, "dial tcp"], Code::EndpointUnreachable),
    row(&[INIT, "RequestError"], Code::EndpointUnreachable),
    row(&[INIT, "TLS handshake timeout"], Code::EndpointUnreachable),
    row(&[INIT, "Client.Timeout"], Code::EndpointUnreachable),
    row(&[INIT, "context deadline exceeded"], Code::EndpointUnreachable),
    row(&[INIT, "connection issue"], Code::EndpointUnreachable),
    vague(&[INIT, "signal: killed"], Code::EndpointUnreachable),
    row(&["cannot find the Amazon CloudWatch log group"], Code::LogGroupMissing),
    row(&["log group does not exist"], Code::LogGroupMissing),
    row(&["not authorized to perform: logs:"], Code::LogsDenied),
    row(&["failed to validate logger args"], Code::LogDriverInvalid),
    row(&["failed to initialize logging driver", "RequestError"], Code::EndpointUnreachable),
    row(&["failed to initialize logging driver", "i/o timeout"], Code::EndpointUnreachable),
    row(&["failed to initialize logging driver", "context deadline exceeded"], Code::EndpointUnreachable),
    row(&["failed to initialize logging driver"], Code::LogDriverInvalid),
    row(&["Secrets Manager can't find the specified secret"], Code::SecretNotFound),
    row(&["did not contain json key"], Code::SecretNotFound),
    row(&["ResourceNotFoundException", "secret"], Code::SecretNotFound),
    row(&[INIT, "invalid ssm parameters"], Code::SecretNotFound),
    row(&[INIT, "ParameterNotFound"], Code::SecretNotFound),
    row(&[INIT, "AccessDenied"], Code::SecretsDenied),
    row(&[INIT, "is not authorized to perform"], Code::SecretsDenied),
    vague(&[INIT, "unable to pull secrets or registry auth"], Code::SecretsDenied),
    vague(&[INIT, "cannot pull registry auth"], Code::SecretsDenied),
    vague(&[INIT, "cannot pull secrets"], Code::SecretsDenied),
    vague(&["secrets from AWS Secrets Manager"], Code::SecretsDenied),
    vague(&["secrets from SSM"], Code::SecretsDenied),
    vague(&[INIT], Code::InitializationFailed),
    row(&["CannotCreateVolumeError"], Code::VolumeFailed),
    row(&["InvalidVolumeError"], Code::VolumeFailed),
    // Creating and starting.
    row(&["TimeoutError", "Could not transition to"], Code::StartTimeout),
    row(&["ContainerRuntimeError"], Code::RuntimeFailed),
    row(&["HostConfigError"], Code::HostConfigInvalid),
    row(&["ContainerNetworkingError"], Code::ContainerNetworkFailed),
    row(&["CannotInspectContainerError"], Code::RuntimeState),
    row(&["CannotStopContainerError"], Code::RuntimeState),
    row(&["DockerStateError"], Code::RuntimeState),
    row(&["ContainerVanishedError"], Code::RuntimeState),
    vague(&["TaskDependencyError"], Code::ContainerDependency),
    vague(&["TaskStoppedBeforePullBeginError"], Code::TaskFailedToStart),
    vague(&["CannotCreateContainerError"], Code::CreateFailed),
    vague(&["CannotStartContainerError"], Code::StartFailed),
    // From outside.
    row(&["Your Spot Task was interrupted"], Code::SpotInterruption),
    row(&["Host EC2 (instance", "stopped"], Code::HostGone),
    row(&["Host EC2 (instance", "terminated"], Code::HostGone),
    row(&["Container instance deregistration forced by user"], Code::InstanceDeregistered),
    row(&["Scaling activity initiated by"], Code::ScaledIn),
    row(&["Task failed ELB health checks"], Code::TargetUnhealthy),
    row(&["Task failed container health checks"], Code::ContainerUnhealthy),
    row(&["failed container health checks"], Code::ContainerUnhealthy),
    row(&["InternalError"], Code::InternalError),
];

/// Only in the events of an ECS service, and in the reasons of its deployments.
const EVENTS: &[Row] = &[
    row(&["No Container Instances were found in your cluster"], Code::NoInstances),
    row(&["is missing an attribute required by your task"], Code::InstanceAttribute),
    row(&["insufficient", "available"], Code::InstanceResources),
    row(&["already using a port required by your task"], Code::InstanceResources),
    row(&["encountered error \"AGENT\""], Code::AgentDisconnected),
    row(&["placement constraint"], Code::PlacementConstraint),
    row(&["operations are being throttled"], Code::Throttled),
    row(&["is unable to consistently start tasks successfully"], Code::ServiceUnstable),
    row(&["circuit breaker"], Code::DeploymentFailed),
    row(&["deployment failed"], Code::DeploymentFailed),
    vague(&["unable to place a task"], Code::ServiceUnstable),
];

/// What a sentence about a task, a container or a call means; nothing where no row knows it.
pub fn read(sentence: &str) -> Option<Meaning> {
    find(SENTENCES, sentence)
}

/// What an event of an ECS service means.
pub fn read_event(message: &str) -> Option<Meaning> {
    find(EVENTS, message)
        .filter(|found| !found.code.is_symptom())
        .or_else(|| read(message))
        .or_else(|| find(EVENTS, message))
}

fn find(rows: &[Row], sentence: &str) -> Option<Meaning> {
    first(rows, sentence).map(|row| Meaning { code: row.code, confidence: row.confidence })
}

fn first<'a>(rows: &'a [Row], sentence: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.says.iter().all(|part| sentence.contains(part)))
}

/// What a reason in `failures[]` of `RunTask` means: a word of its own, or a sentence.
pub fn read_placement(reason: &str) -> Option<Meaning> {
    let word = reason.split(':').next().unwrap_or(reason).trim();
    let code = match word {
        "AGENT" => Code::AgentDisconnected,
        "ATTRIBUTE" => Code::InstanceAttribute,
        "LOCATION" => Code::InstanceZone,
        "MISSING" | "INACTIVE" => Code::InstanceUnknown,
        _ => return read(reason),
    };
    Some(Meaning { code, confidence: High })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row below one that takes everything it takes would be dead.
    #[test]
    fn every_row_is_reached() {
        for rows in [SENTENCES, EVENTS] {
            for row in rows {
                let sentence = row.says.join(" ");
                let found = find(rows, &sentence).unwrap();
                assert_eq!(found.code, row.code, "{sentence}");
            }
        }
    }

    /// Whoever adds a row adds a case.
    #[test]
    fn every_row_has_its_case_in_the_corpus() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
        let mut texts = Vec::new();
        for file in std::fs::read_dir(corpus).unwrap() {
            let file = std::fs::read_to_string(file.unwrap().path()).unwrap();
            collect_texts(&serde_json::from_str(&file).unwrap(), &mut texts);
        }
        for rows in [SENTENCES, EVENTS] {
            for row in rows {
                let is_it = |text: &String| first(rows, text).is_some_and(|found| std::ptr::eq(found, row));
                assert!(texts.iter().any(is_it), "no case says {:?}", row.says);
            }
        }
    }

    fn collect_texts(value: &serde_json::Value, texts: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => texts.push(text.clone()),
            serde_json::Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|value| collect_texts(value, texts))
            }
            _ => {}
        }
    }

    #[test]
    fn the_special_row_wins_over_the_general_one() {
        for (sentence, code) in [
            ("CannotPullContainerError: x: not found: dial tcp: i/o timeout", Code::RegistryUnreachable),
            ("CannotPullContainerError: geoffrey/eof:1: not found", Code::ImageNotFound),
            ("ContainerRuntimeTimeoutError: Could not transition to created", Code::StartTimeout),
            (
                "ResourceInitializationError: AccessDeniedException: dial tcp: i/o timeout",
                Code::EndpointUnreachable,
            ),
        ] {
            assert_eq!(read(sentence).map(|found| found.code), Some(code), "{sentence}");
        }
        assert_eq!(read("all is well"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn words_of_failed_placements() {
        assert_eq!(read_placement("AGENT").unwrap().code, Code::AgentDisconnected);
        assert_eq!(read_placement("RESOURCE:ENI").unwrap().code, Code::InstanceResources);
        assert_eq!(read_placement("SOMETHING:NEW"), None);
    }
}
