//! Leaving the emulators out, which is said, and missing them, which fails.

use std::io::Write;

/// The variable that leaves out every test on an emulator where it is `off`.
pub const SWITCH: &str = "WARMSTART_EMULATOR";

/// Whether the tests on emulators are left out; then this one says so on standard error.
pub(in super::super) fn is_left_out() -> bool {
    let left_out = std::env::var_os(SWITCH).is_some_and(|value| value == "off");
    if left_out {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test").to_owned();
        // Not by a macro: what a macro prints is hidden for a test that passes.
        let _ = writeln!(std::io::stderr(), "{test}: left out, because {SWITCH} is off");
    }
    left_out
}

/// What a test cannot do without.
///
/// # Panics
///
/// Where it is not there. The message says how to leave such tests out.
pub(in super::super) fn needed<T>(what: &str, found: Result<T, String>) -> T {
    match found {
        Ok(found) => found,
        Err(why) => panic!(
            "this test needs {what}, and it is not there: {why}\nIt takes python3 with venv and pip. \
             To leave such tests out, set {SWITCH}=off."
        ),
    }
}
