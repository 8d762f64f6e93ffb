//! How much faster than the best peer our decoder has to be, and wants to be.

use crate::entry::Role;

/// Speed-ups over the best peer of the same cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Less is a defect.
    pub must: f64,
    /// What is aimed at.
    pub goal: f64,
}

impl Goal {
    /// The goal of a cell for one of our forms, if it has one.
    pub fn of(corpus: &str, chunk: &str, role: Role) -> Option<Self> {
        let (bytes, text) = match (corpus, chunk) {
            (_, "1B") => ((1.5, 1.5), (1.5, 1.5)),
            (_, "whole") => return None,
            ("anthropic", _) => ((3.5, 4.0), (2.6, 3.0)),
            ("openai", _) => ((3.5, 4.0), (1.7, 2.5)),
            ("lines-64k", _) => ((1.35, 1.5), (1.0, 1.15)),
            ("tiny", _) => ((3.5, 4.0), (2.7, 3.0)),
            ("heartbeats", _) => ((0.85, 1.2), (0.85, 1.2)),
            ("multi-line", _) => ((2.3, 2.5), (1.7, 2.0)),
            _ => return None,
        };
        match role {
            Role::Bytes => Some(bytes),
            Role::Text => Some(text),
            Role::Owned | Role::Peer | Role::Floor => None,
        }
        .map(|(must, goal)| Self { must, goal })
    }

    /// What a speed-up is to be called.
    pub fn judge(&self, speed_up: f64) -> &'static str {
        match speed_up {
            s if s < self.must => "MISSES MUST",
            s if s < self.goal => "misses goal",
            _ => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Goal, Role};
    use crate::corpus::{CHUNKS, NAMES};

    #[test]
    fn every_cell_but_whole_streams_has_a_goal() {
        for corpus in NAMES {
            for (chunk, _) in CHUNKS {
                let goal = Goal::of(corpus, chunk, Role::Bytes);
                assert_eq!(goal.is_some(), chunk != "whole", "{corpus} {chunk}");
            }
        }
    }

    #[test]
    fn a_speed_up_is_judged_by_both_borders() {
        let goal = Goal { must: 2.0, goal: 3.0 };
        assert_eq!(goal.judge(1.9), "MISSES MUST");
        assert_eq!(goal.judge(2.0), "misses goal");
        assert_eq!(goal.judge(3.0), "ok");
    }
}
