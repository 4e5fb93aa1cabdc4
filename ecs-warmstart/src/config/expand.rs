//! `${VAR}` in string values, after parsing: no value can change what the file means.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

use super::error::Finding;

/// Puts variables into every string value of the table; what cannot be put in is found.
pub(super) fn table(
    table: &mut DeTable<'_>,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) {
    for (_, value) in table.iter_mut() {
        let span = value.span();
        expand_value(value.get_mut(), span, env, findings);
    }
}

fn expand_value(
    value: &mut DeValue<'_>,
    span: std::ops::Range<usize>,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) {
    match value {
        DeValue::String(text) => match expand(text, env) {
            Ok(Some(expanded)) => *text = Cow::Owned(expanded),
            Ok(None) => {}
            Err(wrong) => findings.push(wrong.finding(span)),
        },
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                let span = item.span();
                expand_value(item.get_mut(), span, env, findings);
            }
        }
        DeValue::Table(inner) => table(inner, env, findings),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// Why variables cannot be put into a text.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Unset(String),
    Unclosed,
    BadName(String),
}

impl Wrong {
    fn finding(self, span: std::ops::Range<usize>) -> Finding {
        match self {
            Self::Unset(name) => Finding::new(span, format!("the environment variable {name} is not set"))
                .hint(format!("set it, or give a default: ${{{name}:-default}}")),
            Self::Unclosed => {
                Finding::new(span, "a variable begins with ${ and never ends").hint("a dollar as such is $$")
            }
            Self::BadName(name) => {
                Finding::new(span, format!("{name:?} is not the name of an environment variable"))
                    .hint("a name has letters, digits and _; a dollar as such is $$")
            }
        }
    }
}

/// The text with its variables put in; nothing where there are none.
///
/// `$$` is a dollar; a dollar before anything else than `{` or `$` stands for itself. As in a shell, the default of
/// `${VAR:-default}` also counts where the variable is empty. A default is taken as it stands.
fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, Wrong> {
    if !text.contains('$') {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            let end = after.find('}').ok_or(Wrong::Unclosed)?;
            out.push_str(&variable(&after[..end], env)?);
            rest = &after[end + 1..];
        } else {
            out.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn variable(inside: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Wrong> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(valid) {
        return Err(Wrong::BadName(name.to_owned()));
    }
    match (env(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Wrong::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("h".to_owned()),
            "EMPTY" => Some(String::new()),
            "DOLLARS" => Some("$${HOST}".to_owned()),
            _ => None,
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Result<Option<&str>, Wrong>) {
        assert_eq!(expand(text, &env), expected.map(|text| text.map(ToOwned::to_owned)));
    }

    #[test]
    fn variables_are_put_in() {
        check("plain", Ok(None));
        check("${HOST}", Ok(Some("h")));
        check("a-${HOST}-b-${HOST}", Ok(Some("a-h-b-h")));
        check("${NONE:-x}", Ok(Some("x")));
        check("${NONE:-}", Ok(Some("")));
        check("${EMPTY}", Ok(Some("")));
        check("${EMPTY:-x}", Ok(Some("x")));
        check("${HOST:-x}", Ok(Some("h")));
        check("${NONE:-a:-b}", Ok(Some("a:-b")));
    }

    #[test]
    fn dollars_stand_for_themselves() {
        check("$$", Ok(Some("$")));
        check("$${HOST}", Ok(Some("${HOST}")));
        check("5$ and $x$", Ok(Some("5$ and $x$")));
        // What a variable stands for is not looked into again.
        check("${DOLLARS}", Ok(Some("$${HOST}")));
    }

    #[test]
    fn what_cannot_be_put_in_is_named() {
        check("${NONE}", Err(Wrong::Unset("NONE".to_owned())));
        check("${HOST", Err(Wrong::Unclosed));
        check("${}", Err(Wrong::BadName(String::new())));
        check("${A-B}", Err(Wrong::BadName("A-B".to_owned())));
        check("${1}", Err(Wrong::BadName("1".to_owned())));
    }
}
