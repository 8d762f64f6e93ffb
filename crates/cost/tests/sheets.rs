//! Sheets of a user's own on top of the catalog: what they change, whose a name then is, and what is wrong
//! in one.

#![cfg(feature = "catalog")]

use cost::{Catalog, Service, Terms, Usage};

fn terms(at: &str) -> Terms<'static> {
    Terms { at: at.parse().expect("a time"), service: Service::Standard, region: None }
}

const NOW: &str = "2026-11-23T12:00:00Z";

const OWN: &str = r#"
provider = "anthropic"

[[model]]
id = "claude-opus-4-5"
aliases = ["house-opus"]

[[model.price]]
from = "2027-01-01"
rates = { input = "4.5", output = "22.5" }
source = "our contract"
checked = "2026-11-25"
"#;

#[test]
fn a_sheet_of_ones_own_lies_on_top() {
    let catalog = Catalog::builtin().clone().with_toml("own.toml", OWN).expect("it is valid");
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let opus = catalog.resolve("house-opus").expect("known");
    let bill = |at| opus.bill(&usage, &terms(at)).expect("priced").total.to_string();
    assert_eq!((bill(NOW), bill("2027-01-01T00:00:00Z")), ("5".to_owned(), "4.5".to_owned()));
    assert_eq!(catalog.resolve("claude-opus-4-5-20251101").expect("known").id, opus.id);

    let json = r#"{"provider": "house", "prefixes": ["house/"], "model": [{"id": "llama",
        "price": [{"rates": {"input": "0", "output": "0.000001"}, "source": "x", "checked": "2026-11-25"}]}]}"#;
    let catalog = catalog.with_json("own.json", json).expect("it is valid");
    let llama = catalog.resolve("house/llama").expect("known");
    assert_eq!(llama.bill(&usage, &terms(NOW)).expect("free").total.to_string(), "0");
}

#[track_caller]
fn check_wrong(change: (&str, &str), expected: &str) {
    let sheet = OWN.replace(change.0, change.1);
    assert_ne!(sheet, OWN);
    let error = Catalog::default().with_toml("own.toml", &sheet).expect_err("it is wrong");
    let text = error.to_string();
    assert!(text.starts_with("own.toml: ") && text.contains(expected), "{text}");
}

#[test]
fn what_is_wrong_in_a_sheet_is_said_with_its_place() {
    check_wrong(("\"4.5\"", "4.5"), "line 10");
    check_wrong(("\"4.5\"", "\"4,5\""), "`4,5`: not a decimal number");
    check_wrong(("\"4.5\"", "\"-4.5\""), "below zero");
    check_wrong(("\"4.5\"", "\"0.0000001\""), "more than 6 digits");
    check_wrong(("input =", "inputs ="), "unknown field `inputs`");
    check_wrong(("2027-01-01", "2027-02-29"), "`2027-02-29`: not a date");
    check_wrong(("source = \"our contract\"", ""), "missing field `source`");
    check_wrong(("[[model.price]]", "[[model.cost]]"), "unknown field `cost`");
}

#[test]
fn a_sheet_of_odd_windows_tiers_and_orders_is_refused() {
    let with = |more: &str| {
        let sheet = format!("{OWN}{more}");
        let error = Catalog::default().with_toml("own.toml", &sheet).expect_err("it is wrong");
        error.to_string()
    };
    let window = |from, to, except| {
        with(&format!(
            "[[model.price.window]]\nmultiplier = \"2\"\nfrom = \"{from}\"\nto = \"{to}\"\n{except}\n"
        ))
    };
    assert!(window("10:00", "06:00", "").contains("ends before it begins"));
    assert!(window("10:00", "24:01", "").contains("`24:01`"));
    assert!(window("1:00", "02:00", "").contains("`1:00`"));
    assert!(window("01:00", "02:00", "except = \"mars\"").contains("`mars`"));
    let earlier = "[[model.price]]\nfrom = \"2026-01-01\"\nrates = { input = \"1\" }\nsource = \"x\"\nchecked = \"2026-01-01\"\n";
    assert!(with(earlier).contains("not in the order of their days"));
    let tiers = "over = [{ input = 2, rates = { input = \"1\" } }, { input = 1, rates = { input = \"1\" } }]\n";
    assert!(with(tiers).contains("not in the order of their input"));
}

const EVIL: &str = r#"
provider = "evil"
prefixes = ["evil/", "openai/"]

[[model]]
id = "evil-1"
aliases = ["gpt-5"]

[[model.price]]
rates = { input = "7", output = "7" }
source = "x"
checked = "2026-11-25"
"#;

#[test]
fn names_are_of_a_provider_and_a_bare_one_is_of_the_sheet_on_top() {
    let catalog = Catalog::builtin().clone().with_toml("evil.toml", EVIL).expect("it is valid");
    let id = |found: Result<&cost::Model, _>| found.expect("known").id.clone();
    assert_eq!(id(catalog.resolve("openai/gpt-5-mini")), "gpt-5-mini");
    assert_eq!(id(catalog.resolve_at("openai", "gpt-5")), "gpt-5");
    assert_eq!(id(catalog.resolve_at("openai", "openai/gpt-5")), "gpt-5");
    assert_eq!(id(catalog.resolve_at("evil", "gpt-5")), "evil-1");
    assert_eq!(id(catalog.resolve("gpt-5")), "evil-1");
    assert_eq!(id(catalog.resolve("gpt-5-2025-08-07")), "gpt-5");
    let without = EVIL.replace(", \"openai/\"", "");
    let catalog = Catalog::builtin().clone().with_toml("evil.toml", &without).expect("it is valid");
    assert_eq!(id(catalog.resolve("openai/gpt-5")), "gpt-5");
}

#[test]
fn an_id_that_is_an_alias_makes_a_model_of_its_own() {
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let sheet = EVIL.replace("evil-1", "gpt-5-2025-08-07").replace("aliases = [\"gpt-5\"]", "");
    let sheet = sheet.replace("\"evil\"", "\"openai\"");
    let catalog = Catalog::builtin().clone().with_toml("own.toml", &sheet).expect("it is valid");
    let price = |name| {
        let model = catalog.resolve(name).expect("known");
        model.bill(&usage, &terms(NOW)).expect("priced").total.to_string()
    };
    assert_eq!((price("gpt-5-2025-08-07"), price("gpt-5")), ("7".to_owned(), "1.25".to_owned()));
    let gpt_5 = catalog.resolve("gpt-5").expect("known");
    assert!(!gpt_5.aliases.contains(&"gpt-5-2025-08-07".to_owned()));
}

#[test]
fn an_alias_that_is_the_id_of_another_model_is_refused() {
    let sheet = EVIL.replace("\"evil\"", "\"openai\"");
    let error = Catalog::builtin().clone().with_toml("own.toml", &sheet).expect_err("it is wrong");
    let expected = "own.toml: model `evil-1`: its alias `gpt-5` is the id of another model";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn two_models_of_one_name_and_what_is_empty_are_refused() {
    let price =
        "[[model.price]]\nrates = { input = \"1\" }\nsource = \"x\"\nchecked = \"2026-01-01\"\n";
    let more = |model: &str| {
        let sheet = format!("{OWN}\n[[model]]\n{model}\n{price}");
        let error = Catalog::default().with_toml("own.toml", &sheet).expect_err("it is wrong");
        error.to_string()
    };
    assert!(more("id = \"claude-opus-4-5\"").contains("the sheet has two of this id"));
    let alias = more("id = \"b\"\naliases = [\"claude-opus-4-5\"]");
    assert_eq!(alias, "own.toml: model `b`: its alias `claude-opus-4-5` is already a name");
    assert!(more("id = \"b\"\naliases = [\"house-opus\"]").contains("`house-opus` is already"));
    assert!(more("id = \"house-opus\"").contains("`house-opus` is already"));
    assert!(more("id = \" \"").contains("its id is empty"));
    check_wrong(("\"our contract\"", "\"\""), "the source of a price is empty");
    check_wrong(("\"anthropic\"", "\"\""), "provider is empty");
    check_wrong(("\"house-opus\"", "\"\""), "an alias is empty");
    check_wrong(("{ input = \"4.5\", output = \"22.5\" }", "{}"), "it has rates without any");
}

#[test]
fn a_byte_order_mark_is_ignored_and_a_wrong_day_is_told_how_days_are_written() {
    let catalog = Catalog::default().with_toml("own.toml", &format!("\u{feff}{OWN}"));
    assert!(catalog.is_ok());
    let json = "\u{feff}{\"provider\": \"x\", \"model\": []}";
    assert!(Catalog::default().with_json("own.json", json).is_ok());
    let sheet = OWN.replace("2027-01-01", "1 May");
    let error = Catalog::default().with_toml("own.toml", &sheet).expect_err("no date").to_string();
    assert!(
        error.contains("`1 May`: not a date as in 2026-08-21") && !error.contains("T0"),
        "{error}"
    );
}

#[test]
fn a_service_of_ones_own_may_have_its_own_source() {
    let batch = "[[model.price.service]]\nservice = \"batch\"\nrates = { input = \"2\" }\n";
    let own = |more: &str| Catalog::default().with_toml("own.toml", &format!("{OWN}{batch}{more}"));
    assert!(own("source = \"a mail\"\nchecked = \"2026-11-26\"").is_ok());
    let error = own("source = \" \"").expect_err("it is empty").to_string();
    assert!(error.contains("the source of a service is empty"), "{error}");
}
