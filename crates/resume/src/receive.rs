//! From the bytes of an attempt to events: what each one means and whether it must wait.

use bytes::Bytes;
use http::HeaderMap;
use protocol::{Decoded, FrameError, Part, Reader, StopReason, Stored, Terminal, Wire};
use retry_policy::Nanos;
use std::sync::Arc;

use crate::admission::Sign;
use crate::attempt::{Attempt, Document, Ended, Flow, Hold, Phase};
use crate::clocks::Rhythm;
use crate::config::Tools;
use crate::cursor::{Order, Sight};
use crate::deliver::Words;
use crate::held::{Event, Held, Trimmed};
use crate::journal::NAME_BYTES_MAX;
use crate::opening;
use crate::outcome::Cause;
use crate::output::{Output, State};
use crate::session::Session;
use crate::stitch::{Shown, Step};
use crate::transcript::{Note, Tool, Transcript};

/// What reading brought.
pub(crate) enum Progress {
    /// One event was taken; there may be more.
    Read,
    /// Nothing more is there to read.
    Drained,
    /// The response is whole.
    Finished,
}

impl Session {
    pub(crate) fn take_head(
        &mut self,
        live: &mut Attempt,
        status: u16,
        headers: HeaderMap,
        now: Nanos,
    ) {
        self.clocks.connected(now, &self.timeouts);
        self.hear_bytes(now);
        self.unprocessed = 0;
        let ok = (200..300).contains(&status);
        live.phase = match self.profile.framing.is_announced(&headers) {
            Some(true) if ok => Phase::Streaming,
            None if ok => Phase::Unlabelled(Box::new(headers)),
            _ => Phase::document(status, headers),
        };
        if matches!(live.phase, Phase::Streaming) {
            self.queue.push_back(Output::State(State::Connected { attempt: live.id }));
        }
    }

    pub(crate) fn take_body(&mut self, live: &mut Attempt, chunk: Bytes, now: Nanos) {
        self.arrival.chunk(now);
        self.hear_bytes(now);
        if let Phase::Unlabelled(headers) = &mut live.phase {
            match chunk.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return,
                Some(first) if self.profile.framing.is_document(*first) => {
                    live.phase = Phase::document(200, std::mem::take(headers));
                }
                Some(_) => {
                    live.phase = Phase::Streaming;
                    self.queue.push_back(Output::State(State::Connected { attempt: live.id }));
                }
            }
        }
        let limits = &self.config.limits;
        let room = if live.is_fetched() { limits.event_bytes } else { limits.error_body_bytes };
        match &mut live.phase {
            Phase::Document(document) => {
                let room = room.saturating_sub(document.body.len());
                document.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            _ => {
                self.hear(Sign::Ping);
                live.reader.feed(chunk);
            }
        }
    }

    /// Reads the next event of the attempt, or acts on its end.
    pub(crate) fn read(&mut self, live: &mut Attempt, now: Nanos) -> Result<Progress, Cause> {
        if let Phase::Document(document) = &live.phase {
            return if live.is_fetched() {
                read_fetched(live, self.config.limits.event_bytes)
            } else {
                self.read_document(document, live.ended)
            };
        }
        let Some(span) = live.reader.scan() else {
            if live.reader.is_inside_event() {
                self.clocks.inside_event(now, &self.config.pace);
            }
            return self.read_end(live);
        };
        self.clocks.whole_event();
        let event = live.reader.resolve(span.map_err(|_| Cause::TooLarge)?);
        let wire = self.request.wire();
        let decoded = self.profile.decode(event.event, event.data);
        let decoded = decoded.map_err(|_| Cause::Malformed)?;
        if event.event.len() > NAME_BYTES_MAX {
            return Err(Cause::Malformed);
        }
        let is_ping = decoded.ping;
        let (number, end) = (decoded.sequence, live.reader.position());
        let sight = Sight { number, id: event.id, end, is_ping };
        match self.take_place(&mut live.flow, &decoded, &sight) {
            Order::Next => {}
            Order::Seen => return Ok(Progress::Read),
            Order::Missing => return Err(Cause::Gap),
            Order::Another => return Err(Cause::Restarted),
        }
        let (name, data) = (known_name(event.event), live.reader.keep(event.data));
        if live.flow.blocks.is_some()
            && let Some(parts) = opening::split(&decoded, &data)
        {
            for (name, data) in parts {
                let decoded = protocol::decode(wire, name, &data).map_err(|_| Cause::Malformed)?;
                let name = Bytes::from_static(name);
                self.take_event(&mut live.flow, name, data.clone(), decoded, now)?;
            }
            return Ok(Progress::Read);
        }
        if live.flow.catch_up.is_some() {
            return self.take_fetched(&mut live.flow, name, &data, &decoded, now);
        }
        self.take_event(&mut live.flow, name, data, decoded, now)
    }

    /// Takes an event of a response that was fetched whole.
    fn take_fetched(
        &mut self,
        flow: &mut Flow,
        name: Bytes,
        data: &Bytes,
        decoded: &Decoded<'_>,
        now: Nanos,
    ) -> Result<Progress, Cause> {
        let Some(data) = self.catch_up(flow, decoded, data)? else { return Ok(Progress::Read) };
        let decoded = protocol::decode(self.request.wire(), &name, &data);
        let decoded = decoded.map_err(|_| Cause::Malformed)?;
        self.take_event(flow, name, data.clone(), decoded, now)
    }

    fn read_document(&self, document: &Document, ended: Option<Ended>) -> Result<Progress, Cause> {
        let Document { status, headers, body } = document;
        let full = body.len() >= self.config.limits.error_body_bytes;
        if ended.is_none() && !full {
            return Ok(Progress::Drained);
        }
        let failure = if (200..300).contains(status) {
            protocol::classify_document(headers, body)
        } else {
            protocol::classify_status(*status, headers, body, None)
        };
        Err(Cause::Provider(Box::new(failure)))
    }

    /// The response is whole without the wire's last event, where there is one.
    pub(crate) fn miss_last_event(&mut self) {
        self.summary.sentinel_missing =
            self.transcript.stop.is_some() && self.profile.terminal != Terminal::StopReason;
    }

    /// What the provider says, as far as it came, when its answer is no event stream.
    pub(crate) fn refusal_so_far(&self, live: &Attempt) -> Option<Cause> {
        let Phase::Document(document) = &live.phase else { return None };
        self.read_document(document, Some(Ended::Clean)).err()
    }

    /// The chunk is read; a transport that is over too means that nothing more comes.
    fn read_end(&mut self, live: &mut Attempt) -> Result<Progress, Cause> {
        if std::mem::take(&mut live.ends_behind) {
            live.end();
            return Ok(Progress::Read);
        }
        match live.reader.failure() {
            None => {}
            Some(FrameError::TooLong) => return Err(Cause::TooLarge),
            Some(error) => return Err(Cause::BadFrame(error)),
        }
        match live.ended {
            None => Ok(Progress::Drained),
            Some(_) if self.transcript.stop.is_some() || live.flow.goes_on.is_some() => {
                self.miss_last_event();
                Ok(Progress::Finished)
            }
            Some(Ended::Clean) => Err(Cause::Truncated),
            Some(Ended::Broke(cause)) => Err(Cause::Broke(cause)),
        }
    }

    fn take_event(
        &mut self,
        flow: &mut Flow,
        name: Bytes,
        data: Bytes,
        decoded: Decoded<'_>,
        now: Nanos,
    ) -> Result<Progress, Cause> {
        let stopped = self.transcript.stop.is_some() || flow.goes_on.is_some();
        if let Some(failure) = decoded.error {
            // After the stop reason the response is whole, whatever the server says next.
            return if stopped { Ok(Progress::Read) } else { Err(Cause::Provider(failure)) };
        }
        if decoded.ping {
            self.take_ping(flow, name, data, &decoded);
            return Ok(Progress::Read);
        }
        flow.meter.read(&decoded);
        self.oddities.misnamed += u64::from(decoded.misnamed);
        if let Some(nesting) = &mut flow.nesting {
            self.oddities.misplaced += nesting.take(&decoded);
        }
        let note = self.read_note(flow, &decoded)?;
        if flow.goes_on.is_some() {
            let event = Event { note, name, data, spans: decoded.spans.clone() };
            self.keep_unsaid(flow, event);
            return Ok(if note.end { Progress::Finished } else { Progress::Read });
        }
        flow.gather(&decoded, &data, self.config.limits.held_bytes);
        if let Some(begin) = decoded.begin.as_ref().filter(|begin| !begin.model.is_empty()) {
            flow.model = Some(Arc::from(&*begin.model));
        }
        let bytes = decoded.delta.as_ref().map_or(0, |delta| delta.text.len());
        // What has no text, such as a picture, is content as long as its event.
        self.watch(flow, &note, if bytes == 0 { data.len() } else { bytes }, now);
        let event = Event { note, name, data, spans: decoded.spans.clone() };
        if !self.transcript.begun {
            self.transcript.identify(&decoded);
        }
        let words = match &decoded.delta {
            Some(delta) if delta.part == Part::Text && note.choice == 0 => Words::Raw(&delta.text),
            _ => Words::None,
        };
        match self.wants_more(flow, &note) {
            true => self.take_stop(flow, event, words, now)?,
            false => self.route(flow, event, words)?,
        }
        if note.stop.is_some() {
            self.clocks.stopped(now, &self.timeouts);
        } else if !stopped {
            // What came is delivered first: it is paid for.
            self.afford(flow, decoded.usage.is_some(), now)?;
        }
        Ok(if note.end { Progress::Finished } else { Progress::Read })
    }

    /// Reduces an event to what outlives its bytes, and checks that the wire allows it here.
    fn read_note(&mut self, flow: &mut Flow, decoded: &Decoded<'_>) -> Result<Note, Cause> {
        let mut note = Note::of(decoded);
        if let Some(usage) = decoded.usage {
            flow.usage = flow.usage.max(&usage);
            // Behind the reason to stop nothing more is written that could be counted.
            let is_over = self.transcript.stop.is_some() || flow.goes_on.is_some();
            flow.usage_final |= note.stop.is_some() || note.usage_only || is_over;
        }
        note.stop = flow.stops.take(&note);
        let alone = self.profile.terminal == Terminal::LastEventAlone;
        if note.end && alone && self.transcript.stop.is_none() {
            note.stop = note.stop.or(Some(StopReason::EndTurn));
        }
        if let (Some(first), Some(id)) = (&flow.id, &decoded.id) {
            flow.id_repeated |= first == id;
        }
        if note.begin && self.is_second(flow, decoded) {
            return Err(Cause::Restarted);
        }
        let is_over = self.transcript.stop.is_some() || flow.goes_on.is_some();
        if note.end && note.stop.is_none() && !is_over {
            return Err(Cause::Truncated);
        }
        Ok(note)
    }

    /// Whether a second response begins inside this one, as from a gateway that tried again by
    /// itself. Chat servers may say the role in every chunk, and Gemini's do; there another id must
    /// come with it. A chat server that gives every chunk an id of its own costs two attempts to
    /// learn. On Gemini nothing is learned: its `responseId` identifies the response, servers that
    /// leave it out are known and servers that change it are not, and its first chunk is text. So
    /// to believe in such a server would be to repeat that text behind a few second starts.
    fn is_second(&mut self, flow: &mut Flow, decoded: &Decoded<'_>) -> bool {
        let begun = std::mem::replace(&mut flow.begun, true);
        if !matches!(self.request.wire(), Wire::OpenAiChat | Wire::Gemini) {
            return begun;
        }
        if begun && flow.is_read_on && !flow.begins_often {
            // It was asked for the rest, and says again what it said once.
            return true;
        }
        flow.begins_often |= begun;
        let Some(id) = decoded.id.as_deref().filter(|id| !id.is_empty()) else { return false };
        if flow.id.as_deref() == Some(id) {
            return false;
        }
        let first = flow.id.replace(id.to_owned());
        let per_chunk = self.request.wire() == Wire::OpenAiChat && self.learned.id_per_chunk();
        if first.is_some() && (flow.id_repeated || !per_chunk) {
            return true;
        }
        if matches!(flow.hold, Hold::Lifecycle) {
            // What was held belongs to the id that is gone.
            flow.held = Held::default();
            self.transcript = Transcript::default();
        }
        false
    }

    /// A ping keeps its place among the events of an answer that goes downstream unchanged, and is left
    /// out of any other.
    fn take_ping(&mut self, flow: &mut Flow, name: Bytes, data: Bytes, decoded: &Decoded<'_>) {
        let room = self.config.limits.held_bytes.saturating_sub(flow.held.bytes());
        match flow.hold {
            Hold::Nothing if self.transcript.begun => self.emit_heartbeat(name, data),
            Hold::Lifecycle | Hold::Tools if flow.blocks.is_none() && data.len() < room => {
                let (note, spans) = (Note::of(decoded), decoded.spans.clone());
                flow.held.push(Event { note, name, data, spans }, String::new(), Trimmed::No);
            }
            _ => {}
        }
    }

    /// Content winds the clocks.
    fn watch(&mut self, flow: &Flow, note: &Note, bytes: usize, now: Nanos) {
        let Some(part) = note.part else { return };
        self.arrival.content();
        self.hear(Sign::Content);
        let halting = part != Part::Text || matches!(flow.hold, Hold::Tools);
        let rhythm = if halting { Rhythm::Halting } else { Rhythm::Steady };
        self.clocks.content(now, &self.timeouts, rhythm);
        self.clocks.paced(now, &self.config.pace, rhythm, bytes as u64);
    }

    /// Delivers the event, or keeps it for as long as it must wait.
    pub(crate) fn route(
        &mut self,
        flow: &mut Flow,
        event: Event,
        words: Words<'_>,
    ) -> Result<(), Cause> {
        let note = event.note;
        let calls = note.tool == Tool::Call && !matches!(flow.hold, Hold::Tools);
        // Text beside a call belongs to the seam, which is decided with it.
        let speaks = words.len() > 0 && matches!(flow.hold, Hold::Seam(..));
        if calls && !speaks {
            self.decide_seam(flow)?;
            if self.config.tools == Tools::Held && flow.stopped_at.is_none() {
                flow.hold = Hold::Tools;
            }
        }
        if flow.stopped_at.is_some() {
            return self.deliver_silenced(flow, event);
        }
        if matches!(flow.hold, Hold::Nothing) {
            return self.deliver(flow, event, words);
        }
        if flow.leaves_thinking() && note.part == Some(Part::Thinking) && note.stop.is_none() {
            return Ok(());
        }
        let mut text = String::new();
        let half = flow.joiner.is_open();
        self.oddities.replaced += words.append_to(&mut text, &mut flow.joiner);
        let trimmed = if half || flow.joiner.is_open() { Trimmed::Yes } else { Trimmed::No };
        let step = match &mut flow.hold {
            Hold::Seam(stitch, sent) if !text.is_empty() => {
                Some(stitch.push(Shown { text: &self.transcript.text, sent: *sent }, &text))
            }
            _ => None,
        };
        flow.held.push(event, text, trimmed);
        if flow.held.bytes() > self.config.limits.held_bytes {
            return Err(Cause::TooLarge);
        }
        match step {
            Some(step) => self.act(flow, step)?,
            None if matches!(flow.hold, Hold::Lifecycle) && !note.is_lifecycle() => {
                self.release(flow)?;
            }
            None => {}
        }
        if note.stop.is_some() || calls {
            self.decide_seam(flow)?;
        }
        if note.stop.is_some() {
            self.release(flow)?;
        }
        Ok(())
    }

    /// Decides an open seam with what there is.
    pub(crate) fn decide_seam(&mut self, flow: &mut Flow) -> Result<(), Cause> {
        let Hold::Seam(stitch, sent) = &mut flow.hold else { return Ok(()) };
        let step = stitch.finish(Shown { text: &self.transcript.text, sent: *sent });
        self.act(flow, step)
    }

    fn act(&mut self, flow: &mut Flow, step: Step) -> Result<(), Cause> {
        match step {
            Step::Hold => Ok(()),
            Step::Eat(bytes) => {
                flow.held.eat(bytes);
                flow.eaten += bytes;
                Ok(())
            }
            Step::Join { drop, label } => self.join(flow, drop, label),
            Step::Stop { drop, label, sequence } => self.stop_at_seam(flow, drop, label, sequence),
            Step::Diverged => Err(Cause::Diverged),
        }
    }
}

/// What a provider says of a response that it keeps: its events, once it is finished.
fn read_fetched(live: &mut Attempt, bytes_max: usize) -> Result<Progress, Cause> {
    let Phase::Document(document) = &live.phase else { return Ok(Progress::Drained) };
    if document.body.len() >= bytes_max {
        return Err(Cause::TooLarge);
    }
    match live.ended {
        None => return Ok(Progress::Drained),
        Some(Ended::Broke(cause)) => return Err(Cause::Broke(cause)),
        Some(Ended::Clean) => {}
    }
    match protocol::read_stored(&document.body).map_err(|_| Cause::Malformed)? {
        Stored::Finished(events) => {
            live.phase = Phase::Streaming;
            // They are server-sent events, however the provider frames a stream.
            live.reader = Reader::new(bytes_max);
            live.reader.feed(events.into());
            Ok(Progress::Read)
        }
        Stored::Underway => Err(Cause::Unfinished),
        Stored::Failed(failure) => Err(Cause::Provider(failure.into())),
    }
}

/// The names that the wires use cost no copy.
fn known_name(name: &[u8]) -> Bytes {
    Bytes::from_static(match name {
        b"" => b"",
        b"content_block_delta" => b"content_block_delta",
        b"content_block_start" => b"content_block_start",
        b"content_block_stop" => b"content_block_stop",
        b"message_delta" => b"message_delta",
        b"message_start" => b"message_start",
        b"message_stop" => b"message_stop",
        b"ping" => b"ping",
        b"response.output_text.delta" => b"response.output_text.delta",
        b"response.reasoning_summary_text.delta" => b"response.reasoning_summary_text.delta",
        b"response.function_call_arguments.delta" => b"response.function_call_arguments.delta",
        other => return Bytes::copy_from_slice(other),
    })
}
