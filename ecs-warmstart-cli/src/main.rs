//! The command `ecs-warmstart`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecs_warmstart_cli::main()
}
