//! From the command line to the end.

use crate::args::{Args, Command};
use crate::error::Error;
use crate::exit::Ending;
use crate::logging;

pub(crate) async fn run(args: Args) -> Result<Ending, Error> {
    logging::init(args.global.verbose);
    let (name, global) = (args.command.name(), args.global.clone());
    let ended = run_command(args).await;
    let recorded = match &global.record {
        Some(path) => global.flight.write(path, name).await,
        None => Ok(()),
    };
    // Why the command failed is said rather than why it could not be recorded.
    let ended = ended?;
    recorded.map(|()| ended)
}

async fn run_command(args: Args) -> Result<Ending, Error> {
    match args.command {
        Command::Up(up) => up.run(&args.global).await,
        Command::Down(down) => down.run(&args.global).await,
        Command::Verify(verify) => verify.run(&args.global).await,
        Command::Status(status) => status.run(&args.global).await,
        Command::Check(check) => check.run(&args.global).await,
        Command::Image(image) => image.run(&args.global).await,
        Command::Deploy(deploy) => deploy.run(&args.global).await,
        Command::Diagnose(diagnose) => diagnose.run(&args.global).await,
        Command::Schema(schema) => schema.run(),
    }
}
