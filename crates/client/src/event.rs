//! What a response stream yields. Decoding of anything but text is the caller's.

use resume::{Frame, Seam, State, Summary};

/// One thing that happened to a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The next piece of the response's text.
    Text(String),
    /// The next server-sent event of the response, with [`Events::All`] only. Its text, if it
    /// has any, follows as [`Event::Text`].
    Frame(Frame),
    /// A continuation joined the text here.
    Seam(Seam),
    /// The state of the stream changed.
    State(State),
    /// The provider finished; nothing follows.
    End(Box<Summary>),
}

/// Which events a stream yields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Events {
    /// Text, seams, states and the end.
    #[default]
    Text,
    /// Every event of the response as well, as the provider's own bytes.
    All,
}
