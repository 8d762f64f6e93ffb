//! How long does it take to price one usage record, and to find a model by its name? Goals: 150 ns and
//! 300 ns. That neither allocates is tested in `tests/allocations.rs`.

use cost::{Catalog, Service, Terms, Usage};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const USAGE: Usage = Usage {
    input: 2_000,
    cache_read: 18_000,
    cache_write_5m: 500,
    cache_write_1h: 0,
    input_audio: 0,
    output: 1_500,
    output_reasoning: 300,
    output_audio: 0,
    web_searches: 1,
};

/// A flat price; tiers, a service and a region; hours of the day with weekdays and holidays.
const PRICED: [(&str, &str, Service, Option<&str>); 3] = [
    ("flat", "claude-sonnet-4-5", Service::Standard, None),
    ("batch-region", "claude-haiku-5-5", Service::Batch, Some("us")),
    ("windows", "deepseek-flash", Service::Standard, None),
];

fn bill(c: &mut Criterion) {
    let mut group = c.benchmark_group("cost/bill");
    for (name, model, service, region) in PRICED {
        let model = Catalog::builtin().resolve(model).expect("it is known");
        let at = "2026-11-23T02:00:00Z".parse().expect("a time");
        let terms = Terms { at, service, region };
        let mut usage = USAGE;
        if name == "windows" {
            (usage.cache_write_5m, usage.web_searches) = (0, 0);
        }
        assert!(model.bill(&usage, &terms).is_ok(), "{name}");
        group.bench_function(name, |b| b.iter(|| model.bill(black_box(&usage), black_box(&terms))));
    }
    group.finish();
}

fn resolve(c: &mut Criterion) {
    let mut group = c.benchmark_group("cost/resolve");
    // As listed, with a prefix, with a day that is not listed, and with both.
    let names = [
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "anthropic/claude-opus-4-5",
        "claude-opus-5-5-20261001",
        "anthropic.claude-opus-5-5-20261001",
    ];
    for name in names {
        let catalog = Catalog::builtin();
        assert!(catalog.resolve(name).is_ok(), "{name}");
        group.bench_function(BenchmarkId::from_parameter(name.replace('/', "-")), |b| {
            b.iter(|| catalog.resolve(black_box(name)));
        });
    }
    group.finish();
}

criterion_group!(benches, bill, resolve);
criterion_main!(benches);
