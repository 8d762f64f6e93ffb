//! The flags that say how a broken answer may go on.

use clap::Args;
use client::Builder;

/// How a broken answer goes on.
#[derive(Args, Default)]
#[command(next_help_heading = "Recovery")]
pub(crate) struct Recovery {
    /// Have the provider go on with an answer that nobody reads, and keep it for a while, so that a
    /// break costs no second one (openai-responses). What is stopped here goes on there
    #[arg(long)]
    background: bool,
}

impl Recovery {
    /// Sets up a client.
    pub(crate) const fn set(&self, builder: Builder) -> Builder {
        builder.background(self.background)
    }
}
