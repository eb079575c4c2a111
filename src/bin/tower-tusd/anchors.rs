//! Whether a regular expression matches an origin as a whole.

use regex::bytes::RegexBuilder;
use regex_syntax::ParserBuilder;
use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::Look;

/// Origins of nobody: what matches one of these matches any page's.
const OF_NOBODY: [&str; 4] = [
    "https://anyone.invalid",
    "http://anyone.invalid",
    "https://a.b.invalid:1",
    "null",
];

/// What is too wide about an expression for origins, and what would not be.
pub(crate) fn advice(expression: &str) -> Option<String> {
    if let Some(anchored) = anchored(expression) {
        return Some(format!(
            "matches also a part of an origin; write it as {anchored}"
        ));
    }
    let matches = RegexBuilder::new(expression).unicode(false).build().ok()?;
    let origin = OF_NOBODY
        .iter()
        .find(|origin| matches.is_match(origin.as_bytes()))?;
    Some(format!(
        "matches any origin, such as {origin}; name yours, as in ^https://example\\.com$"
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
    // `.*` at an end matches whatever an anchor would keep out.
    let core = expression.trim_start_matches(".*").trim_end_matches(".*");
    if core.is_empty() {
        return Some("^https://example\\.com$, with the name of yours".to_owned());
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
    fn what_is_not_anchored_at_both_ends_is_shown_anchored() {
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
    fn what_matches_every_origin_is_too_wide_also_with_anchors() {
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
