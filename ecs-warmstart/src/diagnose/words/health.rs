//! Health checks, targets, ECS services.

use super::table::{Words, words};
use crate::catalogue::Code;

pub(super) const TABLE: &[Words] = &[
    // Container health
    words(
        Code::HealthCheckProgram,
        "the health check of container {container} calls {program}, which its image lacks",
        "install {program} in the image, or let healthCheck.command call what is there, such as the application's own runtime: [\"CMD-SHELL\", \"python -c \\\"import urllib.request; urllib.request.urlopen('http://127.0.0.1:PORT/health')\\\"\"]",
    ),
    words(
        Code::HealthCheckLocalhost,
        "the health check of container {container} asks localhost, which may be ::1, where the application does not listen",
        "write 127.0.0.1 instead of localhost in healthCheck.command: {command}",
    ),
    words(
        Code::HealthCheckImpatient,
        "container {container} is up {first_success} s after its start, and its health check gives it {given} s (startPeriod + interval x retries)",
        "set {setting} in healthCheck of container {container} in the task definition {definition}",
    ),
    words(
        Code::WaitTooShort,
        "container {container} may not be HEALTHY in {waited} s, needs up to {needed} s",
        "set healthy_timeout to {needed}s or more (or --health-wait {needed}s)",
    ),
    words(
        Code::ContainerUnhealthy,
        "the health check of container {container} fails",
        "run its command in the container while the task runs (on_failure = \"keep\" leaves it; the task needs enableExecuteCommand): aws ecs execute-command --cluster {cluster} --task {task} --container {container} --interactive --command sh",
    ),
    words(
        Code::ContainerHealthUnknown,
        "the health check of container {container} has not passed yet: its healthStatus is UNKNOWN",
        "look again after {given} s (startPeriod + interval x retries): by then it is HEALTHY or UNHEALTHY",
    ),
    words(
        Code::GateNotOpenInTime,
        "the containers were not HEALTHY in the time given",
        "give more time with --health-wait or healthy_timeout, or run the health check's command in the container",
    ),
    // Registering
    words(
        Code::TargetGroupUnused,
        "no listener leads to target group {group}, so its targets are never checked",
        "let a listener or one of its rules forward to it: aws elbv2 create-rule --listener-arn LISTENER_ARN --priority N --conditions … --actions Type=forward,TargetGroupArn={group_arn}",
    ),
    words(
        Code::TargetZoneDisabled,
        "the load balancer of target group {group} is not enabled in the Availability Zone of the target",
        "enable it there: aws elbv2 set-subnets --load-balancer-arn LOAD_BALANCER_ARN --subnets … (it replaces the whole list: name the former subnets too), or give only subnets in zones that are enabled",
    ),
    words(
        Code::TargetInvalidState,
        "the instance behind the target in {group} is stopped or terminated",
        "start the task on another instance; register no instance that is not running",
    ),
    words(
        Code::TargetIpUnusable,
        "the address of the target in {group} belongs to a load balancer",
        "register the task's own address: a load balancer cannot be a target by its address",
    ),
    words(
        Code::NoTarget,
        "the task has nothing that target group {group} could take",
        "let the target type fit the network mode: ip for awsvpc, instance for bridge and host",
    ),
    words(
        Code::TargetNotRegistered,
        "the target is not in target group {group}",
        "ecs-warmstart up registers it; where it was there, somebody deregistered it: CloudTrail has DeregisterTargets",
    ),
    words(
        Code::TargetDraining,
        "the target in {group} is being deregistered",
        "wait for the deregistration delay of the target group: an address that drains is not taken again before",
    ),
    words(
        Code::NotRegisteredInTime,
        "the target was not registered in the time given",
        "call again; see what RegisterTargets answers with -v",
    ),
    // Target health
    words(
        Code::HealthPathMissing,
        "the application answers the health check of {group} with {codes}: it does not know {path}",
        "set the path that it knows: aws elbv2 modify-target-group --target-group-arn {group_arn} --health-check-path /health",
    ),
    words(
        Code::HealthPathGuarded,
        "the application wants a login on the health check path of {group} (it answers {codes})",
        "let {path} answer without a login, or choose an open path: aws elbv2 modify-target-group --target-group-arn {group_arn} --health-check-path /health",
    ),
    words(
        Code::HealthPathRedirects,
        "the application redirects the health check of {group} ({codes})",
        "choose a path that answers itself, or let the matcher accept it: aws elbv2 modify-target-group --target-group-arn {group_arn} --matcher HttpCode=200-399",
    ),
    words(
        Code::LoadBalancerError,
        "the load balancer of {group} failed",
        "wait and look again; where it stays, see the AWS Health Dashboard",
    ),
    words(
        Code::TargetWrongCode,
        "the application answers the health check of {group} with {codes}",
        "read its log: 5xx comes from the application or from what it depends on, not from the load balancer; call {path} in the container",
    ),
    words(
        Code::TargetTimeout,
        "the target in {group} does not answer its health check in time",
        "let the task's security group allow port {port} from the load balancer's security group; check that the application answers {path} faster than the health check's timeout",
    ),
    words(
        Code::TargetRefuses,
        "the target in {group} takes no connection on port {port}, or answers what makes no sense",
        "let the application listen on 0.0.0.0:{port}, and the security group allow it from the load balancer; check that the protocol (HTTP or HTTPS) is the application's",
    ),
    words(
        Code::TargetInitial,
        "the target in {group} has not passed a health check yet",
        "wait: a Network Load Balancer may take minutes to register; a shorter health check interval shortens it",
    ),
    words(
        Code::TargetUnchecked,
        "target group {group} does not check its targets",
        "turn the health check of the target group on, or wait for registration only: --skip-health-check",
    ),
    words(
        Code::TargetUnhealthy,
        "the target in {group} is not healthy",
        "aws elbv2 describe-target-health --target-group-arn {group_arn} says why; read the application's log",
    ),
    words(
        Code::TargetUnusable,
        "the target in {group} can never be healthy as things stand",
        "change what the reason in the evidence names",
    ),
    words(
        Code::NotHealthyInTime,
        "the target was not healthy in the time given",
        "give more time with --health-wait or healthy_timeout; a shorter health check interval of the target group shortens it",
    ),
    // Whole
    words(
        Code::RestartLoop,
        "service {service} starts and stops its tasks again and again ({number} stops since it was steady last)",
        "look at one of its stopped tasks: aws ecs list-tasks --cluster {cluster} --service-name {service} --desired-status STOPPED",
    ),
    words(
        Code::ServiceUnstable,
        "service {service} cannot start its tasks",
        "look at one of its stopped tasks: aws ecs list-tasks --cluster {cluster} --service-name {service} --desired-status STOPPED",
    ),
    words(
        Code::DeploymentFailed,
        "the deployment of service {service} failed",
        "look at the tasks that it stopped; the former revision runs on where the circuit breaker rolls back",
    ),
    words(
        Code::TooFewTasks,
        "{number} of {desired} tasks of service {service} run and are well, and nothing says why not more",
        "wait, where they are being started; else start what is missing: ecs-warmstart up {service}",
    ),
    words(
        Code::NotStarted,
        "no task of service {service} runs, and none stopped within the hour that ECS remembers",
        "start it: ecs-warmstart up {service}",
    ),
    words(
        Code::Unexplained,
        "the evidence does not say why",
        "look while it is fresh: aws ecs describe-tasks --cluster {cluster} --tasks {task}; record the next try with --record FILE",
    ),
    words(Code::NothingWrong, "nothing is wrong as far as can be seen", "nothing"),
];
