//! What has to stand in the emulator before a starter can do its work.

use std::time::Duration;

use serde_json::{Value, json};

use super::Moto;
use super::http::post;
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};

/// The region of everything that is seeded.
pub const REGION: &str = "us-east-1";

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
        all_between(&self.query("ec2", "2016-11-15", "DescribeSubnets", &[]), "subnetId")
    }

    /// A security group of the default VPC.
    pub fn security_group(&self) -> String {
        let answer = self.query("ec2", "2016-11-15", "DescribeSecurityGroups", &[]);
        all_between(&answer, "groupId").into_iter().next().expect("the default VPC has a security group")
    }

    /// Makes a target group of type `ip` for HTTP on `port`. Until it has a listener no traffic goes there.
    pub fn create_target_group(&self, name: &str, port: u16) -> TargetGroupArn {
        let vpcs = self.query("ec2", "2016-11-15", "DescribeVpcs", &[]);
        let vpc = all_between(&vpcs, "vpcId").into_iter().next().expect("there is a default VPC");
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

    /// Makes a load balancer of that name whose listener leads to the group.
    pub fn create_listener(&self, load_balancer: &str, group: &TargetGroupArn) {
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
    }

    /// One call of ECS.
    pub fn ecs(&self, action: &str, body: &Value) -> Value {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        let headers = [
            ("Authorization", authorization("ecs")),
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target", target),
        ];
        let answer = self.answer(action, &headers, &body.to_string());
        serde_json::from_str(&answer).expect("ECS answers in JSON")
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
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        self.answer(action, &headers, &body)
    }

    fn answer(&self, action: &str, headers: &[(&str, String)], body: &str) -> String {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = post(self.endpoint(), "/", &headers, body).expect("moto answers");
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }
}

/// moto reads the service and the region off it, and checks nothing.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// Percent-encoding of a form's value.
fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn all_between(xml: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
}

fn first_between(xml: &str, tag: &str) -> String {
    all_between(xml, tag).into_iter().next().unwrap_or_default()
}
