//! A client for a peer, all that one stream of it yielded, and what a healed stream looks like.

use client::retry_policy::{Backoff, Limits};
use client::{
    Builder, Cause, Client, Endpoint, Error, Event, Frame, Nanos, Policy, ResponseStream, Rung,
    Seam, Secret, State, Summary, Timeouts,
};

use super::cue::Cue;
use super::peer::{Answer, Asked, Peer};
use super::wire::{BEGUN, whole_text};
use crate::rig::{KEY, Route, hasty, hasty_pool};

/// What every test asks.
pub(crate) const PROMPT: &str = "Tell me of the sea";

/// Clocks that no busy machine trips.
pub(crate) const PATIENT: Timeouts = {
    let minute = Nanos::from_secs(60);
    Timeouts { connect: minute, first_token: minute, idle: minute, bytes: minute, sentinel: minute }
};

/// A client for a server, without delays between attempts and with patient clocks.
pub(crate) fn builder(route: Route, url: &str) -> Builder {
    let endpoint = Endpoint::new(url, route.profile).expect("a peer's URL is valid");
    let builder = Client::builder().endpoint(endpoint.key(Secret::new(KEY))).pool(hasty_pool());
    builder.policy(hasty()).timeouts(PATIENT)
}

/// A policy under which a failure that counts is the end, and one that waits waits for ever.
pub(crate) fn strict() -> Policy {
    let hour = Nanos::from_secs(3600);
    let backoff = Backoff::None { base: hour, cap: hour };
    let limits = Limits { total: 1, in_a_row: 1, ..Limits::DEFAULT };
    Policy { backoff, throttle: backoff, overload: backoff, limits, ..Policy::DEFAULT }
}

/// All that a stream yielded.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) frames: Vec<Frame>,
    pub(crate) seams: Vec<Seam>,
    pub(crate) states: Vec<State>,
    pub(crate) end: Result<Summary, Error>,
}

impl Seen {
    /// Asks and reads to the end.
    pub(crate) async fn by(route: Route, builder: Builder) -> Self {
        Self::giving(route, builder, &Cue::default()).await
    }

    /// The oddities that occurred, and how often.
    pub(crate) fn odd(&self) -> Vec<(&'static str, u64)> {
        self.summary().oddities().kinds().map(|(kind, count, _)| (kind, count)).collect()
    }

    /// Asks and reads to the end; the cue follows the text.
    pub(crate) async fn giving(route: Route, builder: Builder, cue: &Cue) -> Self {
        let client = builder.build().expect("a valid client");
        Self::read(client.stream(route.request(PROMPT)).await.expect("a valid request"), cue).await
    }

    /// Reads to the end.
    pub(crate) async fn of(stream: ResponseStream) -> Self {
        Self::read(stream, &Cue::default()).await
    }

    /// Reads to the end; the cue follows the text.
    pub(crate) async fn read(mut stream: ResponseStream, cue: &Cue) -> Self {
        let mut text = stream.recovered_text().to_owned();
        let (mut frames, mut seams, mut states) = (Vec::new(), Vec::new(), Vec::new());
        let end = loop {
            match stream.next().await.expect("a stream has an end") {
                Ok(Event::Text(more)) => {
                    text.push_str(&more);
                    cue.give(text.len());
                }
                Ok(Event::Frame(frame)) => frames.push(frame),
                Ok(Event::Seam(seam)) => seams.push(seam),
                Ok(Event::State(state)) => states.push(state),
                Ok(Event::End(summary)) => break Ok(*summary),
                Ok(other) => panic!("nobody knows {other:?}"),
                Err(error) => break Err(error),
            }
        };
        assert!(stream.next().await.is_none(), "nothing follows the end");
        Self { text, frames, seams, states, end }
    }

    #[track_caller]
    pub(crate) fn summary(&self) -> &Summary {
        self.end.as_ref().expect("the response is whole")
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &Error {
        self.end.as_ref().expect_err("the response is not whole")
    }

    #[track_caller]
    pub(crate) fn cause(&self) -> &Cause {
        self.error().cause().expect("there is a cause")
    }

    /// Why each attempt failed, in order.
    pub(crate) fn causes(&self) -> Vec<&Cause> {
        self.states.iter().filter_map(failure).collect()
    }

    /// The names of the events of the stream.
    pub(crate) fn frame_names(&self) -> Vec<&str> {
        let names = self.frames.iter().map(|frame| std::str::from_utf8(&frame.name));
        names.map(|name| name.expect("a name is text")).collect()
    }
}

fn failure(state: &State) -> Option<&Cause> {
    match state {
        State::Disconnected { cause, .. } => Some(cause),
        _ => None,
    }
}

/// One attempt that fails as `first` says after [`BEGUN`], and one that brings the rest: the text
/// is whole and was paid for once.
pub(crate) async fn heals(route: Route, first: Answer) -> (Seen, Vec<Asked>) {
    heals_by(route, first, |builder| builder).await
}

/// [`heals`] with a client of one's own making.
pub(crate) async fn heals_by(
    route: Route,
    first: Answer,
    made: impl FnOnce(Builder) -> Builder,
) -> (Seen, Vec<Asked>) {
    let peer = Peer::start([first, Answer::whole(route.rest())]).await;
    let seen = Seen::giving(route, made(builder(route, &peer.url())), peer.cue()).await;
    let asked = peer.asked();
    check_healed(&seen);
    assert_eq!(asked.len(), 2, "{:?}", seen.states);
    assert_eq!(asked[1].last_message(), ("assistant".to_owned(), BEGUN.to_owned()));
    (seen, asked)
}

/// The text is byte for byte what the provider meant, with one seam after [`BEGUN`].
#[track_caller]
pub(crate) fn check_healed(seen: &Seen) {
    assert!(seen.end.is_ok(), "{:?}", seen.end);
    assert_eq!(seen.text, whole_text(), "{:?}", seen.causes());
    assert_eq!(seen.causes().len(), 1);
    let seams: Vec<_> = seen.seams.iter().map(|seam| (seam.rung, seam.offset)).collect();
    assert_eq!(seams, [(Rung::Prefill, BEGUN.len() as u64)]);
}

/// A first attempt that shows nothing, and the identical request again that brings all.
pub(crate) async fn starts_again(route: Route, first: Answer) -> (Seen, Vec<Asked>) {
    starts_again_by(route, first, |builder| builder).await
}

/// [`starts_again`] with a client of one's own making.
pub(crate) async fn starts_again_by(
    route: Route,
    first: Answer,
    made: impl FnOnce(Builder) -> Builder,
) -> (Seen, Vec<Asked>) {
    let peer = Peer::start([first, Answer::whole(route.answer(&whole_text()))]).await;
    let seen = Seen::giving(route, made(builder(route, &peer.url())), peer.cue()).await;
    let asked = peer.asked();
    assert!(seen.end.is_ok(), "{:?}", seen.end);
    assert_eq!(seen.text, whole_text());
    assert!(seen.seams.is_empty(), "nothing was shown before");
    assert_eq!((asked.len(), seen.causes().len()), (2, 1), "{:?}", seen.states);
    assert_eq!(asked[0].body, asked[1].body, "the same request");
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    (seen, asked)
}

/// One answer is all that it takes; its stream.
pub(crate) async fn reads(route: Route, answer: Answer) -> Seen {
    reads_by(route, answer, |builder| builder).await
}

/// [`reads`] with a client of one's own making.
pub(crate) async fn reads_by(
    route: Route,
    answer: Answer,
    made: impl FnOnce(Builder) -> Builder,
) -> Seen {
    let peer = Peer::start([answer]).await;
    let seen = Seen::giving(route, made(builder(route, &peer.url())), peer.cue()).await;
    assert_eq!(peer.asked().len(), 1, "{:?}", seen.states);
    assert!(seen.seams.is_empty());
    seen
}
