//! The flags that say how a broken answer may go on.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use client::{
    BrokenCalls, Builder, GoOn, Hedging, Instruction, InstructionError, Nanos, Tools, Ways,
};
use std::time::Duration;

use crate::duration::parse_clock;

/// How a broken answer goes on.
#[derive(Args, Default)]
#[command(next_help_heading = "Recovery")]
pub(crate) struct Recovery {
    /// Which ways to go on behind what was shown are taken [default: any]
    #[arg(long, value_enum, value_name = "WAYS")]
    ways: Option<Taken>,

    /// Ask a model that takes no prefill to go on in these words; where they say {fragment}, the
    /// end of its answer is put, which it should repeat word for word [default: in English]
    #[arg(long, value_name = "WORDS", value_parser = instruction)]
    instruction: Option<Instruction>,

    /// Pass tool calls on as they come; a break inside one is then the end. Without it they come
    /// when the model has stopped
    #[arg(long)]
    stream_tools: bool,

    /// End the turn as one that calls tools when an answer breaks behind whole calls, instead of
    /// calling it incomplete (anthropic). Calls that would have come beside them are missing
    #[arg(long, requires = "stream_tools")]
    end_turn_after_calls: bool,

    /// Send a request that is slow to begin to another --base-url as well, up to so many copies at a
    /// time, and go on with whichever is quicker; all of them are paid for [without a number: 1]
    #[arg(long, value_name = "COPIES", num_args = 0..=1, require_equals = true,
        default_missing_value = "1", value_parser = copies())]
    hedge: Option<u8>,

    /// When a request is slow to begin [default: when it takes longer than 95 of 100 did, once 20 were
    /// seen]
    #[arg(long, value_name = "TIME", value_parser = parse_clock, requires = "hedge")]
    hedge_after: Option<Duration>,

    /// Have the provider go on with an answer that nobody reads, and keep it for a while, so that a
    /// break costs no second one (openai-responses). What is stopped here goes on there
    #[arg(long)]
    background: bool,

    /// Go on behind an answer that stopped at its limit of output tokens, with the same limit for
    /// each answer more; all of them are paid for
    #[arg(long)]
    go_on_after_length: bool,

    /// Send a turn that the provider paused back as it is, so that the model goes on with it
    /// (anthropic, with tools that the provider runs)
    #[arg(long)]
    go_on_after_pause: bool,

    /// How often at most one answer goes on behind its end [default: 3]
    #[arg(long, value_name = "N")]
    go_on_times: Option<u32>,
}

impl Recovery {
    /// Sets up a client.
    pub(crate) fn set(&self, builder: Builder) -> Builder {
        let tools = if self.stream_tools { Tools::Streamed } else { Tools::Held };
        let Taken(ways) = self.ways.unwrap_or_default();
        let instruction = self.instruction.clone().unwrap_or_default();
        let builder = match self.end_turn_after_calls {
            true => builder.broken_calls(BrokenCalls::EndTurn),
            false => builder,
        };
        let after = self.hedge_after.map(Nanos::from_duration);
        let hedging = self.hedge.map(|copies| Hedging { copies, after });
        let builder = hedging.into_iter().fold(builder, Builder::hedging);
        let builder = builder.go_on(self.go_on());
        builder.ways(ways).tools(tools).background(self.background).instruction(instruction)
    }

    fn go_on(&self) -> GoOn {
        let times = self.go_on_times.unwrap_or(GoOn::default().times);
        let (after_length, after_pause) = (self.go_on_after_length, self.go_on_after_pause);
        GoOn { after_length, after_pause, times }
    }
}

fn copies() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(Hedging::COPIES_MAX))
}

fn instruction(words: &str) -> Result<Instruction, InstructionError> {
    Instruction::new(words)
}

/// The ways as a flag names them.
#[derive(Clone, Copy, Default)]
struct Taken(Ways);

impl ValueEnum for Taken {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Ways::Any), Self(Ways::Cheapest), Self(Ways::ExactOnly), Self(Ways::NoNewSample)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self.0 {
            Ways::Any => ("any", "the best guarantee first"),
            Ways::Cheapest => ("cheapest", "the cheaper one, where two serve"),
            Ways::ExactOnly => ("exact-only", "those whose joint the wire guarantees"),
            Ways::NoNewSample => ("no-new-sample", "those that go on with the same generation"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
