//! The simulated cloud against what is known of AWS. The ports' contract is held by the conformance suite.

mod kit;
mod launches;
mod ledger;
mod lists;
mod places;
mod random;
mod targets;
