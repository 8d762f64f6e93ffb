//! What the server is asked for. The model of a request says it, so that every client can.

/// When the events of a response come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the client reads.
    Firehose,
    /// One in so many milliseconds.
    Every(u32),
    /// All but the end, which does not come: the stream stays open.
    Held,
}

/// One kind of response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Text deltas, an HTTP chunk for each.
    pub events: u32,
    /// When they come.
    pub pace: Pace,
}

impl Load {
    /// The model that asks for it.
    pub fn model(&self) -> String {
        let pace = match self.pace {
            Pace::Firehose => "firehose".to_owned(),
            Pace::Every(millis) => millis.to_string(),
            Pace::Held => "held".to_owned(),
        };
        format!("bench-{}-{pace}", self.events)
    }

    /// Reads the model of a request.
    pub fn of_model(model: &str) -> Option<Self> {
        let (events, pace) = model.strip_prefix("bench-")?.split_once('-')?;
        let pace = match pace {
            "firehose" => Pace::Firehose,
            "held" => Pace::Held,
            millis => Pace::Every(millis.parse().ok()?),
        };
        Some(Self { events: events.parse().ok()?, pace })
    }
}

#[cfg(test)]
mod tests {
    use super::{Load, Pace};

    #[test]
    fn a_model_says_the_load() {
        for pace in [Pace::Firehose, Pace::Every(20), Pace::Held] {
            let load = Load { events: 7, pace };
            assert_eq!(Load::of_model(&load.model()), Some(load));
        }
        assert_eq!(Load::of_model("gpt-4.1"), None);
    }
}
