//! What a server remembers of one prompt: its answer, other texts that it began, the first request.
//! From it a later request is read: a repetition, a continuation, or something unknown.

use std::collections::VecDeque;

use crate::ask::{Ask, Role, Turn};
use crate::json::Value;
use crate::ledger::Continuation;
use crate::quote::quoted_suffix;
use crate::text::TokenText;

/// The memory of one prompt.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The answer that the oracle knows.
    pub(crate) canonical: TokenText,
    /// Texts that were begun beside it, the newest last.
    others: VecDeque<TokenText>,
    /// The caller's own messages.
    first_turns: Vec<Turn>,
    first_fields: Vec<(String, Value)>,
    /// Requests that passed validation.
    pub(crate) requests: usize,
}

impl Chain {
    /// The memory that begins with a request, of whose messages the first are the caller's own.
    pub(crate) fn new(ask: &Ask, own_turns: usize, canonical: TokenText) -> Self {
        Self {
            canonical,
            others: VecDeque::new(),
            first_turns: ask.turns[..own_turns].to_vec(),
            first_fields: ask.fields.clone(),
            requests: 0,
        }
    }

    /// The text that begins with `partial`: the canonical one, or else the newest.
    pub(crate) fn text_beginning(&self, partial: &str) -> Option<&TokenText> {
        std::iter::once(&self.canonical)
            .chain(self.others.iter().rev())
            .find(|known| known.text().starts_with(partial))
    }

    /// Remembers a text that is begun; the oldest gives way at the bound.
    pub(crate) fn remember(&mut self, text: TokenText, texts_max: usize) {
        if self.canonical.text().starts_with(text.text()) {
            return;
        }
        self.others.push_back(text);
        if self.others.len() > texts_max {
            self.others.pop_front();
        }
    }

    /// The fields in which `ask` differs from the first request.
    pub(crate) fn lost_fields(&self, ask: &Ask) -> Vec<String> {
        let lost = self.first_fields.iter().filter(|field| !ask.fields.contains(field));
        let new = ask.fields.iter().filter(|field| !self.first_fields.contains(field));
        let mut names: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        names.extend(new.map(|(name, _)| name.clone()));
        let added = ask.turns.strip_prefix(self.first_turns.as_slice());
        if added.is_none_or(|added| added.first().is_some_and(|turn| turn.role != Role::Assistant))
        {
            names.push("messages".to_owned());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How a request relates to what is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) continuation: Continuation,
    /// How many of the messages are the caller's own.
    pub(crate) own_turns: usize,
    /// The partial answer that the request carries; empty when it is fresh.
    pub(crate) partial: String,
    /// Bytes of the longest suffix of it that the instruction quotes.
    pub(crate) quoted_bytes: usize,
    /// Whether a final assistant message is not marked as a beginning.
    pub(crate) ignored_prefill: bool,
}

impl Reading {
    /// Reads a request in the light of what is remembered of its prompt.
    pub(crate) fn of(ask: &Ask, chain: Option<&Chain>, canonical: &TokenText) -> Self {
        let repeats = |chain: &&Chain| ask.turns.starts_with(&chain.first_turns);
        let remembered = chain.filter(repeats);
        let own_turns = match remembered {
            Some(chain) => chain.first_turns.len(),
            None => own_turns_by_shape(&ask.turns),
        };
        let added = &ask.turns[own_turns..];
        let partial = assistant_text(added);
        match added.last() {
            Some(last) if last.role == Role::Assistant => match ask.prefill {
                Some(_) => Self::continued(Continuation::Prefill, own_turns, partial, 0),
                None => Self { ignored_prefill: true, ..Self::fresh(ask) },
            },
            Some(last) if !partial.is_empty() => {
                let quoted = quoted_suffix(&partial, &last.text).len();
                let begun = canonical.text().starts_with(&partial)
                    || chain.is_some_and(|chain| chain.text_beginning(&partial).is_some());
                if remembered.is_some() || quoted > 0 || begun {
                    Self::continued(Continuation::Instructed, own_turns, partial, quoted)
                } else {
                    // A conversation of several turns that is seen for the first time.
                    Self::fresh(ask)
                }
            }
            _ => Self::fresh(ask),
        }
    }

    fn fresh(ask: &Ask) -> Self {
        Self {
            continuation: Continuation::Fresh,
            own_turns: ask.turns.len(),
            partial: String::new(),
            quoted_bytes: 0,
            ignored_prefill: false,
        }
    }

    fn continued(kind: Continuation, own: usize, partial: String, quoted_bytes: usize) -> Self {
        Self { continuation: kind, own_turns: own, partial, quoted_bytes, ignored_prefill: false }
    }
}

/// How many messages come before the last assistant messages, when nothing is remembered.
fn own_turns_by_shape(turns: &[Turn]) -> usize {
    let is_assistant = |turn: &Turn| turn.role == Role::Assistant;
    let Some(last) = turns.iter().rposition(is_assistant) else { return turns.len() };
    turns[..last].iter().rposition(|turn| !is_assistant(turn)).map_or(0, |at| at + 1)
}

fn assistant_text(turns: &[Turn]) -> String {
    let assistant = turns.iter().filter(|turn| turn.role == Role::Assistant);
    assistant.map(|turn| turn.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Create, Extras, PrefillForm};
    use crate::text::TextKind;
    use crate::wire::{Frames, Wire};

    fn ask(turns: &[(Role, &str)], system: &str) -> Ask {
        let turn = |(role, text): &(Role, &str)| Turn {
            role: *role,
            text: (*text).to_owned(),
            raw: Value::String((*text).to_owned()),
        };
        let turns: Vec<_> = turns.iter().map(turn).collect();
        let ends_open = turns.last().is_some_and(|turn| turn.role == Role::Assistant);
        Ask {
            wire: Wire::AnthropicMessages,
            model: "m".to_owned(),
            turns,
            fields: vec![("system".to_owned(), Value::String(system.to_owned()))],
            max_tokens: None,
            extras: Extras::default(),
            prefill: ends_open.then_some(PrefillForm::Messages),
            create: Create::default(),
            frames: Frames::default(),
        }
    }

    fn canonical() -> TokenText {
        TokenText::new(TextKind::Multilingual, 0, "q", 40)
    }

    const Q: (Role, &str) = (Role::User, "q");

    #[test]
    fn a_continuation_of_what_is_remembered_is_read_whatever_it_quotes() {
        let chain = Chain::new(&ask(&[Q], "s"), 1, canonical());
        let read =
            |turns: &[(Role, &str)]| Reading::of(&ask(turns, "s"), Some(&chain), &canonical());
        assert_eq!(read(&[Q]).continuation, Continuation::Fresh);
        let prefill = read(&[Q, (Role::Assistant, "a"), (Role::Assistant, "b")]);
        assert_eq!((prefill.continuation, prefill.partial.as_str()), (Continuation::Prefill, "ab"));
        let told = read(&[Q, (Role::Assistant, "ab"), (Role::User, "go on")]);
        assert_eq!((told.continuation, told.quoted_bytes), (Continuation::Instructed, 0));
        let told = read(&[Q, (Role::Assistant, "ab"), (Role::User, "at «b»")]);
        assert_eq!((told.own_turns, told.quoted_bytes), (1, 1));
    }

    #[test]
    fn without_memory_the_shape_decides() {
        let text = canonical();
        let begun = text.token(0).to_owned();
        let read = |turns: &[(Role, &str)]| Reading::of(&ask(turns, "s"), None, &text);
        let told = read(&[Q, (Role::Assistant, &begun), (Role::User, "go on")]);
        assert_eq!((told.continuation, told.own_turns), (Continuation::Instructed, 1));
        let several = read(&[Q, (Role::Assistant, "other"), (Role::User, "and then?")]);
        assert_eq!((several.continuation, several.own_turns), (Continuation::Fresh, 3));
        let quoted = read(&[Q, (Role::Assistant, "other"), (Role::User, "at \"other\"")]);
        assert_eq!(quoted.continuation, Continuation::Instructed);
    }

    #[test]
    fn an_unmarked_final_assistant_message_is_ignored() {
        let mut unmarked = ask(&[Q, (Role::Assistant, "a")], "s");
        unmarked.prefill = None;
        let reading = Reading::of(&unmarked, None, &canonical());
        assert!(reading.ignored_prefill);
        assert_eq!((reading.continuation, reading.partial.as_str()), (Continuation::Fresh, ""));
    }

    #[test]
    fn lost_fields_are_named() {
        let chain = Chain::new(&ask(&[Q], "s"), 1, canonical());
        assert!(chain.lost_fields(&ask(&[Q, (Role::Assistant, "a")], "s")).is_empty());
        assert_eq!(chain.lost_fields(&ask(&[Q], "other")), ["system"]);
        assert_eq!(chain.lost_fields(&ask(&[(Role::User, "r")], "s")), ["messages"]);
        assert_eq!(chain.lost_fields(&ask(&[Q, (Role::User, "r")], "s")), ["messages"]);
    }

    #[test]
    fn other_texts_are_remembered_up_to_the_bound() {
        let mut chain = Chain::new(&ask(&[Q], "s"), 1, canonical());
        for name in ["one", "two", "three"] {
            chain.remember(TokenText::cut_by_seed(name, 0), 2);
        }
        assert_eq!(chain.text_beginning("one"), None);
        assert_eq!(chain.text_beginning("tw").map(TokenText::text), Some("two"));
        assert_eq!(chain.text_beginning("").map(TokenText::text), Some(canonical().text()));
    }
}
