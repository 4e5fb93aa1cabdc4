//! Which of several meanings is the root.

use std::cmp::Reverse;

use super::{Code, Confidence, Stage};

/// The place of a code among others; the first is the root.
///
/// Causes that are at least [`Medium`](Confidence::Medium) come first, the surer before the vaguer; then what was observed
/// without its cause; then guesses, which never stand above what was observed. Of two that are equally sure the one that
/// strikes earlier in the life of a task comes first, since it keeps the later ones from happening; and so do symptoms,
/// whatever their confidence.
pub fn rank(code: Code, confidence: Confidence) -> (u8, Reverse<Confidence>, Stage, Code) {
    let (tier, sure) = match (code.is_symptom(), confidence) {
        (false, Confidence::Medium | Confidence::High) => (0, confidence),
        (true, _) => (1, Confidence::High),
        (false, Confidence::Low) => (2, confidence),
    };
    (tier, Reverse(sure), code.stage(), code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Confidence::{High, Low, Medium};

    #[test]
    fn the_order() {
        let order = [
            (Code::ImageNotFound, High),
            (Code::OutOfMemory, High),
            (Code::ImageNotFound, Medium),
            (Code::PullFailed, Medium),
            (Code::TaskFailedToStart, High),
            (Code::TargetTimeout, Low),
            (Code::HealthCheckProgram, Low),
        ];
        assert!(order.is_sorted_by_key(|(code, confidence)| rank(*code, *confidence)));
    }
}
