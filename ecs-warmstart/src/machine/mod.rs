//! The state machine of one run: a total, pure function. See [`step`](fn@step).
//!
//! One step takes in one thing that happened and asks for exactly one thing: perform an effect, wake at a time, or nothing
//! more. Everything in flight is in the [`State`]; whoever drives it saves it before it performs an effect. So an effect may
//! happen twice, and every effect is idempotent.
//!
//! ```text
//! Launching ─ AwaitingRunning ─ AwaitingGate ─ Registering ─ AwaitingHealthy ─ Ready
//!     └───────────────┴──────────────┴──────────────┴───────────────┤
//!                  UndoLaunch ─ UndoRegister ─ UndoTask ─ Undone, Kept or Leaked
//!                                                   └──── Launching, where the next attempt may get there
//! ```

mod because;
mod capacity;
mod cause;
mod doubt;
mod drain;
mod forward;
mod held_up;
mod io;
mod launching;
mod lingering;
mod operation;
mod phase;
mod registering;
mod running;
mod state;
mod step;
mod stop_reason;
mod undo;
mod windows;
mod wire;

pub use cause::{Cause, Leftover, ShortOf};
pub use drain::{Drain, DrainPlace, DrainSpec, DrainStep, drain_step};
pub use io::{Effect, Input, Next, Step};
pub use operation::Operation;
pub use phase::PhaseName;
pub use state::{PhaseTime, State};
pub use step::step;
