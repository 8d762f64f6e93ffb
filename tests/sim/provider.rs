//! The model's side: what each request is answered with, and a ledger of what was really sent.
//! Reads the bodies itself; knows nothing of how the client stitches.

use std::collections::HashMap;

use resume::{Request, Rung};

use crate::caller::Asks;
use crate::corpus::{Answer, KINDS};
use crate::dice::Dice;
use crate::fault::{After, Fatal, Fault, Place};
use crate::scenario::{Route, Scenario, Seam, Takes};
use crate::stream::{Event, Script, Style};

const REFUSAL: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill. The conversation must end with a user message."}}"#;

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) rung: Rung,
    /// Bytes of the shown text that the request held.
    pub(crate) sent: usize,
    /// The whole text of the answer.
    pub(crate) text: String,
    /// Bytes at its beginning that are a preamble or a repetition.
    pub(crate) head: usize,
    /// The repetition was asked for.
    pub(crate) asked: bool,
    /// Bytes of the fragment that was quoted in the request, the end of what it held.
    pub(crate) quoted: usize,
    pub(crate) fault: Option<Fault>,
    pub(crate) refused: bool,
    pub(crate) events: Vec<Event>,
    /// Events before the first that no client may take for a part of the answer.
    pub(crate) sound: usize,
    /// Events of which every byte reached the client.
    pub(crate) received: usize,
    /// Events of which a byte was written.
    pub(crate) written: usize,
}

impl Entry {
    /// The text of the events that arrived whole.
    pub(crate) fn received_text(&self) -> String {
        self.events[..self.received].iter().map(|event| event.text.as_str()).collect()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.events[..self.received].iter().any(|event| event.stops)
    }

    /// Tokens that were generated, without those of a repetition that was asked for.
    pub(crate) fn billed(&self) -> usize {
        let free = if self.asked { self.head } else { 0 };
        let mut at = 0;
        let mut billed = 0;
        for event in &self.events[..self.written] {
            billed += usize::from(event.token && at >= free);
            at += event.text.len();
        }
        billed
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// 400 with this body.
    Refusal(&'static str),
    /// An event stream; the events are in the ledger.
    Stream,
}

#[derive(Debug)]
pub(crate) struct Provider<'s> {
    scenario: &'s Scenario,
    dice: Dice,
    /// What each request was answered with, in order.
    pub(crate) ledger: Vec<Entry>,
    /// How many faults were used up.
    faults: usize,
    /// New samples, by the number of the request.
    samples: HashMap<usize, Answer>,
}

impl<'s> Provider<'s> {
    pub(crate) fn new(scenario: &'s Scenario, dice: Dice) -> Self {
        Self { scenario, dice, ledger: Vec::new(), faults: 0, samples: HashMap::new() }
    }

    /// Answers one request at this endpoint. `shown` is the text that the client has.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        route: Route,
        shown: &str,
    ) -> Result<Reply, String> {
        let asks = self.scenario.caller.read(&request.body)?;
        check_asks(&asks, request.rung, shown)?;
        let refused = matches!(asks, Asks::Prefill(_)) && route.takes == Takes::No;
        let fault = if refused { None } else { self.scenario.faults.get(self.faults).copied() };
        self.faults += usize::from(fault.is_some());
        let (tokens, head, asked) = self.compose(&asks, route);
        let quoted = match &asks {
            Asks::Instruct(partial, message) => quoted_suffix(partial, message).len(),
            Asks::Afresh | Asks::Prefill(_) => 0,
        };
        let script = Script {
            wire: self.scenario.wire(),
            id: format!("id-{}", self.ledger.len()),
            tokens: tokens.iter().map(String::as_str).collect(),
            shape: self.scenario.shape,
            usage: String::from_utf8_lossy(&request.body).contains("\"include_usage\":true"),
            style: Style::draw(&mut self.dice),
        };
        let mut events = script.write(&mut self.dice);
        let sound = bend(&mut events, &script, fault, &mut self.dice);
        let sent = match &asks {
            Asks::Afresh => 0,
            Asks::Prefill(partial) | Asks::Instruct(partial, _) => partial.len(),
        };
        let text = events.iter().map(|event| event.text.as_str()).collect();
        self.ledger.push(Entry {
            rung: request.rung,
            sent,
            text,
            head,
            asked,
            quoted,
            fault,
            refused,
            events,
            sound,
            received: 0,
            written: 0,
        });
        Ok(if refused { Reply::Refusal(REFUSAL) } else { Reply::Stream })
    }

    /// The tokens of the answer, how many bytes of them repeat, and whether that was asked for.
    fn compose(&mut self, asks: &Asks, route: Route) -> (Vec<String>, usize, bool) {
        let number = self.ledger.len();
        let seam = self.scenario.seam;
        let (partial, message) = match asks {
            Asks::Afresh if seam.is_divergent() => {
                return (strings(self.sample(number).tokens_from(0)), 0, false);
            }
            Asks::Afresh => return (strings(self.scenario.answer.tokens_from(0)), 0, false),
            Asks::Prefill(partial) => (partial.as_str(), None),
            Asks::Instruct(partial, message) => (partial.as_str(), Some(message.as_str())),
        };
        let echoes = message.is_none() && route.profile.echoes_prefill;
        let quoted = message.map_or("", |message| quoted_suffix(partial, message));
        let (head, asked) = match seam {
            _ if echoes => (partial.to_owned(), true),
            _ if message.is_none() => (String::new(), false),
            Seam::Echo | Seam::DivergentEcho => (quoted.to_owned(), true),
            Seam::Preamble => {
                (format!("Sure, continuing from there:\n\n{quoted}"), !quoted.is_empty())
            }
            Seam::Last(chars) => (last_chars(partial, chars).to_owned(), false),
            _ => (String::new(), false),
        };
        let mut tokens = self.pieces(&head);
        tokens.extend(self.rest(partial, message.is_some(), number));
        (tokens, head.len(), asked)
    }

    /// What comes after the repetition.
    fn rest(&mut self, partial: &str, instructed: bool, number: usize) -> Vec<String> {
        let answer = &self.scenario.answer;
        let from = answer.floor(partial.len());
        let mut tokens = match self.scenario.seam {
            Seam::Divergent | Seam::DivergentEcho => {
                return strings(self.sample(number).tokens_from(0));
            }
            Seam::Restart if instructed => return strings(answer.tokens_from(0)),
            _ => strings(answer.tokens_from(from)),
        };
        match self.scenario.seam {
            Seam::SpaceAdded => tokens.insert(0, " ".to_owned()),
            Seam::SpaceStripped => {
                if let Some(first) = tokens.first_mut() {
                    *first = first.trim_start().to_owned();
                }
                tokens.retain(|token| !token.is_empty());
            }
            _ => {}
        }
        tokens
    }

    fn sample(&mut self, number: usize) -> &Answer {
        let dice = &mut self.dice;
        self.samples.entry(number).or_insert_with(|| {
            let chars = dice.between(1, 220);
            Answer::write(dice.weigh(&KINDS), chars, dice)
        })
    }

    fn pieces(&mut self, text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let end = chars.len().min(at + self.dice.between(1, 7));
            pieces.push(chars[at..end].iter().collect());
            at = end;
        }
        pieces
    }
}

/// A partial is what was shown, less white space or half a grapheme at its end.
fn check_asks(asks: &Asks, rung: Rung, shown: &str) -> Result<(), String> {
    let (partial, expected) = match asks {
        Asks::Afresh => {
            let fits = matches!(rung, Rung::Retry | Rung::Replay);
            return if fits { Ok(()) } else { Err(format!("{rung} sends the caller's request")) };
        }
        Asks::Prefill(partial) => (partial, Rung::Prefill),
        Asks::Instruct(partial, _) => (partial, Rung::Instruct),
    };
    if rung != expected {
        return Err(format!("{rung} sends another rung's request"));
    }
    let Some(tail) = shown.strip_prefix(partial.as_str()) else {
        return Err(format!("the partial {partial:?} is not what was shown: {shown:?}"));
    };
    if partial.ends_with(char::is_whitespace) {
        return Err("the partial ends in white space".to_owned());
    }
    if tail.trim_start().chars().count() > 64 {
        return Err(format!("the partial leaves out {tail:?}"));
    }
    Ok(())
}

/// Puts the fault's own events among those of the answer, before the model stops, and says
/// how many events come before them.
fn bend(
    events: &mut Vec<Event>,
    script: &Script<'_>,
    fault: Option<Fault>,
    dice: &mut Dice,
) -> usize {
    let stop = events.iter().position(|event| event.stops).unwrap_or(events.len());
    let at = |place: Place| place.0 * stop / 1000;
    let foreign = match fault {
        Some(Fault::Malformed(place)) => (at(place), script.malformed()),
        Some(Fault::InBand(place)) => (at(place), script.error(false)),
        Some(Fault::Fatal(Fatal::InBand(place))) => (at(place), script.error(true)),
        Some(Fault::Pings(place)) => {
            events.truncate(at(place));
            events.extend((0..400).map(|_| script.heartbeat()));
            return events.len();
        }
        Some(Fault::SecondStart(place)) => {
            let id = format!("{}-again", script.id);
            let style = script.style.going_on();
            let again = Script { id, tokens: script.tokens.clone(), style, ..*script };
            let at = at(place);
            events.truncate(at);
            let first = events.iter().all(|event| event.beats);
            events.extend(again.write(dice));
            // With nothing before it the second start is the first.
            return if first { events.len() } else { at };
        }
        Some(Fault::AfterStop(after)) => {
            events.truncate(stop + 1);
            match after {
                After::Malformed => events.push(script.malformed()),
                After::Error => events.push(script.error(dice.percent(50))),
                After::Heartbeats => events.extend((0..9).map(|_| script.heartbeat())),
                After::Silence | After::End => {}
            }
            return stop + 1;
        }
        _ => return events.len(),
    };
    events.insert(foreign.0, foreign.1);
    foreign.0
}

/// The longest end of the partial at which a quotation in the message ends.
fn quoted_suffix<'p>(partial: &'p str, message: &str) -> &'p str {
    let Some(start) = message.find('«').map(|at| at + '«'.len_utf8()) else { return "" };
    let ends = message[start..].match_indices('»').map(|(end, _)| &message[start..start + end]);
    let longest = ends.map(|quotation| common_suffix(partial, quotation)).max().unwrap_or(0);
    &partial[partial.len() - longest..]
}

fn common_suffix(a: &str, b: &str) -> usize {
    let pairs = a.chars().rev().zip(b.chars().rev());
    pairs.take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
}

fn last_chars(text: &str, chars: usize) -> &str {
    let at = text.char_indices().rev().take(chars).last().map_or(text.len(), |(at, _)| at);
    &text[at..]
}

fn strings(tokens: Vec<&str>) -> Vec<String> {
    tokens.into_iter().map(str::to_owned).collect()
}
