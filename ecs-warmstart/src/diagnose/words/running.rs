//! The application at work, and what ends it from outside.

use super::table::{Words, words};
use crate::catalogue::Code;

pub(super) const TABLE: &[Words] = &[
    // Running
    words(
        Code::OutOfMemory,
        "container {container} used more memory than it may and was killed",
        "raise memory of the container, or of the task, in the task definition {definition}, or make the application use less",
    ),
    words(
        Code::HeapExhausted,
        "the application in container {container} ran out of its own heap",
        "raise the heap limit (-XX:MaxRAMPercentage=75, NODE_OPTIONS=--max-old-space-size=…) and, where that is not below it, memory in the task definition {definition}",
    ),
    words(
        Code::ImageIncomplete,
        "a file that the application in container {container} needs is not in its image: {line}",
        "build the image anew from a clean checkout with its dependencies installed, and push it under a new tag",
    ),
    words(
        Code::EnvironmentMissing,
        "the application in container {container} misses a setting: {line}",
        "add it to environment or secrets of the container in the task definition {definition}",
    ),
    words(
        Code::TaskRoleDenied,
        "the task role may not do what the application in container {container} asks for",
        "allow the action that the log names to the task role {task_role} (taskRoleArn, not the execution role)",
    ),
    words(
        Code::DependencyDenied,
        "a dependency refuses the credentials of container {container}: {line}",
        "correct user and password in secrets or environment of the task definition {definition}; a secret is read at the start, so start the task anew after it was rotated",
    ),
    words(
        Code::DependencyUnreachable,
        "container {container} waits for a dependency that does not answer: {line}",
        "start the database or whatever it waits for, check its address in environment, and let its security group allow the port from the task's security group; give the wait in the entry point a limit, so that the task ends with an error instead of hanging",
    ),
    words(
        Code::EntrypointWaits,
        "the entry point of container {container} waits without an end: {line}",
        "make available what it waits for, and give its loop a limit after which it exits with an error: a task that hangs looks like RUNNING",
    ),
    words(
        Code::PortInUse,
        "the port that container {container} listens on is taken",
        "let no two containers of the task listen on one port (in awsvpc and host mode they share them), or use hostPort 0 in bridge mode",
    ),
    words(
        Code::ListensOnLoopback,
        "the application in container {container} listens on the loopback interface only, where no load balancer reaches it",
        "let it listen on 0.0.0.0, often by HOST=0.0.0.0 in environment, and start the task anew",
    ),
    words(
        Code::ListensOnOtherPort,
        "the application in container {container} listens on port {listened}, and its target has port {port}",
        "set port = {listened} in the binding and containerPort {listened} in portMappings, or let the application listen on {port} (often by PORT={port} in environment)",
    ),
    words(
        Code::SegmentationFault,
        "the application in container {container} died of a segmentation fault (exit code 139)",
        "look for native code in it that does not fit the image's libc or processor, and get a core dump; this is not memory pressure",
    ),
    words(
        Code::Aborted,
        "the application in container {container} aborted itself (exit code 134)",
        "read the last lines of its log: a failed assertion or an allocation that failed",
    ),
    words(
        Code::IllegalInstruction,
        "the application in container {container} uses an instruction that the processor does not have (exit code 132)",
        "build it for the platform of the task ({platform}) without the instructions of a newer processor (-march=native)",
    ),
    words(
        Code::Killed,
        "container {container} was killed (exit code 137), and ECS does not say by whom",
        "look at MemoryUtilized in Container Insights, and at the host's log on EC2; only the reason OutOfMemoryError proves that it was memory",
    ),
    words(
        Code::Terminated,
        "container {container} was ended by SIGTERM (exit code 143), and nobody told the task to stop",
        "look for what sends it: a supervisor in the container, or another process of the task",
    ),
    words(
        Code::ApplicationFailed,
        "the application in container {container} exited with {exit_code}",
        "read its log: aws logs tail {log_group} --since 1h; run it by hand: docker run --rm {image}",
    ),
    words(
        Code::ApplicationEnded,
        "the application in container {container} came to its end (exit code 0), which a server must not",
        "let command start the server in the foreground, without daemonizing; or mark the container as not essential",
    ),
    words(
        Code::TaskStopped,
        "the task stopped",
        "look at exitCode and reason of its containers: aws ecs describe-tasks --cluster {cluster} --tasks {task}",
    ),
    // Outside
    words(
        Code::StoppedByUser,
        "somebody stopped the task: {reason}",
        "ask who called StopTask: CloudTrail has the event StopTask with the user's name",
    ),
    words(
        Code::Drained,
        "ecs-warmstart drained the task and stopped it",
        "nothing: it was taken down on purpose; ecs-warmstart up starts another one",
    ),
    words(
        Code::ScaledIn,
        "its ECS service stopped the task because it needs it no more",
        "nothing, where the service was scaled in or deployed anew",
    ),
    words(
        Code::SpotInterruption,
        "the Spot capacity under the task was taken back",
        "call again; give FARGATE beside FARGATE_SPOT in capacity_providers for what must not be interrupted, and subnets in more Availability Zones",
    ),
    words(
        Code::HostGone,
        "the EC2 instance under the task was stopped or terminated",
        "call again: another instance takes it; turn on managed draining and managed termination protection of the capacity provider",
    ),
    words(
        Code::InstanceDeregistered,
        "the container instance under the task was deregistered by force",
        "call again: another instance takes it; drain instances first: aws ecs update-container-instances-state --status DRAINING",
    ),
    words(
        Code::InfrastructureHealth,
        "the infrastructure under the task failed",
        "call again: the task did nothing wrong",
    ),
    words(
        Code::TaskLost,
        "ECS no longer knows the task",
        "call again; a stopped task is forgotten after about an hour, so look at its events in EventBridge and its log",
    ),
    words(
        Code::TakenBack,
        "ecs-warmstart took the task back: {reason}",
        "look at why in the run's own report; with on_failure = \"keep\" the task stays to be looked at",
    ),
    words(
        Code::StopTimeoutExceeded,
        "container {container} did not exit on SIGTERM within its stop timeout and was killed",
        "let its process handle SIGTERM (as PID 1 too: initProcessEnabled), or raise stopTimeout (Fargate: up to 120 s)",
    ),
    words(
        Code::NotStoppedInTime,
        "the task was told to stop and was not STOPPED in the time given",
        "look again in some minutes: aws ecs describe-tasks --cluster {cluster} --tasks {task}; lower stopTimeout",
    ),
];
