//! What the client's socket sees of one attempt, and when: the answer cut into chunks, and
//! the fault that befalls it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use resume::{Break, Timeouts};

use crate::dice::Dice;
use crate::fault::{After, Cut, Fatal, Fault, Hint, Label, Place};
use crate::provider::{Entry, Reply};

const MILLI: u64 = 1_000_000;

/// One thing that the socket sees.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    Connected,
    Head(u16, Vec<(&'static str, String)>),
    Body(Bytes),
    End,
    Broke(Break),
}

/// Everything that the socket will see of one attempt, with the wait before each, in
/// nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) steps: Vec<(u64, Sight)>,
    /// What the server asked the client to wait at least, once the response is read.
    pub(crate) hint: u64,
}

const SSE: &str = "text/event-stream; charset=utf-8";
const HTML: &str = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>\n\n";
const OVERLOADED: &str = r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#;
const INVALID: &str = r#"{"error":{"type":"invalid_request_error","message":"No"}}"#;
const QUOTA: &str =
    r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"Quota"}}"#;

impl Course {
    pub(crate) fn plot(reply: &Reply, entry: &Entry, timeouts: &Timeouts, dice: &mut Dice) -> Self {
        let mut course = Self::default();
        match (reply, entry.fault) {
            (Reply::Refusal(status, body), _) => {
                course.document(*status, "application/json", &[], body, dice);
            }
            (_, Some(fault)) if course.spoil(fault, dice) => {}
            (Reply::Stream, fault) => course.stream(entry, fault, timeouts, dice),
            (Reply::Object, fault) => course.object(&entry.events[0].bytes, fault, dice),
        }
        course
    }

    /// Faults that leave nothing of the answer; `false` for the others.
    fn spoil(&mut self, fault: Fault, dice: &mut Dice) -> bool {
        match fault {
            Fault::NoConnection(cause) => self.step(Sight::Broke(cause), dice),
            Fault::Fatal(Fatal::Certificate) => self.step(Sight::Broke(Break::Certificate), dice),
            Fault::NeverConnects => {}
            Fault::SilentBeforeHead => self.step(Sight::Connected, dice),
            Fault::NoHead(cause) => {
                self.step(Sight::Connected, dice);
                self.step(Sight::Broke(cause), dice);
            }
            Fault::Status(status, hint) => {
                self.hint = hint.nanos();
                self.document(status, "application/json", &hint_headers(hint), OVERLOADED, dice);
            }
            Fault::Fatal(fatal) => return self.refuse(fatal, dice),
            Fault::Html(Label::Html) => self.document(200, "text/html", &[], HTML, dice),
            Fault::Html(Label::Missing) => self.document(200, "", &[], HTML, dice),
            Fault::Html(Label::EventStream) => self.document(200, SSE, &[], HTML, dice),
            Fault::Json => self.document(200, "application/json", &[], OVERLOADED, dice),
            Fault::Empty => self.document(200, SSE, &[], "", dice),
            Fault::SilentAfterHead => {
                self.step(Sight::Connected, dice);
                self.head(200, SSE, &[], dice);
            }
            _ => return false,
        }
        true
    }

    fn refuse(&mut self, fatal: Fatal, dice: &mut Dice) -> bool {
        let json = "application/json";
        match fatal {
            Fatal::BadRequest => self.document(400, json, &[], INVALID, dice),
            Fatal::Key => self.document(401, json, &[], INVALID, dice),
            Fatal::Quota => {
                self.document(429, json, &[("retry-after", "1".to_owned())], QUOTA, dice);
            }
            Fatal::Forbidden => {
                let headers = [("x-should-retry", "false".to_owned())];
                self.document(503, json, &headers, OVERLOADED, dice);
            }
            Fatal::TooLong => {
                let headers = [("retry-after", "2592000".to_owned())];
                self.document(429, json, &headers, OVERLOADED, dice);
            }
            Fatal::InBand(_) | Fatal::Certificate => return false,
        }
        true
    }

    fn stream(
        &mut self,
        entry: &Entry,
        fault: Option<Fault>,
        timeouts: &Timeouts,
        dice: &mut Dice,
    ) {
        self.step(Sight::Connected, dice);
        self.head(200, if dice.percent(8) { "" } else { SSE }, &[], dice);
        let whole: Vec<u8> = entry.events.iter().flat_map(|event| &event.bytes).copied().collect();
        let len = match fault {
            Some(Fault::Cut(_, Place(place)) | Fault::Stall(Place(place))) => {
                whole.len() * place / 1000
            }
            _ => whole.len(),
        };
        if let Some(Fault::Pings(_)) = fault {
            return self.pings(entry, timeouts, dice);
        }
        self.body(&whole[..len], timeouts, dice);
        match fault {
            Some(Fault::Stall(_) | Fault::AfterStop(After::Silence | After::Heartbeats)) => {}
            Some(Fault::Cut(Cut::Broken(cause), _)) => self.step(Sight::Broke(cause), dice),
            _ => self.step(Sight::End, dice),
        }
        if dice.percent(25) {
            self.linger(&whole[len..], dice);
        }
    }

    /// A whole response, or the part of it that a cut leaves.
    fn object(&mut self, object: &[u8], fault: Option<Fault>, dice: &mut Dice) {
        self.step(Sight::Connected, dice);
        self.head(200, "application/json", &[], dice);
        let len = match fault {
            Some(Fault::Cut(_, Place(place)) | Fault::Stall(Place(place))) => {
                object.len() * place / 1000
            }
            _ => object.len(),
        };
        let half = dice.below(len + 1);
        for part in [&object[..half], &object[half..len]] {
            self.steps.push((pause(dice), Sight::Body(Bytes::copy_from_slice(part))));
        }
        match fault {
            Some(Fault::Stall(_)) => {}
            Some(Fault::Cut(Cut::Broken(cause), _)) => self.step(Sight::Broke(cause), dice),
            _ => self.step(Sight::End, dice),
        }
    }

    /// Heartbeats at half the time that a silence may last.
    fn pings(&mut self, entry: &Entry, timeouts: &Timeouts, dice: &mut Dice) {
        let gap = timeouts.bytes.0 / 2;
        let tail = entry.events.len().saturating_sub(400);
        for (at, event) in entry.events.iter().enumerate() {
            let wait = if at < tail { pause(dice) } else { gap };
            self.steps.push((wait, Sight::Body(Bytes::copy_from_slice(&event.bytes))));
        }
    }

    fn body(&mut self, bytes: &[u8], timeouts: &Timeouts, dice: &mut Dice) {
        let size = dice.weigh(&[(1, 1), (3, 24), (4, 200), (4, 1400), (1, usize::MAX)]);
        // Single bytes are tried where the answer is short enough to be read often.
        let size = if size == 1 && bytes.len() > 4000 { 60 } else { size };
        // All of them and the longest silence fit into a clock: one event may be the whole body.
        let single = MILLI.min(patience(timeouts) / 2 / (bytes.len() as u64).max(1));
        let mut longest = dice.percent(20).then(|| patience(timeouts));
        let mut at = 0;
        while at < bytes.len() {
            let len = match size {
                1 | usize::MAX => size,
                size => dice.between(1, size),
            };
            let end = bytes.len().min(at.saturating_add(len));
            let late = longest.take_if(|_| dice.percent(8));
            let wait = late.unwrap_or_else(|| if size == 1 { single } else { pause(dice) });
            self.steps.push((wait, Sight::Body(Bytes::copy_from_slice(&bytes[at..end]))));
            if dice.percent(2) {
                self.steps.push((0, Sight::Body(Bytes::new())));
            }
            at = end;
        }
    }

    /// What still comes when the attempt is over.
    fn linger(&mut self, rest: &[u8], dice: &mut Dice) {
        self.steps.push((pause(dice), Sight::Body(Bytes::copy_from_slice(rest))));
        self.step(Sight::Head(200, vec![("content-type", SSE.to_owned())]), dice);
        self.step(Sight::Broke(Break::Reset), dice);
        self.step(Sight::End, dice);
    }

    fn document(
        &mut self,
        status: u16,
        kind: &str,
        headers: &[(&'static str, String)],
        body: &str,
        dice: &mut Dice,
    ) {
        self.step(Sight::Connected, dice);
        self.head(status, kind, headers, dice);
        let cut = dice.below(body.len() + 1);
        for part in [&body[..cut], &body[cut..]] {
            self.steps.push((pause(dice), Sight::Body(Bytes::copy_from_slice(part.as_bytes()))));
        }
        self.step(Sight::End, dice);
    }

    fn head(
        &mut self,
        status: u16,
        kind: &str,
        headers: &[(&'static str, String)],
        dice: &mut Dice,
    ) {
        let mut all = headers.to_vec();
        if !kind.is_empty() {
            all.push(("content-type", kind.to_owned()));
        }
        self.step(Sight::Head(status, all), dice);
    }

    fn step(&mut self, sight: Sight, dice: &mut Dice) {
        self.steps.push((pause(dice), sight));
    }
}

pub(crate) fn header_map(headers: &[(&'static str, String)]) -> HeaderMap {
    let parse = |value: &String| HeaderValue::from_str(value).expect("a header value");
    headers.iter().map(|(name, value)| (HeaderName::from_static(name), parse(value))).collect()
}

/// The longest silence that no clock may take for a failure.
fn patience(timeouts: &Timeouts) -> u64 {
    let Timeouts { first_token, idle, bytes, .. } = timeouts;
    first_token.0.min(idle.0).min(bytes.0) / 2
}

fn pause(dice: &mut Dice) -> u64 {
    dice.weigh(&[(4, 0), (4, MILLI), (1, 20 * MILLI)])
}

fn hint_headers(hint: Hint) -> Vec<(&'static str, String)> {
    match hint {
        Hint::None => Vec::new(),
        Hint::Seconds(seconds) => vec![("retry-after", seconds.to_string())],
        Hint::Millis(millis) => {
            vec![("retry-after-ms", millis.to_string()), ("retry-after", "100".to_owned())]
        }
        Hint::Date(seconds) => vec![
            ("date", "Sun, 06 Nov 1994 08:49:30 GMT".to_owned()),
            ("retry-after", format!("Sun, 06 Nov 1994 08:49:{} GMT", 30 + seconds)),
        ],
        Hint::Garbage => vec![("retry-after", "soon".to_owned())],
    }
}
