//! `bench retry`: a decision of our retry policy beside those of its peers, by the program of
//! `benches/peers`, which counts instructions and allocations and knows the goals.

use std::process::Command;

use anyhow::Result;

use crate::cargo::{Usage, succeed};
use crate::peers::{Selection, build};

pub(super) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        return Err(Usage(format!("`bench retry` does not take `{}`", args.join(" "))).into());
    }
    succeed(Command::new(build(Selection::Retry, "retry")?))
}

#[cfg(test)]
mod tests {
    use super::{Usage, run};

    #[test]
    fn arguments_are_usage_errors() {
        assert!(run(&["--quick".to_owned()]).unwrap_err().is::<Usage>());
    }
}
