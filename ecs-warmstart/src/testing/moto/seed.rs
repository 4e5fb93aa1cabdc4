//! What has to stand in the emulator before a starter can do its work.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::emulator::{Request, authorization, encoded, first_between, send, texts_between};
use super::Moto;
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};

/// The region of everything that is seeded.
pub const REGION: &str = "us-east-1";

const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
const LOGS: &str = "Logs_20140328";

/// moto's account.
pub const ACCOUNT: &str = "123456789012";

impl Moto {
    /// Makes a cluster.
    pub fn create_cluster(&self, name: &str) -> ClusterId {
        self.ecs("CreateCluster", &json!({ "clusterName": name }));
        ClusterId::new(name).expect("a cluster's name")
    }

    /// Registers a task definition, given as ECS's own JSON, and says which revision it is.
    pub fn register_task_definition(&self, definition: &Value) -> TaskDefinitionId {
        let answer = self.ecs("RegisterTaskDefinition", definition);
        let arn = answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default();
        arn.parse().expect("the ARN of a task definition")
    }

    /// The subnets of the default VPC, one for each zone.
    pub fn subnets(&self) -> Vec<String> {
        texts_between(&self.query("ec2", "2016-11-15", "DescribeSubnets", &[]), "subnetId")
    }

    /// A security group of the default VPC.
    pub fn security_group(&self) -> String {
        let answer = self.query("ec2", "2016-11-15", "DescribeSecurityGroups", &[]);
        texts_between(&answer, "groupId").into_iter().next().expect("the default VPC has a security group")
    }

    /// Makes a target group of type `ip` for HTTP on `port`. Until it has a listener no traffic goes there.
    pub fn create_target_group(&self, name: &str, port: u16) -> TargetGroupArn {
        let vpc = self.vpc();
        let answer = self.elb(
            "CreateTargetGroup",
            &[
                ("Name", name),
                ("Protocol", "HTTP"),
                ("Port", &port.to_string()),
                ("VpcId", &vpc),
                ("TargetType", "ip"),
            ],
        );
        first_between(&answer, "TargetGroupArn").parse().expect("the ARN of a target group")
    }

    /// Says how long the group's targets drain. In whole seconds, and less than an hour.
    pub fn set_deregistration_delay(&self, group: &TargetGroupArn, delay: Duration) {
        self.elb(
            "ModifyTargetGroupAttributes",
            &[
                ("TargetGroupArn", group.as_str()),
                ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
                ("Attributes.member.1.Value", &delay.as_secs().to_string()),
            ],
        );
    }

    /// The default VPC.
    pub fn vpc(&self) -> String {
        let vpcs = self.query("ec2", "2016-11-15", "DescribeVpcs", &[]);
        texts_between(&vpcs, "vpcId").into_iter().next().expect("there is a default VPC")
    }

    /// Makes a load balancer of that name whose listener leads to the group, and says its ARN.
    pub fn create_listener(&self, load_balancer: &str, group: &TargetGroupArn) -> String {
        let subnets = self.subnets();
        let [first, second, ..] = subnets.as_slice() else { panic!("the default VPC has two subnets") };
        let answer = self.elb(
            "CreateLoadBalancer",
            &[("Name", load_balancer), ("Subnets.member.1", first), ("Subnets.member.2", second)],
        );
        let load_balancer = first_between(&answer, "LoadBalancerArn");
        self.elb(
            "CreateListener",
            &[
                ("LoadBalancerArn", &load_balancer),
                ("Protocol", "HTTP"),
                ("Port", "80"),
                ("DefaultActions.member.1.Type", "forward"),
                ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
            ],
        );
        load_balancer
    }

    /// Makes an ECS service of two tasks that ECS registers in the group.
    pub fn create_ecs_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
        group: (&TargetGroupArn, &str, u16),
    ) {
        let (target_group, container, port) = group;
        self.ecs(
            "CreateService",
            &json!({
                "cluster": cluster.as_str(),
                "serviceName": name,
                "taskDefinition": task_definition.as_str(),
                "desiredCount": 0,
                "loadBalancers": [{
                    "targetGroupArn": target_group.as_str(), "containerName": container, "containerPort": port,
                }],
            }),
        );
    }

    /// Makes a repository in ECR.
    pub fn create_repository(&self, name: &str) {
        self.json("ecr", ECR, "CreateRepository", &json!({ "repositoryName": name }));
    }

    /// Puts a manifest into a repository of ECR's, and says its digest.
    pub fn put_image(&self, repository: &str, tag: &str, media_type: &str, manifest: &Value) -> String {
        let answer = self.json(
            "ecr",
            ECR,
            "PutImage",
            &json!({
                "repositoryName": repository,
                "imageTag": tag,
                "imageManifest": manifest.to_string(),
                "imageManifestMediaType": media_type,
            }),
        );
        answer["image"]["imageId"]["imageDigest"].as_str().unwrap_or_default().to_owned()
    }

    /// Makes a log group with one stream and these lines in it.
    pub fn create_log(&self, group: &str, stream: &str, lines: &[String], at_millis: u64) {
        self.json("logs", LOGS, "CreateLogGroup", &json!({ "logGroupName": group }));
        let stream_of = json!({ "logGroupName": group, "logStreamName": stream });
        self.json("logs", LOGS, "CreateLogStream", &stream_of);
        let events: Vec<Value> =
            lines.iter().map(|line| json!({ "timestamp": at_millis, "message": line })).collect();
        let written = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
        self.json("logs", LOGS, "PutLogEvents", &written);
    }

    /// One call of ECS.
    pub fn ecs(&self, action: &str, body: &Value) -> Value {
        self.json("ecs", "AmazonEC2ContainerServiceV20141113", action, body)
    }

    /// One call of a service that speaks JSON.
    fn json(&self, service: &str, target: &str, action: &str, body: &Value) -> Value {
        let headers = [
            ("Authorization", authorization(service)),
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target", format!("{target}.{action}")),
        ];
        let answer = self.answer(action, &headers, &body.to_string());
        // Some have nothing to say.
        if answer.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&answer).expect("an answer in JSON")
        }
    }

    /// One call of ELBv2; the answer is XML.
    pub fn elb(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.query("elasticloadbalancing", "2015-12-01", action, parameters)
    }

    fn query(&self, service: &str, version: &str, action: &str, parameters: &[(&str, &str)]) -> String {
        let headers = [
            ("Authorization", authorization(service)),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ];
        self.answer(action, &headers, &encoded(action, version, parameters))
    }

    fn answer(&self, action: &str, headers: &[(&str, String)], body: &str) -> String {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request { method: "POST", path: "/", headers: &headers, body };
        let answer = send(self.endpoint(), &request).expect("moto answers");
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }
}
