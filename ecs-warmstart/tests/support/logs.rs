//! CloudWatch Logs over ports.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::describe_log_groups::{
    DescribeLogGroupsError, DescribeLogGroupsOutput,
};
use aws_sdk_cloudwatchlogs::operation::get_log_events::{
    GetLogEventsError, GetLogEventsInput, GetLogEventsOutput,
};
use aws_sdk_cloudwatchlogs::types::error::ResourceNotFoundException;
use aws_sdk_cloudwatchlogs::types::{LogGroup, OutputLogEvent};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use ecs_warmstart::facts::LogQuery;
use ecs_warmstart::ports::Ports;

use super::client::{at_once, meta, refusal};

pub(super) fn rules(cloud: &Ports) -> Vec<Rule> {
    let (groups, events) = (cloud.clone(), cloud.clone());
    vec![
        mock!(Client::describe_log_groups).then_compute_response(move |input| {
            let prefix = input.log_group_name_prefix().unwrap();
            // A group whose name begins alike stands before it, on a page of its own.
            if input.next_token().is_none() {
                let other = LogGroup::builder().log_group_name(format!("{prefix}-too")).build();
                let page = DescribeLogGroupsOutput::builder().log_groups(other).next_token("2");
                return MockResponse::Output(page.build());
            }
            match at_once(groups.inspector.log_group_exists(prefix)) {
                Ok(exists) => {
                    let group = exists.then(|| LogGroup::builder().log_group_name(prefix).build());
                    let groups = group.into_iter().collect();
                    MockResponse::Output(
                        DescribeLogGroupsOutput::builder().set_log_groups(Some(groups)).build(),
                    )
                }
                Err(error) => MockResponse::Error(DescribeLogGroupsError::generic(meta(&error))),
            }
        }),
        mock!(Client::get_log_events).then_compute_response(move |input| tail(&events, input)),
    ]
}

fn tail(cloud: &Ports, input: &GetLogEventsInput) -> MockResponse<GetLogEventsOutput, GetLogEventsError> {
    assert_eq!(input.start_from_head(), Some(false), "the end is what is asked for");
    let query = LogQuery {
        group: input.log_group_name().unwrap().to_owned(),
        stream: input.log_stream_name().unwrap().to_owned(),
        lines: input.limit().unwrap().try_into().unwrap(),
    };
    match at_once(cloud.inspector.log_tail(&query)) {
        Ok(lines) if lines.is_empty() => {
            let message = "The specified log stream does not exist.";
            let meta = refusal("ResourceNotFoundException", message);
            let error = ResourceNotFoundException::builder().message(message).meta(meta).build();
            MockResponse::Error(GetLogEventsError::ResourceNotFoundException(error))
        }
        Ok(lines) => {
            let event = |line: &ecs_warmstart::facts::LogLine| {
                let at = line.at.as_millis().try_into().unwrap();
                OutputLogEvent::builder().timestamp(at).message(format!("{}\n", line.message)).build()
            };
            let events = lines.iter().map(event).collect();
            MockResponse::Output(GetLogEventsOutput::builder().set_events(Some(events)).build())
        }
        Err(error) => MockResponse::Error(GetLogEventsError::generic(meta(&error))),
    }
}
