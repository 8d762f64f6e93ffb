//! The model's side: what each request is answered with, and a ledger of what was really sent.
//! Reads the bodies itself; knows nothing of how the client stitches.

mod bend;
mod shelf;

use std::collections::HashMap;

use resume::{Request, Rung};

use crate::caller::Asks;
use crate::corpus::{Answer, KINDS};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::scenario::{Keeps, Route, Scenario, Seam, Takes};
use crate::stream::{Event, Script, Style};
use bend::bend;
pub(crate) use shelf::Generation;

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
    /// The response that the provider keeps of it.
    pub(crate) kept: Option<Generation>,
    /// The entry whose response it reads on, or its own where that is kept.
    pub(crate) root: Option<usize>,
    /// It was told that what it asked for is not there, or not yet.
    pub(crate) withheld: bool,
}

impl Entry {
    fn new(rung: Rung, fault: Option<Fault>, events: Vec<Event>, sound: usize) -> Self {
        let text = events.iter().map(|event| event.text.as_str()).collect();
        Self {
            rung,
            sent: 0,
            text,
            head: 0,
            asked: false,
            quoted: 0,
            fault,
            refused: false,
            events,
            sound,
            received: 0,
            written: 0,
            kept: None,
            root: None,
            withheld: false,
        }
    }

    /// What of the answer that begins here arrived whole, over all connections.
    fn told(&self) -> &[Event] {
        match (&self.kept, self.root) {
            (Some(kept), _) => &kept.events[..kept.received],
            (None, Some(_)) => &[],
            (None, None) => &self.events[..self.received],
        }
    }

    /// The text of the events that arrived whole.
    pub(crate) fn received_text(&self) -> String {
        self.told().iter().map(|event| event.text.as_str()).collect()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.told().iter().any(|event| event.stops)
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
    /// This status with this body.
    Refusal(u16, &'static str),
    /// An event stream; the events are in the ledger.
    Stream,
    /// A response as a whole, which is the only event in the ledger.
    Object,
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
        endpoint: usize,
        shown: &str,
    ) -> Result<Reply, String> {
        let route = self.scenario.routes[endpoint];
        if matches!(request.rung, Rung::Cursor | Rung::Fetch) {
            return self.read_on(request, endpoint);
        }
        if request.path != self.scenario.caller.path() || request.method != http::Method::POST {
            return Err(format!("asks {} {}", request.method, request.path));
        }
        let asks = self.scenario.caller.read(&request.body)?;
        check_asks(&asks, request.rung, shown)?;
        let refused = matches!(asks, Asks::Prefill(_)) && route.takes == Takes::No;
        let fault = if refused { None } else { self.next_fault() };
        let (tokens, head, asked) = self.compose(&asks, route);
        let quoted = match &asks {
            Asks::Instruct(partial, message) => quoted_suffix(partial, message).len(),
            Asks::Afresh | Asks::Prefill(_) => 0,
        };
        let script = Script {
            wire: self.scenario.wire(),
            id: format!("id-{}", self.ledger.len()),
            tokens,
            shape: self.scenario.shape,
            usage: String::from_utf8_lossy(&request.body).contains("\"include_usage\":true"),
            numbered: self.scenario.keeps != Keeps::Unnumbered,
            is_kept: self.scenario.keeps.is_kept(),
            style: Style::draw(&mut self.dice),
        };
        let quiet = script.compose(&mut self.dice);
        let kept = script.is_kept.then(|| Generation::new(&script, quiet.clone(), endpoint));
        let mut events = script.dress(quiet, &mut self.dice);
        let sound = bend(&mut events, &script, fault, &mut self.dice);
        let sent = match &asks {
            Asks::Afresh => 0,
            Asks::Prefill(partial) | Asks::Instruct(partial, _) => partial.len(),
        };
        let mut entry = Entry {
            sent,
            head,
            asked,
            quoted,
            refused,
            ..Entry::new(request.rung, fault, events, sound)
        };
        if let Some(kept) = &kept {
            entry.text = kept.events.iter().map(|event| event.text.as_str()).collect();
            entry.root = Some(self.ledger.len());
        }
        self.ledger.push(Entry { kept, ..entry });
        Ok(if refused { Reply::Refusal(400, REFUSAL) } else { Reply::Stream })
    }

    fn next_fault(&mut self) -> Option<Fault> {
        let fault = self.scenario.faults.get(self.faults).copied();
        self.faults += usize::from(fault.is_some());
        fault
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
