//! CloudWatch Logs: whether a log group exists, and the end of a log.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsError;

use super::error::port_error;
use crate::facts::{LogLine, LogQuery};
use crate::ports::Result;
use crate::time::Timestamp;

/// What `GetLogEvents` answers at most.
const LINES_MAX: u32 = 10_000;

/// CloudWatch Logs of one region. Clones are handles on the same client.
#[derive(Clone, Debug)]
pub struct Logs {
    client: Client,
}

impl Logs {
    /// CloudWatch Logs by this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// A part of [`Inspector`](crate::ports::Inspector).
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn log_group_exists(&self, group: &str) -> Result<bool> {
        let mut pages =
            self.client.describe_log_groups().log_group_name_prefix(group).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("logs:DescribeLogGroups", error))?;
            if page.log_groups().iter().any(|found| found.log_group_name() == Some(group)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A part of [`Inspector`](crate::ports::Inspector).
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        let lines = i32::try_from(query.lines.clamp(1, LINES_MAX)).unwrap_or(i32::MAX);
        let answer = self
            .client
            .get_log_events()
            .log_group_name(&query.group)
            .log_stream_name(&query.stream)
            .start_from_head(false)
            .limit(lines)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(is_no_stream) => return Ok(Vec::new()),
            Err(error) => return Err(port_error("logs:GetLogEvents", error)),
        };
        let line = |event: &aws_sdk_cloudwatchlogs::types::OutputLogEvent| LogLine {
            at: Timestamp::from_millis(
                event.timestamp().and_then(|at| at.try_into().ok()).unwrap_or_default(),
            ),
            message: event.message().unwrap_or_default().trim_end_matches('\n').to_owned(),
        };
        Ok(answer.events().iter().map(line).collect())
    }
}

/// A container that never wrote has no stream. The group that is missing is another matter.
fn is_no_stream(error: &GetLogEventsError) -> bool {
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;

    error.is_resource_not_found_exception() && error.message().unwrap_or_default().contains("stream")
}
