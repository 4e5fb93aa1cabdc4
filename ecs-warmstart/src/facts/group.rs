//! Target groups and load balancers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a target group says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupFacts {
    /// What it takes as a target.
    pub target_type: TargetType,
    /// Whether a load balancer has a listener rule that leads to it. Without one its targets are never checked.
    pub in_use: bool,
    /// The ARNs of the load balancers whose listeners lead to it. AWS: at most one.
    pub load_balancers: Vec<String>,
    /// What targets are spoken to in: `HTTP`, `HTTPS` of an application load balancer; `TCP`, `TLS`, `UDP`, `TCP_UDP` of a
    /// network load balancer. Absent where AWS does not say.
    pub protocol: Option<String>,
    /// The port of targets that are registered without one.
    pub port: Option<u16>,
    /// The VPC that its targets are in.
    pub vpc: Option<String>,
    /// Whether targets are checked. AWS: always, but for Lambda functions.
    pub health_check_enabled: bool,
    /// What health checks are spoken in: `HTTP`, `HTTPS`, `TCP`.
    pub health_check_protocol: Option<String>,
    /// The port that is checked; absent for the one that gets the traffic (AWS: `traffic-port`).
    pub health_check_port: Option<u16>,
    /// The path that is asked for; absent where the check is a connection.
    pub health_check_path: Option<String>,
    /// The codes that pass: HTTP such as `200` or `200-399`, or gRPC. Absent where the check is a connection.
    pub matcher: Option<String>,
    /// Time between two health checks of a target. AWS: 5 to 300 s, default 30 s.
    #[serde(with = "crate::time::as_millis", rename = "health_check_interval_ms")]
    pub health_check_interval: Duration,
    /// After what time a check has failed. AWS: 2 to 120 s.
    #[serde(with = "crate::time::as_millis", rename = "health_check_timeout_ms")]
    pub health_check_timeout: Duration,
    /// How many checks in a row an unhealthy target has to pass; a new one needs one. AWS: 2 to 10, default 5.
    pub healthy_threshold: u32,
    /// How many checks in a row have to fail. AWS: 2 to 10, default 2.
    pub unhealthy_threshold: u32,
}

impl TargetGroupFacts {
    /// One in use at AWS's defaults.
    pub fn new(target_type: TargetType) -> Self {
        Self {
            target_type,
            in_use: true,
            load_balancers: Vec::new(),
            protocol: None,
            port: None,
            vpc: None,
            health_check_enabled: true,
            health_check_protocol: None,
            health_check_port: None,
            health_check_path: None,
            matcher: None,
            health_check_interval: Duration::from_secs(30),
            health_check_timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }

    /// Whether a network load balancer serves it; nothing where AWS does not say.
    pub fn is_of_network_load_balancer(&self) -> Option<bool> {
        let protocol = self.protocol.as_deref()?;
        Some(matches!(protocol, "TCP" | "TLS" | "UDP" | "TCP_UDP" | "QUIC" | "TCP_QUIC"))
    }
}

/// What a target group takes as a target (ELBv2: `TargetType` and `IpAddressType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// EC2 instance ids.
    Instance,
    /// Lambda functions or load balancers: no task can be a target there.
    Unsupported,
}

/// What a load balancer says: where its traffic comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerFacts {
    /// Its ARN.
    pub arn: String,
    /// Its VPC.
    pub vpc: Option<String>,
    /// Its subnets, each in a zone of its own: targets in other zones may get no traffic.
    pub subnets: Vec<String>,
}
