//! A run that polls allocates nothing: thousands of them at once then cost no more than their answers.

#![expect(clippy::print_stderr, reason = "the number stands in the README")]

use benches::Run;
use ecs_warmstart::machine::{Effect, Input, Next, PhaseName};
use ecs_warmstart::policy::Policy;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How many blocks one step allocates. The input is made before: it is the port's.
fn allocations(run: Run, input: Input, policy: &Policy) -> (Run, u64) {
    let before = dhat::HeapStats::get().total_blocks;
    let run = run.step(input, policy);
    (run, dhat::HeapStats::get().total_blocks - before)
}

fn polling_allocates_nothing(policy: &Policy) {
    let target = Effect::ObserveTarget { binding: 0 };
    let calls = [
        (PhaseName::AwaitingRunning, Effect::ObserveTask),
        (PhaseName::AwaitingGate, Effect::ObserveTask),
        (PhaseName::AwaitingHealthy, Effect::ObserveTask),
        (PhaseName::AwaitingHealthy, target),
    ];
    for (phase, effect) in calls {
        let run = Run::asked(phase, &effect);
        let (_, answer) = run.clone().go_on(policy);
        let (run, by_answer) = allocations(run, answer, policy);
        assert_eq!(by_answer, 0, "{phase}: the answer to {effect:?}");
        let (mut run, by_tick) = allocations(run, Input::Tick, policy);
        assert_eq!(by_tick, 0, "{phase}: a tick before anything is due");
        let Next::WakeAt(due) = run.next else { panic!("{phase} after {effect:?}: {:?}", run.next) };
        run.now = due;
        let (run, by_wake) = allocations(run, Input::Tick, policy);
        assert_eq!(by_wake, 0, "{phase}: a tick when a call is due");
        assert!(matches!(run.next, Next::Perform(_)), "{phase} when a call is due: {:?}", run.next);
    }
}

/// What the steps of a whole run allocate: the token, the target, its place in the account of times.
fn a_whole_run_allocates_little(policy: &Policy) {
    let mut run = Run::launch();
    let mut blocks = 0;
    while !run.is_over() {
        let (_, input) = run.clone().go_on(policy);
        if let Next::WakeAt(at) = run.next {
            run.now = at;
        }
        let (further, by_step) = allocations(run, input, policy);
        run = further;
        blocks += by_step;
    }
    assert_eq!(run.state.phase(), PhaseName::Ready);
    assert!((1..=10).contains(&blocks), "{blocks} blocks in {} steps", run.steps);
    eprintln!("{blocks} blocks in {} steps", run.steps);
}

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let policy = Policy::default();
    polling_allocates_nothing(&policy);
    a_whole_run_allocates_little(&policy);
}
