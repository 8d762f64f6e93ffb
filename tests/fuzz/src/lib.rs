//! What fuzz targets share: choices and a stream read from one input.
//!
//! Holds no target; those are the files of `bin`.

mod case;

pub use case::Case;
