//! The proofs of the library, as one program: the machine by itself, then whole runs on the simulated cloud.

mod cancelling;
mod converging;
mod crashes;
mod drains;
mod failures;
mod fair_weather;
mod golden;
mod late;
mod machine_properties;
mod machine_table;
mod networks;
mod pieces;
mod readme;
mod runs;
mod single_waits;
mod slots;
mod snapshots;
mod source;
mod specs;
mod strangers;
mod taking_down;
mod tidy;
mod two_bindings;
mod undoing;
mod verifying;
mod worlds;
