//! Which models were seen to refuse prefill. A small memory of one client, never on the path
//! of a token and never written to disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The models of one endpoint that refused prefill, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<VecDeque<String>>);

impl Refusals {
    pub(crate) fn contains(&self, model: Option<&str>) -> bool {
        let models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        model.is_some_and(|model| models.iter().any(|known| known == model))
    }

    pub(crate) fn learn(&self, model: Option<&str>) {
        let Some(model) = model.filter(|model| model.len() <= MODEL_BYTES_MAX) else { return };
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if models.iter().any(|known| known == model) {
            return;
        }
        if models.len() == REFUSALS_MAX {
            models.pop_front();
        }
        models.push_back(model.to_owned());
    }
}

/// Models that are remembered; the oldest gives way.
const REFUSALS_MAX: usize = 256;
/// Bytes of a model's name that is remembered.
const MODEL_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_remembered_for_its_model() {
        let refusals = Refusals::default();
        refusals.learn(Some("a"));
        refusals.learn(None);
        assert!(refusals.contains(Some("a")));
        assert!(!refusals.contains(Some("b")) && !refusals.contains(None));
    }

    #[test]
    fn the_oldest_gives_way_at_the_limit() {
        let refusals = Refusals::default();
        for n in 0..=REFUSALS_MAX {
            refusals.learn(Some(&n.to_string()));
            refusals.learn(Some(&n.to_string()));
        }
        assert!(!refusals.contains(Some("0")));
        assert!(refusals.contains(Some("1")));
        assert_eq!(refusals.0.lock().unwrap().len(), REFUSALS_MAX);
        refusals.learn(Some(&"x".repeat(MODEL_BYTES_MAX + 1)));
        assert!(refusals.contains(Some("1")));
    }
}
