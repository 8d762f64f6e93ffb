//! The suite that proves a backend: [`conformance!`](crate::conformance!) gives one named test per
//! rule of the [`Backend`](crate::Backend) contract.
//!
//! ```
//! # mod tests {
//! use checkpoint_store::conformance::{ManualClock, Subject};
//! use checkpoint_store::{MemoryBackend, conformance};
//!
//! conformance!(mod memory, || {
//!     let clock = ManualClock::default();
//!     Subject::new(MemoryBackend::with_clock(clock.clock())).with_clock(clock)
//! });
//! # }
//! ```
//!
//! A [`Subject`] says what the rules need to know: how the backend is opened again
//! ([`Subject::reopening`]), how time passes for it ([`Subject::with_clock`]), and what must stay
//! alive meanwhile ([`Subject::keeping`]). Each rule gets an empty store of its own.
//!
//! For what survives a crash there is [`crash`]; [`Faulty`] breaks a backend on purpose.
//!
//! | environment variable | meaning |
//! |---|---|
//! | `CONFORMANCE_ROUNDS` | rounds of the races and, divided by 5, seeds of the model test; default 100, the full count is 1000 |
//! | `CONFORMANCE_SEED` | the only seed of the model test |
//! | `CRASH_TRIALS` | trials of each crash test; default 10, the full count is 100 |

#[cfg(unix)]
pub mod crash;
mod dice;
mod executor;
mod faulty;
mod model;
mod probe;
#[doc(hidden)]
pub mod rules;
mod subject;

pub use self::dice::Dice;
pub use self::executor::{PATIENCE, eventually, run};
pub use self::faulty::{Fault, Faulty};
pub use self::subject::{ManualClock, Subject};

const ROUNDS: &str = "CONFORMANCE_ROUNDS";
const SEED: &str = "CONFORMANCE_SEED";

/// Rounds of a race.
fn rounds() -> u32 {
    let rounds = dice::number_of(ROUNDS).unwrap_or(100);
    u32::try_from(rounds).unwrap_or(u32::MAX).max(10)
}

/// One test per rule, in a module of the name that is given, for the [`Subject`] that the closure
/// makes.
///
/// ```
/// # mod tests {
/// use checkpoint_store::MemoryBackend;
/// use checkpoint_store::conformance::{Faulty, Subject};
///
/// checkpoint_store::conformance!(mod memory_in_batches, || {
///     Subject::new(Faulty::new(MemoryBackend::default()))
/// });
/// # }
/// ```
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* mod $name:ident, $subject:expr $(,)?) => {
        $(#[$attribute])*
        mod $name {
            use super::*;

            fn subject() -> $crate::conformance::Subject {
                ($subject)()
            }

            $crate::conformance_rules!();
        }
    };
}
