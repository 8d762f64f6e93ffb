//! Counts the allocations of every case, one number a line, in order. Run by `retry`.

use std::process::ExitCode;

use peers::retry::CASES;

const COUNT: u32 = 1000;

fn main() -> ExitCode {
    for case in CASES {
        let count = |times| allocation_counter::measure(|| (case.run)(times)).count_total;
        // What two numbers of repetitions differ by is the operation alone.
        let (few, many) = (count(COUNT), count(2 * COUNT));
        println!("{}", many.saturating_sub(few) as f64 / f64::from(COUNT));
    }
    ExitCode::SUCCESS
}
