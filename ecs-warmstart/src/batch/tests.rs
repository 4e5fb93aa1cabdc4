//! What a crowd may rely on, whatever one of it or the port does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::merger::{Merged, Merger};
use super::{BatchSettings, Coalescing};
use crate::clock::{Clock, TokioClock};
use crate::error::{ErrorKind, PortError};
use crate::limit::{ApiClass, Limiter, Limits};
use crate::memory::Settings;
use crate::ports::{Ports, Result};
use crate::quota::Quotas;
use crate::testing::conformance::Fixture;

/// In a call for several, these do what their names say; by themselves they are good.
const PANICS: u32 = 13;
const INVALID: u32 = 5;
const UNKNOWN_AMONG_OTHERS: u32 = 9;
/// Hangs when it is asked for the first time.
const HANGS_ONCE: u32 = 7;

/// Doubles numbers.
#[derive(Clone, Debug, Default)]
struct Doubles {
    calls: Arc<Mutex<Vec<Vec<u32>>>>,
}

impl Doubles {
    fn calls(&self) -> MutexGuard<'_, Vec<Vec<u32>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Merged for Doubles {
    type Key = &'static str;
    type Kind = ();
    type Item = u32;
    type Answer = Option<u32>;

    const AT_ONCE: usize = 100;
    const CLASS: ApiClass = ApiClass::ClusterRead;

    async fn call(&self, _: &&'static str, (): (), items: &[u32]) -> Result<Vec<Option<u32>>> {
        let asked_before = self.calls().iter().any(|call| call.contains(&HANGS_ONCE));
        self.calls().push(items.to_vec());
        if items.contains(&HANGS_ONCE) && !asked_before {
            return std::future::pending().await;
        }
        assert!(!items.contains(&PANICS), "the port panics on purpose");
        if items.contains(&INVALID) {
            return Err(PortError::new(ErrorKind::Invalid, "5 is refused"));
        }
        let hidden = |item: u32| item == UNKNOWN_AMONG_OTHERS && items.len() > 1;
        Ok(items.iter().map(|item| (!hidden(*item)).then_some(2 * item)).collect())
    }

    fn is_unknown(answer: &Option<u32>) -> bool {
        answer.is_none()
    }
}

fn doubles() -> (Doubles, Merger<Doubles>) {
    let port = Doubles::default();
    let clock = Arc::new(TokioClock::new());
    (port.clone(), Merger::new(port, Limiter::unlimited(), clock, BatchSettings::default()))
}

/// Asks for each number at once, each by a task of its own; nothing where that task panicked.
async fn ask_each(merger: &Merger<Doubles>, items: &[u32]) -> HashMap<u32, Option<Result<Option<u32>>>> {
    let mut asking = JoinSet::new();
    for item in items.iter().copied() {
        let merger = merger.clone();
        asking.spawn(async move { merger.ask(&"key", (), &[item]).await.map(|answers| answers[0]) });
        tokio::task::yield_now().await;
    }
    let mut answers: HashMap<u32, _> = items.iter().map(|item| (*item, None)).collect();
    while let Some(joined) = asking.join_next().await {
        if let Ok(answer) = joined {
            let item = match &answer {
                Ok(doubled) => doubled.unwrap() / 2,
                Err(_) => INVALID,
            };
            answers.insert(item, Some(answer));
        }
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_make_ten_calls() {
    let (port, merger) = doubles();
    let items: Vec<u32> = (1_000..2_000).collect();
    let answers = ask_each(&merger, &items).await;
    assert!(answers.values().all(|answer| matches!(answer, Some(Ok(Some(_))))));
    assert_eq!(port.calls().len(), 10);
    // One caller who asks for more than goes into a call is answered in his order.
    let many: Vec<u32> = (1_000..1_250).rev().collect();
    let doubled: Vec<_> = many.iter().map(|item| Some(2 * item)).collect();
    assert_eq!(merger.ask(&"key", (), &many).await.unwrap(), doubled);
    assert_eq!(port.calls().len(), 13);
    assert_eq!(merger.ask(&"key", (), &[]).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_called_for_four_times_a_second_at_most() {
    let (port, merger) = doubles();
    let clock = TokioClock::new();
    let began = clock.now();
    let mut asking = JoinSet::new();
    for caller in 0..50_u64 {
        let merger = merger.clone();
        asking.spawn(async move {
            tokio::time::sleep(Duration::from_millis(caller * 7)).await;
            for _ in 0..100 {
                merger.ask(&"key", (), &[1_000 + caller as u32]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(90)).await;
            }
        });
    }
    asking.join_all().await;
    let (calls, rounds) = (port.calls().len(), clock.now().since(began).as_millis() / 250 + 2);
    assert!(calls as u128 <= rounds, "{calls} calls in {rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_refused_fails_for_its_own_caller_alone() {
    let (port, merger) = doubles();
    let answers = ask_each(&merger, &[1, 2, 3, 4, INVALID, 6, 8]).await;
    for (item, answer) in answers {
        let answer = answer.unwrap();
        assert_eq!(
            answer.as_ref().err().map(PortError::kind),
            (item == INVALID).then_some(ErrorKind::Invalid)
        );
    }
    assert!(port.calls().len() <= 7, "{:?}", port.calls());
}

#[tokio::test(start_paused = true)]
async fn what_a_call_for_many_did_not_know_is_asked_for_alone() {
    let (port, merger) = doubles();
    let answers = ask_each(&merger, &[1, UNKNOWN_AMONG_OTHERS, 2]).await;
    assert_eq!(*answers[&UNKNOWN_AMONG_OTHERS].as_ref().unwrap().as_ref().unwrap(), Some(18));
    assert_eq!(*port.calls(), [vec![1, UNKNOWN_AMONG_OTHERS, 2], vec![UNKNOWN_AMONG_OTHERS]]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_dropped_costs_nothing_and_takes_nothing_along() {
    let (port, merger) = doubles();
    let mut leaving = JoinSet::new();
    for _ in 0..200 {
        let merger = merger.clone();
        leaving.spawn(async move {
            // Gone before the call is made.
            tokio::time::timeout(Duration::from_millis(5), merger.ask(&"key", (), &[77])).await.is_err()
        });
    }
    assert!(leaving.join_all().await.into_iter().all(|left| left));
    let kept = merger.ask(&"key", (), &[1_000]);
    let gone = tokio::time::timeout(Duration::from_millis(5), merger.ask(&"key", (), &[78]));
    let (kept, gone) = tokio::join!(kept, gone);
    assert_eq!((kept.unwrap(), gone.is_err()), (vec![Some(2_000)], true));
    assert_eq!(*port.calls(), [vec![1_000]]);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_panics_does_so_for_its_own_caller_alone() {
    for _ in 0..3 {
        let (_, merger) = doubles();
        let answers = ask_each(&merger, &[1, 2, PANICS, 3]).await;
        for (item, answer) in &answers {
            assert_eq!(answer.is_none(), *item == PANICS, "{item}: {answer:?}");
        }
        // And nobody after it is hurt.
        assert_eq!(merger.ask(&"key", (), &[21]).await.unwrap(), [Some(42)]);
    }
}

#[test]
fn when_the_runtime_of_the_calls_ends_others_are_answered() {
    // Each with a time of its own, that stands still while it has something to do.
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for hung in [false, true] {
        let (port, merger) = doubles();
        let (ending, living) = (runtime(), runtime());
        let first = if hung { HANGS_ONCE } else { 1 };
        let theirs = merger.clone();
        // Its worker lives on this runtime, which is not driven any further: in the middle of the call, or before it.
        ending.block_on(async {
            let asked = tokio::spawn(async move { theirs.ask(&"key", (), &[first]).await });
            tokio::time::sleep(Duration::from_millis(if hung { 100 } else { 1 })).await;
            drop(asked);
        });
        let ours = merger.clone();
        let answer = living.spawn(async move { ours.ask(&"key", (), &[21]).await });
        living.block_on(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(hung || !answer.is_finished(), "its worker is not driven");
            ending.shutdown_background();
            let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
            assert_eq!(answer.unwrap().unwrap().unwrap(), [Some(42)]);
        });
        assert!(!port.calls().is_empty());
    }
}

#[test]
fn without_a_runtime_everybody_asks_alone() {
    let (port, merger) = doubles();
    let mut asked = std::pin::pin!(merger.ask(&"key", (), &[21]));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = asked.as_mut().poll(&mut context) else { panic!("it waits") };
    assert_eq!(answer.unwrap(), [Some(42)]);
    assert_eq!(*port.calls(), [[21]]);
}

fn through(ports: Ports, clock: &Arc<dyn Clock>, limiter: Limiter) -> Ports {
    Ports::from_one(Coalescing::new(ports, limiter, Arc::clone(clock), BatchSettings::default()))
}

crate::conformance! {
    #[tokio::test(start_paused = true)]
    mod coalescing => {
        let fixture = Fixture::memory();
        let clock = Arc::clone(&fixture.clock);
        fixture.wrapped(|ports| through(ports, &clock, Limiter::unlimited()))
    }
}

crate::conformance! {
    #[tokio::test(start_paused = true)]
    mod coalescing_within_limits => {
        let millis = Duration::from_millis;
        let settings = Settings {
            latency: millis(20)..=millis(200),
            quotas: Some(Quotas::published()),
            ..Settings::default()
        };
        let fixture = Fixture::memory_with(settings);
        let clock = Arc::clone(&fixture.clock);
        let limiter = Limiter::new(Arc::clone(&clock), &Limits::default());
        fixture.wrapped(|ports| through(ports, &clock, limiter))
    }
}
