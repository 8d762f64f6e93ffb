//! Prices that nobody has looked at for long.

use cost::{Catalog, Date};

use super::table;

/// Days after which a price is to be looked at again.
const CHECKED_DAYS_MAX: i32 = 90;

/// A price that is old.
pub(super) struct Stale {
    model: String,
    provider: String,
    from: Option<Date>,
    /// When it was looked at, and how many days ago; `None` is never.
    checked: Option<(Date, i32)>,
    source: String,
}

/// The old prices, in the order of the catalog.
pub(super) fn find(catalog: &Catalog, today: Date) -> Vec<Stale> {
    let mut stale = Vec::new();
    for model in catalog.models() {
        for price in &model.prices {
            let checked = price.checked.map(|checked| (checked, today.days_since(checked)));
            if checked.is_none_or(|(_, days)| days > CHECKED_DAYS_MAX) {
                stale.push(Stale {
                    model: model.id.clone(),
                    provider: model.provider.clone(),
                    from: price.from,
                    checked,
                    source: price.source.clone(),
                });
            }
        }
    }
    stale
}

/// A table of them, or the good news.
pub(super) fn show(catalog: &Catalog, stale: &[Stale]) -> String {
    let count: usize = catalog.models().iter().map(|model| model.prices.len()).sum();
    if stale.is_empty() {
        return format!("All {count} prices were checked within {CHECKED_DAYS_MAX} days.\n");
    }
    let date = |date: Option<Date>| date.map_or_else(|| "-".into(), |date| date.to_string());
    let row = |entry: &Stale| {
        let days = entry.checked.map_or_else(|| "-".into(), |(_, days)| days.to_string());
        let checked = date(entry.checked.map(|(checked, _)| checked));
        let (model, provider) = (entry.model.clone(), entry.provider.clone());
        [model, provider, date(entry.from), checked, days, entry.source.clone()]
    };
    let rows: Vec<_> = stale.iter().map(row).collect();
    let head = ["model", "provider", "from", "checked", "days", "source"];
    let table = table::render(head, &rows);
    format!(
        "{} of {count} prices were not checked for more than {CHECKED_DAYS_MAX} days:\n{table}",
        stale.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(today: &str, days: &[i32]) -> String {
        let sheet = r#"
            provider = "acme"
            [[model]]
            id = "a"
            [[model.price]]
            rates = { input = "1" }
            source = "a list"
            checked = "2026-01-01"
            [[model.price]]
            from = "2026-03-01"
            rates = { input = "2" }
            source = "another list"
            checked = "2026-03-02"
        "#;
        let catalog = Catalog::default().with_toml("acme.toml", sheet).unwrap();
        let stale = find(&catalog, today.parse().unwrap());
        let found: Vec<_> = stale.iter().map(|entry| entry.checked.unwrap().1).collect();
        assert_eq!(found, days);
        show(&catalog, &stale)
    }

    #[test]
    fn a_price_is_old_after_ninety_days() {
        assert_eq!(check("2026-04-01", &[]), "All 2 prices were checked within 90 days.\n");
        check("2026-04-02", &[91]);
        check("2026-06-01", &[151, 91]);
    }

    #[test]
    fn an_old_price_is_shown_with_its_date_age_and_source() {
        let expected = "\
1 of 2 prices were not checked for more than 90 days:
  model  provider  from  checked     days  source
  a      acme      -     2026-01-01  91    a list
";
        assert_eq!(check("2026-04-02", &[91]), expected);
    }
}
