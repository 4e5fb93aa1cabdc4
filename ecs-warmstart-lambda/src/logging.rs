//! Where logs go and how much of them: standard output, without times, which CloudWatch adds.

use tracing_subscriber::EnvFilter;

/// Sets up logging. Levels hold for this program alone; libraries below it, which may log what they send, warn at most.
pub(crate) fn init(env: impl Fn(&str) -> Option<String>) {
    let word = env("LOG_LEVEL").or_else(|| env("AWS_LAMBDA_LOG_LEVEL")).unwrap_or_default();
    let filter = EnvFilter::new(filter(&word));
    let is_json = env("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false);
    // A second time in one process there is a subscriber already, and it stays.
    let _ = if is_json { logs.json().flatten_event(true).try_init() } else { logs.without_time().try_init() };
}

fn filter(word: &str) -> String {
    let level = match word.to_ascii_uppercase().as_str() {
        "TRACE" => "trace",
        "DEBUG" => "debug",
        "WARN" | "WARNING" => "warn",
        "ERROR" | "CRITICAL" | "FATAL" => "error",
        _ => "info",
    };
    let others = if level == "error" { "error" } else { "warn" };
    format!("{others},ecs_warmstart={level},ecs_warmstart_lambda={level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_hold_for_this_program_alone() {
        assert_eq!(filter(""), "warn,ecs_warmstart=info,ecs_warmstart_lambda=info");
        assert_eq!(filter("debug"), "warn,ecs_warmstart=debug,ecs_warmstart_lambda=debug");
        assert_eq!(filter("CRITICAL"), "error,ecs_warmstart=error,ecs_warmstart_lambda=error");
    }
}
