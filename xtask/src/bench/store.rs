//! `bench store`: our durable streams beside databases and a plain file, by the program of
//! `benches/peers`, which measures, prints and knows its arguments.

use anyhow::Result;

use crate::peers::{self, Selection};

pub(super) fn run(args: &[String]) -> Result<()> {
    peers::run(Selection::Store, "store", args)
}
