//! The handler on the simulated cloud, in simulated time.

mod aftermath;
mod allowing;
mod batches;
mod changes;
mod elsewhere;
mod handing_on;
mod mutations;
mod shapes;
mod stage;
mod starts;
mod stops;
