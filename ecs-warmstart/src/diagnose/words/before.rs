//! Before there is an image: calls, places, networks, secrets.

use super::table::{Words, words};
use crate::catalogue::Code;

pub(super) const TABLE: &[Words] = &[
    // Calling
    words(
        Code::Denied,
        "{call} is not allowed",
        "allow the action that the message names to the caller; RunTask also needs iam:PassRole on the task role and the execution role",
    ),
    words(
        Code::Invalid,
        "{call} was refused as a wrong request",
        "change what the message names in the configuration or the task definition",
    ),
    words(
        Code::NotFound,
        "what {call} names does not exist",
        "check the name, the region and the account: aws ecs describe-clusters, describe-task-definition, aws elbv2 describe-target-groups",
    ),
    words(
        Code::Conflict,
        "the client token was used with another request",
        "wait until the tasks of the earlier request are gone, or start under another --run-id",
    ),
    words(
        Code::Throttled,
        "AWS throttles the calls",
        "call again later, or ask for a higher rate in Service Quotas",
    ),
    words(
        Code::Timeout,
        "{call} was not answered in time",
        "call again: the same call leads to the same task; check the network path to the endpoint",
    ),
    words(
        Code::Unavailable,
        "AWS could not answer {call}",
        "call again later: the same call leads to the same task; see the AWS Health Dashboard",
    ),
    words(
        Code::CallFailed,
        "{call} failed in a way that is not understood",
        "call again: the same call leads to the same task; with -vvv every call is logged",
    ),
    words(
        Code::Misconfigured,
        "configuration, task definition and target group do not fit together",
        "change the configuration as the message says",
    ),
    words(Code::Cancelled, "the run was cancelled", "call again to go on"),
    words(Code::SlotTaken, "another run holds the task", "nothing: the other run brings it up"),
    words(
        Code::LastHealthyTarget,
        "a target group in use would be left without a healthy target",
        "bring up a replacement first, or say with --allow-empty that this is meant",
    ),
    words(
        Code::ClusterMissing,
        "the cluster {cluster} does not exist in this account and region",
        "correct the cluster's name, or the region or profile: aws ecs list-clusters",
    ),
    words(
        Code::EcsServiceMissing,
        "there is no ECS service {service} in cluster {cluster}",
        "correct the name: aws ecs list-services --cluster {cluster}",
    ),
    words(
        Code::EcsServiceInactive,
        "ECS service {service} is {status}: it is deleted, or on its way there",
        "make it anew: aws ecs create-service --cluster {cluster} --service-name {service} …; CloudTrail has the event DeleteService with the user's name",
    ),
    words(
        Code::TaskDefinitionInactive,
        "the task definition {definition} is INACTIVE",
        "name an ACTIVE revision, or the family for the latest one: aws ecs list-task-definitions --status ACTIVE",
    ),
    words(
        Code::RoleNotAssumable,
        "ECS cannot assume a role of the task definition {definition}",
        "let the trust policy of the task role and the execution role allow sts:AssumeRole to ecs-tasks.amazonaws.com",
    ),
    // Placing
    words(
        Code::Capacity,
        "there is no capacity for the task at this time",
        "call again later, or name in `fallback` where else to launch: subnets in other Availability Zones, or another capacity provider (FARGATE after FARGATE_SPOT)",
    ),
    words(
        Code::InstanceResources,
        "no container instance has enough CPU, memory, ports, ENIs or GPUs left",
        "add container instances or lower cpu and memory in the task definition: aws ecs describe-container-instances shows remainingResources",
    ),
    words(
        Code::AgentDisconnected,
        "the ECS agent of the container instance is disconnected",
        "restart the agent (sudo systemctl restart ecs) or replace the instance; aws ecs describe-container-instances shows agentConnected",
    ),
    words(
        Code::InstanceAttribute,
        "no container instance has an attribute that the task needs",
        "compare requiresAttributes of the task definition with the attributes of the instances; awsvpc mode needs ecs.capability.task-eni",
    ),
    words(
        Code::PlacementConstraint,
        "no container instance satisfies the placement constraint",
        "change placementConstraints (memberOf), or add instances that satisfy them",
    ),
    words(
        Code::InstanceZone,
        "the container instances are not in the Availability Zones of the subnets",
        "give subnets in the Availability Zones of the container instances",
    ),
    words(
        Code::InstanceUnknown,
        "the container instance does not exist or is not ACTIVE",
        "name an instance that aws ecs list-container-instances --status ACTIVE shows",
    ),
    words(
        Code::NoInstances,
        "there is no active container instance to place the task on",
        "scale the Auto Scaling group of the capacity provider up, or use launch type FARGATE",
    ),
    words(
        Code::ComputeIncompatible,
        "the task definition {definition} does not fit the launch type or capacity provider",
        "put the launch type into requiresCompatibilities of the task definition, or choose another launch_type or capacity_providers",
    ),
    words(
        Code::QuotaReached,
        "a quota of the account is used up",
        "ask for a higher quota of Fargate vCPUs or tasks in Service Quotas, or stop what is not needed",
    ),
    words(
        Code::NotLaunchedInTime,
        "no task was launched in the time given",
        "give more time with --max-wait, or see what RunTask answers with -v",
    ),
    // Provisioning
    words(
        Code::InterfaceTimeout,
        "the task's network interface was not ready in time",
        "call again: this passes; where it repeats, see the AWS Health Dashboard and the ENI quota of the account",
    ),
    words(
        Code::InterfaceFailed,
        "EC2 failed to make the task's network interface",
        "call again: this passes; where it repeats, check the service-linked role AWSServiceRoleForECS",
    ),
    words(
        Code::InterfaceRefused,
        "EC2 refuses to make the task's network interface in its subnet",
        "check that subnet and security groups exist and belong to one VPC, and that the subnet has free addresses: aws ec2 describe-subnets",
    ),
    words(
        Code::SubnetFull,
        "the subnet has no free IP address",
        "give another or a larger subnet in subnets; aws ec2 describe-subnets shows AvailableIpAddressCount",
    ),
    words(
        Code::InterfaceLimit,
        "the instance cannot take another network interface",
        "turn on the account setting awsvpcTrunking, or use larger or more container instances",
    ),
    words(
        Code::StorageTimeout,
        "the task's ephemeral storage was not ready in time",
        "call again: this passes",
    ),
    words(
        Code::ProvisioningFailed,
        "ECS could not provide what the task needs",
        "call again: this passes; where it repeats, see the AWS Health Dashboard",
    ),
    words(
        Code::ServiceDiscoveryFailed,
        "the task could not be registered in service discovery",
        "call again: this passes; where it repeats, check the Cloud Map service and its quotas",
    ),
    words(
        Code::InternalError,
        "a fault inside ECS stopped the task",
        "call again: this passes; where it repeats, open a case with AWS Support and name the task ARN",
    ),
    // Preparing
    words(
        Code::EndpointUnreachable,
        "the task cannot reach the AWS endpoint it needs before it starts (secrets, registry authorization, environment files or logs)",
        "give the subnets a way out: a NAT gateway, or VPC endpoints for secretsmanager, ssm, ecr.api, ecr.dkr and logs whose security group allows 443 from the task, and for S3 a gateway endpoint; in a public subnet assign_public_ip = true",
    ),
    words(
        Code::SecretsDenied,
        "the execution role may not read the secrets or registry authorization of the task",
        "allow secretsmanager:GetSecretValue, ssm:GetParameters, kms:Decrypt and ecr:GetAuthorizationToken on what the task definition names to the execution role {role}",
    ),
    words(
        Code::SecretNotFound,
        "a secret or parameter of the task definition does not exist",
        "correct its ARN, name, region or JSON key in secrets (valueFrom) of the task definition {definition}",
    ),
    words(
        Code::EnvironmentFiles,
        "the environment files cannot be read from Amazon S3",
        "check environmentFiles in the task definition; allow s3:GetObject and s3:GetBucketLocation to the execution role {role}, and give the subnets an S3 gateway endpoint or a NAT gateway",
    ),
    words(
        Code::LogGroupMissing,
        "the CloudWatch log group {log_group} does not exist",
        "aws logs create-log-group --log-group-name {log_group}, or set awslogs-create-group to true and allow logs:CreateLogGroup to the execution role",
    ),
    words(
        Code::LogsDenied,
        "the execution role may not write to CloudWatch Logs",
        "allow logs:CreateLogStream and logs:PutLogEvents (with awslogs-create-group also logs:CreateLogGroup) to the execution role {role}",
    ),
    words(
        Code::LogDriverInvalid,
        "the log driver cannot start with its options",
        "check logConfiguration of the container in the task definition {definition}: awslogs-group, awslogs-region, awslogs-stream-prefix",
    ),
    words(
        Code::EfsMountFailed,
        "the EFS file system cannot be mounted",
        "give every Availability Zone of the subnets a mount target whose security group allows NFS (2049) from the task; with iam authorization allow elasticfilesystem:ClientMount to the task role",
    ),
    words(
        Code::VolumeFailed,
        "a volume of the task cannot be made or mounted",
        "check volumes and mountPoints of the task definition {definition}",
    ),
    words(
        Code::InitializationFailed,
        "what the task needs could not be made ready before its start",
        "look at the sentence in the evidence: it names what was missing",
    ),
];
