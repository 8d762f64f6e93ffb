//! What a worker tells of its stream, in order. From another process each is a line of JSON.

use client::{Break, Cause, Event, ResponseStream, State, StreamCost};
use serde::{Deserialize, Serialize};

use crate::breaks::Breaks;

/// One thing that a worker tells.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Told {
    /// The stream's name, first of all.
    Stream { id: String },
    /// The next piece of the text.
    Text { text: String },
    /// A break, and how it goes on.
    Break {
        what: String,
        /// The number of the request that broke, of this worker's; `None` when nobody listened.
        request: Option<usize>,
    },
    /// A joint of the text, by the name of its label.
    Seam { label: String },
    /// The provider finished.
    End {
        /// What the response cost; `None` is not known.
        cost: Option<Bill>,
    },
    /// The worker gave up.
    Failed { why: String },
}

/// What a response cost, in dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bill {
    pub(super) total: String,
    /// Without a break.
    pub(super) ideal: String,
}

impl From<&StreamCost> for Bill {
    fn from(cost: &StreamCost) -> Self {
        Self { total: cost.total.to_string(), ideal: cost.ideal.to_string() }
    }
}

/// Puts the events of a stream into words.
pub(super) struct Narrator {
    stream: ResponseStream,
    breaks: Breaks,
    requests: usize,
    first: Vec<Told>,
}

impl Narrator {
    /// Tells of `stream`, whose reader has the first `from` bytes of the text already.
    pub(super) fn new(stream: ResponseStream, from: usize) -> Self {
        let id = stream.id().as_str().to_owned();
        let text = stream.recovered_text().get(from..).unwrap_or_default().to_owned();
        // The last is told first.
        let mut first = vec![Told::Text { text }, Told::Stream { id }];
        first.retain(|told| !matches!(told, Told::Text { text } if text.is_empty()));
        Self { stream, breaks: Breaks::default(), requests: 0, first }
    }

    /// What comes next; `None` after the end.
    pub(super) async fn next(&mut self) -> Option<Told> {
        if let Some(told) = self.first.pop() {
            return Some(told);
        }
        loop {
            let told = match self.stream.next().await? {
                Ok(Event::Text(text)) => Some(Told::Text { text }),
                Ok(Event::State(state)) => self.observe(&state),
                Ok(Event::Seam(seam)) => Some(Told::Seam { label: seam.label.name().to_owned() }),
                Ok(Event::End(summary)) => {
                    Some(Told::End { cost: summary.cost.as_ref().map(Bill::from) })
                }
                Ok(_) => None,
                Err(error) => Some(Told::Failed { why: error.to_string() }),
            };
            if told.is_some() {
                return told;
            }
        }
    }

    fn observe(&mut self, state: &State) -> Option<Told> {
        if let State::Disconnected { cause, .. } = state
            && reached(cause)
        {
            self.requests += 1;
        }
        let told = self.breaks.observe(state)?;
        let request = reached(&told.cause).then_some(self.requests);
        Some(Told::Break { what: told.to_string(), request })
    }
}

/// Whether the provider saw the attempt.
const fn reached(cause: &Cause) -> bool {
    !matches!(cause, Cause::Broke(Break::Refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_survives_a_line_of_json() {
        for told in [
            Told::Stream { id: "s-1".to_owned() },
            Told::Text { text: "안녕\n".to_owned() },
            Told::Break { what: "reset; prefill after 3 ms".to_owned(), request: Some(2) },
            Told::Break { what: "refused; retry after 3 ms".to_owned(), request: None },
            Told::Seam { label: "exact".to_owned() },
            Told::End { cost: None },
            Told::End { cost: Some(Bill { total: "0.3".to_owned(), ideal: "0.2".to_owned() }) },
            Told::Failed { why: "gave up".to_owned() },
        ] {
            let line = serde_json::to_string(&told).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Told>(&line).unwrap(), told);
        }
    }
}
