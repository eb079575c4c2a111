//! A hook's response, parsed like Go's JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::text::text;

/// tusd's `HookResponse`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::hooks) struct HookResponse {
    pub(in crate::hooks) http_response: HttpResponse,
    pub(in crate::hooks) reject_upload: bool,
    pub(in crate::hooks) reject_termination: bool,
    pub(in crate::hooks) stop_upload: bool,
    pub(in crate::hooks) change_file_info: FileInfoChanges,
}

/// tusd's `HTTPResponse`. A member that is 0 or empty changes nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::hooks) struct HttpResponse {
    pub(in crate::hooks) status_code: i64,
    pub(in crate::hooks) body: String,
    pub(in crate::hooks) header: BTreeMap<String, String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::hooks) struct FileInfoChanges {
    pub(in crate::hooks) id: String,
    /// `None` keeps the client's metadata; an empty map removes it.
    pub(in crate::hooks) meta_data: Option<BTreeMap<String, String>>,
    /// Nested members have both names, such as `Tags.project`.
    pub(in crate::hooks) storage: BTreeMap<String, String>,
}

impl HookResponse {
    /// Parses a whole document, and returns the first unknown member.
    pub(in crate::hooks) fn parse(
        json: &[u8],
    ) -> Result<(Self, Option<String>), serde_json::Error> {
        let (mut response, mut unknown) = (Self::default(), None);
        let json = text(json);
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let whole = Into {
            place: &mut response,
            path: "",
            unknown: &mut unknown,
        };
        whole.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok((response, unknown))
    }
}

/// An object whose members are parsed one by one into their places.
trait Members {
    /// Parses the value of the member `name`, in lower case. Returns false for
    /// an unknown name, and skips its value.
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        from: &mut A,
        unknown: &mut Option<String>,
    ) -> Result<bool, A::Error>;
}

impl Members for HookResponse {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        from: &mut A,
        unknown: &mut Option<String>,
    ) -> Result<bool, A::Error> {
        match name {
            "httpresponse" => from.next_value_seed(Into {
                place: &mut self.http_response,
                path: "HTTPResponse.",
                unknown,
            })?,
            "rejectupload" => set(&mut self.reject_upload, from)?,
            "rejecttermination" => set(&mut self.reject_termination, from)?,
            "stopupload" => set(&mut self.stop_upload, from)?,
            "changefileinfo" => from.next_value_seed(Into {
                place: &mut self.change_file_info,
                path: "ChangeFileInfo.",
                unknown,
            })?,
            _ => return ignore(from),
        }
        Ok(true)
    }
}

impl Members for HttpResponse {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        from: &mut A,
        _: &mut Option<String>,
    ) -> Result<bool, A::Error> {
        match name {
            "statuscode" => set(&mut self.status_code, from)?,
            "body" => set(&mut self.body, from)?,
            "header" => self.header = strings(from)?.unwrap_or_default(),
            _ => return ignore(from),
        }
        Ok(true)
    }
}

impl Members for FileInfoChanges {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        from: &mut A,
        _: &mut Option<String>,
    ) -> Result<bool, A::Error> {
        match name {
            "id" => set(&mut self.id, from)?,
            "metadata" => self.meta_data = strings(from)?,
            "storage" => self.storage = storage(from)?,
            _ => return ignore(from),
        }
        Ok(true)
    }
}

/// Parses a value; null changes nothing.
fn set<'de, T, A>(place: &mut T, from: &mut A) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    if let Some(value) = from.next_value()? {
        *place = value;
    }
    Ok(())
}

/// Parses a map, or `None` for null. A null value in the map is the empty
/// string.
fn strings<'de, A>(from: &mut A) -> Result<Option<BTreeMap<String, String>>, A::Error>
where
    A: MapAccess<'de>,
{
    let map = from.next_value::<Option<BTreeMap<String, Option<String>>>>()?;
    let filled = |(key, value): (String, Option<String>)| (key, value.unwrap_or_default());
    Ok(map.map(|map| map.into_iter().map(filled).collect()))
}

/// Parses a map whose values may be maps as well.
fn storage<'de, A>(from: &mut A) -> Result<BTreeMap<String, String>, A::Error>
where
    A: MapAccess<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Pairs(BTreeMap<String, Option<String>>),
    }
    let map = from.next_value::<Option<BTreeMap<String, Option<Value>>>>()?;
    let mut flat = BTreeMap::new();
    for (name, value) in map.unwrap_or_default() {
        match value {
            None => drop(flat.insert(name, String::new())),
            Some(Value::Text(text)) => drop(flat.insert(name, text)),
            Some(Value::Pairs(pairs)) => flat.extend(pairs.into_iter().map(|(key, value)| {
                let value = value.unwrap_or_default();
                (format!("{name}.{key}"), value)
            })),
        }
    }
    Ok(flat)
}

/// Skips the value of an unknown name.
fn ignore<'de, A: MapAccess<'de>>(from: &mut A) -> Result<bool, A::Error> {
    from.next_value::<IgnoredAny>().map(|_| false)
}

/// Parses an object into an existing value.
struct Into<'a, T> {
    place: &'a mut T,
    /// Prefix of its member names within the whole document.
    path: &'static str,
    unknown: &'a mut Option<String>,
}

impl<'de, T: Members> DeserializeSeed<'de> for Into<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Members> Visitor<'de> for Into<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            place,
            path,
            unknown,
        } = self;
        while let Some(name) = map.next_key::<String>()? {
            if !place.read(&name.to_ascii_lowercase(), &mut map, unknown)? {
                unknown.get_or_insert_with(|| format!("{path}{name}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> HookResponse {
        let (response, unknown) = HookResponse::parse(json.as_bytes()).unwrap();
        assert_eq!(unknown, None, "{json}");
        response
    }

    #[test]
    fn every_member_has_its_place() {
        let response = parse(
            r#"{"HTTPResponse": {"StatusCode": 402, "Body": "no", "Header": {"A": "b", "C": null}},
                "RejectUpload": true, "RejectTermination": true, "StopUpload": true,
                "ChangeFileInfo": {"ID": "a", "MetaData": {"k": "v"}, "Storage": {"Path": "p"}}}"#,
        );
        let map = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|&(key, value)| (key.into(), value.into()))
                .collect()
        };
        let expected = HookResponse {
            http_response: HttpResponse {
                status_code: 402,
                body: "no".into(),
                header: map(&[("A", "b"), ("C", "")]),
            },
            reject_upload: true,
            reject_termination: true,
            stop_upload: true,
            change_file_info: FileInfoChanges {
                id: "a".into(),
                meta_data: Some(map(&[("k", "v")])),
                storage: map(&[("Path", "p")]),
            },
        };
        assert_eq!(response, expected);
    }

    #[test]
    fn pairs_within_storage_have_both_names() {
        let response = parse(
            r#"{"ChangeFileInfo": {"Storage": {"Key": "k", "Bucket": null, "Metadata": {},
                "Tags": {"project": "tus", "empty": null}}}}"#,
        );
        let expected = [
            ("Key", "k"),
            ("Bucket", ""),
            ("Tags.project", "tus"),
            ("Tags.empty", ""),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(response.change_file_info.storage, expected.into());
    }

    #[test]
    fn nothing_changes_nothing() {
        for json in [
            "{}",
            "null",
            " {}\n",
            r#"{"HTTPResponse": null, "RejectUpload": null, "ChangeFileInfo": null}"#,
            r#"{"HTTPResponse": {"StatusCode": null, "Body": null, "Header": null},
                "ChangeFileInfo": {"ID": null, "MetaData": null, "Storage": null}}"#,
        ] {
            assert_eq!(parse(json), HookResponse::default(), "{json}");
        }
    }

    #[test]
    fn a_name_without_meaning_is_named() {
        for (json, name) in [
            (
                r#"{"Unknown": [{"RejectUpload": true}], "Headers": {}}"#,
                "Unknown",
            ),
            (r#"{"RejectUplod": null}"#, "RejectUplod"),
            (
                r#"{"HTTPResponse": {"Status": 400}}"#,
                "HTTPResponse.Status",
            ),
            (
                r#"{"changefileinfo": {"Id": "a", "Meta": {}}}"#,
                "ChangeFileInfo.Meta",
            ),
        ] {
            let (_, unknown) = HookResponse::parse(json.as_bytes()).unwrap();
            assert_eq!(unknown.as_deref(), Some(name), "{json}");
        }
    }

    #[test]
    fn no_metadata_is_more_than_nothing() {
        let response = parse(r#"{"ChangeFileInfo": {"MetaData": {}}}"#);
        assert_eq!(response.change_file_info.meta_data, Some(BTreeMap::new()));
    }

    #[test]
    fn the_case_of_a_name_does_not_matter() {
        let response = parse(
            r#"{"httpresponse": {"STATUSCODE": 400, "body": "b"}, "rejectUpload": true,
                "changeFileInfo": {"id": "a", "metadata": {"K": "v"}, "storage": {}}}"#,
        );
        assert_eq!(response.http_response.status_code, 400);
        assert_eq!(response.http_response.body, "b");
        assert!(response.reject_upload);
        assert_eq!(response.change_file_info.id, "a");
        // The keys of a map keep their case.
        assert_eq!(response.change_file_info.meta_data.unwrap()["K"], "v");
    }

    #[test]
    fn what_comes_last_wins_and_null_is_not_it() {
        let response = parse(
            r#"{"RejectUpload": false, "rejectupload": true, "REJECTUPLOAD": null,
                "HTTPResponse": {"StatusCode": 400, "StatusCode": 401},
                "HTTPResponse": {"Body": "b"}}"#,
        );
        assert!(response.reject_upload);
        assert_eq!(response.http_response.status_code, 401);
        assert_eq!(response.http_response.body, "b");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let response = HookResponse::parse(b"{\"HTTPResponse\": {\"Body\": \"\xff\"}}");
        assert_eq!(response.unwrap().0.http_response.body, "\u{fffd}");
    }

    #[test]
    fn all_else_is_no_response() {
        for json in [
            "",
            "\n",
            "ok",
            "[]",
            "true",
            "{",
            "{}{}",
            "{} ok",
            "{\"a\": 1,}",
            r#"{"RejectUpload": "true"}"#,
            r#"{"RejectUpload": 1, "RejectUpload": true}"#,
            r#"{"StopUpload": {}}"#,
            r#"{"HTTPResponse": []}"#,
            r#"{"HTTPResponse": {"StatusCode": "400"}}"#,
            r#"{"HTTPResponse": {"StatusCode": 400.5}}"#,
            r#"{"HTTPResponse": {"StatusCode": 99999999999999999999}}"#,
            r#"{"HTTPResponse": {"Body": {}}}"#,
            r#"{"HTTPResponse": {"Header": {"A": ["b"]}}}"#,
            r#"{"ChangeFileInfo": "a"}"#,
            r#"{"ChangeFileInfo": {"ID": 1}}"#,
            r#"{"ChangeFileInfo": {"MetaData": {"a": 1}}}"#,
            r#"{"ChangeFileInfo": {"Storage": "/a"}}"#,
            r#"{"ChangeFileInfo": {"Storage": {"Path": 1}}}"#,
            r#"{"ChangeFileInfo": {"Storage": {"Tags": {"a": {}}}}}"#,
        ] {
            assert!(HookResponse::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
