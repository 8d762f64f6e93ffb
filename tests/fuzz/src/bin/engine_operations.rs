//! Whatever a transport, a store, a pool and a clock do, and in whatever order: the engine takes
//! nothing back, ends once, and leaves a journal that says what it showed.
#![no_main]

#[path = "../../../../crates/protocol/tests/framing/message.rs"]
mod message;

use bytes::Bytes;
use fuzz::{Operations, wire};
use libfuzzer_sys::fuzz_target;
use message::{chunk, exception};
use protocol::{Framing, Profile, RequestBody, Wire};
use resume::{
    Admission, AttemptId, Break, Checkpoint, Config, Hedging, Input, Origin, Outcome, Output,
    Place, Refusal, Seq, Session, Timeouts, Tools,
};
use retry_policy::{IdempotencyKey, Nanos};

const CHAT: &str = r#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#;
const GEMINI: &str = r#"{"model":"m","contents":[{"parts":[{"text":"hi"}]}]}"#;
const RESPONSES: &str = r#"{"model":"m","input":"hi","background":true}"#;

fuzz_target!(|input: &[u8]| {
    let Some((wire, input)) = wire(input) else { return };
    let Some((&choices, input)) = input.split_first() else { return };
    let mut run = Run::new(wire, choices);
    run.drain();
    for (operation, payload) in Operations::of(input) {
        run.act(operation, payload);
        run.drain();
    }
    run.judge();
});

struct Run {
    session: Session,
    profile: Profile,
    now: Nanos,
    attempt: AttemptId,
    /// The copy that was made last.
    copy: AttemptId,
    wait: Option<Nanos>,
    text: String,
    records: Vec<Vec<u8>>,
    outcome: Option<Outcome>,
}

impl Run {
    fn new(wire: Wire, choices: u8) -> Self {
        let profile = Profile { framing: framing(choices), ..Profile::for_wire(wire) };
        let body = match wire {
            Wire::OpenAiResponses => RESPONSES,
            Wire::Gemini => GEMINI,
            _ => CHAT,
        };
        let request = RequestBody::parse(wire, body.into()).expect("a valid body");
        let mut config = Config::new(profile);
        config.limits.event_bytes = 2_000;
        config.limits.held_bytes = 3_000;
        config.limits.text_bytes = 3_000;
        config.profile.deterministic = choices & 1 != 0;
        config.background = choices & 2 != 0;
        if choices & 4 != 0 {
            config.admission = Admission::Asked;
        }
        if choices & 8 != 0 {
            config.tools = Tools::Streamed;
        }
        config.hedging = (choices & 16 != 0).then_some(Hedging { copies: 2, after: None });
        let key = IdempotencyKey::from_bytes([choices; 16]);
        let session =
            Session::new(config, &Origin::default(), request, key, choices.into(), Nanos::ZERO);
        Self {
            session,
            profile,
            now: Nanos::ZERO,
            attempt: AttemptId(0),
            copy: AttemptId(0),
            wait: None,
            text: String::new(),
            records: Vec::new(),
            outcome: None,
        }
    }

    fn act(&mut self, operation: u8, payload: &[u8]) {
        // Those of copies and late ones of an attempt that is gone as well.
        let attempt = match operation >> 6 {
            0 => self.attempt,
            1 => self.copy,
            _ => AttemptId(self.attempt.0.saturating_sub(1)),
        };
        let input = match operation & 15 {
            0..=2 => Input::Body { attempt, chunk: Bytes::copy_from_slice(payload) },
            3 | 4 => Input::Body { attempt, chunk: self.framed(operation, payload).into() },
            5 => Input::Connected { attempt },
            6 | 7 => {
                Input::Head { attempt, status: status(payload), headers: self.headers(payload) }
            }
            8 => Input::End { attempt },
            9 => Input::Broke { attempt, cause: cause(payload) },
            10 => Input::Persisted(Seq(self.records.len() as u64)),
            11 if payload.len() > 20 => Input::PersistFailed,
            12 if payload.len() > 30 => Input::Cancel,
            13 => self.admission(payload),
            _ => {
                let step = Nanos::from_secs(payload.len() as u64 / 4);
                self.now = self.wait.unwrap_or(self.now).max(self.now.saturating_add(step));
                Input::Tick
            }
        };
        self.session.handle(input, self.now);
    }

    /// The payload as a whole frame, which other framings than server-sent events never have by chance.
    fn framed(&self, operation: u8, payload: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(payload);
        match self.profile.framing {
            Framing::Sse => payload.to_vec(),
            Framing::NdJson => [payload, b"\n"].concat(),
            Framing::AwsEventStream if operation & 1 == 1 => chunk(&text),
            Framing::AwsEventStream => exception("throttlingException", &text),
        }
    }

    fn headers(&self, payload: &[u8]) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        let kind = match payload.get(1) {
            None | Some(0..=127) => self.profile.framing.media_type(),
            Some(128..=159) => "text/event-stream",
            Some(160..=191) => "application/json",
            Some(_) => return headers,
        };
        headers.insert("content-type", http::HeaderValue::from_static(kind));
        headers
    }

    fn admission(&self, payload: &[u8]) -> Input {
        let place = Place {
            endpoint: "http://a/v1".into(),
            profile: self.profile,
            model: None,
            timeouts: Timeouts::default(),
            hedge_after: Some(Nanos::from_secs(1)),
            suspect_after: Some(Nanos::from_secs(2)),
        };
        match payload.first() {
            Some(0) => Input::NotAdmitted(Refusal::NoEndpoint),
            Some(1) => Input::HedgeAdmitted(place),
            Some(2) => Input::HedgeNotAdmitted,
            _ => Input::Admitted(place),
        }
    }

    fn drain(&mut self) {
        loop {
            match self.session.poll(self.now) {
                Output::Connect(request) => {
                    assert!(request.attempt > self.attempt.max(self.copy), "attempts are counted");
                    assert!(self.outcome.is_none());
                    match request.is_hedge {
                        true => self.copy = request.attempt,
                        false => self.attempt = request.attempt,
                    }
                }
                Output::Promote(attempt) => self.attempt = attempt,
                Output::Record { seq, record } => self.append(seq, record.as_ref()),
                Output::Emit { seq, frame } => {
                    self.text.push_str(&self.session.text()[frame.text.clone()]);
                    if let Some(last) = seq {
                        let records: Vec<_> = frame.records().map(|one| one.concat()).collect();
                        let first = last.0 + 1 - records.len() as u64;
                        for (at, record) in records.iter().enumerate() {
                            self.append(Seq(first + at as u64), record);
                        }
                    }
                }
                Output::Wait(until) => {
                    self.wait = until;
                    break;
                }
                Output::Done(outcome) => {
                    self.outcome.get_or_insert(*outcome);
                    break;
                }
                _ => {}
            }
        }
        assert_eq!(self.session.text(), self.text, "all text is told, once and in order");
    }

    fn append(&mut self, seq: Seq, record: &[u8]) {
        self.records.push(record.to_vec());
        assert_eq!(seq.0, self.records.len() as u64, "records are dense");
    }

    /// A fold of the journal knows what was shown, and another process can go on from it.
    fn judge(&mut self) {
        let checkpoint = Checkpoint::fold(&self.records).expect("the engine reads its own records");
        assert_eq!(checkpoint.text(), self.text);
        let complete = self.outcome.as_ref().is_some_and(Outcome::is_complete);
        if complete {
            assert!(
                checkpoint.is_complete() && checkpoint.is_closed(),
                "complete by a stop reason"
            );
        }
        let mut session = Session::resume(Config::new(self.profile), checkpoint, 1, self.now);
        assert_eq!(session.text(), self.text);
        loop {
            match session.poll(self.now) {
                Output::Wait(_) => return assert!(!complete),
                Output::Done(outcome) => return assert!(outcome.is_complete() >= complete),
                Output::Emit { .. } => panic!("nothing new was said"),
                _ => {}
            }
        }
    }
}

fn status(payload: &[u8]) -> u16 {
    const STATUSES: [u16; 8] = [200, 200, 200, 400, 404, 429, 500, 529];
    STATUSES[usize::from(payload.first().copied().unwrap_or(0)) % STATUSES.len()]
}

const fn framing(choices: u8) -> Framing {
    match choices >> 5 & 3 {
        1 => Framing::NdJson,
        2 => Framing::AwsEventStream,
        _ => Framing::Sse,
    }
}

fn cause(payload: &[u8]) -> Break {
    const CAUSES: [Break; 5] =
        [Break::Reset, Break::Framing, Break::Refused, Break::NotSent, Break::Calm];
    CAUSES[usize::from(payload.first().copied().unwrap_or(0)) % CAUSES.len()]
}
