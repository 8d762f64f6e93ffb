//! Breaks by chance, in proportion to the time that a response takes.
//! What goes on where another one was cut is shorter, and breaks more rarely.

use crate::fault::{Fault, InBandError, RetryHint};
use crate::random::{Random, hash};

/// How likely a response breaks, and where.
///
/// Every instant of a response is as likely as any other to be the one at which it breaks. A break
/// before the first token is a connection that is closed or reset before the head, or an error
/// status; a later one is one of [`Script::cuts`](crate::Script::cuts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// Decides which responses break: the same for the same prompt and number of request.
    pub seed: u64,
    /// Of a million whole answers so many break; at most 1,000,000.
    pub per_million: u32,
    /// Tokens of a whole answer.
    pub tokens: u32,
    /// How long the time before the first token is, in tokens.
    pub lead: u32,
}

impl Hazard {
    /// What happens to the response of so many tokens to the prompt's request of this number.
    pub(crate) fn fault(&self, prompt: &str, request: usize, tokens: usize) -> Fault {
        let mut random = Random::new(hash(self.seed ^ request as u64, prompt.as_bytes()));
        let place = self.place(&mut random);
        let lead = f64::from(self.lead);
        if place < lead {
            return early(&mut random);
        }
        let after = place - lead;
        // Not larger than the number of tokens, so that it fits.
        if after < tokens as f64 { cut(after as u32, &mut random) } else { Fault::Healthy }
    }

    /// Where the first break is, in tokens; an answer may end before.
    fn place(&self, random: &mut Random) -> f64 {
        let whole = f64::from(self.lead) + f64::from(self.tokens);
        let survives = 1.0 - f64::from(self.per_million.min(1_000_000)) / 1e6;
        let drawn = ((random.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        whole * drawn.ln().abs() / survives.ln().abs()
    }
}

fn early(random: &mut Random) -> Fault {
    let hint = RetryHint::Absent;
    match random.below(6) {
        0 => Fault::CloseBeforeHead,
        1 => Fault::ResetBeforeHead,
        2 => Fault::Status { status: 500, hint },
        3 => Fault::Status { status: 502, hint },
        4 => Fault::Status { status: 503, hint },
        _ => Fault::Status { status: 529, hint },
    }
}

fn cut(after: u32, random: &mut Random) -> Fault {
    let errors = [&InBandError::Overloaded, &InBandError::Api, &InBandError::OpenRouter];
    match random.below(7) {
        0 => Fault::ResetInEvent { after },
        1 => Fault::CloseInChunk { after },
        2 => Fault::EndWithoutTerminal { after },
        3 => Fault::EndInUtf8 { after },
        4 => Fault::BadChunkSize { after },
        5 => Fault::MalformedJson { after },
        _ => Fault::InBandError { after, error: *random.pick(&errors) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAZARD: Hazard = Hazard { seed: 1, per_million: 300_000, tokens: 200, lead: 50 };

    fn broken(hazard: Hazard, tokens: usize) -> Vec<Fault> {
        let faults = (0..20_000).map(|at| hazard.fault("prompt", at, tokens));
        faults.filter(|fault| *fault != Fault::Healthy).collect()
    }

    #[track_caller]
    fn near(count: usize, expected: usize) {
        assert!(count.abs_diff(expected) * 20 <= expected, "{count} is not about {expected}");
    }

    #[test]
    fn whole_answers_break_as_often_as_told_and_shorter_ones_more_rarely() {
        near(broken(HAZARD, 200).len(), 6_000);
        // Half of the time: the square root of 70 % survive.
        near(broken(HAZARD, 75).len(), 3_267);
        assert!(broken(Hazard { per_million: 0, ..HAZARD }, 200).is_empty());
        assert_eq!(broken(Hazard { per_million: 1_000_000, ..HAZARD }, 200).len(), 20_000);
    }

    #[test]
    fn a_break_is_as_likely_at_any_time() {
        let faults = broken(Hazard { per_million: 10_000, ..HAZARD }, 200);
        let early = faults.iter().filter(|fault| fault.after().is_none()).count();
        assert!((20..=60).contains(&early), "{early} of {}, not about a fifth", faults.len());
        let places: Vec<_> = faults.iter().filter_map(Fault::after).collect();
        assert!(places.iter().all(|at| *at < 200));
        assert!(places.iter().any(|at| *at < 20) && places.iter().any(|at| *at >= 180));
    }

    #[test]
    fn equal_seeds_give_equal_breaks() {
        assert_eq!(HAZARD.fault("a", 3, 200), HAZARD.fault("a", 3, 200));
        let of = |prompt: &str| (0..50).map(|at| HAZARD.fault(prompt, at, 200)).collect::<Vec<_>>();
        assert_ne!(of("a"), of("b"));
    }
}
