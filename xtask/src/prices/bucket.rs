//! The buckets of a rate card that are compared, each by its name.

use cost::{Rate, Rates};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bucket {
    Input,
    CacheRead,
    CacheWrite5m,
    CacheWrite1h,
    InputAudio,
    Output,
    OutputReasoning,
    OutputAudio,
    WebSearch,
}

impl Bucket {
    pub(super) const ALL: [Self; 9] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::InputAudio,
        Self::Output,
        Self::OutputReasoning,
        Self::OutputAudio,
        Self::WebSearch,
    ];

    /// As the sheets write it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::Output => "output",
            Self::OutputReasoning => "output_reasoning",
            Self::OutputAudio => "output_audio",
            Self::WebSearch => "web_search_1k",
        }
    }

    /// Its place in a card.
    pub(super) const fn slot(self, rates: &mut Rates) -> &mut Option<Rate> {
        match self {
            Self::Input => &mut rates.input,
            Self::CacheRead => &mut rates.cache_read,
            Self::CacheWrite5m => &mut rates.cache_write_5m,
            Self::CacheWrite1h => &mut rates.cache_write_1h,
            Self::InputAudio => &mut rates.input_audio,
            Self::Output => &mut rates.output,
            Self::OutputReasoning => &mut rates.output_reasoning,
            Self::OutputAudio => &mut rates.output_audio,
            Self::WebSearch => &mut rates.web_search,
        }
    }

    /// Whether the card names it.
    pub(super) const fn is_in(self, mut rates: Rates) -> bool {
        self.slot(&mut rates).is_some()
    }

    /// What is billed for it; reasoning without a price of its own is output.
    pub(super) fn billed(self, mut rates: Rates) -> Option<Rate> {
        let rate = *self.slot(&mut rates);
        if self == Self::OutputReasoning { rate.or(rates.output) } else { rate }
    }

    /// The price as the sheets write it: dollars per million tokens, or per thousand searches.
    pub(super) fn show(self, rate: Option<Rate>) -> String {
        let Some(rate) = rate else { return "-".into() };
        let thousandth = "0.001".parse().and_then(|thousandth| rate.times(thousandth));
        match (self, thousandth) {
            (Self::WebSearch, Ok(rate)) => rate.to_string(),
            _ => rate.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_has_its_own_place() {
        for bucket in Bucket::ALL {
            let mut rates = Rates::default();
            *bucket.slot(&mut rates) = Some("3".parse().unwrap());
            let named = Bucket::ALL.into_iter().filter(|other| other.is_in(rates));
            assert_eq!(named.collect::<Vec<_>>(), [bucket]);
        }
    }

    #[test]
    fn prices_are_shown_as_sheets_write_them() {
        let rate = Some("10000".parse().unwrap());
        assert_eq!(Bucket::WebSearch.show(rate), "10");
        assert_eq!(Bucket::Output.show(rate), "10000");
        assert_eq!(Bucket::Output.show(None), "-");
    }

    #[test]
    fn reasoning_without_a_price_is_output() {
        let mut rates = Rates { output: Some("9".parse().unwrap()), ..Rates::default() };
        assert_eq!(Bucket::OutputReasoning.billed(rates), rates.output);
        rates.output_reasoning = Some("8".parse().unwrap());
        assert_eq!(Bucket::OutputReasoning.billed(rates), rates.output_reasoning);
    }
}
