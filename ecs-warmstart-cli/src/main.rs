//! The command `ecs-warmstart`.

fn main() {}
