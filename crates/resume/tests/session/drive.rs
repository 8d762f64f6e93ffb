//! A driver without sockets: it plays the provider by hand and keeps all that comes out.

use bytes::Bytes;
use http::HeaderMap;
use protocol::{Profile, RequestBody};
use resume::{
    Ask, AttemptId, Break, Checkpoint, Config, Fate, Frame, Input, Origin, Outcome, Output,
    Request, Seam, Seq, Session, State,
};
use retry_policy::{IdempotencyKey, Nanos};

/// Suspicions that one silence can bring: for want of bytes, and for want of content.
const SUSPICIONS_MAX: usize = 2;

pub(crate) const KEY: IdempotencyKey = IdempotencyKey::from_bytes([7; 16]);

/// A session and all that it said.
pub(crate) struct Drive {
    pub(crate) session: Session,
    pub(crate) now: Nanos,
    pub(crate) text: String,
    pub(crate) frames: Vec<Frame>,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) fates: Vec<Fate>,
    pub(crate) requests: Vec<Request>,
    pub(crate) aborted: Vec<AttemptId>,
    pub(crate) promoted: Vec<AttemptId>,
    pub(crate) hedges_asked: u32,
    pub(crate) warmed: Vec<bool>,
    pub(crate) declined: u32,
    pub(crate) cancels: Vec<Request>,
    pub(crate) seams: Vec<Seam>,
    pub(crate) states: Vec<State>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) wait: Option<Nanos>,
}

pub(crate) fn anthropic(model: &str) -> (Config, RequestBody) {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":1000,"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let request =
        RequestBody::parse(Profile::ANTHROPIC.wire, Bytes::from(body)).expect("a valid body");
    (Config::new(Profile::ANTHROPIC), request)
}

pub(crate) fn chat() -> (Config, RequestBody) {
    let body = r#"{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}"#;
    let request =
        RequestBody::parse(Profile::OPENAI.wire, Bytes::from(body)).expect("a valid body");
    (Config::new(Profile::OPENAI), request)
}

pub(crate) fn responses() -> (Config, RequestBody) {
    let body = r#"{"model":"gpt-5","input":"hi","max_output_tokens":1000}"#;
    let request = RequestBody::parse(Profile::OPENAI_RESPONSES.wire, Bytes::from(body))
        .expect("a valid body");
    (Config::new(Profile::OPENAI_RESPONSES), request)
}

impl Drive {
    pub(crate) fn new((config, request): (Config, RequestBody)) -> Self {
        let origin = Origin { endpoint: "http://provider/v1".into(), headers: Vec::new() };
        Self::over(Session::new(config, &origin, request, KEY, 1, Nanos::ZERO), Vec::new())
    }

    /// Goes on from the journal that another drive left behind.
    pub(crate) fn resume(config: Config, records: &[Vec<u8>]) -> Self {
        let checkpoint = Checkpoint::fold(records).expect("a readable journal");
        Self::over(Session::resume(config, checkpoint, 2, Nanos::ZERO), records.to_vec())
    }

    /// A session whose journal holds these records.
    fn over(session: Session, records: Vec<Vec<u8>>) -> Self {
        let mut drive = Self {
            session,
            now: Nanos::ZERO,
            text: String::new(),
            frames: Vec::new(),
            records,
            asks: Vec::new(),
            fates: Vec::new(),
            requests: Vec::new(),
            aborted: Vec::new(),
            promoted: Vec::new(),
            hedges_asked: 0,
            warmed: Vec::new(),
            declined: 0,
            cancels: Vec::new(),
            seams: Vec::new(),
            states: Vec::new(),
            outcome: None,
            wait: None,
        };
        drive.drain();
        drive
    }

    pub(crate) fn attempt(&self) -> AttemptId {
        self.requests.last().expect("a request was made").attempt
    }

    pub(crate) fn body(&self) -> &str {
        let request = self.requests.last().expect("a request was made");
        std::str::from_utf8(&request.body).expect("bodies are UTF-8")
    }

    pub(crate) fn input(&mut self, input: Input) -> &mut Self {
        self.session.handle(input, self.now);
        self.drain();
        self
    }

    /// The live attempt connects and answers 200 with an event stream.
    pub(crate) fn accept(&mut self) -> &mut Self {
        let attempt = self.attempt();
        self.input(Input::Connected { attempt });
        self.head(200, &[("content-type", "text/event-stream; charset=utf-8")])
    }

    pub(crate) fn head(&mut self, status: u16, headers: &[(&'static str, &str)]) -> &mut Self {
        let attempt = self.attempt();
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        self.input(Input::Head { attempt, status, headers })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let attempt = self.attempt();
        self.input(Input::Body { attempt, chunk: Bytes::copy_from_slice(bytes.as_ref()) })
    }

    pub(crate) fn end(&mut self) -> &mut Self {
        let attempt = self.attempt();
        self.input(Input::End { attempt })
    }

    pub(crate) fn broke(&mut self, cause: Break) -> &mut Self {
        let attempt = self.attempt();
        self.input(Input::Broke { attempt, cause })
    }

    /// Lets the time of the last wait pass, and that of mere suspicions.
    pub(crate) fn pass(&mut self) -> &mut Self {
        let warmed = self.warmed.len();
        for suspicions in 1..=SUSPICIONS_MAX + 1 {
            if self.pass_one().warmed.len() < warmed + suspicions {
                break;
            }
        }
        self
    }

    /// Lets the time of the last wait pass.
    pub(crate) fn pass_one(&mut self) -> &mut Self {
        self.now = self.wait.expect("the session waits for an instant").max(self.now);
        self.input(Input::Tick)
    }

    pub(crate) fn complete(&self) -> bool {
        self.outcome.as_ref().is_some_and(Outcome::is_complete)
    }

    fn drain(&mut self) {
        loop {
            match self.session.poll(self.now) {
                Output::Admit(ask) => self.asks.push(ask),
                Output::Over { fate, .. } => self.fates.push(fate),
                Output::Connect(request) => self.requests.push(*request),
                Output::Abort(attempt) => self.aborted.push(attempt),
                Output::Promote(attempt) => self.promoted.push(attempt),
                Output::Hedge => self.hedges_asked += 1,
                Output::Warm { stays } => self.warmed.push(stays),
                Output::Decline => self.declined += 1,
                Output::Cancel(request) => self.cancels.push(*request),
                Output::Record { seq, record } => self.append(seq, record.as_ref().to_vec()),
                Output::Emit { seq, frame } => self.emit(seq, frame),
                Output::Seam(seam) => self.seams.push(seam),
                Output::State(state) => self.states.push(state),
                Output::Wait(until) => return self.wait = until,
                Output::Done(outcome) => return self.outcome = Some(*outcome),
            }
        }
    }

    fn emit(&mut self, seq: Option<Seq>, frame: Frame) {
        self.text.push_str(&self.session.text()[frame.text.clone()]);
        if let Some(last) = seq {
            let records: Vec<_> = frame.records().map(|pieces| pieces.concat()).collect();
            let first = last.0 + 1 - records.len() as u64;
            for (at, record) in records.into_iter().enumerate() {
                self.append(Seq(first + at as u64), record);
            }
        }
        self.frames.push(frame);
    }

    fn append(&mut self, seq: Seq, record: Vec<u8>) {
        assert_eq!(seq.0, self.records.len() as u64 + 1, "records are dense");
        self.records.push(record);
    }
}

// ---- what a provider writes

pub(crate) fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn message_start(id: &str) -> String {
    event(
        "message_start",
        &format!(
            r#"{{"type":"message_start","message":{{"id":"{id}","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"usage":{{"input_tokens":9,"output_tokens":1}}}}}}"#
        ),
    )
}

pub(crate) fn block_start(index: u32, block: &str) -> String {
    event(
        "content_block_start",
        &format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#),
    )
}

pub(crate) fn text_start(index: u32) -> String {
    block_start(index, r#"{"type":"text","text":""}"#)
}

pub(crate) fn text(index: u32, text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    delta(index, &format!(r#"{{"type":"text_delta","text":"{text}"}}"#))
}

pub(crate) fn delta(index: u32, delta: &str) -> String {
    event(
        "content_block_delta",
        &format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#),
    )
}

pub(crate) fn block_stop(index: u32) -> String {
    event("content_block_stop", &format!(r#"{{"type":"content_block_stop","index":{index}}}"#))
}

pub(crate) fn message_delta(stop: &str, tokens: u32) -> String {
    event(
        "message_delta",
        &format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}","stop_sequence":null}},"usage":{{"output_tokens":{tokens}}}}}"#
        ),
    )
}

pub(crate) fn message_stop() -> String {
    event("message_stop", r#"{"type":"message_stop"}"#)
}

pub(crate) fn opening(id: &str) -> String {
    message_start(id) + &text_start(0)
}

pub(crate) fn closing(tokens: u32) -> String {
    block_stop(0) + &message_delta("end_turn", tokens) + &message_stop()
}

pub(crate) fn chunk(id: &str, delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"gpt-5\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}
