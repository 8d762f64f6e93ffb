//! Which crate may use which: the layers as data.
//!
//! Looks at declared dependencies, optional ones included. What they link in turn is `links`' matter.

use cargo_metadata::{DependencyKind, Metadata, Package};

use super::relative;
use crate::cargo::root;
use crate::finding::{Finding, line_where};

/// A crate and the crates of ours that it may name in its manifest.
struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    /// What its own tests and benches may use beyond that.
    tests_use: &'static [&'static str],
}

/// Dependencies point down. A crate must be listed before it can exist.
const LAYERS: &[Layer] = &[
    Layer { name: "sse-codec", uses: &[], tests_use: &[] },
    Layer { name: "retry-policy", uses: &[], tests_use: &[] },
    Layer { name: "cost", uses: &[], tests_use: &[] },
    Layer { name: "checkpoint-store", uses: &[], tests_use: &[] },
    Layer { name: "protocol", uses: &["sse-codec", "cost", "retry-policy"], tests_use: &[] },
    Layer { name: "resume", uses: &["protocol", "retry-policy", "cost"], tests_use: &[] },
    Layer { name: "endpoint-pool", uses: &["retry-policy"], tests_use: &[] },
    Layer {
        name: "client",
        uses: &[
            "sse-codec",
            "retry-policy",
            "cost",
            "checkpoint-store",
            "protocol",
            "resume",
            "endpoint-pool",
        ],
        tests_use: &["mock-provider"],
    },
    Layer { name: "monitor", uses: &["resume", "endpoint-pool", "cost"], tests_use: &[] },
    // It judges the others, so it must not be able to share a mistake with them.
    Layer { name: "mock-provider", uses: &["cost"], tests_use: &[] },
    Layer { name: "gateway", uses: &["client", "monitor"], tests_use: &["mock-provider"] },
    Layer {
        name: "unbroken",
        uses: &["gateway", "client", "cost", "mock-provider"],
        tests_use: &[],
    },
    // The commands must run while the rest does not build; `prices` reads the catalog.
    Layer { name: "xtask", uses: &["cost"], tests_use: &[] },
];

/// Packages that may use anything and that nothing may use.
const ABOVE: &[&str] = &["e2e", "benches"];

/// A declared dependency between two packages of the workspace.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Product,
    Tests,
}

/// Every crate that is in no layer and every edge that points the wrong way.
pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let members = metadata.workspace_packages();
    let names: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in &members {
        let messages = unlisted(&package.name).into_iter().map(|message| (None, message));
        let edges = edges(package, &names);
        let wrong = edges.iter().filter_map(|edge| Some((Some(edge.to), judge(edge)?)));
        findings.extend(messages.chain(wrong).map(|(to, message)| place(package, to, message)));
    }
    findings
}

fn edges<'a>(package: &'a Package, members: &[&str]) -> Vec<Edge<'a>> {
    let ours = package.dependencies.iter().filter(|dependency| {
        dependency.path.is_some() && members.contains(&dependency.name.as_str())
    });
    ours.map(|dependency| Edge {
        from: &package.name,
        to: &dependency.name,
        purpose: match dependency.kind {
            DependencyKind::Development => Purpose::Tests,
            _ => Purpose::Product,
        },
    })
    .collect()
}

fn unlisted(name: &str) -> Option<String> {
    let listed = LAYERS.iter().any(|layer| layer.name == name) || ABOVE.contains(&name);
    (!listed).then(|| format!("`{name}` is in no layer: add it to xtask/src/tidy/edges.rs"))
}

/// Why an edge is wrong, if it is.
fn judge(edge: &Edge<'_>) -> Option<String> {
    let Edge { from, to, purpose } = edge;
    if ABOVE.contains(from) {
        return None;
    }
    let layer = LAYERS.iter().find(|layer| layer.name == *from);
    let allowed = layer.is_some_and(|layer| {
        layer.uses.contains(to) || (*purpose == Purpose::Tests && layer.tests_use.contains(to))
    });
    let what = match purpose {
        Purpose::Product => "may not use",
        Purpose::Tests => "may not use in its tests",
    };
    (!allowed).then(|| format!("`{from}` {what} `{to}`"))
}

fn place(package: &Package, dependency: Option<&str>, message: String) -> Finding {
    let manifest = package.manifest_path.as_std_path();
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let line = line_where(&text, |line| {
        let rest = dependency.and_then(|name| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    });
    Finding::new(&relative(&root(), manifest), line, message)
}

#[cfg(test)]
mod tests {
    use super::{Edge, LAYERS, Purpose, judge, unlisted};

    #[track_caller]
    fn check(from: &str, to: &str, purpose: Purpose, expected: Option<&str>) {
        assert_eq!(judge(&Edge { from, to, purpose }).as_deref(), expected);
    }

    #[test]
    fn an_edge_of_the_table_is_allowed() {
        check("protocol", "sse-codec", Purpose::Product, None);
        check("unbroken", "client", Purpose::Product, None);
    }

    #[test]
    fn an_edge_upwards_or_sideways_is_a_finding() {
        check("sse-codec", "cost", Purpose::Product, Some("`sse-codec` may not use `cost`"));
        check("cost", "client", Purpose::Product, Some("`cost` may not use `client`"));
        check("xtask", "client", Purpose::Product, Some("`xtask` may not use `client`"));
        check("cost", "xtask", Purpose::Product, Some("`cost` may not use `xtask`"));
    }

    #[test]
    fn the_judge_shares_nothing_with_the_judged() {
        let message = Some("`mock-provider` may not use in its tests `protocol`");
        check("mock-provider", "protocol", Purpose::Tests, message);
    }

    #[test]
    fn what_tests_may_use_the_product_may_not() {
        check("client", "mock-provider", Purpose::Tests, None);
        let message = Some("`client` may not use `mock-provider`");
        check("client", "mock-provider", Purpose::Product, message);
    }

    #[test]
    fn packages_above_use_anything_and_are_used_by_nobody() {
        check("e2e", "resume", Purpose::Tests, None);
        check("client", "e2e", Purpose::Tests, Some("`client` may not use in its tests `e2e`"));
    }

    #[test]
    fn a_crate_outside_the_layers_is_a_finding() {
        assert!(unlisted("common").unwrap().contains("`common` is in no layer"));
        assert_eq!(unlisted("gateway"), None);
    }

    #[test]
    fn the_layers_have_no_cycle() {
        fn depth(name: &str, seen: usize) -> usize {
            assert!(seen <= LAYERS.len(), "{name} uses itself");
            let layer = LAYERS.iter().find(|layer| layer.name == name).unwrap();
            layer.uses.iter().map(|used| depth(used, seen + 1)).max().unwrap_or(seen)
        }
        assert_eq!(depth("unbroken", 0), 5);
    }
}
