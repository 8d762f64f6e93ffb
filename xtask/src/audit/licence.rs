//! Licence expressions, and whether the policy accepts them.
//!
//! Reads the field of the manifest; does not read licence texts.

use cargo_metadata::{Metadata, Package};

use super::policy::{Policy, means};
use super::{at_package, theirs};
use crate::finding::Finding;

/// Every package whose licence the policy does not accept, and every permit that no package needs.
pub(super) fn check(policy: &Policy, metadata: &Metadata) -> Vec<Finding> {
    let licences = &policy.licenses;
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for package in theirs(metadata) {
        let allowed = allowed(policy, package);
        let expression = package.license.as_deref().unwrap_or_default();
        if !accepts(expression, &allowed, &mut used) {
            let message = format!("{} has the licence `{expression}`", package.name);
            findings.push(at_package(package, message));
        }
    }
    let permits = licences.allow.iter().chain(licences.exceptions.iter().flat_map(|e| &e.allow));
    for permit in permits.filter(|permit| !used.contains(permit)) {
        findings.push(policy.finding(permit, format!("no package has the licence {permit}")));
    }
    findings
}

fn allowed<'a>(policy: &'a Policy, package: &Package) -> Vec<&'a str> {
    let exceptions = policy.licenses.exceptions.iter();
    let own = exceptions.filter(|exception| means(&exception.spec, package));
    let all = policy.licenses.allow.iter().chain(own.flat_map(|exception| &exception.allow));
    all.map(String::as_str).collect()
}

/// Whether an SPDX expression is satisfied by the allowed licences; notes which ones it has.
///
/// The old `A/B` means `A OR B`. Text that is no expression is not satisfied.
fn accepts(expression: &str, allowed: &[&str], used: &mut Vec<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut parser = Parser { words: spaced.split_whitespace().collect(), at: 0, allowed, used };
    parser.any() == Some(true) && parser.at == parser.words.len()
}

/// Recursive descent: `any := all (OR all)*`, `all := one (AND one)*`, `one := (any) | id (WITH id)?`.
struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [&'a str],
    used: &'a mut Vec<String>,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut accepted = self.all()?;
        while self.take("OR") {
            accepted |= self.all()?;
        }
        Some(accepted)
    }

    fn all(&mut self) -> Option<bool> {
        let mut accepted = self.one()?;
        while self.take("AND") {
            accepted &= self.one()?;
        }
        Some(accepted)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let inner = self.any()?;
            return self.take(")").then_some(inner);
        }
        let mut licence =
            self.next().filter(|word| !["OR", "AND", "WITH", ")"].contains(word))?.to_owned();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.next()?);
        }
        let accepted = self.allowed.contains(&licence.as_str());
        if accepted {
            self.used.push(licence);
        }
        Some(accepted)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Option<&str> {
        self.at += 1;
        self.words.get(self.at - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[track_caller]
    fn check(expression: &str, expected: bool) {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        assert_eq!(accepts(expression, &allowed, &mut Vec::new()), expected, "{expression}");
    }

    #[test]
    fn one_of_a_choice_is_enough() {
        check("MIT", true);
        check("GPL-3.0", false);
        check("GPL-3.0 OR MIT", true);
        check("Unlicense/MIT", true);
    }

    #[test]
    fn all_of_a_conjunction_are_needed_and_bind_tighter() {
        check("MIT AND ISC", true);
        check("MIT AND GPL-3.0", false);
        check("(GPL-3.0 OR MIT) AND ISC", true);
        check("MIT OR GPL-3.0 AND GPL-2.0", true);
        check("(MIT OR GPL-3.0) AND GPL-2.0", false);
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        check("Apache-2.0 WITH LLVM-exception", true);
        check("Apache-2.0", false);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "MIT ISC", "MIT OR", "(MIT", "MIT)", "OR MIT", "MIT AND OR ISC"] {
            check(text, false);
        }
    }

    #[test]
    fn accepted_licences_are_noted() {
        let mut used = Vec::new();
        accepts("GPL-3.0 OR MIT", &["MIT", "ISC"], &mut used);
        assert_eq!(used, ["MIT"]);
    }
}
