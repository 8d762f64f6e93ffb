//! What a request to Bedrock says elsewhere than one of the Anthropic Messages wire.

use super::RequestBody;
use crate::splice::Splice;
use std::fmt::Write;

/// Bytes of the longest id of a model: as many as Bedrock takes.
const MODEL_BYTES_MAX: usize = 2048;

/// The only version that there is.
const VERSION: &str = r#""anthropic_version":"bedrock-2023-05-31""#;

/// Whether a path can hold the id of a model.
pub(super) fn fits(model: &str) -> bool {
    (1..=MODEL_BYTES_MAX).contains(&model.len())
}

/// The path to a model. An id is one segment, so that also the slash and the colon of an ARN are
/// escaped; that of no model leads nowhere.
pub(super) fn path(model: &str) -> String {
    let mut path = "/model/".to_owned();
    for byte in model.bytes().filter(|_| fits(model)) {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes whatever is written");
        }
    }
    path + "/invoke-with-response-stream"
}

impl RequestBody {
    /// The path says both the model and that the answer is streamed; the body says a version.
    pub(super) fn for_bedrock(&self) -> Splice {
        let mut splice = Splice::default();
        for range in self.whole.member_ranges(&self.body, &["model", "stream"]) {
            splice.replace(range, String::new());
        }
        if self.member("anthropic_version").is_none() {
            self.add_member(&mut splice, VERSION);
        }
        splice
    }
}
