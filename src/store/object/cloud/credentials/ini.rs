//! AWS's shared files.

use std::collections::BTreeMap;

/// The values of a section, by their names in lower case.
pub(super) type Section = BTreeMap<String, String>;

/// Parses sections, by their names. A section that comes twice is merged; a line that is
/// neither a section nor a value is left out, and so are nested values.
pub(super) fn parse(text: &str) -> BTreeMap<String, Section> {
    let mut sections = BTreeMap::<String, Section>::new();
    let mut name = None;
    for line in text.lines() {
        if line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        let line = without_comment(line);
        if let Some(section) = line.strip_prefix('[').and_then(|end| end.strip_suffix(']')) {
            let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.entry(section.clone()).or_default();
            name = Some(section);
        } else if let (Some(name), Some((key, value))) = (&name, line.split_once('=')) {
            let section = sections.entry(name.clone()).or_default();
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}

fn without_comment(line: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|comment| line.find(comment))
        .min();
    line[..end.unwrap_or(line.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_values_without_comments_and_nested_values() {
        let sections = parse(
            "lost = 1\n\
             # a comment\n\
             [default]\n\
             aws_access_key_id = AKIA # the first\n\
             AWS_SECRET_ACCESS_KEY=a/b+c==\n\
             s3 =\n  addressing_style = path\n\
             nonsense\n\
             [ profile  dev ] ; another\n\
             region = eu-west-1\r\n\
             [default]\n\
             region=x\n",
        );
        let names: Vec<_> = sections.keys().collect();
        assert_eq!(names, ["default", "profile dev"]);
        let default = &sections["default"];
        assert_eq!(default["aws_access_key_id"], "AKIA");
        assert_eq!(default["aws_secret_access_key"], "a/b+c==");
        assert_eq!(default["region"], "x");
        assert!(!default.contains_key("addressing_style"));
        assert_eq!(sections["profile dev"]["region"], "eu-west-1");
    }
}
