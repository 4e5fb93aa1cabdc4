//! From the text of a file to services.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::error::{ConfigError, Finding};
use super::file::ConfigFile;
use super::{build, expand, keys};
use crate::fleet::Service;

/// A configuration file, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The AWS region; absent means that the SDK looks for it where it always does.
    pub region: Option<String>,
    /// The services, in the order of the file. At least one.
    pub services: Vec<Service>,
}

impl Config {
    /// Reads the file, with variables from the environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the file and everything that is wrong with it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| ConfigError::unreadable(&name, error))?;
        parse(&text, &|variable| std::env::var(variable).ok())
            .map_err(|findings| ConfigError::new(&name, &text, findings))
    }

    /// Reads the text of a file; `env` says what a variable stands for.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names everything that is wrong with it.
    pub fn parse(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        parse(text, &env).map_err(|findings| ConfigError::new("configuration", text, findings))
    }

    /// The JSON Schema of the file, for editors.
    ///
    /// What it cannot say, such as that `cluster` stands either in the service or in `[defaults]`, only reading checks.
    pub fn json_schema() -> serde_json::Value {
        super::file::json_schema()
    }
}

fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Finding>> {
    let mut table = DeTable::parse(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut findings = keys::unknown(table.get_ref());
    expand::table(table.get_mut(), env, &mut findings);
    give_up_on(findings)?;

    let file = typed(table.clone())?;
    let mut findings = Vec::new();
    let region = file.region.clone().filter(|region| !region.is_empty());
    let services = build::services(&file, table.get_ref(), &mut findings);
    give_up_on(findings)?;
    Ok(Config { region, services })
}

fn give_up_on(mut findings: Vec<Finding>) -> Result<(), Vec<Finding>> {
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort_by_key(|finding| finding.span.start);
    Err(findings)
}

fn syntax(text: &str, error: &toml::de::Error) -> Finding {
    let span = error.span().unwrap_or_default();
    let name = text.get(span.clone()).unwrap_or_default();
    let message = match error.message() {
        "duplicate key" => format!("`{name}` is given twice"),
        other => other.replace('\n', ", "),
    };
    Finding::new(span, message)
}

/// Gives the values their types. Serde stops at the first that does not fit.
fn typed(table: Spanned<DeTable<'_>>) -> Result<ConfigFile, Vec<Finding>> {
    let error = match ConfigFile::deserialize(Deserializer::from(table.clone())) {
        Ok(file) => return Ok(file),
        Err(error) => error,
    };
    let span = error.span().unwrap_or_default();
    let path = keys::path_at(table.get_ref(), &span);
    let message = error
        .message()
        .replacen("unknown variant", "unknown value", 1)
        .replacen("missing field", "missing key", 1)
        .replacen("invalid type: map", "invalid type: table", 1)
        .replacen("invalid type: sequence", "invalid type: list", 1)
        .replacen("expected a sequence", "expected a list", 1)
        .replacen("expected a map", "expected a table", 1);
    let finding = Finding::new(span, format!("{path}: {message}"));
    let list = ["bindings", "capacity_providers"].iter().any(|key| path.ends_with(key));
    if list && message.contains("invalid type: table") {
        return Err(vec![finding.hint(format!("write it with two brackets: [[{path}]]"))]);
    }
    Err(vec![finding])
}
