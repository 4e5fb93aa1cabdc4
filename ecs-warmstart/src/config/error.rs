//! What is wrong with a configuration file, for people.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::ops::Range;

/// Something wrong, and the bytes of the text that it is about.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl Finding {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong with a configuration file. There is at least one [`Problem`].
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
    source: Option<io::Error>,
}

impl ConfigError {
    pub(super) fn new(file: &str, text: &str, findings: Vec<Finding>) -> Self {
        let problems = findings.into_iter().map(|finding| Problem::new(file, text, finding)).collect();
        Self { problems, source: None }
    }

    pub(super) fn unreadable(file: &str, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::NotFound => {
                Some("a configuration file is needed; --config names another one".to_owned())
            }
            _ => None,
        };
        let problem = Problem { message: format!("cannot read {file}"), hint, place: None };
        Self { problems: vec![problem], source: Some(source) }
    }

    /// What is wrong, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl StdError for ConfigError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    message: String,
    hint: Option<String>,
    place: Option<Place>,
}

impl Problem {
    fn new(file: &str, text: &str, finding: Finding) -> Self {
        let place = Some(Place::new(file, text, &finding.span));
        Self { message: finding.message, hint: finding.hint, place }
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How it is mended, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where: `FILE:LINE:COLUMN`, both counted from 1; absent where the file could not be read.
    pub fn location(&self) -> Option<String> {
        self.place.as_ref().map(|place| format!("{}:{}:{}", place.file, place.line, place.column))
    }

    /// The line it is about with a mark below it, over several lines; absent where the file could not be read.
    pub fn snippet(&self) -> Option<String> {
        self.place.as_ref().map(Place::snippet)
    }
}

impl fmt::Display for Problem {
    /// The message, then where, then the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n  --> {}:{}:{}\n{}", place.file, place.line, place.column, place.snippet())?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Where something stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    text: String,
    /// How many characters of the line it is about, at least 1.
    width: usize,
}

impl Place {
    fn new(file: &str, text: &str, span: &Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor_boundary(text, span.end).clamp(start, line_end);
        Self {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            // A tab would put the mark below into the wrong place.
            text: text[line_start..line_end].trim_end().replace('\t', " "),
            width: text[start..end].trim_end().chars().count().max(1),
        }
    }

    fn snippet(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(self.column - 1);
        let mark = "^".repeat(self.width);
        format!("{margin} |\n{number} | {}\n{margin} | {before}{mark}", self.text)
    }
}

/// The last boundary between characters that is not behind `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_odd_texts() {
        let place = |text: &str, span| {
            let place = Place::new("f", text, &span);
            (place.line, place.column, place.width)
        };
        assert_eq!(place("", 0..0), (1, 1, 1));
        assert_eq!(place("a = 1\n", 6..9), (2, 1, 1));
        assert_eq!(place("ä = \"ö\"\nx", 6..10), (1, 6, 2));
        assert_eq!(place("ä", 1..2), (1, 1, 1));
        assert_eq!(place("a\r\nb = \"\"\"x\ny\"\"\"", 7..14), (2, 5, 4));
    }
}
