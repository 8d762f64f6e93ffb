//! The engine's rules, played by hand: what it sends, what it delivers, how it ends.

mod drive;

mod admission;
mod broken_calls;
mod characters;
mod coherence;
mod completion;
mod cursor;
mod fallback;
mod framing;
mod gemini;
mod gemini_odd;
mod go_on;
mod hedging;
mod journal;
mod kept;
mod ladder;
mod late_end;
mod limits;
mod oddities;
mod profiles;
mod read_on;
mod responses;
mod responses_checker;
mod responses_provider;
mod retry;
mod spending;
mod stop;
mod suspicion;
mod ways;
mod whereabouts;
