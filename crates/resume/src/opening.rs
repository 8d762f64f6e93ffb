//! A text block that opens with its first words in it.
//!
//! In a continuation the opening is dropped or renumbered while the words are new text, so the
//! event is taken apart into the two that most servers send.

use bytes::Bytes;
use protocol::{Block, Decoded, Part, Rewrite};

/// The names and data of an opening without words and of a delta with them; `None` for every
/// other event.
pub(crate) fn split(decoded: &Decoded<'_>, data: &[u8]) -> Option<[(&'static [u8], Bytes); 2]> {
    let open = decoded.open.filter(|open| open.block == Block::Text)?;
    decoded.delta.as_ref().filter(|delta| delta.part == Part::Text && !delta.text.is_empty())?;
    let words = data.get(decoded.spans.text?.range())?;
    let bare = Rewrite { text: Some(""), ..Rewrite::default() };
    let opening = protocol::rewrite(data, &decoded.spans, &bare);
    let head = format!(
        r#"{{"type":"content_block_delta","index":{},"delta":{{"type":"text_delta","text":"#,
        open.index
    );
    let delta = [head.as_bytes(), words, b"}}"].concat();
    Some([(b"content_block_start", opening.into()), (b"content_block_delta", delta.into())])
}
