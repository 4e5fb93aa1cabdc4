//! `schema`

use clap::{Args, ValueEnum};
use ecs_warmstart::config::Config;
use ecs_warmstart::fleet::{
    CheckReport, DeployReport, DiagnosisReport, PlanReport, Report, StatusReport, VerifyReport,
};

use crate::error::Error;
use crate::exit::Ending;
use crate::output::image::{ImageReport, TagReport};
use crate::output::{self, json};

#[derive(Clone, Debug, Args)]
pub(crate) struct Schema {
    /// Of which document
    #[arg(value_enum)]
    pub(crate) document: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// The configuration file
    Config,
    /// The report of up and of down
    Report,
    /// The report of verify
    Verify,
    /// The report of verify --plan
    Plan,
    /// The report of status
    Status,
    /// The report of check
    Check,
    /// The report of diagnose
    Diagnosis,
    /// The report of deploy
    Deploy,
    /// The report of image verify
    Image,
    /// The report of image tag
    Tag,
}

impl Schema {
    pub(crate) fn run(&self) -> Result<Ending, Error> {
        let schema = match self.document {
            Document::Config => Config::json_schema(),
            Document::Report => Report::json_schema(),
            Document::Verify => VerifyReport::json_schema(),
            Document::Plan => PlanReport::json_schema(),
            Document::Status => StatusReport::json_schema(),
            Document::Check => CheckReport::json_schema(),
            Document::Diagnosis => DiagnosisReport::json_schema(),
            Document::Deploy => DeployReport::json_schema(),
            Document::Image => ImageReport::json_schema(),
            Document::Tag => TagReport::json_schema(),
        };
        output::stdout(&json::document(&schema))?;
        Ok(Ending::Ready)
    }
}
