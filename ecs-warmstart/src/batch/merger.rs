//! Merges calls of one sort: a queue for each key, and whoever comes first has it worked off.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::coalescing::BatchSettings;
use super::queue::{Answer, Batch, Caller, Queue, own};
use crate::clock::Clock;
use crate::error::{ErrorKind, PortError};
use crate::limit::{ApiClass, Limiter, Pass};
use crate::ports::{Result, Turn};

/// Of so many items that a call did not know, each is asked for again by itself; of more, all in one call.
const ALONE_AT_MOST: usize = 10;

/// Calls of one sort that can be merged.
#[async_trait]
pub(super) trait Merged: Debug + Send + Sync + 'static {
    /// What a call is about as a whole, such as a cluster. Calls of different keys are never merged.
    type Key: Clone + Eq + Hash + Debug + Send + Sync;
    /// Calls of different kinds are not merged either, but keep their order within a key.
    type Kind: Copy + Eq + Debug + Send + Sync;
    /// What a call takes several of, such as a task.
    type Item: Clone + Eq + Hash + Debug + Send + Sync;
    /// What it answers for each.
    type Answer: Clone + Debug + Send + Sync;

    /// How many items go into one call.
    const AT_ONCE: usize;
    /// Whether a call has to be over before the next one of its key begins.
    const IN_ORDER: bool = false;
    /// Which quota it takes from.
    const CLASS: ApiClass;

    /// Makes the call: an answer for each item, in their order.
    async fn call(
        &self,
        key: &Self::Key,
        kind: Self::Kind,
        items: &[Self::Item],
    ) -> Result<Vec<Self::Answer>>;

    /// Whether that error may be due to one item alone, so that the others have to be asked for without it.
    fn may_be_one_items_fault(error: ErrorKind) -> bool {
        matches!(error, ErrorKind::Invalid | ErrorKind::Denied)
    }

    /// Whether the answer says that the item is not known, which another call may find otherwise.
    fn is_unknown(_answer: &Self::Answer) -> bool {
        false
    }

    /// How many calls more than one these answers took.
    fn further_calls(_answers: &[Self::Answer]) -> u32 {
        0
    }
}

/// The queues of one sort of calls. Clones are handles on the same.
#[derive(Debug)]
pub(super) struct Merger<M: Merged> {
    shared: Arc<Shared<M>>,
}

impl<M: Merged> Clone for Merger<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

type QueueOf<M> = Queue<<M as Merged>::Kind, <M as Merged>::Item, <M as Merged>::Answer>;
type BatchOf<M> = Batch<<M as Merged>::Kind, <M as Merged>::Item, <M as Merged>::Answer>;
type CallerOf<M> = Caller<<M as Merged>::Kind, <M as Merged>::Item, <M as Merged>::Answer>;

#[derive(Debug)]
struct Shared<M: Merged> {
    port: M,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    settings: BatchSettings,
    /// A key is in here as long as somebody works its queue off.
    queues: Mutex<HashMap<M::Key, QueueOf<M>>>,
}

impl<M: Merged> Merger<M> {
    pub(super) fn new(port: M, limiter: Limiter, clock: Arc<dyn Clock>, settings: BatchSettings) -> Self {
        Self { shared: Arc::new(Shared { port, limiter, clock, settings, queues: Mutex::default() }) }
    }

    /// Asks together with whoever else asks now. Dropped before its call is made, it has no part in it.
    pub(super) async fn ask(&self, key: &M::Key, kind: M::Kind, items: &[M::Item]) -> Result<Vec<M::Answer>> {
        let parts: Vec<_> =
            items.chunks(M::AT_ONCE).map(|part| (part, self.join(key, kind, part.to_vec()))).collect();
        let mut answers = Vec::with_capacity(items.len());
        for (part, answer) in parts {
            answers.extend(match answer.await {
                Ok(answer) => answer.map_err(own)?,
                // Whoever was to answer is gone: the runtime it ran on ends, or the port panicked for somebody else.
                Err(_) => self.shared.ask_alone(key, kind, part).await?,
            });
        }
        Ok(answers)
    }

    /// Stands in line. Nobody will answer where there is no runtime that could work the queue off.
    fn join(&self, key: &M::Key, kind: M::Kind, items: Vec<M::Item>) -> oneshot::Receiver<Answer<M::Answer>> {
        let (answer, receiver) = oneshot::channel();
        let Ok(runtime) = Handle::try_current() else {
            return receiver;
        };
        let (turn, since) = (Turn::current(), self.shared.clock.now());
        turn.begin_waiting();
        let caller = Caller { kind, items, answer, turn, since };
        let is_first = {
            let mut queues = self.shared.queues();
            let (queue, is_first) = match queues.entry(key.clone()) {
                Entry::Occupied(worked_off) => (worked_off.into_mut(), false),
                Entry::Vacant(idle) => (idle.insert(Queue::default()), true),
            };
            queue.push(caller);
            is_first
        };
        if is_first {
            let worker = Worker { shared: Arc::clone(&self.shared), key: key.clone(), is_done: false };
            // A runtime that ends drops it at once: then it gives up its queue, as whenever it is dropped.
            runtime.spawn(worker.work());
        }
        receiver
    }
}

/// Works off one queue.
struct Worker<M: Merged> {
    shared: Arc<Shared<M>>,
    key: M::Key,
    is_done: bool,
}

impl<M: Merged> Worker<M> {
    async fn work(mut self) {
        let shared = Arc::clone(&self.shared);
        // Who comes at the same time comes along.
        shared.pause(shared.settings.linger).await;
        while !self.is_over() {
            let asked_at = shared.clock.now();
            let pass = shared.limiter.admit(M::CLASS).await;
            // Only now: whoever came while it waited comes along, whoever went away does not.
            let (batch, more_wait) = shared.take(&self.key);
            if batch.callers.is_empty() {
                pass.give_back();
                continue;
            }
            let now = shared.clock.now();
            for caller in &batch.callers {
                caller.turn.has_come(now.since(caller.since.max(asked_at)));
            }
            let is_crowd = batch.callers.len() > 1;
            let call = Arc::clone(&shared).serve(self.key.clone(), batch, pass);
            if M::IN_ORDER {
                call.await;
            } else {
                tokio::spawn(call);
            }
            if is_crowd && !more_wait {
                shared.clock.sleep_until(now + shared.settings.between_rounds).await;
            }
        }
    }

    /// Whether nobody waits any more. Then this worker is no more, and the next caller gets another.
    fn is_over(&mut self) -> bool {
        let mut queues = self.shared.queues();
        let is_over = queues.get_mut(&self.key).is_none_or(Queue::is_empty);
        if is_over {
            queues.remove(&self.key);
            self.is_done = true;
        }
        is_over
    }
}

impl<M: Merged> Drop for Worker<M> {
    /// However it ends: who waits still is told that nobody will answer, and the next caller finds no worker.
    fn drop(&mut self) {
        if !self.is_done {
            let abandoned = self.shared.queues().remove(&self.key);
            drop(abandoned);
        }
    }
}

impl<M: Merged> Shared<M> {
    fn queues(&self) -> MutexGuard<'_, HashMap<M::Key, QueueOf<M>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self, pause: std::time::Duration) {
        self.clock.sleep_until(self.clock.now() + pause).await;
    }

    fn take(&self, key: &M::Key) -> (BatchOf<M>, bool) {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(key) else {
            return (Batch::default(), false);
        };
        let batch = queue.take(M::AT_ONCE);
        (batch, !queue.is_empty())
    }

    async fn ask_alone(&self, key: &M::Key, kind: M::Kind, items: &[M::Item]) -> Result<Vec<M::Answer>> {
        let pass = self.limiter.admit(M::CLASS).await;
        self.call(key, kind, items, pass).await
    }

    async fn call(
        &self,
        key: &M::Key,
        kind: M::Kind,
        items: &[M::Item],
        pass: Pass,
    ) -> Result<Vec<M::Answer>> {
        let answer = self.port.call(key, kind, items).await;
        if let Ok(answers) = &answer {
            pass.took_more(M::further_calls(answers));
        }
        pass.answered(&answer);
        match answer {
            Ok(answers) if answers.len() != items.len() => Err(PortError::new(
                ErrorKind::Other,
                format!("the port gave {} answers for {} questions", answers.len(), items.len()),
            )),
            answer => answer,
        }
    }

    /// Makes the call of a batch and answers everybody. Where one item may be at fault, halves are asked for, until it is
    /// by itself.
    async fn serve(self: Arc<Self>, key: M::Key, batch: BatchOf<M>, pass: Pass) {
        let mut first = Some(pass);
        let mut todo = vec![batch];
        while let Some(batch) = todo.pop() {
            let Some(kind) = batch.kind else { continue };
            let pass = match first.take() {
                Some(pass) => pass,
                None => self.limiter.admit(M::CLASS).await,
            };
            match self.call(&key, kind, &batch.items, pass).await {
                Ok(answers) => self.reply(&key, kind, batch, &answers).await,
                Err(error) if batch.callers.len() > 1 && M::may_be_one_items_fault(error.kind()) => {
                    todo.extend(batch.halves().into_iter().rev());
                }
                Err(error) => batch.fail(error),
            }
        }
    }

    /// Answers everybody; those whose items were not all known are asked for again by themselves first.
    async fn reply(&self, key: &M::Key, kind: M::Kind, mut batch: BatchOf<M>, answers: &[M::Answer]) {
        let callers = std::mem::take(&mut batch.callers);
        let by_itself = callers.len() == 1 && batch.items.len() == 1;
        let mut unsure = Vec::new();
        for caller in callers {
            let part = batch.part(&caller, answers);
            if by_itself || !part.iter().any(M::is_unknown) {
                caller.reply(Ok(part));
            } else if !caller.answer.is_closed() {
                unsure.push((caller, part));
            }
        }
        let together = if unsure.len() > ALONE_AT_MOST { M::AT_ONCE } else { 1 };
        while !unsure.is_empty() {
            let rest = unsure.split_off(unsure.len().min(together));
            self.ask_again(key, kind, std::mem::replace(&mut unsure, rest)).await;
        }
    }

    async fn ask_again(&self, key: &M::Key, kind: M::Kind, unsure: Vec<(CallerOf<M>, Vec<M::Answer>)>) {
        let (callers, firsts): (Vec<_>, Vec<_>) = unsure.into_iter().unzip();
        let items = callers.iter().flat_map(|caller| caller.items.iter().cloned()).collect::<Vec<_>>();
        let mut seconds = Vec::new();
        for chunk in items.chunks(M::AT_ONCE) {
            match self.ask_alone(key, kind, chunk).await {
                Ok(answers) => seconds.extend(answers),
                Err(_) => break,
            }
        }
        let is_complete = seconds.len() == items.len();
        let mut seconds = seconds.into_iter();
        for (caller, first) in callers.into_iter().zip(firsts) {
            // The first answer stands where there is no second.
            let answer = if is_complete { seconds.by_ref().take(first.len()).collect() } else { first };
            caller.reply(Ok(answer));
        }
    }
}
