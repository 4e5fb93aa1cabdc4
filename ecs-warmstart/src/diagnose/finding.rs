//! What a diagnosis says.

use serde::{Deserialize, Serialize};

use crate::catalogue::{Code, Confidence};

/// Findings, ranked. There is always one: at the least that the evidence does not say why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    root: Finding,
    others: Vec<Finding>,
}

impl Diagnosis {
    pub(super) fn new(root: Finding, others: Vec<Finding>) -> Self {
        Self { root, others }
    }

    /// *The* root cause.
    pub fn root(&self) -> &Finding {
        &self.root
    }

    /// What else stands out: neither the root nor what followed from it.
    pub fn others(&self) -> &[Finding] {
        &self.others
    }

    /// Whether the evidence shows nothing that is wrong.
    pub fn is_fine(&self) -> bool {
        self.root.code == Code::NothingWrong
    }
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, for programs.
    pub code: Code,
    /// One sentence without a full stop, for people.
    pub summary: String,
    /// What it rests on, quoted: `stoppedReason: …`, `log of web: …`.
    pub evidence: Vec<String>,
    /// What to do: a command or a setting, in AWS's words.
    pub remedy: String,
    /// Whether the same start may succeed later with nothing changed.
    pub transient: bool,
    /// How sure it is.
    pub confidence: Confidence,
    /// What followed from it, from the task outwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Link>,
}

/// A consequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Stable, for programs.
    pub code: Code,
    /// One sentence without a full stop.
    pub summary: String,
}
