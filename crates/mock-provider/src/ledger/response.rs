//! What the ledger says of a request on the Responses wire.
//! Tokens and text are in the request's own record.

/// What the record of a request has more on the Responses wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseRecord {
    /// Whether the response is made, read or cancelled.
    pub call: CallKind,
    /// The response's id; empty when none was made.
    pub id: String,
    /// Whether the response is generated without regard to connections.
    pub background: bool,
    /// The number of the event after which the request wants to go on.
    pub starting_after: Option<u64>,
    /// The numbers of the whole events that were written, first and last; an event that is cut is not
    /// among them, and `None` is none.
    pub sequence: Option<(u64, u64)>,
}

/// What a request does with a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallKind {
    /// `POST …/responses`
    #[default]
    Create,
    /// `GET …/responses/{id}`: the object.
    Retrieve,
    /// `GET …/responses/{id}?stream=true`: the events.
    Stream,
    /// `POST …/responses/{id}/cancel`
    Cancel,
}

impl CallKind {
    /// A short name for listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Retrieve => "retrieve",
            Self::Stream => "stream",
            Self::Cancel => "cancel",
        }
    }
}
