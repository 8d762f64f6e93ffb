//! What can go wrong with one attempt. Where a place is given it is relative to the response,
//! so that a fault can be drawn before the response is known.

use crate::dice::Dice;
use resume::Break;

/// A place in a response, in thousandths of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(pub(crate) usize);

/// What happens to one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// No connection comes about.
    NoConnection(Break),
    /// The connection never stands.
    NeverConnects,
    /// The connection ends before a response.
    NoHead(Break),
    /// The connection stands and nothing comes.
    SilentBeforeHead,
    /// An error status that another attempt may outlive.
    Status(u16, Hint),
    /// An error that every attempt would meet.
    Fatal(Fatal),
    /// 200 with a page, labelled as one or as an event stream.
    Html(Label),
    /// 200 with an error document.
    Json,
    /// An event stream that ends before its first event.
    Empty,
    /// An event stream without a byte.
    SilentAfterHead,
    /// The body ends at any byte.
    Cut(Cut, Place),
    /// The body stops at any byte and the connection stays.
    Stall(Place),
    /// Only heartbeats from some event on.
    Pings(Place),
    /// An event that is no JSON.
    Malformed(Place),
    /// An error inside the stream that another attempt may outlive.
    InBand(Place),
    /// A second response inside the first.
    SecondStart(Place),
    /// Some events come twice, where the provider keeps them.
    Again(Place, usize),
    /// An event is left out, where the provider keeps it.
    Gap(Place),
    /// Something between the stop reason and the wire's last event: the response is whole.
    AfterStop(After),
}

/// What comes after the stop reason.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Malformed,
    Error,
    Silence,
    Heartbeats,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Clean,
    Broken(Break),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Label {
    Html,
    EventStream,
    Missing,
}

/// When the server says that the next attempt may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hint {
    None,
    Seconds(u64),
    Millis(u64),
    /// As a date, this many seconds after the response's own.
    Date(u64),
    Garbage,
}

/// What no further attempt can help.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fatal {
    BadRequest,
    Key,
    Quota,
    /// `x-should-retry: false`.
    Forbidden,
    /// Come back in a month.
    TooLong,
    /// An invalid request, said inside the stream.
    InBand(Place),
    /// The certificate is not valid.
    Certificate,
}

impl Fault {
    /// A break that leaves every byte before it delivered: what a cut stream usually meets.
    pub(crate) fn cut(dice: &mut Dice) -> Self {
        let place = Place(dice.below(1001));
        Self::Cut(
            dice.weigh(&[
                (4, Cut::Broken(Break::Reset)),
                (4, Cut::Clean),
                (2, Cut::Broken(Break::Framing)),
                (1, Cut::Broken(Break::Calm)),
            ]),
            place,
        )
    }

    /// Any fault that a patient client outlives.
    pub(crate) fn survivable(dice: &mut Dice) -> Self {
        let place = Place(dice.below(1001));
        match dice.below(40) {
            0 => Self::NoConnection(Break::Refused),
            1 => Self::NoConnection(dice.weigh(&[
                (1, Break::Unresolved),
                (1, Break::Unreachable),
                (1, Break::Handshake),
                (1, Break::NotSent),
            ])),
            2 => Self::NeverConnects,
            3 => Self::NoHead(Break::Reset),
            4 => Self::SilentBeforeHead,
            5..=7 => {
                let status = dice.weigh(&[
                    (3, 429),
                    (3, 529),
                    (2, 503),
                    (1, 500),
                    (1, 502),
                    (1, 504),
                    (1, 408),
                ]);
                Self::Status(status, Hint::draw(dice))
            }
            8 | 9 => {
                let label =
                    dice.weigh(&[(1, Label::Html), (1, Label::EventStream), (1, Label::Missing)]);
                Self::Html(label)
            }
            10 => Self::Json,
            11 => Self::Empty,
            12 => Self::SilentAfterHead,
            13..=16 => Self::Stall(place),
            17..=19 => Self::Pings(place),
            20..=22 => Self::Malformed(place),
            23..=25 => Self::InBand(place),
            26 | 27 => Self::SecondStart(place),
            28 | 29 => Self::AfterStop(dice.weigh(&[
                (1, After::Malformed),
                (1, After::Error),
                (1, After::Silence),
                (1, After::Heartbeats),
                (1, After::End),
            ])),
            _ => Self::cut(dice),
        }
    }

    /// What may befall the events of a response that the provider keeps.
    pub(crate) fn kept(dice: &mut Dice) -> Self {
        let place = Place(dice.below(1001));
        match dice.below(10) {
            0 | 1 => Self::Again(place, dice.between(1, 5)),
            2 | 3 => Self::Gap(place),
            4..=6 => Self::cut(dice),
            _ => Self::survivable(dice),
        }
    }

    pub(crate) fn fatal(dice: &mut Dice) -> Self {
        let place = Place(dice.below(1001));
        Self::Fatal(dice.weigh(&[
            (1, Fatal::BadRequest),
            (1, Fatal::Key),
            (1, Fatal::Quota),
            (1, Fatal::Forbidden),
            (1, Fatal::TooLong),
            (1, Fatal::InBand(place)),
            (1, Fatal::Certificate),
        ]))
    }
}

impl Hint {
    fn draw(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 => Self::Seconds(dice.between(1, 4) as u64),
            1 => Self::Millis(dice.between(1, 2500) as u64),
            2 => Self::Date(dice.between(1, 9) as u64),
            3 => Self::Garbage,
            _ => Self::None,
        }
    }

    /// The least wait that it asks for, in nanoseconds.
    pub(crate) const fn nanos(self) -> u64 {
        match self {
            Self::None | Self::Garbage => 0,
            Self::Seconds(seconds) | Self::Date(seconds) => seconds * 1_000_000_000,
            Self::Millis(millis) => millis * 1_000_000,
        }
    }
}
