//! What fuzz targets share: choices, streams and operations read from one input.
//!
//! Holds no target; those are the files of `bin`.

mod case;
mod operations;
mod told;

use protocol::Wire;

pub use case::Case;
pub use operations::Operations;
pub use told::{Read, Told};

/// The wire that the first byte names, and the rest.
pub fn wire(input: &[u8]) -> Option<(Wire, &[u8])> {
    let (first, rest) = input.split_first()?;
    let wires = Wire::all();
    Some((wires[usize::from(*first) % wires.len()], rest))
}
