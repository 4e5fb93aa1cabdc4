//! What the emulators have in common: a virtual environment, a process that ends with the test, and plain HTTP.

mod form;
mod http;
mod process;
mod switch;
mod venv;

pub(super) use form::{authorization, encoded, first_between, texts_between};
pub(super) use http::{Answer, Request, send};
pub use process::Note;
pub(super) use process::{Process, Program};
pub use switch::SWITCH;
pub(super) use switch::{is_left_out, needed};
pub(super) use venv::{Installed, Venv};
