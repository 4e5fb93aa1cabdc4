//! Results for programs.
//!
//! `--output json` is one document. `--output ndjson` is one object per line: every event, told by its key `event`, as it
//! happens; last `{"report": …}` with the same document. `verify --watch` has no last one: there it comes after every round.

use ecs_warmstart::driver::Event;
use serde::Serialize;

/// One document over several lines.
pub(crate) fn document<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).expect("reports and schemas have only text for keys") + "\n"
}

/// The last line.
pub(crate) fn report_line<T: Serialize>(report: &T) -> String {
    line(&serde_json::json!({ "report": report }))
}

/// One event.
pub(crate) fn event_line(event: &Event) -> String {
    line(event)
}

fn line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("events and reports have only text for keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;
    use ecs_warmstart::fleet::Report;

    #[test]
    fn a_report_comes_back_from_its_document() {
        let report = samples::report();
        assert_eq!(serde_json::from_str::<Report>(&document(&report)).unwrap(), report);
    }

    #[test]
    fn a_line_is_one_line() {
        let events = samples::events();
        let line = event_line(&events[1]);
        assert_eq!(
            line,
            "{\"at\":2000,\"service\":\"auth\",\"run\":\"auth/0\",\"task\":\
             \"arn:aws:ecs:us-east-2:111122223333:task/auth-cluster/0a1b2c3d\",\"event\":\"entered\",\
             \"from\":\"launching\",\"to\":\"awaiting_running\",\"because\":\"the task is PENDING\"}\n"
        );
        let last = report_line(&samples::report());
        assert!(last.starts_with("{\"report\":{") && last.matches('\n').count() == 1, "{last}");
    }
}
