//! The content of an answer, put together from its events as the API takes it back.
//!
//! Strings grow by the characters of their pieces as they stand between the quotes, escapes included,
//! and every other member of a block stays as it came. What cannot be put together is no content.

use crate::json::{Kind, Scanner, Value};
use crate::splice::Splice;

/// The content blocks of an assistant's turn on the Messages wire.
///
/// ```
/// use protocol::TurnContent;
///
/// let mut turn = TurnContent::default();
/// turn.take(br#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
/// turn.take(br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi\n"}}"#);
/// assert_eq!(turn.blocks(), None, "it is open");
/// turn.take(br#"{"type":"content_block_stop","index":0}"#);
/// assert_eq!(turn.blocks(), Some(r#"{"type":"text","text":"Hi\n"}"#));
/// ```
#[derive(Clone, Debug, Default)]
pub struct TurnContent {
    blocks: String,
    open: Option<Open>,
    is_lost: bool,
}

impl TurnContent {
    /// Takes the data of an event that opens, fills or ends a block.
    pub fn take(&mut self, data: &[u8]) {
        if !self.is_lost && self.read(data).is_none() {
            *self = Self { is_lost: true, ..Self::default() };
        }
    }

    /// The blocks as JSON, with commas between them; `None` while one is open, when there is none, and
    /// when something of them is not known, is no UTF-8, or is a call that the application must answer.
    ///
    /// Blocks of empty text are left out: the API does not take them.
    #[must_use]
    pub fn blocks(&self) -> Option<&str> {
        (self.open.is_none() && !self.blocks.is_empty()).then_some(&self.blocks)
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.len() + self.open.as_ref().map_or(0, |open| open.bytes)
    }

    fn read(&mut self, data: &[u8]) -> Option<()> {
        let event = Scanner::new(data).ok()?.value().ok()?;
        let member = |name| event.member(data, name);
        let index = member("index")?.index(data)?;
        match &*member("type")?.text(data)? {
            b"content_block_start" if self.open.is_none() => {
                self.open = Some(Open::new(index, member("content_block")?.raw(data)));
            }
            b"content_block_delta" => {
                let open = self.open.as_mut().filter(|open| open.index == index)?;
                open.grow(member("delta")?, data)?;
            }
            b"content_block_stop" => {
                let block = self.open.take().filter(|open| open.index == index)?.whole()?;
                let comma = !self.blocks.is_empty() && !block.is_empty();
                self.blocks.push_str(if comma { "," } else { "" });
                self.blocks.push_str(&block);
            }
            _ => return None,
        }
        Some(())
    }
}

/// A block whose end is still to come.
#[derive(Clone, Debug)]
struct Open {
    index: u32,
    /// The block as it opened.
    start: Vec<u8>,
    text: Vec<u8>,
    thinking: Vec<u8>,
    signature: Vec<u8>,
    /// JSON that came in pieces.
    input: Vec<u8>,
    /// Items of a list.
    citations: Vec<u8>,
    bytes: usize,
}

impl Open {
    fn new(index: u32, start: &[u8]) -> Self {
        let (start, bytes) = (start.to_vec(), start.len());
        let [text, thinking, signature, input, citations] = Default::default();
        Self { index, start, text, thinking, signature, input, citations, bytes }
    }

    fn grow(&mut self, delta: Value, data: &[u8]) -> Option<()> {
        self.bytes += delta.raw(data).len();
        let member = |name| delta.member(data, name);
        let (string, name) = match &*member("type")?.text(data)? {
            b"text_delta" => (&mut self.text, "text"),
            b"thinking_delta" => (&mut self.thinking, "thinking"),
            b"signature_delta" => (&mut self.signature, "signature"),
            b"input_json_delta" => {
                self.input.extend_from_slice(&member("partial_json")?.text(data)?);
                return Some(());
            }
            b"citations_delta" => {
                if !self.citations.is_empty() {
                    self.citations.push(b',');
                }
                self.citations.extend_from_slice(member("citation")?.raw(data));
                return Some(());
            }
            _ => return None,
        };
        string.extend_from_slice(inside(member(name)?, data)?);
        Some(())
    }

    /// The block as if it had come at once.
    fn whole(self) -> Option<String> {
        let block = Scanner::new(&self.start).ok()?.value().ok().filter(Value::is_object)?;
        let kind = block.member(&self.start, "type")?.text(&self.start)?;
        if &*kind == b"tool_use" {
            return None;
        }
        let text = block.member(&self.start, "text");
        let is_said = text.is_none_or(|text| text.raw(&self.start) != b"\"\"");
        if &*kind == b"text" && !is_said && self.text.is_empty() && self.citations.is_empty() {
            return Some(String::new());
        }
        let mut splice = Splice::default();
        let strings =
            [("text", self.text), ("thinking", self.thinking), ("signature", self.signature)];
        for (name, more) in strings {
            lengthen(&mut splice, block, &self.start, name, more)?;
        }
        set_input(&mut splice, block, &self.start, self.input)?;
        extend(&mut splice, block, &self.start, self.citations)?;
        String::from_utf8(splice.apply(&self.start)).ok()
    }
}

/// What stands between the quotes.
fn inside(string: Value, data: &[u8]) -> Option<&[u8]> {
    string.is_text().then(|| string.raw(data))?.get(1..)?.strip_suffix(b"\"")
}

/// Adds to a string of the block; `more` is as it stands between quotes.
fn lengthen(
    splice: &mut Splice,
    block: Value,
    data: &[u8],
    name: &str,
    more: Vec<u8>,
) -> Option<()> {
    if more.is_empty() {
        return Some(());
    }
    let more = String::from_utf8(more).ok()?;
    match block.member(data, name) {
        Some(string) if string.is_text() => splice.insert(string.inner_end(), more),
        other => set(splice, block, other, name, &format!("\"{more}\"")),
    }
    Some(())
}

fn set_input(splice: &mut Splice, block: Value, data: &[u8], input: Vec<u8>) -> Option<()> {
    if input.trim_ascii().is_empty() {
        return Some(());
    }
    let input = String::from_utf8(input).ok()?;
    let mut scan = Scanner::new(input.as_bytes()).ok()?;
    scan.value().ok()?;
    scan.finish().ok()?;
    set(splice, block, block.member(data, "input"), "input", &input);
    Some(())
}

/// Adds to the list of citations.
fn extend(splice: &mut Splice, block: Value, data: &[u8], citations: Vec<u8>) -> Option<()> {
    if citations.is_empty() {
        return Some(());
    }
    let citations = String::from_utf8(citations).ok()?;
    match block.member(data, "citations") {
        Some(list) if list.kind == Kind::Array => {
            let comma = if list.is_empty(data) { "" } else { "," };
            splice.insert(list.inner_end(), format!("{comma}{citations}"));
        }
        other => set(splice, block, other, "citations", &format!("[{citations}]")),
    }
    Some(())
}

/// Sets a member of the block, which has its type at least.
fn set(splice: &mut Splice, block: Value, old: Option<Value>, name: &str, value: &str) {
    match old {
        Some(old) => splice.replace(old.range(), value.to_owned()),
        None => splice.insert(block.inner_end(), format!(",\"{name}\":{value}")),
    }
}

/// The id of the container that the tools of an answer ran in, as the event says that has its stop reason.
/// Whoever sends the answer back has to name it again.
///
/// ```
/// let event = br#"{"type":"message_delta","delta":{"stop_reason":"pause_turn","container":{"id":"c_1"}}}"#;
/// assert_eq!(protocol::container_of(event).as_deref(), Some("c_1"));
/// ```
#[must_use]
pub fn container_of(data: &[u8]) -> Option<String> {
    let event = Scanner::new(data).ok()?.value().ok()?;
    let container = event.member(data, "delta")?.member(data, "container")?;
    let id = container.member(data, "id")?.str(data)?;
    (!id.is_empty()).then(|| id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(start: &str, deltas: &[&str]) -> TurnContent {
        let mut turn = TurnContent::default();
        let start =
            format!(r#"{{"type":"content_block_start","index":0,"content_block":{start}}}"#);
        turn.take(start.as_bytes());
        for delta in deltas {
            let delta = format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
            turn.take(delta.as_bytes());
        }
        turn.take(br#"{"type":"content_block_stop","index":0}"#);
        turn
    }

    #[track_caller]
    fn check(start: &str, deltas: &[&str], expected: Option<&str>) {
        assert_eq!(turn(start, deltas).blocks(), expected);
    }

    #[test]
    fn every_kind_of_piece_is_put_in_its_place() {
        check(
            r#"{"type":"text","text":"","citations":[]}"#,
            &[
                r#"{"type":"text_delta","text":"a\u00e9\ud83d"}"#,
                r#"{"type":"citations_delta","citation":{"url":"x", "n":1}}"#,
                r#"{"type":"text_delta","text":"\ude00\""}"#,
                r#"{"type":"citations_delta","citation":{"n":2}}"#,
            ],
            Some(
                r#"{"type":"text","text":"a\u00e9\ud83d\ude00\"","citations":[{"url":"x", "n":1},{"n":2}]}"#,
            ),
        );
        check(
            r#"{"type":"thinking","thinking":""}"#,
            &[
                r#"{"type":"thinking_delta","thinking":"hm"}"#,
                r#"{"type":"signature_delta","signature":"Ab=="}"#,
            ],
            Some(r#"{"type":"thinking","thinking":"hm","signature":"Ab=="}"#),
        );
        check(
            r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
            &[
                r#"{"type":"input_json_delta","partial_json":""}"#,
                r#"{"type":"input_json_delta","partial_json":"{\"query\": \"a"}"#,
                r#"{"type":"input_json_delta","partial_json":"b\"}"}"#,
            ],
            Some(
                r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query": "ab"}}"#,
            ),
        );
        let result = r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[ {"encrypted_content":"E\/="} ]}"#;
        check(result, &[], Some(result));
    }

    #[test]
    fn what_cannot_be_put_together_is_no_content() {
        let text = r#"{"type":"text","text":""}"#;
        check(text, &[r#"{"type":"of_tomorrow","x":1}"#], None);
        check(text, &[r#"{"type":"text_delta"}"#], None);
        check(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#, &[], None);
        let tool = r#"{"type":"server_tool_use","id":"s","name":"f","input":{}}"#;
        check(tool, &[r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#], None);
        let mut cut = turn(text, &[r#"{"type":"text_delta","text":"a"}"#]);
        assert!(cut.blocks().is_some() && cut.bytes() > 0);
        cut.take(br#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#);
        assert_eq!(cut.blocks(), None, "a block is open");
        cut.take(br#"{"type":"content_block_stop","index":4}"#);
        assert_eq!((cut.blocks(), cut.bytes()), (None, 0), "another one ends");
    }

    #[test]
    fn empty_text_is_left_out() {
        check(r#"{"type":"text","text":""}"#, &[], None);
    }
}
