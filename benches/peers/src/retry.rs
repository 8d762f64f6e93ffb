//! Retry decisions of our policy and of its peers, each as a loop that does nothing else.
//!
//! The verdict is given everywhere: reading a reply is not part of a decision.

mod aws;
mod others;
mod ours;

/// One operation of one crate.
#[derive(Clone, Copy)]
pub struct Case {
    /// Without blanks, to be named on a command line.
    pub name: &'static str,
    /// What the operation covers.
    pub covers: &'static str,
    /// Runs the operation so many times.
    ///
    /// # Panics
    ///
    /// When an operation does not do what it is there for.
    pub run: fn(u32),
}

/// Ours first, then those that decide most.
pub const CASES: [Case; 9] = [
    Case {
        name: "unbroken-decision",
        covers: "full jitter, limits, deadline, AWS quota",
        run: ours::decision,
    },
    Case {
        name: "unbroken-told",
        covers: "the same with a time that the server named",
        run: ours::decision_told,
    },
    Case { name: "unbroken-delay", covers: "full jitter", run: ours::delay },
    Case { name: "unbroken-success", covers: "attempt begins, AWS quota", run: ours::success },
    Case {
        name: "aws-smithy-failure",
        covers: "full jitter, attempts, AWS quota",
        run: aws::failure,
    },
    Case { name: "aws-smithy-success", covers: "AWS quota", run: aws::success },
    Case { name: "tower-failure", covers: "jitter, budget, timer", run: others::tower },
    Case {
        name: "retry-policies",
        covers: "full jitter, deadline, clock",
        run: others::retry_policies,
    },
    Case { name: "backon", covers: "jitter", run: others::backon },
];

impl Case {
    /// The case of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::CASES;

    #[test]
    fn every_case_does_what_it_is_there_for() {
        CASES.iter().for_each(|case| (case.run)(100));
    }
}
