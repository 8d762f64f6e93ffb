//! Everything that changes while a server runs: prompts it remembers, its place in the script, the ledger.
//! Decides what a request gets; sends nothing.

mod lookup;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::ask::{Ask, PrefillForm};
use crate::breakdown::Closed;
use crate::chain::{Chain, Reading};
use crate::config::Config;
use crate::fault::Fault;
use crate::ledger::{
    Authorization, Book, Continuation, Ending, Flags, Outage, RequestRecord, ResponseRecord,
};
use crate::model::accepts_prefill;
use crate::random::hash;
use crate::refusal::{PREFILL_REFUSED, Refusal, TRAILING_SPACE};
use crate::reply::{Reply, Voice};
use crate::script::{Faults, Script};
use crate::shelf::Shelf;
use crate::text::TokenText;
use crate::wire::Wire;

pub(crate) use lookup::Found;

/// Everything that changes while a server runs.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) book: Book,
    shelf: Shelf,
    chains: HashMap<String, Chain>,
    /// Prompts in the order in which they are forgotten.
    prompts: VecDeque<String>,
    /// The place in a script that all prompts share.
    script_at: usize,
    /// There while an outage answers every request.
    pub(crate) closed: Option<Closed>,
}

/// What is known of a request before its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) at: Duration,
    pub(crate) wire: Wire,
    pub(crate) path: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) authorization: Authorization,
    pub(crate) body_bytes: usize,
    /// The WebSocket that it came on.
    pub(crate) websocket: Option<u64>,
}

/// What a valid request gets.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) fault: Fault,
    pub(crate) reply: Reply,
}

impl State {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            book: Book::new(&config.limits),
            shelf: Shelf::default(),
            chains: HashMap::new(),
            prompts: VecDeque::new(),
            script_at: 0,
            closed: None,
        }
    }

    /// Records a request that is refused before its body means anything.
    pub(crate) fn refuse(&mut self, facts: Facts) -> u64 {
        self.book.open(blank(facts))
    }

    /// Decides what a valid request gets, and records it.
    pub(crate) fn admit(
        &mut self,
        config: &Config,
        ask: &Ask,
        facts: Facts,
    ) -> (u64, Result<Verdict, Refusal>) {
        let prompt = ask.prompt();
        let chain = self.chains.get(prompt);
        let canonical =
            chain.map_or_else(|| config.answer_for(prompt), |chain| chain.canonical.clone());
        let reading = Reading::of(ask, chain, &canonical);
        let (flags, refusal) = judge_prefill(config, ask, &reading);
        let mut record = RequestRecord {
            model: ask.model.clone(),
            prompt: prompt.to_owned(),
            max_tokens: ask.max_tokens,
            continuation: reading.continuation,
            partial_bytes: reading.partial.len(),
            flags,
            ..blank(facts)
        };
        if let Some(refusal) = refusal {
            record.lost_fields = chain.map(|chain| chain.lost_fields(ask)).unwrap_or_default();
            return (self.book.open(record), Err(refusal));
        }
        self.remember(config, ask, &reading, canonical);
        let outage = self.closed.as_ref().and_then(|closed| closed.fault(record.at));
        let scripted = outage.clone().unwrap_or_else(|| self.next_fault(config, prompt));
        let chain = self.chains.get_mut(prompt).expect("the prompt was remembered just now");
        let request = chain.requests;
        let seed = hash(config.seed ^ request as u64, prompt.as_bytes());
        chain.requests += 1;
        let voice = Voice { prompt, seed, max_tokens: ask.max_tokens };
        let reply = Reply::to(&reading, chain, config, &voice);
        let fault = match &config.faults {
            Faults::Hazard(hazard) if outage.is_none() => {
                hazard.fault(prompt, request, reply.tokens.len())
            }
            _ => scripted,
        };
        record.lost_fields = chain.lost_fields(ask);
        record.flags.unknown_prefix = reply.unknown_prefix;
        record.head_bytes = reply.head_bytes;
        record.fault = fault.clone();
        let joined = reply.joined(&reading, chain);
        chain.remember(joined, config.limits.known_texts_max);
        (self.book.open(record), Ok(Verdict { fault, reply }))
    }

    /// How long nothing listens from now on, when the script says so at this place.
    ///
    /// A script of one prompt has no place before the prompt is known.
    pub(crate) fn take_outage(
        &mut self,
        config: &Config,
        prompt: &str,
        now: Duration,
    ) -> Option<Duration> {
        let mut lasting = Duration::ZERO;
        let has_place = self.has_place(config, prompt);
        while has_place
            && let Some(Fault::Refused { lasting: more }) = self.fault_here(config, prompt)
        {
            lasting += more;
            self.pass_fault(config, prompt);
        }
        if lasting.is_zero() {
            return None;
        }
        self.book.outage(Outage { from: now, lasting });
        Some(lasting)
    }

    fn remember(&mut self, config: &Config, ask: &Ask, reading: &Reading, canonical: TokenText) {
        let prompt = ask.prompt();
        if self.chains.contains_key(prompt) {
            return;
        }
        let whole = canonical.tokens() as u64;
        self.book.need(prompt, ask.max_tokens.map_or(whole, |most| most.min(whole)));
        self.chains.insert(prompt.to_owned(), Chain::new(ask, reading.own_turns, canonical));
        self.prompts.push_back(prompt.to_owned());
        if self.prompts.len() > config.limits.ledger_requests_max
            && let Some(oldest) = self.prompts.pop_front()
        {
            self.chains.remove(&oldest);
            self.book.forget(&oldest);
        }
    }

    fn has_place(&self, config: &Config, prompt: &str) -> bool {
        matches!(config.faults, Faults::InOrder(_)) || self.chains.contains_key(prompt)
    }

    fn next_fault(&mut self, config: &Config, prompt: &str) -> Fault {
        let fault = self.fault_here(config, prompt).unwrap_or_default();
        if matches!(config.faults, Faults::InOrder(_)) {
            self.script_at += 1;
        }
        match fault {
            // The request came in spite of it, for instance on a connection that was open already.
            Fault::Refused { .. } => Fault::ResetBeforeHead,
            fault => fault,
        }
    }

    fn fault_here(&self, config: &Config, prompt: &str) -> Option<Fault> {
        let of_prompt = || self.chains.get(prompt).map_or(0, |chain| chain.requests);
        let fault = match &config.faults {
            Faults::InOrder(script) => script.faults().get(self.script_at),
            Faults::PerPrompt(script) => script.faults().get(of_prompt()),
            Faults::SeededPerPrompt { seed, count } => {
                let script = Script::cuts(hash(*seed, prompt.as_bytes()), *count);
                return script.faults().get(of_prompt()).cloned();
            }
            Faults::Hazard(_) => None,
        };
        fault.cloned()
    }

    fn pass_fault(&mut self, config: &Config, prompt: &str) {
        match &config.faults {
            Faults::InOrder(_) => self.script_at += 1,
            Faults::Hazard(_) => {}
            Faults::PerPrompt(_) | Faults::SeededPerPrompt { .. } => {
                if let Some(chain) = self.chains.get_mut(prompt) {
                    chain.requests += 1;
                }
            }
        }
    }
}

/// What is odd about a final assistant message, and the 400 that it gets.
fn judge_prefill(config: &Config, ask: &Ask, reading: &Reading) -> (Flags, Option<Refusal>) {
    let (Continuation::Prefill, Some(form)) = (reading.continuation, ask.prefill) else {
        let flags = Flags { prefill_ignored: reading.ignored_prefill, ..Flags::default() };
        return (flags, None);
    };
    let flags = Flags {
        prefill_refused: !accepts_prefill(config.prefill, &ask.model, form),
        prefill_trailing_space: reading.partial.ends_with(char::is_whitespace),
        ..Flags::default()
    };
    let refusal = match form {
        _ if flags.prefill_refused => Some(Refusal::invalid(PREFILL_REFUSED)),
        PrefillForm::Messages if flags.prefill_trailing_space => {
            Some(Refusal::invalid(TRAILING_SPACE))
        }
        _ => None,
    };
    (flags, refusal)
}

fn blank(facts: Facts) -> RequestRecord {
    let is_response = facts.wire == Wire::OpenAiResponses;
    RequestRecord {
        number: 0,
        at: facts.at,
        ended_at: None,
        wire: facts.wire,
        path: facts.path,
        model: String::new(),
        prompt: String::new(),
        idempotency_key: facts.idempotency_key,
        authorization: facts.authorization,
        body_bytes: facts.body_bytes,
        websocket: facts.websocket,
        max_tokens: None,
        fault: Fault::Healthy,
        status: 0,
        continuation: Continuation::Fresh,
        partial_bytes: 0,
        head_bytes: 0,
        billed_tokens: 0,
        echo_tokens: 0,
        text: String::new(),
        ending: Ending::InProgress,
        flags: Flags::default(),
        lost_fields: Vec::new(),
        response: is_response.then(ResponseRecord::default),
    }
}
