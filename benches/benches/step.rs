//! What a step of the machine costs, in the states in which a run spends its time.

use benches::Run;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ecs_warmstart::machine::{Effect, Input, Next, PhaseName, State, step};
use ecs_warmstart::policy::Policy;

/// So few that they stay in the processor's cache: the step is what counts, not the memory.
const BATCH: BatchSize = BatchSize::NumIterations(64);

fn polling(c: &mut Criterion) {
    let policy = Policy::default();
    let mut group = c.benchmark_group("poll");
    let calls = [
        ("awaiting_running, a look at the task", PhaseName::AwaitingRunning, Effect::ObserveTask),
        ("awaiting_gate, a look at the task", PhaseName::AwaitingGate, Effect::ObserveTask),
        ("awaiting_healthy, a look at the task", PhaseName::AwaitingHealthy, Effect::ObserveTask),
        (
            "awaiting_healthy, a look at the target",
            PhaseName::AwaitingHealthy,
            Effect::ObserveTarget { binding: 0 },
        ),
    ];
    for (name, phase, effect) in calls {
        let asked = Run::asked(phase, &effect);
        let (answered, answer) = asked.clone().go_on(&policy);
        assert_eq!(answered.state.phase(), phase, "the answer changes nothing");
        assert!(matches!(answered.next, Next::WakeAt(_)), "{name}: {:?}", answered.next);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || (asked.state.clone(), answer.clone()),
                |(state, answer)| step(state, answer, asked.now, &policy),
                BATCH,
            );
        });
    }
    group.finish();
}

fn ticks(c: &mut Criterion) {
    let policy = Policy::default();
    let mut group = c.benchmark_group("tick");
    for phase in [PhaseName::AwaitingRunning, PhaseName::AwaitingHealthy] {
        let asleep = Run::asked(phase, &Effect::ObserveTask).go_on(&policy).0;
        let Next::WakeAt(due) = asleep.next else { panic!("{phase}: {:?}", asleep.next) };
        for (when, now) in [("too early", asleep.now), ("when a call is due", due)] {
            group.bench_function(format!("{phase}, {when}"), |bencher| {
                bencher.iter_batched(
                    || asleep.state.clone(),
                    |state| step(state, Input::Tick, now, &policy),
                    BATCH,
                );
            });
        }
    }
    group.finish();
}

fn whole_run(c: &mut Criterion) {
    let policy = Policy::default();
    let mut inputs = Vec::new();
    let mut run = Run::launch();
    while !run.is_over() {
        let (further, input) = run.go_on(&policy);
        run = further;
        inputs.push(input);
    }
    assert_eq!(run.state.phase(), PhaseName::Ready);
    let name = format!("from launch to ready, {} steps", run.steps);
    c.bench_function(&name, |bencher| {
        bencher.iter_batched(
            || (Run::launch(), inputs.clone()),
            |(mut run, inputs)| {
                for input in inputs {
                    if let Next::WakeAt(at) = run.next {
                        run.now = at;
                    }
                    run = run.step(input, &policy);
                }
                assert!(run.is_over());
                run
            },
            BATCH,
        );
    });
}

fn snapshot(c: &mut Criterion) {
    let state = Run::asked(PhaseName::AwaitingHealthy, &Effect::ObserveTask).state;
    let written = serde_json::to_string(&state).expect("a state is written");
    let read: State = serde_json::from_str(&written).expect("a state is read");
    assert_eq!(read, state);
    let mut group = c.benchmark_group("snapshot");
    group.bench_function(format!("write {} bytes of JSON", written.len()), |bencher| {
        bencher.iter(|| serde_json::to_string(&state));
    });
    group.bench_function(format!("read {} bytes of JSON", written.len()), |bencher| {
        bencher.iter(|| serde_json::from_str::<State>(&written));
    });
    group.finish();
}

criterion_group!(benches, polling, ticks, whole_run, snapshot);
criterion_main!(benches);
