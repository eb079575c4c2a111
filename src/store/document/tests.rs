//! What `.info` says, and how it is read.

use super::*;

fn document(upload: &Upload) -> Document {
    let storage = [("InfoPath", "/up/a.info"), ("Path", "/up/a")];
    Document::new(upload, storage.map(|(key, path)| (key, path.to_owned())))
}

fn with_metadata(raw: &[u8]) -> Upload {
    let mut upload = Upload::new("a".parse().unwrap());
    upload.metadata = Metadata::parse(raw).unwrap();
    upload
}

#[test]
fn it_reads_as_tusd_writes_it() {
    let mut upload = Upload::new("a".parse().unwrap());
    upload.length = Some(Length::from(10));
    let json = document(&upload).to_json();
    let expected = concat!(
        r#"{"ID":"a","Size":10,"SizeIsDeferred":false,"Offset":0,"MetaData":{},"#,
        r#""IsPartial":false,"IsFinal":false,"PartialUploads":null,"#,
        r#""Storage":{"InfoPath":"/up/a.info","Path":"/up/a"}}"#,
    );
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

#[test]
fn the_exact_text_and_the_finishing_stand_beside_it() {
    let mut upload = with_metadata(b" name /w== , flag ");
    upload.finishing = Some(FinishState::Pending { attempts: 2 });
    let json: Value = serde_json::from_slice(&document(&upload).to_json()).unwrap();
    assert_eq!(
        json["MetaData"],
        serde_json::json!({"name": "\u{fffd}", "flag": ""})
    );
    let ours = serde_json::json!({
        "UploadMetadata": " name /w== , flag ",
        "Finishing": {"Pending": {"Attempts": 2}},
    });
    assert_eq!(json["TowerTus"], ours);
}

fn joined(role: Role, raw: &[u8]) -> Upload {
    let mut upload = Upload::new("a".parse().unwrap());
    let raw = HeaderValue::from_bytes(raw).unwrap();
    upload.concat = Some(Concat::new(role, Some(raw)));
    upload
}

#[test]
fn partials_and_finals_are_those_of_tusd_with_their_text_beside_it() {
    let ids = |ids: [&str; 2]| ids.map(|id| id.parse().unwrap()).to_vec();
    let parts = ids(["b", "c/d"]);
    let pending = |pending| Role::Final {
        parts: parts.clone(),
        pending,
    };
    let awaited = Role::Partial {
        awaited_by: ids(["f", "g"]),
    };
    let alone = Role::Partial { awaited_by: vec![] };
    for (mut upload, members, ours) in [
        (
            joined(alone, b"partial"),
            serde_json::json!([true, false, null]),
            serde_json::json!({"UploadConcat": "partial"}),
        ),
        (
            joined(awaited, b"partial"),
            serde_json::json!([true, false, null]),
            serde_json::json!({"UploadConcat": "partial", "AwaitedBy": ["f", "g"]}),
        ),
        (
            joined(pending(false), b"final;/b /c/d?\xe4"),
            serde_json::json!([false, true, ["b", "c/d"]]),
            serde_json::json!({"UploadConcat": "final;/b /c/d?\u{e4}"}),
        ),
        (
            joined(pending(true), b"final;b c/d"),
            serde_json::json!([false, true, ["b", "c/d"]]),
            serde_json::json!({"UploadConcat": "final;b c/d", "Pending": true}),
        ),
    ] {
        let written = document(&upload);
        upload.storage = written.storage();
        let json = written.to_json();
        let value: Value = serde_json::from_slice(&json).unwrap();
        let told = ["IsPartial", "IsFinal", "PartialUploads"].map(|name| &value[name]);
        assert_eq!(serde_json::json!(told), members);
        assert_eq!(value["TowerTus"], ours);
        let read: Document = serde_json::from_slice(&json).unwrap();
        assert_eq!(read.upload(upload.id.clone(), 0), upload);
    }
}

#[test]
fn of_an_upload_of_tusd_only_the_meaning_is_known() {
    let json = r#"{"IsFinal":true,"PartialUploads":["b","../x"],"Size":5}"#;
    let document: Document = serde_json::from_str(json).unwrap();
    let upload = document.upload("a".parse().unwrap(), 5);
    let parts = vec!["b".parse().unwrap()];
    let role = Role::Final {
        parts,
        pending: false,
    };
    assert_eq!(upload.concat, Some(Concat::new(role, None)));
    assert!(upload.is_complete());
}

#[test]
fn an_upload_is_read_as_it_was_written() {
    for finishing in [
        None,
        Some(FinishState::Pending { attempts: 3 }),
        Some(FinishState::Done),
        Some(FinishState::Failed),
    ] {
        for length in [None, Some(0), Some(10)] {
            let mut upload = with_metadata(b"z eg==,  name /w== , flag");
            upload.created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
            upload.completion = Completion::ByClient {
                declared: length.is_some(),
            };
            (upload.length, upload.finishing) = (length.map(Length::from), finishing);
            let written = document(&upload);
            upload.storage = written.storage();
            let read: Document = serde_json::from_slice(&written.to_json()).unwrap();
            assert_eq!(read.upload(upload.id.clone(), 0), upload);
        }
    }
}

#[test]
fn a_seal_says_that_a_complete_upload_is_finished_and_nothing_else_does() {
    let mut upload = Upload::new("a".parse().unwrap());
    upload.length = Some(Length::from(5));
    let pending = Some(FinishState::Pending { attempts: 2 });
    for (finishing, after, offset, expected) in [
        (pending, " ", 5, Some(FinishState::Done)),
        (pending, " ", 4, pending),
        (pending, "", 5, pending),
        (pending, "\n", 5, pending),
        (pending, " \n", 5, pending),
        (pending, "  ", 5, pending),
        (Some(FinishState::Failed), " ", 5, Some(FinishState::Failed)),
        (None, " ", 5, None),
    ] {
        upload.finishing = finishing;
        let mut json = document(&upload).to_json();
        json.extend_from_slice(after.as_bytes());
        let mut read = Document::parse(&json).unwrap();
        let found = read.upload(upload.id.clone(), offset);
        assert_eq!(
            found.finishing, expected,
            "{finishing:?} {after:?} {offset}"
        );
        // A rewrite says it in words.
        read.update(&found);
        let read = Document::parse(&read.to_json()).unwrap();
        let again = read.upload(upload.id.clone(), offset);
        assert_eq!(again.finishing, expected);
    }
}

#[test]
fn who_changes_the_pairs_changes_the_metadata() {
    let mut document = document(&with_metadata(b"b Yg== , a YQ=="));
    document.meta_data.insert("a".into(), "c".into());
    assert_eq!(document.metadata().raw().unwrap(), "a Yw==,b Yg==");
}

#[test]
fn pairs_that_no_header_could_carry_are_left_out() {
    let json = r#"{"MetaData":{"a b":"x","":"y","a\tb":"z","k,":"x","ok":"\u00e4"}}"#;
    let document: Document = serde_json::from_str(json).unwrap();
    assert_eq!(document.metadata().raw().unwrap(), "ok w6Q=");
}

#[test]
fn keys_beyond_ascii_come_back_also_where_tusd_has_dropped_the_exact_text() {
    let json = r#"{"MetaData":{"gr\u00f6\u00dfe":"1","a":"b"}}"#;
    let document: Document = serde_json::from_str(json).unwrap();
    assert_eq!(
        document.metadata().raw().unwrap(),
        "a Yg==,gr\u{f6}\u{df}e MQ=="
    );
}

#[test]
fn what_a_lenient_server_has_read_is_read_as_it_was_written() {
    for raw in [
        "a YQ==, gr\u{f6}\u{df}e MQ== ".as_bytes(),
        // Keys that are equal as text, and base64 that only Go accepts.
        b"\xe4 YQ==,\xf6 Yg==",
        b"a YR==",
    ] {
        let mut upload = Upload::new("a".parse().unwrap());
        upload.metadata = Metadata::parse_lenient(raw);
        let json = document(&upload).to_json();
        let read: Document = serde_json::from_slice(&json).unwrap();
        let read = read.upload(upload.id.clone(), 0);
        assert_eq!(read.metadata.raw().unwrap().as_bytes(), raw);
        assert_eq!(read.metadata, upload.metadata);
    }
    let raw = "gr\u{f6}\u{df}e MQ==".as_bytes();
    let mut upload = Upload::new("a".parse().unwrap());
    upload.metadata = Metadata::parse_lenient(raw);
    let json: Value = serde_json::from_slice(&document(&upload).to_json()).unwrap();
    assert_eq!(
        json["MetaData"],
        serde_json::json!({"gr\u{f6}\u{df}e": "1"})
    );
}

#[test]
fn what_is_missing_or_null_is_as_nothing() {
    for json in [
        "{}",
        r#"{"MetaData":null,"PartialUploads":null,"Storage":null}"#,
    ] {
        let document: Document = serde_json::from_str(json).unwrap();
        assert!(document.metadata().is_empty() && document.stored("Path").is_none());
        let json = String::from_utf8(document.to_json()).unwrap();
        assert!(json.contains(r#""MetaData":{}"#), "{json}");
    }
}

#[test]
fn the_answer_to_the_finish_stands_beside_the_members_of_tusd() {
    let mut upload = with_metadata(b"a YQ==");
    upload.finishing = Some(FinishState::Done);
    let without = document(&upload);
    let mut with = without.clone();
    let value = HeaderValue::from_static("/assets/1");
    let answer = ResponseOverride::default()
        .with_status(http::StatusCode::CREATED)
        .with_header(http::header::LOCATION, value)
        .with_body("{}");
    with.set_answer(&answer);
    let mut with: Value = serde_json::from_slice(&with.to_json()).unwrap();
    let own = with["TowerTus"].as_object_mut().unwrap();
    let expected = serde_json::json!(
        {"StatusCode": 201, "Header": {"location": ["/assets/1"]}, "Body": "{}"}
    );
    assert_eq!(own.remove("Answer"), Some(expected));
    let without: Value = serde_json::from_slice(&without.to_json()).unwrap();
    assert_eq!(with, without);
}

#[test]
fn numbers_that_nobody_here_knows_do_not_drift() {
    let mut json = r#"{"Newer":[18446770344709551615,0.1,1e-7]}"#.to_owned();
    let members = |json: &str| serde_json::from_str::<Value>(json).unwrap()["Newer"].clone();
    let numbers = members(&json);
    for _ in 0..3 {
        let document = Document::parse(json.as_bytes()).unwrap();
        json = String::from_utf8(document.to_json()).unwrap();
        assert_eq!(members(&json), numbers);
    }
    assert!(json.contains("[1.844677034470955e+19,0.1,1e-7]"), "{json}");
}

#[test]
fn members_that_nobody_here_knows_are_kept() {
    let json = r#"{"ID":"a","Newer":{"x":[1]}}"#;
    let document: Document = serde_json::from_str(json).unwrap();
    let json: Value = serde_json::from_slice(&document.to_json()).unwrap();
    assert_eq!(json["Newer"]["x"][0], 1);
}
