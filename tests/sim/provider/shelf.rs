//! Responses that the provider keeps: read again behind an event, fetched whole, given up.
//! <https://platform.openai.com/docs/guides/background>

use http::Method;
use resume::{Request, Rung};
use serde_json::Value;

use super::bend::bend;
use super::{Entry, Provider, Reply};
use crate::fault::Fault;
use crate::stream::{Event, Script};

const GONE: &str = r#"{"error":{"message":"Response with id 'x' not found.","type":"invalid_request_error","param":"id","code":null}}"#;

/// One response that goes on whoever listens.
#[derive(Debug)]
pub(crate) struct Generation {
    script: Script,
    /// All of it, without signs of life.
    pub(crate) events: Vec<Event>,
    /// Events from the first on that reached the client, over all connections.
    pub(crate) received: usize,
    /// Times that its events were asked for.
    reads: usize,
    /// Times that it was fetched before it was finished.
    polls: usize,
    pub(crate) cancelled: bool,
    /// The endpoint that keeps it.
    endpoint: usize,
}

impl Generation {
    pub(super) fn new(script: &Script, events: Vec<Event>, endpoint: usize) -> Self {
        let script = script.clone();
        Self { script, events, received: 0, reads: 0, polls: 0, cancelled: false, endpoint }
    }

    /// The response as `GET` gives it: what its last event says of it, or that it is not finished.
    fn object(&self, unfinished: Option<&str>, is_pretty: bool) -> Vec<u8> {
        const MEMBER: &str = r#""response":"#;
        let last = self.events.last().expect("a response ends");
        let text = std::str::from_utf8(&last.bytes).expect("the last event has whole characters");
        let from = text.find(MEMBER).expect("it repeats the response") + MEMBER.len();
        let object = &text[from..text.rfind('}').expect("an object")];
        let mut object: Value = serde_json::from_str(object).expect("JSON");
        if let Some(status) = unfinished {
            object["status"] = status.into();
            object["output"] = Value::Array(Vec::new());
            object["usage"] = Value::Null;
        }
        let written = if is_pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
        written(&object).expect("a value is JSON")
    }
}

impl Provider<'_> {
    /// Answers a request for the rest of a response, or for all of it.
    pub(super) fn read_on(&mut self, request: &Request, endpoint: usize) -> Result<Reply, String> {
        let (root, query) = self.find(request)?;
        let from = match query {
            None => None,
            Some(query) => Some(next_number(query).ok_or_else(|| format!("asks {query}"))?),
        };
        if from.is_some() != (request.rung == Rung::Cursor) {
            return Err(format!("{} asks {}", request.rung, request.path));
        }
        // Another process knows only of the events that were written down.
        let forgets = !self.scenario.deaths.is_empty();
        let kept = self.kept(root);
        if kept.endpoint != endpoint {
            return Err("asks an endpoint that does not have it".to_owned());
        }
        if from.is_some_and(|from| from > kept.received || from < kept.received && !forgets) {
            return Err(format!("asks {} behind {} events", request.path, kept.received));
        }
        kept.reads += usize::from(from.is_some());
        let is_gone = kept.cancelled && from.is_some();
        let reads = kept.reads;
        if is_gone || self.scenario.keeps.has_lost(from.is_some(), reads) {
            return Ok(self.withhold(request.rung, root));
        }
        Ok(match from {
            Some(from) => self.stream_rest(request.rung, root, from),
            None => self.give_whole(request.rung, root),
        })
    }

    fn withhold(&mut self, rung: Rung, root: usize) -> Reply {
        let entry = Entry::new(rung, None, Vec::new(), 0);
        self.ledger.push(Entry { root: Some(root), withheld: true, ..entry });
        Reply::Refusal(404, GONE)
    }

    fn stream_rest(&mut self, rung: Rung, root: usize, from: usize) -> Reply {
        let fault = self.next_fault();
        let again = if let Some(Fault::Again(_, events)) = fault { events } else { 0 };
        let kept = self.ledger[root].kept.as_ref().expect("a root has a response");
        let rest = kept.events[from.saturating_sub(again)..].to_vec();
        let script = kept.script.clone();
        let mut events = script.dress(rest, &mut self.dice);
        let sound = match fault {
            Some(Fault::Again(..)) => events.len(),
            fault => bend(&mut events, &script, fault, &mut self.dice),
        };
        self.read(Entry::new(rung, fault, events, sound), root);
        Reply::Stream
    }

    fn give_whole(&mut self, rung: Rung, root: usize) -> Reply {
        let polls = self.scenario.keeps.polls();
        let is_pretty = self.dice.percent(30);
        let kept = self.kept(root);
        let (finished, status) = match (kept.cancelled, kept.polls >= polls) {
            (true, _) => (false, Some("cancelled")),
            (false, true) => (true, None),
            (false, false) => (false, Some("in_progress")),
        };
        kept.polls += 1;
        let number = finished.then(|| kept.events.len() - 1);
        let bytes = kept.object(status, is_pretty);
        let fault = self.next_fault();
        let entry = Entry::new(rung, fault, vec![Event { bytes, number, ..Event::default() }], 1);
        self.read(Entry { withheld: !finished, ..entry }, root);
        Reply::Object
    }

    /// Enters a request for what an earlier one began.
    fn read(&mut self, entry: Entry, root: usize) {
        self.ledger.push(Entry { text: String::new(), root: Some(root), ..entry });
    }

    /// Answers a request that ends the generation of a response.
    pub(crate) fn cancel(&mut self, request: &Request) -> Result<(), String> {
        let path = request.path.strip_suffix("/cancel").ok_or("cancels something else")?;
        if request.method != Method::POST || !request.body.is_empty() {
            return Err("cancels with a body".to_owned());
        }
        let root = self.root(path).ok_or("cancels what nobody made")?;
        self.kept(root).cancelled = true;
        Ok(())
    }

    /// Takes note of the events of a kept response that this request brought.
    pub(crate) fn hear(&mut self, entry: usize) {
        let Entry { root: Some(root), events, received, .. } = &self.ledger[entry] else { return };
        let last = events[..*received].iter().filter_map(|event| event.number).max();
        let (root, heard) = (*root, last.map_or(0, |number| number + 1));
        let kept = self.kept(root);
        kept.received = kept.received.max(heard);
    }

    fn find<'r>(&mut self, request: &'r Request) -> Result<(usize, Option<&'r str>), String> {
        let plain =
            request.method == Method::GET && request.body.is_empty() && request.key.is_none();
        if !plain {
            return Err("reads on as if it made something".to_owned());
        }
        let (path, query) = match request.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*request.path, None),
        };
        let root = self.root(path).ok_or_else(|| format!("nobody made {path}"))?;
        // Another process does not know that it was given up.
        let is_known = self.scenario.deaths.is_empty() && self.kept(root).cancelled;
        if is_known { Err("reads what it gave up".to_owned()) } else { Ok((root, query)) }
    }

    /// The entry of the response below this path.
    fn root(&self, path: &str) -> Option<usize> {
        let id = path.strip_prefix("/responses/")?;
        self.ledger
            .iter()
            .rposition(|entry| entry.kept.as_ref().is_some_and(|kept| kept.script.id == id))
    }

    fn kept(&mut self, root: usize) -> &mut Generation {
        self.ledger[root].kept.as_mut().expect("a root has a response")
    }
}

/// The number of the first event that is asked for.
fn next_number(query: &str) -> Option<usize> {
    let rest = query.strip_prefix("stream=true")?;
    match rest.strip_prefix("&starting_after=") {
        Some(after) => Some(after.parse::<usize>().ok()? + 1),
        None => rest.is_empty().then_some(0),
    }
}
