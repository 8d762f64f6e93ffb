//! What happened in each second of a run.

use retry_policy::Nanos;

use super::world::History;

/// Counts per second, from the start of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) arrivals: Vec<f64>,
    pub(crate) successes: Vec<f64>,
}

impl Timeline {
    pub(crate) fn of(history: &History) -> Self {
        let last = history.arrivals.iter().chain(&history.successes).max();
        let seconds = last.map_or(0, |at| at.as_secs() as usize + 1);
        let count = |instants: &[Nanos]| {
            let mut counts = vec![0.0; seconds];
            for at in instants {
                counts[at.as_secs() as usize] += 1.0;
            }
            counts
        };
        Self { arrivals: count(&history.arrivals), successes: count(&history.successes) }
    }
}
