//! What the cloud says of definitions, images, logs and ECS services, typed once at the edge.
//!
//! By these facts a run is planned, checked beforehand and explained afterwards. No value of an environment variable is
//! among them, and no option of a log driver that may hold a token.

mod container;
mod ecs_service;
mod group;
mod image;
mod logs;
mod task_definition;

pub use container::{ContainerFacts, ContainerHealthCheck, Dependency, LogConfiguration, StartCondition};
pub use ecs_service::{Deployment, EcsServiceFacts, ServiceEvent, ServiceTargetGroup};
pub use group::{LoadBalancerFacts, TargetGroupFacts, TargetType};
pub use image::{ImageFacts, ImageVariant};
pub use logs::{LogLine, LogQuery};
pub use task_definition::{Compatibility, NetworkMode, RuntimePlatform, TaskDefinitionFacts};
