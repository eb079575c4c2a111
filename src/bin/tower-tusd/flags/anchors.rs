//! Checks that a regular expression matches whole origins, and not all of them.

use regex::bytes::RegexBuilder;
use regex_syntax::ParserBuilder;
use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::Look;

/// Origins that nobody uses: an expression that matches one of these matches any page's.
const OF_NOBODY: [&str; 4] = [
    "https://anyone.invalid",
    "http://anyone.invalid",
    "https://a.b.invalid:1",
    "null",
];

/// Says why an expression allows too many origins, and what to write instead.
pub(crate) fn advice(expression: &str) -> Option<String> {
    if let Some(anchored) = anchored(expression) {
        return Some(format!(
            "also matches a part of an origin; write {anchored}"
        ));
    }
    let matches = RegexBuilder::new(expression).unicode(false).build().ok()?;
    let origin = OF_NOBODY
        .iter()
        .find(|origin| matches.is_match(origin.as_bytes()))?;
    Some(format!(
        "matches any origin, such as {origin}; name yours, for example ^https://example\\.com$"
    ))
}

/// The expression with the anchors that it lacks, unless it has both in every
/// branch.
fn anchored(expression: &str) -> Option<String> {
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(expression)
        .ok()?;
    let properties = parsed.properties();
    let begins = properties.look_set_prefix().contains(Look::Start);
    let ends = properties.look_set_suffix().contains(Look::End);
    if begins && ends {
        return None;
    }
    // `.*` at an end matches everything that an anchor would exclude.
    let core = expression.trim_start_matches(".*").trim_end_matches(".*");
    if core.is_empty() {
        return Some("^https://example\\.com$ with your host".to_owned());
    }
    let branches = matches!(
        ast::parse::Parser::new().parse(expression),
        Ok(Ast::Alternation(_))
    );
    Some(match (begins, ends) {
        _ if branches => format!("^(?:{expression})$"),
        (true, _) => format!("{expression}$"),
        (_, true) => format!("^{expression}"),
        _ => format!("^{expression}$"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_without_both_anchors_is_shown_with_them() {
        for (expression, anchored) in [
            (r"https://a\.org", r"^https://a\.org$"),
            (r"^https://a\.org", r"^https://a\.org$"),
            (r"https://a\.org$", r"^https://a\.org$"),
            (r"^https://a\.org\$", r"^https://a\.org\$$"),
            (r"^a|b$", r"^(?:^a|b$)$"),
            (r"^(a|b)", r"^(a|b)$"),
            (r"[^a]$", r"^[^a]$"),
        ] {
            assert_eq!(super::anchored(expression).as_deref(), Some(anchored));
            assert_eq!(super::anchored(anchored), None, "{anchored}");
        }
        for expression in [r"^https://a\.org$", "^a$|^b$", "^(a|b)$", r"\Aa\z", "^.*$"] {
            assert_eq!(super::anchored(expression), None, "{expression}");
        }
    }

    #[test]
    fn an_expression_that_matches_every_origin_is_too_wide_even_with_anchors() {
        for expression in [
            ".*",
            "",
            "^.*$",
            "^https?://.*$",
            "^(https://a|.+)$",
            "^null$",
        ] {
            assert!(advice(expression).is_some(), "{expression}");
        }
        for expression in [r"^https://a\.org$", r"^https://([a-z]+\.)?a\.org(:\d+)?$"] {
            assert_eq!(advice(expression), None, "{expression}");
        }
    }
}
