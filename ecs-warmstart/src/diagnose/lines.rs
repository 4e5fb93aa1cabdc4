//! What a line of a log says of itself: whether it is sure, whether the application goes on, whether it tells an error.

use std::collections::HashSet;

use super::evidence::LogLine;
use super::patterns::{ENDINGS, ENVIRON, ERRORS, GOES_ON, Pattern, RETRIES, known};
use crate::catalogue::Code;

/// How a line tells what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As what it is.
    Plain,
    /// And that it is tried again.
    Retries,
    /// As a warning.
    Warns,
    /// And that the application does without.
    GoesOn,
}

pub(super) fn tone(message: &str, pattern: &Pattern) -> Tone {
    let said = message.to_lowercase();
    let sign = pattern.says.first().copied().unwrap_or_default();
    // Of many lines in one event, the one that matters.
    let line = said.lines().find(|line| line.contains(sign)).unwrap_or(&said);
    let before = line.split_once(sign).map_or(line, |(before, _)| before);
    if has_any(line, GOES_ON) {
        Tone::GoesOn
    } else if level(before) == Some(Level::Warning) || has_any(line, LEVEL_FIELDS) {
        Tone::Warns
    } else if has_any(line, RETRIES) {
        Tone::Retries
    } else {
        Tone::Plain
    }
}

/// What the lines of one container tell, heard one after the other.
#[derive(Debug, Default)]
pub(super) struct Story<'a> {
    /// The last error.
    last: Option<Told<'a>>,
    /// The last one that is another than that.
    other: Option<Told<'a>>,
    /// Python says itself that one exception led to the next.
    is_chained: bool,
    /// Whether the traceback that is being told, if one is, speaks of the environment.
    traceback: Option<bool>,
    /// The lines that name a key of which it is not proven that it is one of the environment.
    vague: HashSet<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Told<'a> {
    place: usize,
    /// Nothing where no pattern knows it.
    code: Option<Code>,
    line: &'a LogLine,
}

impl<'a> Story<'a> {
    pub(super) fn hear(&mut self, place: usize, line: &'a LogLine) {
        let said = line.message.to_lowercase();
        let continues = continues(&said);
        let of_chain = self.is_chained;
        if said.contains("the above exception") {
            self.is_chained = true;
        } else if !continues && !said.starts_with("traceback") {
            self.is_chained = false;
        }
        let pattern = known(&line.message);
        let tells = match pattern {
            Some(pattern) => tone(&line.message, pattern) == Tone::Plain,
            None => tells_error(&said) && !continues,
        };
        if tells && !of_chain && !self.is_chained {
            let told = Told { place, code: pattern.map(|it| it.code), line };
            if self.last.is_some_and(|last| last.code != told.code) {
                self.other = self.last;
            }
            self.last = Some(told);
        }
        if !is_of_environment(&line.message, self.traceback) {
            self.vague.insert(place);
        }
        if !continues {
            self.traceback = None;
        } else if !said.trim().is_empty() {
            self.traceback = Some(self.traceback == Some(true) || has_any(&said, ENVIRON));
        }
    }

    /// The last error after that place which has nothing to do with one of that code, as far as words say.
    pub(super) fn another_error(&self, code: Code, place: usize) -> Option<&'a LogLine> {
        let mut errors = [self.last, self.other].into_iter().flatten();
        errors.find(|told| told.code != Some(code)).filter(|told| told.place > place).map(|told| told.line)
    }

    /// Whether the line in that place may speak of something else than what its pattern says.
    pub(super) fn is_vague(&self, place: usize) -> bool {
        self.vague.contains(&place)
    }
}

/// Whether a missing key is proven to be one of the environment: by its traceback, or, without one, by a name such as only
/// variables have.
fn is_of_environment(message: &str, traceback: Option<bool>) -> bool {
    let name = message.split_once("KeyError: '").and_then(|(_, rest)| rest.split('\'').next());
    let Some(name) = name else { return true };
    if message.lines().nth(1).is_some() {
        return has_any(&message.to_lowercase(), ENVIRON);
    }
    traceback.unwrap_or_else(|| name.contains('_'))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// Less than a warning.
    Info,
    Warning,
    Error,
}

/// What a logger in JSON writes behind the message, or as a number.
const LEVEL_FIELDS: &[&str] = &["\"level\":\"warn", "\"level\": \"warn", "\"level\":40"];

/// The first level that stands in a text in lower case: as a word of its own, not within a name such as `info-service`.
fn level(text: &str) -> Option<Level> {
    let between = |c: char| c.is_whitespace() || "[](){}<>:\"'=,|\u{1b}".contains(c);
    text.split(between).find_map(|word| match without_color(word) {
        "debug" | "info" | "notice" => Some(Level::Info),
        "error" | "err" | "fatal" | "critical" | "severe" | "panic" => Some(Level::Error),
        // UserWarning, DeprecationWarning.
        "warn" => Some(Level::Warning),
        word if word.ends_with("warning") => Some(Level::Warning),
        _ => None,
    })
}

/// Of `ESC[33mwarn` the terminal shows `warn`.
fn without_color(word: &str) -> &str {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    if rest.len() < word.len() { rest.strip_prefix('m').unwrap_or(word) } else { word }
}

fn tells_error(said: &str) -> bool {
    let quiet = matches!(level(said), Some(Level::Info | Level::Warning)) || has_any(said, LEVEL_FIELDS);
    !quiet && has_any(said, ERRORS) && !has_any(said, GOES_ON) && !has_any(said, ENDINGS)
}

/// Whether it belongs to what the line before it began: the frames and the notes of a traceback.
fn continues(said: &str) -> bool {
    let starts = ["at ", "caused by", "suppressed:", "...", "--->", "goroutine "];
    let is_frame = said.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let bare = said.trim();
    bare.is_empty()
        || is_frame
        || starts.iter().any(|start| bare.starts_with(start))
        || (said.starts_with([' ', '\t']) && !ERRORS.iter().any(|word| bare.starts_with(word)))
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(messages: &[&str]) -> Vec<LogLine> {
        let line = |message: &&str| LogLine { message: (*message).to_owned(), ..LogLine::default() };
        messages.iter().map(line).collect()
    }

    fn story(lines: &[LogLine]) -> Story<'_> {
        let mut story = Story::default();
        for (place, line) in lines.iter().enumerate() {
            story.hear(place, line);
        }
        story
    }

    #[test]
    fn how_a_line_tells_it() {
        use Tone::{GoesOn, Plain, Retries, Warns};
        for (message, expected) in [
            ("Error: Cannot find module '/app/index.js'", Plain),
            ("Error: Cannot find module './warn'", Plain),
            ("ERROR [warn-service] no space left on device", Plain),
            ("warn: Cannot find module \"fsevents\", falling back", GoesOn),
            ("2026-01-01T00:00:00Z WARN no space left on device", Warns),
            ("x.py:3: UserWarning: no space left on device", Warns),
            ("{\"level\":\"warn\",\"msg\":\"no space left on device\"}", Warns),
            ("\u{1b}[33mwarn\u{1b}[39m: no space left on device", Warns),
            ("info-service: no space left on device", Plain),
            ("{\"level\":40,\"msg\":\"no space left on device\"}", Warns),
            ("{\"msg\":\"no space left on device\",\"level\":\"warning\"}", Warns),
            ("Cache warmup skipped: no space left on device", GoesOn),
            ("metrics: bind: address already in use (continuing without)", GoesOn),
            ("environment variable LOG_LEVEL is not set, using default info", GoesOn),
            ("could not connect to server: Connection refused, retrying in 5 s", Retries),
        ] {
            assert_eq!(tone(message, known(message).unwrap()), expected, "{message}");
        }
    }

    #[test]
    fn what_comes_later_explains_or_is_another_error() {
        let modules = "Error: Cannot find module 'x'";
        let keys = "KeyError: 'DATABASE_URL'";
        for (first, later, expected) in [
            (
                modules,
                &["    at Module._load (node:internal/modules/cjs/loader:1)", "Node.js v22.1.0"][..],
                None,
            ),
            (modules, &["npm error Lifecycle script `start` failed with error:", "npm error code 1"], None),
            (modules, &["Emitted 'error' event on Server instance at:"], None),
            (modules, &["INFO error pages are served from /errors"], None),
            (modules, &["info-service: FATAL: x"], Some("info-service: FATAL: x")),
            (
                modules,
                &["{\"trace_id\":\"1\",\"level\":\"error\"}"],
                Some("{\"trace_id\":\"1\",\"level\":\"error\"}"),
            ),
            (modules, &["FATAL: invalid license. Exiting."], Some("FATAL: invalid license. Exiting.")),
            (modules, &["npm error Missing script: \"start\""], Some("npm error Missing script: \"start\"")),
            (modules, &["WARN: error while closing the pool"], None),
            (modules, &["Error: Cannot find module 'y'"], None),
            (modules, &["Caused by: java.lang.ClassNotFoundException: x"], None),
            (modules, &["#0 /app/index.php(3): PDOException->x()", "#1 {main}"], None),
            (modules, &["cache error, continuing without it"], None),
            (
                modules,
                &["Error: invalid license", "    at check (license.js:1)"],
                Some("Error: invalid license"),
            ),
            (modules, &["  ERROR invalid license"], Some("  ERROR invalid license")),
            (modules, &["OSError: No space left on device"], Some("OSError: No space left on device")),
            (modules, &["Cache skipped: no space left on device"], None),
            (
                modules,
                &["OSError: No space left on device", "Error: Cannot find module 'y'"],
                Some("OSError: No space left on device"),
            ),
            (modules, &["panic: x", "FATAL: y"], Some("FATAL: y")),
            (
                keys,
                &[
                    "",
                    "During handling of the above exception, another exception occurred:",
                    "",
                    "Traceback (most recent call last):",
                    "  File \"/app/settings.py\", line 3, in <module>",
                    "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable",
                ],
                None,
            ),
            (
                keys,
                &[
                    "The above exception was the direct cause of the following exception:",
                    "Traceback (most recent call last):",
                    "  File \"/app/settings.py\", line 3, in <module>",
                    "app.ConfigError: no database",
                    "RuntimeError: invalid license",
                ],
                Some("RuntimeError: invalid license"),
            ),
            (
                keys,
                &["[ERROR] Worker (pid:7) exited with code 3", "[ERROR] Reason: Worker failed to boot."],
                None,
            ),
        ] {
            let lines = lines(&[&["FATAL: an old one", first], later].concat());
            let found = story(&lines).another_error(known(first).unwrap().code, 1);
            assert_eq!(found.map(|line| line.message.as_str()), expected, "{later:?}");
        }
    }

    #[test]
    fn whose_key_is_missing() {
        let frame = "  File \"/app/x.py\", line 3, in <module>";
        for (before, message, expected) in [
            (&[][..], "KeyError: 'DATABASE_URL'", true),
            (&[], "KeyError: 'PORT'", false),
            (&[frame, "    port = os.environ[\"PORT\"]"], "KeyError: 'PORT'", true),
            (&[frame, "    rate = RATES[pair]"], "KeyError: 'USD_EUR'", false),
            (&["reading os.environ", frame, "    rate = RATES[pair]"], "KeyError: 'USD_EUR'", false),
            (&["starting", ""], "KeyError: 'DATABASE_URL'", true),
            (&[], "Traceback:\n  os.environ['PORT']\nKeyError: 'PORT'", true),
            (&[], "Traceback:\n  RATES[pair]\nKeyError: 'USD_EUR'", false),
            (&[], "environment variable PORT is not set", true),
        ] {
            let lines = lines(&[before, &[message]].concat());
            assert_eq!(!story(&lines).is_vague(before.len()), expected, "{before:?} {message}");
        }
    }
}
