//! `Html`: a report as one page with charts. It needs no script and asks for no other file, and it is
//! well-formed XML too.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::bars::Bars;
use super::curves::Curves;
use super::escape;
use super::facts::{By, Facts, Line};
use super::number::{self, minus};
use crate::money::Money;
use crate::recovery::Way;
use crate::scenario::{Report, Row};

const STYLE: &str = include_str!("page.css");

/// Nothing is loaded; only the style of the page itself applies.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Displays a report as a page.
pub(super) struct Html<'a>(pub(super) &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new(self.0);
        head(&facts, f)?;
        writeln!(f, "<body>\n<main>")?;
        masthead(&facts, f)?;
        scenarios(&facts, f)?;
        breaks(&facts, f)?;
        premises(&facts, f)?;
        writeln!(f, "</main>\n</body>\n</html>")
    }
}

fn head(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let model = escape::html(&facts.report.model);
    writeln!(f, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">")?;
    writeln!(f, "<head>\n<meta charset=\"utf-8\"/>")?;
    writeln!(f, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>")?;
    writeln!(f, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>")?;
    writeln!(f, "<meta name=\"color-scheme\" content=\"light dark\"/>")?;
    writeln!(f, "<title>Cost of {model}</title>\n<style>\n{STYLE}</style>\n</head>")
}

/// The model, the requests, and the figures that sum it up.
fn masthead(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Report { model, workload, tokens, .. } = facts.report;
    let requests = number::count(workload.requests);
    let (input, output) = (number::count(workload.input), number::count(workload.output));
    writeln!(f, "<header>\n<p class=\"kind\">Cost report</p>")?;
    writeln!(f, "<h1>{}</h1>", escape::html(model))?;
    write!(
        f,
        "<p class=\"lead\">{requests} requests of {input} tokens in and {output} tokens out "
    )?;
    writeln!(f, "on average: {} tokens in all.</p>", number::count(*tokens))?;
    figures(facts, f)?;
    claim(facts, f)?;
    writeln!(f, "</header>")
}

/// The sentence about the claim, with signs and spaces that stay with their numbers.
fn claim(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // The name comes last, so that none of it is taken for a number.
    let (mark, mut name) = ("\0", None);
    let sentence = facts.claim(|text| {
        name = Some(["<strong>", &isolated(text), "</strong>"].concat());
        mark.into()
    });
    match (sentence, name) {
        (Some(sentence), Some(name)) => {
            let sentence = minus(&sentence.replace(" %", "\u{a0}%")).replacen(mark, &name, 1);
            writeln!(f, "<p class=\"claim\">{sentence}</p>")
        }
        _ => Ok(()),
    }
}

/// A name whose direction of writing does not turn what is next to it.
fn isolated(name: &str) -> String {
    ["<bdi>", &escape::html(name), "</bdi>"].concat()
}

fn figures(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let report = facts.report;
    writeln!(f, "<dl class=\"figures\">")?;
    figure("Base cost", &facts.usd(report.base), "USD, no cache and no break", f)?;
    if let Some(row) = report.rows.last() {
        let [formula, model @ ..] = facts.lines(row);
        let name = isolated(&row.scenario.name);
        let saved = number::percent(formula.percent);
        figure("Saved by the formula", &saved, &["in ", &name].concat(), f)?;
        if let Some(best) = model.into_iter().min_by_key(|line| line.usd) {
            let saved = number::percent(best.percent);
            let note = alloc::format!("in {name}, with {}", best.by);
            figure("Saved as billed", &saved, &note, f)?;
        }
    }
    let most = alloc::format!("{} %", report.ceiling());
    figure("Formula at most", &most, "every prompt cached, no break", f)?;
    writeln!(f, "</dl>")
}

fn figure(label: &str, value: &str, note: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // A long number may be broken between its groups.
    let value = minus(value).replace(',', ",<wbr/>");
    writeln!(f, "<div><dt>{label}</dt><dd><b>{value}</b> <span>{note}</span></dd></div>")
}

fn scenarios(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bars = Bars::new(facts);
    let base = facts.usd(facts.report.base);
    writeln!(f, "<section>\n<h2>What each scenario saves</h2>")?;
    writeln!(
        f,
        "<p>In {}, against the base cost of {base} USD. The line at 0 is the base:",
        bars.unit()
    )?;
    writeln!(
        f,
        "to its right is saved, to its left is paid on top. The formula is an estimate; the"
    )?;
    writeln!(f, "other three are what is billed when a broken stream goes on in that way.</p>")?;
    writeln!(f, "<div class=\"saved\">\n<figure>\n{bars}</figure>")?;
    saved_table(facts, f)?;
    writeln!(f, "</div>\n</section>")
}

fn saved_table(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "<div class=\"box\" role=\"group\" aria-label=\"Scenarios\" tabindex=\"0\">")?;
    writeln!(f, "<table>\n<caption>Cost and saving of each scenario</caption>\n<thead><tr>")?;
    for title in ["Reckoned by", "USD", "Saved USD", "Saved"] {
        writeln!(f, "<th scope=\"col\">{title}</th>")?;
    }
    writeln!(f, "</tr></thead>")?;
    facts.report.rows.iter().try_for_each(|row| scenario(facts, row, f))?;
    writeln!(f, "</table>\n</div>")
}

fn scenario(facts: &Facts<'_>, row: &Row, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = isolated(&row.scenario.name);
    let hits = number::share(row.scenario.cache_hits);
    let breaks = number::share(row.scenario.breaks);
    write!(f, "<tbody><tr><th scope=\"rowgroup\" colspan=\"4\">{name} ")?;
    writeln!(f, "<span>cache hits {hits}, breaks {breaks}</span></th></tr>")?;
    for Line { by, usd, saved, percent } in facts.lines(row) {
        let class = if saved < Money::ZERO { "over" } else { "" };
        let saved = minus(&facts.usd(saved));
        let percent = minus(&number::percent(percent));
        write!(
            f,
            "<tr><th scope=\"row\"><i class=\"{by}\"></i>{by}</th><td>{}</td>",
            facts.usd(usd)
        )?;
        writeln!(f, "<td class=\"{class}\">{saved}</td><td class=\"{class}\">{percent}</td></tr>")?;
    }
    writeln!(f, "</tbody>")
}

fn breaks(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let all = Curves::all(facts.report);
    writeln!(f, "<section>\n<h2>What one break costs</h2>")?;
    if all.is_empty() {
        return writeln!(f, "<p>The amounts are too large to be drawn.</p>\n</section>");
    }
    let scale = Curves::scale(&all);
    let unit = super::scale::Unit::of(scale);
    writeln!(f, "<p>In {unit}, on top of what the answer costs anyway, by how much of it is")?;
    writeln!(f, "delivered when its stream breaks.</p>\n<div class=\"panels\">")?;
    for curves in &all {
        writeln!(f, "<div>\n<figure>\n<figcaption>{}</figcaption>", curves.prompt)?;
        curves.svg(scale, f)?;
        writeln!(f, "</figure>")?;
        quarters(curves, f)?;
        writeln!(f, "</div>")?;
    }
    writeln!(f, "</div>\n</section>")
}

fn quarters(curves: &Curves, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rows: Vec<[Money; 3]> = curves.quarters().collect();
    let largest = rows.iter().flatten().max().copied().unwrap_or_default();
    let digits = number::digits_for(largest);
    let prompt = curves.prompt;
    writeln!(f, "<div class=\"box\" role=\"group\" aria-label=\"{prompt}\" tabindex=\"0\">")?;
    writeln!(f, "<table>\n<caption>One break, in USD</caption>\n<thead><tr>")?;
    writeln!(f, "<th scope=\"col\">Delivered</th>")?;
    for way in Way::ALL {
        writeln!(f, "<th scope=\"col\"><i class=\"{}\"></i>{way}</th>", By::Model(way))?;
    }
    writeln!(f, "</tr></thead>\n<tbody>")?;
    for (row, percent) in rows.iter().zip([0, 25, 50, 75, 100]) {
        write!(f, "<tr><th scope=\"row\">{percent} %</th>")?;
        row.iter()
            .try_for_each(|cost| write!(f, "<td>{}</td>", minus(&number::usd(*cost, digits))))?;
        writeln!(f, "</tr>")?;
    }
    writeln!(f, "</tbody>\n</table>\n</div>")
}

/// What the report rests on: the requests with their prices, and what is assumed.
fn premises(facts: &Facts<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "<section class=\"premises\">\n<div>\n<h2>Requests and prices</h2>")?;
    writeln!(f, "<div class=\"box\" role=\"group\" aria-label=\"Requests\" tabindex=\"0\">")?;
    writeln!(f, "<table class=\"facts\">\n<caption>What the report is about</caption>\n<tbody>")?;
    for (label, value) in facts.header() {
        writeln!(f, "<tr><th scope=\"row\">{label}</th><td>{value}</td></tr>")?;
    }
    writeln!(f, "</tbody>\n</table>\n</div>\n</div>\n<div>\n<h2>Assumptions</h2>\n<ul>")?;
    for sentence in facts.assumptions() {
        writeln!(f, "<li>{sentence}</li>")?;
    }
    writeln!(f, "</ul>\n</div>\n</section>")
}
