//! Those who wait for one key, and which of them go together in one call.

use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error as StdError;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::PortError;
use crate::ports::{Result, Turn};
use crate::time::Timestamp;

/// What a caller is answered: what each of his items is, or an error that he may share with others.
pub(super) type Answer<A> = Result<Vec<A>, Arc<PortError>>;

/// One who waits.
#[derive(Debug)]
pub(super) struct Caller<K, I, A> {
    pub(super) kind: K,
    /// No more than go into one call.
    pub(super) items: Vec<I>,
    pub(super) answer: oneshot::Sender<Answer<A>>,
    pub(super) turn: Turn,
    pub(super) since: Timestamp,
}

/// Those who wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue<K, I, A> {
    waiting: VecDeque<Caller<K, I, A>>,
    /// Those who went away are swept out when it gets so long.
    sweep_at: usize,
}

/// Below that nobody sweeps.
const SWEEP_FROM: usize = 64;

impl<K, I, A> Default for Queue<K, I, A> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), sweep_at: SWEEP_FROM }
    }
}

impl<K, I, A> Queue<K, I, A> {
    pub(super) fn push(&mut self, caller: Caller<K, I, A>) {
        if self.waiting.len() >= self.sweep_at {
            self.waiting.retain(|caller| !caller.answer.is_closed());
            self.sweep_at = (2 * self.waiting.len()).max(SWEEP_FROM);
        }
        self.waiting.push_back(caller);
    }

    /// Whether somebody waits. Who went away does not count.
    pub(super) fn is_empty(&mut self) -> bool {
        while self.waiting.front().is_some_and(|caller| caller.answer.is_closed()) {
            self.waiting.pop_front();
        }
        self.waiting.is_empty()
    }
}

impl<K: Copy + Eq, I: Clone + Eq + Hash, A> Queue<K, I, A> {
    /// The first in line, and of those after him whoever wants the same kind of call and fits in. Nobody overtakes another
    /// kind of call about an item of his.
    pub(super) fn take(&mut self, at_once: usize) -> Batch<K, I, A> {
        let mut batch = Batch::default();
        let mut passed_over = Vec::new();
        let mut about: HashSet<I> = HashSet::new();
        while let Some(caller) = self.waiting.pop_front() {
            if caller.answer.is_closed() {
                continue;
            }
            let kind = *batch.kind.get_or_insert(caller.kind);
            if caller.kind != kind {
                if caller.items.iter().any(|item| batch.places.contains_key(item)) {
                    passed_over.push(caller);
                    break;
                }
                about.extend(caller.items.iter().cloned());
                passed_over.push(caller);
            } else if caller.items.iter().any(|item| about.contains(item)) || !batch.fits(&caller, at_once) {
                passed_over.push(caller);
                break;
            } else {
                batch.add(caller);
            }
        }
        for caller in passed_over.into_iter().rev() {
            self.waiting.push_front(caller);
        }
        batch
    }
}

/// Those who go together in one call.
#[derive(Debug)]
pub(super) struct Batch<K, I, A> {
    pub(super) kind: Option<K>,
    pub(super) callers: Vec<Caller<K, I, A>>,
    /// What the call is about, each once.
    pub(super) items: Vec<I>,
    places: HashMap<I, usize>,
}

impl<K, I, A> Default for Batch<K, I, A> {
    fn default() -> Self {
        Self { kind: None, callers: Vec::new(), items: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Copy, I: Clone + Eq + Hash, A> Batch<K, I, A> {
    /// Of those who have not gone away.
    pub(super) fn of(callers: impl IntoIterator<Item = Caller<K, I, A>>) -> Self {
        let mut batch = Self::default();
        callers.into_iter().filter(|caller| !caller.answer.is_closed()).for_each(|caller| batch.add(caller));
        batch
    }

    fn fits(&self, caller: &Caller<K, I, A>, at_once: usize) -> bool {
        let new = caller.items.iter().filter(|item| !self.places.contains_key(*item)).count();
        self.items.len() + new <= at_once
    }

    fn add(&mut self, caller: Caller<K, I, A>) {
        self.kind = Some(caller.kind);
        for item in &caller.items {
            if !self.places.contains_key(item) {
                self.places.insert(item.clone(), self.items.len());
                self.items.push(item.clone());
            }
        }
        self.callers.push(caller);
    }

    /// Two of about half the callers.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let second = self.callers.split_off(self.callers.len() / 2);
        [Self::of(self.callers), Self::of(second)]
    }

    /// What was answered for the items of one caller, in his order.
    pub(super) fn part(&self, caller: &Caller<K, I, A>, answers: &[A]) -> Vec<A>
    where
        A: Clone,
    {
        caller.items.iter().map(|item| answers[self.places[item]].clone()).collect()
    }
}

impl<K, I, A> Batch<K, I, A> {
    pub(super) fn fail(self, error: PortError) {
        let error = Arc::new(error);
        for caller in self.callers {
            caller.reply(Err(Arc::clone(&error)));
        }
    }
}

impl<K, I, A> Caller<K, I, A> {
    pub(super) fn reply(self, answer: Answer<A>) {
        // Who went away wants no answer.
        let _ = self.answer.send(answer);
    }
}

/// The error as one caller's own: as it was where he is the only one, otherwise with the same source.
pub(super) fn own(error: Arc<PortError>) -> PortError {
    Arc::try_unwrap(error).unwrap_or_else(|shared| {
        let own = PortError::from(shared.failure().clone());
        match shared.source() {
            Some(_) => own.with_source(SharedSource(shared)),
            None => own,
        }
    })
}

/// The source of an error that several callers were answered.
#[derive(Debug)]
struct SharedSource(Arc<PortError>);

impl fmt::Display for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => fmt::Display::fmt(source, f),
            None => f.write_str("no cause is known"),
        }
    }
}

impl StdError for SharedSource {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    type Waiting = (Queue<bool, u32, u32>, Vec<oneshot::Receiver<Answer<u32>>>);

    fn waiting(callers: &[(bool, &[u32])]) -> Waiting {
        let mut queue = Queue::default();
        let receivers = callers
            .iter()
            .map(|(kind, items)| {
                let (answer, receiver) = oneshot::channel();
                let (turn, since) = (Turn::default(), Timestamp::EPOCH);
                queue.push(Caller { kind: *kind, items: items.to_vec(), answer, turn, since });
                receiver
            })
            .collect();
        (queue, receivers)
    }

    #[track_caller]
    fn batches(callers: &[(bool, &[u32])], at_once: usize, expected: &[(bool, &[u32])]) {
        let (mut queue, _receivers) = waiting(callers);
        for (kind, items) in expected {
            let batch = queue.take(at_once);
            assert_eq!((batch.kind, batch.items.as_slice()), (Some(*kind), *items));
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn who_goes_together() {
        batches(&[(true, &[1]), (true, &[2, 3]), (true, &[1])], 10, &[(true, &[1, 2, 3])]);
        batches(&[(true, &[1, 2]), (true, &[3, 4]), (true, &[5])], 3, &[(true, &[1, 2]), (true, &[3, 4, 5])]);
        // Another kind goes by itself, and those of the first kind behind it come along.
        batches(&[(true, &[1]), (false, &[2]), (true, &[3])], 10, &[(true, &[1, 3]), (false, &[2])]);
        // Nobody overtakes another kind of call about the same item.
        batches(
            &[(true, &[1]), (false, &[1]), (true, &[1]), (true, &[2])],
            10,
            &[(true, &[1]), (false, &[1]), (true, &[1, 2])],
        );
        batches(
            &[(true, &[1]), (false, &[2]), (true, &[2])],
            10,
            &[(true, &[1]), (false, &[2]), (true, &[2])],
        );
    }

    #[test]
    fn who_went_away_costs_nothing() {
        let (mut queue, mut receivers) = waiting(&[(true, &[1]), (true, &[2]), (true, &[3])]);
        receivers.remove(1);
        assert_eq!(queue.take(10).items, [1, 3]);
        let (mut queue, receivers) = waiting(&[(true, &[1][..]); 1000]);
        drop(receivers);
        for _ in 0..1000 {
            let (answer, _) = oneshot::channel();
            let (turn, since) = (Turn::default(), Timestamp::EPOCH);
            queue.push(Caller { kind: true, items: vec![1], answer, turn, since });
        }
        assert!(queue.waiting.len() <= 2 * SWEEP_FROM, "{} are kept", queue.waiting.len());
        assert!(queue.take(10).callers.is_empty() && queue.is_empty());
    }

    #[test]
    fn a_shared_error_keeps_its_kind_and_its_causes() {
        let alone =
            own(Arc::new(PortError::new(ErrorKind::Denied, "no").with_source(std::io::Error::other("x"))));
        assert_eq!(alone.source().unwrap().to_string(), "x");
        let shared =
            Arc::new(PortError::new(ErrorKind::Denied, "no").with_source(std::io::Error::other("x")));
        let mine = own(Arc::clone(&shared));
        assert_eq!((mine.kind(), mine.source().unwrap().to_string()), (ErrorKind::Denied, "x".to_owned()));
    }

    proptest! {
        /// In whatever order and kinds they come: everybody is served once, and what is asked of an item keeps its order.
        #[test]
        fn everybody_is_served_once_and_in_order_for_each_item(
            callers in prop::collection::vec((any::<bool>(), prop::collection::vec(0_u32..6, 1..4)), 0..40),
        ) {
            let asked: Vec<(bool, &[u32])> = callers.iter().map(|(kind, items)| (*kind, items.as_slice())).collect();
            let (mut queue, _receivers) = waiting(&asked);
            let mut served = Vec::new();
            while !queue.is_empty() {
                let batch = queue.take(4);
                prop_assert!(!batch.callers.is_empty() && batch.items.len() <= 4);
                served.extend(batch.callers.into_iter().map(|caller| (caller.kind, caller.items)));
            }
            prop_assert_eq!(served.len(), callers.len());
            for item in 0..6 {
                let kinds = |calls: &[(bool, Vec<u32>)]| -> Vec<bool> {
                    calls.iter().filter(|(_, items)| items.contains(&item)).map(|(kind, _)| *kind).collect()
                };
                prop_assert_eq!(kinds(&served), kinds(&callers));
            }
        }
    }
}
