//! The image, and the start of containers.

use super::table::{Words, words};
use crate::catalogue::Code;

pub(super) const TABLE: &[Words] = &[
    // Pulling
    words(
        Code::RegistryUnreachable,
        "the task cannot reach the registry of {image}",
        "give the subnets a way out: a NAT gateway, or VPC endpoints for ecr.api and ecr.dkr (interface, 443 open from the task) and S3 (gateway); in a public subnet assign_public_ip = true. Where it passed once, call again",
    ),
    words(
        Code::RegistryUnknown,
        "the name of the registry of {image} does not resolve",
        "check the registry's name in the image, and that DNS support (enableDnsSupport, enableDnsHostnames) is on in the VPC",
    ),
    words(
        Code::LayersUnreachable,
        "the layers of {image} cannot be fetched: ECR keeps them in Amazon S3",
        "give the subnets' route table the S3 gateway endpoint, and let its policy and the task's security group allow HTTPS to it",
    ),
    words(
        Code::RegistryUntrusted,
        "the certificate of the registry of {image} is not trusted",
        "give the registry a certificate of a public authority: Fargate trusts no other; on EC2 put its authority into /etc/docker/certs.d of the container instance",
    ),
    words(
        Code::RegistryRateLimited,
        "the registry limits how often {image} may be pulled",
        "call again later; give repositoryCredentials, or pull through an ECR pull-through cache",
    ),
    words(Code::PullInterrupted, "the pull of {image} broke off", "call again: this passes"),
    words(
        Code::PullDenied,
        "the execution role may not pull {image}",
        "allow ecr:GetAuthorizationToken, ecr:BatchCheckLayerAvailability, ecr:GetDownloadUrlForLayer and ecr:BatchGetImage to the execution role {role} (on EC2 the instance role); for another account's repository also in its repository policy",
    ),
    words(
        Code::RegistryAuthFailed,
        "the registry of {image} does not accept the credentials",
        "give repositoryCredentials with a current secret in the task definition, or the role the ECR permissions (AmazonECSTaskExecutionRolePolicy)",
    ),
    words(
        Code::ImageNotFound,
        "the image {image} does not exist",
        "push it, or correct repository, tag or digest in the task definition {definition}{look}",
    ),
    words(
        Code::ImagePlatformMismatch,
        "the image {image} is not made for {platform}{has}",
        "docker buildx build --platform {platform} -t {repository}:NEW_TAG --push . and name the new tag in the task definition {definition} (or set runtimePlatform.cpuArchitecture there to what the image has)",
    ),
    words(
        Code::ImageManifestInvalid,
        "the manifest of {image} cannot be read",
        "push the image anew with a current docker buildx, and look at it: docker buildx imagetools inspect {image}",
    ),
    words(
        Code::AnotherImage,
        "the task runs another image than the one that was wanted: its tag was moved",
        "name the image by digest (IMAGE@sha256:…) or by a tag that is never moved in the task definition {definition}",
    ),
    words(
        Code::ImageDrift,
        "the tasks of one revision run {number} different images in container {container}",
        "name the image by digest (IMAGE@sha256:…) or by a tag that is never moved in the task definition {definition}, and replace the tasks with the old image",
    ),
    words(
        Code::DiskFull,
        "no space is left on the disk",
        "raise ephemeralStorage.sizeInGiB in the task definition {definition} (Fargate), or the volume of the container instance (EC2); or make the image smaller",
    ),
    words(
        Code::PullFailed,
        "the image {image} could not be pulled",
        "try it by hand from the same network: docker pull {image}",
    ),
    // Starting
    words(
        Code::CommandNotFound,
        "the command of container {container} is not in its image",
        "correct command or entryPoint in the task definition {definition}, or put the program into the image: docker run --rm --entrypoint sh {image} -c 'command -v PROGRAM'",
    ),
    words(
        Code::CommandNotExecutable,
        "the command of container {container} may not be executed",
        "set the executable bit in the Dockerfile (RUN chmod +x FILE, or COPY --chmod=755), and check the user of the container",
    ),
    words(
        Code::StartTimeout,
        "a container did not start in time",
        "call again: this passes; where it repeats, make the image smaller, or raise ECS_CONTAINER_START_TIMEOUT (EC2)",
    ),
    words(
        Code::RuntimeFailed,
        "the container runtime failed",
        "call again: this passes; where it repeats on EC2, replace the container instance",
    ),
    words(
        Code::RuntimeState,
        "the container runtime lost the state of a container",
        "start the task again; on EC2 look at the Docker daemon of the container instance: sudo journalctl -u docker",
    ),
    words(
        Code::HostConfigInvalid,
        "the host cannot give the container what its definition says",
        "check linuxParameters, ulimits, devices and volumes of the container in the task definition {definition}",
    ),
    words(
        Code::ContainerNetworkFailed,
        "the network of the container could not be set up",
        "check networkMode, links and port mappings in the task definition {definition}; on EC2 replace the container instance",
    ),
    words(
        Code::ContainerDependency,
        "a container waits for another one that did not get there",
        "look at the container that dependsOn names: its condition (START, COMPLETE, SUCCESS, HEALTHY) was not met",
    ),
    words(
        Code::CreateFailed,
        "the container {container} could not be created",
        "look at the sentence in the evidence; check volumes, links and linuxParameters in the task definition {definition}",
    ),
    words(
        Code::StartFailed,
        "the container {container} could not be started",
        "check command and entryPoint (are they in the image, and executable?) and whether memory is enough to start: docker run --rm {image}",
    ),
    words(
        Code::TaskFailedToStart,
        "the task failed to start",
        "look at stoppedReason and at the containers' reason: aws ecs describe-tasks --cluster {cluster} --tasks {task}",
    ),
    words(
        Code::TaskNotRunning,
        "the task is {status} and not RUNNING yet{age}",
        "wait some minutes and look again; where it stays so, look at the containers' lastStatus and reason: aws ecs describe-tasks --cluster {cluster} --tasks {task}",
    ),
    words(
        Code::NotRunningInTime,
        "the task was not RUNNING in the time given",
        "give more time with --max-wait or running_timeout; a large image is pulled faster from the same region",
    ),
];
