//! From the command line to the end.

use crate::args::{Args, Command};
use crate::error::Error;
use crate::exit::Ending;
use crate::logging;

pub(crate) async fn run(args: Args) -> Result<Ending, Error> {
    logging::init(args.global.verbose);
    match args.command {
        Command::Up(up) => up.run(&args.global).await,
        Command::Down(down) => down.run(&args.global).await,
        Command::Verify(verify) => verify.run(&args.global).await,
        Command::Status(status) => status.run(&args.global).await,
        Command::Check(check) => check.run(&args.global).await,
        Command::Image(image) => image.run(&args.global).await,
        Command::Schema(schema) => schema.run(),
    }
}
