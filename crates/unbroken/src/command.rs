//! One module for each command: its arguments and what it does.

pub(crate) mod batch;
pub(crate) mod cost;
pub(crate) mod demo;
pub(crate) mod mock;
pub(crate) mod resume;
pub(crate) mod stream;
pub(crate) mod streams;
