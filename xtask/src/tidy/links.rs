//! What a crate must not link, over everything that it pulls in.
//!
//! Asks `cargo tree` per crate, because the graph of the whole workspace unifies features and would
//! show what only a neighbour turned on. Build scripts and macros run elsewhere and are not links.

use anyhow::Result;
use cargo_metadata::Metadata;

use crate::cargo::{cargo, output};
use crate::finding::Finding;

/// One promise about one crate.
struct Promise {
    name: &'static str,
    features: Features,
    rule: Rule,
}

/// With which of its own features the crate is looked at.
#[derive(Clone, Copy)]
enum Features {
    None,
    Default,
    All,
}

enum Rule {
    /// Links these packages at most.
    Only(&'static [&'static str]),
    /// Links none of these packages.
    Never(&'static [&'static str]),
    /// Links the package with these features at most.
    FeaturesOf(&'static str, &'static [&'static str]),
}

const HYPER: &[&str] = &["hyper", "hyper-util", "hyper-rustls"];
const SANS_IO: &[&str] = &["tokio", "hyper", "hyper-util", "hyper-rustls"];
const SANS_IO_SANS_RANDOM: &[&str] =
    &["tokio", "hyper", "hyper-util", "hyper-rustls", "rand", "getrandom", "fastrand"];
const OWN_JSON_AND_SOCKETS: &[&str] =
    &["hyper", "hyper-util", "hyper-rustls", "serde_json", "httparse"];

const PROMISES: &[Promise] = &[
    Promise { name: "sse-codec", features: Features::Default, rule: Rule::Only(&["memchr"]) },
    Promise { name: "retry-policy", features: Features::None, rule: Rule::Only(&[]) },
    Promise { name: "cost", features: Features::All, rule: Rule::Never(SANS_IO) },
    Promise { name: "checkpoint-store", features: Features::All, rule: Rule::Never(HYPER) },
    Promise {
        name: "checkpoint-store",
        features: Features::Default,
        rule: Rule::FeaturesOf("tokio", &["sync"]),
    },
    Promise { name: "protocol", features: Features::All, rule: Rule::Never(SANS_IO) },
    Promise { name: "resume", features: Features::All, rule: Rule::Never(SANS_IO_SANS_RANDOM) },
    Promise { name: "endpoint-pool", features: Features::All, rule: Rule::Never(SANS_IO) },
    Promise { name: "monitor", features: Features::All, rule: Rule::Never(SANS_IO) },
    Promise {
        name: "mock-provider",
        features: Features::All,
        rule: Rule::Never(OWN_JSON_AND_SOCKETS),
    },
];

/// What no package links on any platform, tests and benches included.
///
/// With two providers in one graph the default of rustls is ambiguous, and it panics.
const NOWHERE: &[&str] = &["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"];

/// A package in a graph, with the features that are on.
#[derive(Debug, PartialEq, Eq)]
struct Linked {
    name: String,
    features: Vec<String>,
}

/// Every broken promise of the crates that exist.
pub(super) fn check(metadata: &Metadata) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for promise in PROMISES {
        let Promise { name, features, rule } = promise;
        if !metadata.workspace_packages().iter().any(|package| package.name == *name) {
            continue;
        }
        let path = format!("crates/{name}/Cargo.toml");
        let messages = judge(name, rule, &graph(name, *features)?);
        findings.extend(messages.into_iter().map(|message| Finding::new(&path, 1, message)));
    }
    let messages = judge("the workspace", &Rule::Never(NOWHERE), &whole_graph()?);
    findings.extend(messages.into_iter().map(|message| Finding::new("Cargo.toml", 1, message)));
    Ok(findings)
}

/// What one crate links on this platform.
fn graph(name: &str, features: Features) -> Result<Vec<Linked>> {
    let mut command = cargo(["tree", "--quiet", "--prefix", "none", "--format", "{p}|{f}"]);
    command.args(["--edges", "normal,no-proc-macro", "--package", name]);
    match features {
        Features::None => command.arg("--no-default-features"),
        Features::Default => &mut command,
        Features::All => command.arg("--all-features"),
    };
    Ok(parse(&output(command)?))
}

fn whole_graph() -> Result<Vec<Linked>> {
    let mut command = cargo(["tree", "--quiet", "--prefix", "none", "--format", "{p}|{f}"]);
    command.args(["--edges", "all", "--workspace", "--all-features", "--target", "all"]);
    Ok(parse(&output(command)?))
}

/// Reads lines such as `memchr v2.8.3|alloc,std (*)`.
fn parse(tree: &str) -> Vec<Linked> {
    let lines = tree.lines().filter_map(|line| line.split_once('|'));
    lines
        .filter_map(|(package, features)| {
            let features = features.trim_end_matches("(*)").trim();
            Some(Linked {
                name: package.split_whitespace().next()?.to_owned(),
                features: features.split(',').filter(|f| !f.is_empty()).map(Into::into).collect(),
            })
        })
        .collect()
}

/// How the graph of `name` breaks the rule.
fn judge(name: &str, rule: &Rule, graph: &[Linked]) -> Vec<String> {
    let mut messages: Vec<String> = match rule {
        Rule::Only(allowed) => graph
            .iter()
            .filter(|linked| linked.name != name && !allowed.contains(&linked.name.as_str()))
            .map(|linked| format!("`{name}` must not link `{}`", linked.name))
            .collect(),
        Rule::Never(banned) => graph
            .iter()
            .filter(|linked| banned.contains(&linked.name.as_str()))
            .map(|linked| format!("`{name}` must not link `{}`", linked.name))
            .collect(),
        Rule::FeaturesOf(package, allowed) => graph
            .iter()
            .filter(|linked| linked.name == *package)
            .flat_map(|linked| &linked.features)
            .filter(|feature| !allowed.contains(&feature.as_str()))
            .map(|feature| format!("`{name}` must not link `{package}` with `{feature}`"))
            .collect(),
    };
    messages.sort();
    messages.dedup();
    messages
}

#[cfg(test)]
mod tests {
    use super::{Linked, Rule, judge, parse};

    const TREE: &str = "resume v0.1.0 (/somewhere/crates/resume)|\n\
        tokio v1.54.1|default,net,sync\n\
        memchr v2.8.3|alloc,std (*)\n\
        memchr v2.8.3|alloc,std (*)\n";

    #[track_caller]
    fn check(rule: &Rule, expected: &[&str]) {
        assert_eq!(judge("resume", rule, &parse(TREE)), expected);
    }

    #[test]
    fn tree_lines_give_names_and_features() {
        let graph = parse(TREE);
        let features = vec!["alloc".to_owned(), "std".to_owned()];
        assert_eq!(graph[0], Linked { name: "resume".into(), features: Vec::new() });
        assert_eq!(graph[2], Linked { name: "memchr".into(), features });
    }

    #[test]
    fn a_link_beyond_the_allowed_is_a_finding_once() {
        check(&Rule::Only(&["tokio"]), &["`resume` must not link `memchr`"]);
        check(&Rule::Only(&["tokio", "memchr"]), &[]);
    }

    #[test]
    fn a_banned_link_is_a_finding() {
        check(&Rule::Never(&["tokio", "hyper"]), &["`resume` must not link `tokio`"]);
        check(&Rule::Never(&["hyper"]), &[]);
    }

    #[test]
    fn a_feature_beyond_the_allowed_is_a_finding() {
        let rule = Rule::FeaturesOf("tokio", &["default", "sync"]);
        check(&rule, &["`resume` must not link `tokio` with `net`"]);
    }
}
