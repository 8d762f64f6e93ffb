//! What does adding the usage of two attempts cost?

use cost::Usage;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn add(c: &mut Criterion) {
    let one = Usage { input: 2_000, output: 700, ..Usage::default() };
    assert_eq!(one.checked_add(&one).map(|sum| sum.output), Ok(1_400));
    c.bench_function("cost/usage/add", |b| b.iter(|| black_box(&one).checked_add(black_box(&one))));
}

criterion_group!(benches, add);
criterion_main!(benches);
