//! The catalog that ships: known prices to the last digit, every name resolved.

#![cfg(feature = "catalog")]

use cost::{Catalog, Date, PriceError, Rate, Service, Terms, Usage};

fn terms(at: &str) -> Terms<'static> {
    Terms { at: at.parse().expect("a time"), service: Service::Standard, region: None }
}

/// A day on which all prices of the lists hold, and an hour without a window.
const NOW: &str = "2026-11-23T12:00:00Z";

#[track_caller]
fn check(model: &str, usage: Usage, terms: &Terms<'_>, total: &str) {
    let model = Catalog::builtin().resolve(model).expect("it is known");
    let bill = model.bill(&usage, terms).expect("it has a price");
    assert_eq!(bill.total.to_string(), total, "{}", model.id);
}

/// A million tokens of each of input, output, cache read, and cache writes.
fn million(bucket: usize) -> Usage {
    let mut usage = Usage::default();
    let buckets = [
        &mut usage.input,
        &mut usage.output,
        &mut usage.cache_read,
        &mut usage.cache_write_5m,
        &mut usage.cache_write_1h,
    ];
    // In steps that stay below every tier.
    *buckets.into_iter().nth(bucket).expect("five buckets") = 100_000;
    usage
}

/// Ten times a tenth of a million tokens of each bucket, in dollars.
#[track_caller]
fn check_list(model: &str, dollars: &[&str]) {
    let found = Catalog::builtin().resolve(model).expect("it is known");
    for (bucket, expected) in dollars.iter().enumerate() {
        let bill = found.bill(&million(bucket), &terms(NOW)).expect("it has a price");
        let total = bill.total.checked_mul(10).expect("it fits");
        assert_eq!(total.to_string(), *expected, "{model}, bucket {bucket}");
    }
}

#[test]
fn claude_costs_what_its_list_says() {
    check_list("claude-opus-4", &["15", "75", "1.5", "18.75", "30"]);
    check_list("claude-opus-4-1", &["15", "75", "1.5", "18.75", "30"]);
    for opus in [
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
    ] {
        check_list(opus, &["5", "25", "0.5", "6.25", "10"]);
    }
    check_list("claude-opus-5-5", &["4", "20", "0.2", "5", "8"]);
    for sonnet in ["claude-sonnet-4", "claude-sonnet-4-5", "claude-sonnet-4-6"] {
        check_list(sonnet, &["3", "15", "0.3", "3.75", "6"]);
    }
    check_list("claude-sonnet-5", &["2", "10", "0.2", "2.5", "4"]);
    check_list("claude-sonnet-5-5", &["2", "10", "0.1", "2.5", "4"]);
    check_list("claude-haiku-4-5", &["1", "5", "0.1", "1.25", "2"]);
    check_list("claude-haiku-5-5", &["0.1", "0.5", "0.01", "0.125", "0.2"]);
    check_list("claude-fable-5", &["10", "50", "1"]);
    check_list("claude-fable-5-1", &["10", "50", "0.25"]);
    check_list("claude-3-5-haiku", &["0.8", "4", "0.08", "1", "1.6"]);
}

#[test]
fn openai_costs_what_its_list_says() {
    check_list("gpt-5", &["1.25", "10", "0.125"]);
    check_list("gpt-5.1", &["1.25", "10", "0.125"]);
    check_list("gpt-5-mini", &["0.25", "2", "0.025"]);
    check_list("gpt-5-nano", &["0.05", "0.4", "0.005"]);
    check_list("gpt-5-pro", &["15", "120"]);
    check_list("gpt-5.2", &["1.75", "14", "0.175"]);
    check_list("gpt-5.4", &["2.5", "15", "0.25"]);
    check_list("gpt-5.4-mini", &["0.75", "4.5", "0.075"]);
    check_list("gpt-5.5", &["5", "30", "0.5"]);
    check_list("gpt-5.6-sol", &["4", "20", "0.4", "5"]);
    check_list("gpt-4o", &["2.5", "10", "1.25"]);
    check_list("gpt-4.1", &["2", "8", "0.5"]);
    check_list("o3", &["2", "8", "0.5"]);
    check_list("o4-mini", &["1.1", "4.4", "0.275"]);
}

#[test]
fn gemini_and_deepseek_cost_what_their_lists_say() {
    check_list("gemini-2.5-pro", &["1.25", "10", "0.125"]);
    check_list("gemini-2.5-flash", &["0.3", "2.5", "0.03"]);
    check_list("gemini-2.5-flash-lite", &["0.1", "0.4", "0.01"]);
    check_list("gemini-3-flash-preview", &["0.5", "3", "0.05"]);
    check_list("gemini-3.1-pro-preview", &["2", "12", "0.2"]);
    check_list("gemini-3.5-flash", &["1.5", "9", "0.15"]);
    check_list("deepseek-flash", &["0.15", "0.6", "0.003"]);
    check_list("deepseek-v4-pro", &["0.66", "1.98", "0.022"]);
}

#[test]
fn a_long_prompt_is_dearer_as_a_whole() {
    let fresh = |input| Usage { input, ..Usage::default() };
    let now = terms(NOW);
    check("claude-haiku-5-5", fresh(100_000), &now, "0.01");
    check("claude-haiku-5-5", fresh(100_001), &now, "0.0500005");
    check("claude-sonnet-4-5", fresh(200_001), &now, "1.200006");
    check("gpt-5.5", Usage { input: 272_001, output: 1_000, ..Usage::default() }, &now, "2.76501");
    check("gemini-2.5-pro", Usage { cache_read: 200_001, ..Usage::default() }, &now, "0.05000025");
    // The premium ended.
    check("claude-opus-4-6", fresh(200_001), &now, "1.000005");
    check("claude-opus-4-6", fresh(200_001), &terms("2026-03-12T23:59:59Z"), "2.00001");
}

#[test]
fn prices_have_a_history() {
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let output = Usage { output: 1_000_000, ..Usage::default() };
    check("gpt-5.6-sol", output, &terms("2026-08-20T23:59:59Z"), "30");
    check("gpt-5.6-sol", output, &terms("2026-08-21T00:00:00Z"), "20");
    check("o3", usage, &terms("2025-06-09T12:00:00Z"), "10");
    check("o3", usage, &terms("2025-06-10T12:00:00Z"), "2");
}

#[test]
fn deepseek_is_twice_as_dear_in_the_working_hours_of_working_days() {
    let usage = Usage { output: 1_000_000, ..Usage::default() };
    check("deepseek-flash", usage, &terms("2026-11-25T02:00:00Z"), "1.2");
    check("deepseek-flash", usage, &terms("2026-11-25T05:00:00Z"), "0.6");
    // A Saturday, and the National Day of China.
    check("deepseek-flash", usage, &terms("2026-11-28T02:00:00Z"), "0.6");
    check("deepseek-flash", usage, &terms("2026-10-01T02:00:00Z"), "0.6");
    // On the last weekend before the rule, and before there were windows.
    check("deepseek-v4-pro", usage, &terms("2026-08-22T02:00:00Z"), "3.96");
    check("deepseek-v4-pro", usage, &terms("2026-08-16T02:00:00Z"), "0.87");
}

#[test]
fn services_regions_audio_and_searches_have_their_prices() {
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let at = |service| Terms { service, ..terms(NOW) };
    check("claude-opus-4-5", usage, &at(Service::Batch), "2.5");
    check("gpt-5", usage, &at(Service::Flex), "0.625");
    check("gpt-5", usage, &at(Service::Priority), "2.5");
    let long = Usage { input: 1_000, ..Usage::default() };
    check("gpt-5.5", long, &at(Service::Priority), "0.0125");
    check("claude-opus-5", usage, &Terms { region: Some("us"), ..terms(NOW) }, "5.5");
    let searches = Usage { web_searches: 3, ..Usage::default() };
    check("claude-opus-5", searches, &Terms { region: Some("us"), ..terms(NOW) }, "0.03");
    let audio = Usage { input_audio: 1_000, output_audio: 1_000, ..Usage::default() };
    check("gpt-4o-audio-preview", audio, &terms(NOW), "0.12");
    check(
        "gemini-2.5-flash",
        Usage { input_audio: 1_000, ..Usage::default() },
        &terms(NOW),
        "0.001",
    );
    let catalog = Catalog::builtin();
    let opus = catalog.resolve("claude-opus-4-5").expect("known");
    let elsewhere = Terms { region: Some("mars"), ..terms(NOW) };
    assert_eq!(opus.bill(&usage, &elsewhere), Err(PriceError::Region));
}

#[test]
fn every_model_has_a_price_a_source_and_names_of_its_own() {
    let catalog = Catalog::builtin();
    assert!(catalog.models().len() > 60);
    for model in catalog.models() {
        for name in model.aliases.iter().chain([&model.id]) {
            assert_eq!(catalog.resolve(name).expect("it resolves").id, model.id, "{name}");
        }
        let prefixed = format!("{}/{}", model.provider, model.id);
        assert_eq!(catalog.resolve(&prefixed).expect("it resolves").id, model.id);
        for price in &model.prices {
            assert!(!price.source.is_empty() && price.checked.is_some(), "{}", model.id);
            let rates = price.standard.rates;
            assert!(rates.input > Some(Rate::FREE) && rates.output > Some(Rate::FREE));
        }
        let usage = Usage { input: 1_000, output: 1_000, ..Usage::default() };
        model.bill(&usage, &terms(NOW)).expect("it has a price today");
    }
}

#[test]
fn an_unknown_model_is_unknown_and_near_names_are_suggested() {
    let catalog = Catalog::builtin();
    let unknown = catalog.resolve("claude-opus-4-55").expect_err("no such model");
    assert!(unknown.near.contains(&"claude-opus-4-5".to_owned()), "{unknown}");
    for name in ["", "/", "anthropic/", "anthropic/gpt-5", "openai/openai/gpt-5", "GPT-5", "gpt-5 "]
    {
        assert!(catalog.resolve(name).is_err(), "{name}");
    }
    assert!(catalog.resolve_at("openai", "claude-opus-4-5").is_err());
    assert_eq!(catalog.resolve_at("openai", "gpt-5").expect("known").id, "gpt-5");
}

#[test]
fn a_prefix_ends_as_it_likes() {
    let catalog = Catalog::builtin();
    for name in ["anthropic.claude-opus-4-5", "anthropic/claude-opus-4.5", "claude/claude-opus-4-5"]
    {
        assert_eq!(catalog.resolve(name).expect("known").id, "claude-opus-4-5", "{name}");
    }
    assert!(catalog.resolve("anthropic.gpt-5").is_err());
}

#[test]
fn a_dated_id_costs_what_its_model_does() {
    let catalog = Catalog::builtin();
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    check("gpt-5-mini-2026-01-31", usage, &terms(NOW), "0.25");
    check("claude-opus-5-5@20261001", usage, &terms(NOW), "4");
    check("anthropic.claude-opus-5-5-20261001", usage, &terms(NOW), "4");
    // A listed one has its own price.
    check("gpt-4o-2024-05-13", usage, &terms(NOW), "5");
    assert_eq!(catalog.resolve_at("openai", "gpt-5-20260131").expect("known").id, "gpt-5");
    for name in ["gpt-5-20260231", "gpt-5-2026-0131", "gpt-9-20260131", "gpt-5-20260131-20260131"] {
        assert!(catalog.resolve(name).is_err(), "{name}");
    }
}

#[test]
fn an_unknown_model_of_a_provider_names_it_and_only_its_models() {
    let catalog = Catalog::builtin();
    let text = |error: cost::UnknownModel| error.to_string();
    let of_another = text(catalog.resolve_at("anthropic", "gpt-5").expect_err("not theirs"));
    assert_eq!(
        of_another,
        "the price of the model `gpt-5` of the provider `anthropic` is not known"
    );
    let prefixed = text(catalog.resolve("openai/gpt-5-minni").expect_err("misspelt"));
    let expected = "the price of the model `openai/gpt-5-minni` of the provider `openai` is not known; \
                    near names: gpt-5-mini";
    assert!(prefixed.starts_with(expected), "{prefixed}");
}

/// What a service charges now, with its source and the source of the price.
fn service(model: &str, service: Service) -> (cost::ServicePrice, String) {
    let model = Catalog::builtin().resolve(model).expect("known");
    let price = model.price_at(NOW.parse().expect("a time")).expect("priced");
    let terms = Terms { service, ..terms(NOW) };
    (price.service(&terms).expect("it has it").expect("no standard").clone(), price.source.clone())
}

#[test]
fn a_service_is_as_old_as_the_price_that_has_it() {
    let usage = Usage { input: 1_000_000, output: 100_000, ..Usage::default() };
    let at = |service, at| Terms { service, ..terms(at) };
    check("claude-opus-4-5", usage, &at(Service::Batch, "2026-09-01T00:00:00Z"), "3.75");
    check("gpt-5", usage, &at(Service::Flex, "2026-09-01T00:00:00Z"), "1.125");
    check("gemini-2.5-pro", usage, &at(Service::Batch, "2026-09-01T00:00:00Z"), "2");
    // The price before this one has none.
    let o3 = Catalog::builtin().resolve("o3").expect("known");
    let unknown = PriceError::Service { service: Service::Flex };
    assert_eq!(o3.bill(&usage, &at(Service::Flex, "2025-06-09T00:00:00Z")), Err(unknown));
    let priced = Catalog::builtin().models().iter().flat_map(|model| &model.prices);
    assert!(priced.flat_map(|price| &price.services).all(|service| service.from.is_none()));
}

#[test]
fn a_service_has_its_own_source_where_that_is_another() {
    let cases = [
        ("gemini-2.5-pro", Service::Priority, Some("litellm 1.110.2 (PyPI)")),
        ("gemini-2.5-pro", Service::Batch, None),
        ("gemini-3.5-flash", Service::Batch, Some("litellm 1.110.2 (PyPI)")),
        ("claude-opus-4-1", Service::Batch, Some("half of the price, by the vendor's list")),
        ("claude-opus-4-5", Service::Batch, None),
    ];
    for (model, kind, source) in cases {
        let (priced, of_price) = service(model, kind);
        assert_eq!(priced.source.as_deref(), source, "{model} {kind}");
        assert_eq!(priced.checked.is_some(), source.is_some(), "{model} {kind}");
        assert!(of_price.starts_with("genai-prices 0.2.3 (PyPI)"), "{model}");
    }
}

#[test]
fn a_service_without_a_price_for_long_prompts_has_none() {
    let long = |input| Usage { input, output: 1_000, ..Usage::default() };
    let at = |service| Terms { service, ..terms(NOW) };
    for (model, known) in [("gpt-5.4", "1.39"), ("gpt-5.5", "3.475")] {
        check(model, long(272_000), &at(Service::Priority), known);
        let found = Catalog::builtin().resolve(model).expect("known");
        let too_long = PriceError::InputTooLong { service: Service::Priority, input_max: 272_000 };
        assert_eq!(found.bill(&long(272_001), &at(Service::Priority)), Err(too_long));
    }
    check("gpt-5.6-sol", long(272_001), &at(Service::Priority), "4.412016");
    for service in [Service::Batch, Service::Flex] {
        check("gpt-5.5-pro", long(272_000), &at(service), "4.17");
        check("gpt-5.5-pro", long(272_001), &at(service), "8.29503");
    }
    check("gpt-5.6-cyber", long(272_000), &at(Service::Standard), "3.475");
    check("gpt-5.6-cyber", long(272_001), &at(Service::Standard), "6.912525");
}

#[test]
fn names_that_others_list_are_known() {
    let same = [
        ("gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"),
        ("gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"),
        ("gpt-4o-audio-preview-2025-06-03", "gpt-4o-audio-preview"),
        ("gpt-4o-search-preview-2025-03-11", "gpt-4o-search-preview"),
        ("gpt-4o-mini-search-preview-2025-03-11", "gpt-4o-mini-search-preview"),
        ("gpt-5-search-api-2025-10-14", "gpt-5-search-api"),
        ("gpt-audio-2025-08-28", "gpt-audio"),
        ("gpt-audio-mini-2025-12-15", "gpt-audio-mini"),
        ("o1-preview-2024-09-12", "o1-preview"),
    ];
    for (name, id) in same {
        let model = Catalog::builtin().resolve(name).expect("known");
        assert_eq!(model.id, id);
        assert!(model.aliases.iter().any(|alias| alias == name), "{name} is listed");
    }
    check_list("gpt-4o-search-preview", &["2.5", "10", "1.25"]);
    check_list("gpt-4o-mini-search-preview", &["0.15", "0.6", "0.075"]);
    check_list("gpt-5-search-api", &["1.25", "10", "0.125"]);
    check_list("o1-preview", &["15", "60", "7.5"]);
    check_list("chatgpt-4o-latest", &["5", "15"]);
    check_list("deepseek-r1", &["0.55", "2.19", "0.14"]);
    check_list("deepseek-v3", &["0.27", "1.1", "0.07"]);
    check_list("deepseek-v3.2", &["0.28", "0.4", "0.028"]);
    let searches = Usage { web_searches: 1_000, ..Usage::default() };
    check("gpt-4o-search-preview", searches, &terms(NOW), "25");
    check("gpt-5-search-api", searches, &terms(NOW), "10");
}

#[test]
fn all_of_the_world_costs_nothing_more_and_the_states_do_where_listed() {
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let in_region = |region| Terms { region: Some(region), ..terms(NOW) };
    check("claude-fable-5-2", usage, &in_region("us"), "8.8");
    check("claude-fable-5-2", usage, &in_region("global"), "8");
    check("claude-opus-4-5", usage, &in_region("global"), "5");
    check("gpt-5", usage, &in_region("global"), "1.25");
    let gpt_5 = Catalog::builtin().resolve("gpt-5").expect("known");
    assert_eq!(gpt_5.bill(&usage, &in_region("us")), Err(PriceError::Region));
}

#[test]
fn audio_costs_what_the_lists_say_and_else_is_unpriced() {
    let usage = Usage { input_audio: 1_000_000, ..Usage::default() };
    let at = |service| Terms { service, ..terms(NOW) };
    check("gemini-4-argon", usage, &at(Service::Standard), "2");
    check("gemini-4-argon", usage, &at(Service::Priority), "3.6");
    check("gemini-4-hydrogen", usage, &at(Service::Batch), "0.75");
    let pro = Catalog::builtin().resolve("gemini-2.5-pro").expect("known");
    assert!(matches!(pro.bill(&usage, &terms(NOW)), Err(PriceError::Bill(_))));
}

#[test]
fn holidays_of_china_that_the_law_names_are_known_for_next_year() {
    let usage = Usage { output: 1_000_000, ..Usage::default() };
    check("deepseek-flash", usage, &terms("2027-01-01T02:00:00Z"), "0.6");
    check("deepseek-flash", usage, &terms("2027-02-05T02:00:00Z"), "0.6");
    check("deepseek-flash", usage, &terms("2027-01-04T02:00:00Z"), "1.2");
}

#[test]
fn prices_of_the_catalog_are_not_old() {
    let checked = Catalog::builtin().models().iter().flat_map(|model| &model.prices);
    let oldest = checked.filter_map(|price| price.checked).min();
    assert!(oldest >= Some("2026-11-01".parse::<Date>().expect("a date")));
}
