//! From the command line to the end.

use crate::args::{Args, Command};
use crate::error::Error;
use crate::exit::Ending;
use crate::flight::Flight;
use crate::logging;
use crate::output;

pub(crate) async fn run(args: Args) -> Result<Ending, Error> {
    logging::init(args.global.verbose);
    let mut args = args;
    let name = args.command.name();
    let Some(path) = args.global.record.clone() else { return run_command(args).await };
    let flight = Flight::to(&path, name)?;
    args.global.flight = flight.clone();
    let ended = run_command(args).await;
    let recorded = flight.write(&path, name).await;
    match (ended, recorded) {
        (Ok(ending), Ok(false)) => {
            output::stderr(&format!("nothing was recorded: {name} asked nobody\n"));
            Ok(ending)
        }
        (ended, Ok(_)) => ended,
        // How the command ended is more than that it could not be recorded, unless all was well.
        (Ok(Ending::Ready), Err(error)) => Err(error),
        (ended, Err(error)) => {
            error.print();
            ended
        }
    }
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
