use std::path::{Component, Path};

use serde_json::{Map, Value};
use tower_tus::layers::protocol::Role;
use tower_tus::store::file::Durability;
use tower_tus::{FileStore, Offset, Store, Upload, UploadId, fuzzing};

use crate::runtime::run;

/// `.info` of the file store.
pub fn info(json: &[u8]) {
    for len in [0, 5, u64::MAX] {
        let Ok((upload, written)) = fuzzing::info(json, id(), len) else {
            break;
        };
        stays_inside(&upload);
        assert!(upload.offset <= Offset::saturating(len));
        is_read_as_written(&upload, &written, len);
        if len == 5 {
            keeps_members(json, &written);
            is_never_half_read(&written);
        }
    }
    is_opened(json);
}

fn id() -> UploadId {
    "a".parse().expect("it is an id")
}

/// All ids that the store would look up are below its directory.
fn stays_inside(upload: &Upload) {
    let ids = match upload.concat.as_ref().map(|concat| &concat.role) {
        Some(Role::Final { parts, .. }) => &parts[..],
        Some(Role::Partial { awaited_by }) => awaited_by,
        _ => &[],
    };
    for id in ids {
        let mut parts = Path::new(id.as_str()).components();
        assert!(
            parts.all(|part| matches!(part, Component::Normal(_))),
            "{id}"
        );
    }
}

fn is_read_as_written(upload: &Upload, written: &[u8], len: u64) {
    let (again, twice) = fuzzing::info(written, id(), len).expect("it was written here");
    assert_eq!(&again, upload);
    let text = String::from_utf8_lossy;
    assert_eq!(text(&twice), text(written));
}

/// The members of tusd, and of later versions, survive.
fn keeps_members(json: &[u8], written: &[u8]) {
    const OURS: [&str; 10] = [
        "ID",
        "Size",
        "SizeIsDeferred",
        "Offset",
        "MetaData",
        "IsPartial",
        "IsFinal",
        "PartialUploads",
        "Storage",
        "TowerTus",
    ];
    let json = json.split(|&byte| byte == 0).next().unwrap_or_default();
    let members = |json| serde_json::from_slice::<Map<String, Value>>(json).ok();
    let (Some(before), Some(after)) = (members(json), members(written)) else {
        return;
    };
    for (name, value) in before {
        if !OURS.contains(&&*name) {
            assert_eq!(after.get(&name), Some(&value), "{name}");
        }
    }
}

/// A document that is cut short is none, also where a power cut has left zeros.
fn is_never_half_read(written: &[u8]) {
    let step = written.len() / 8 + 1;
    for cut in (0..written.len()).step_by(step).chain([written.len() - 1]) {
        for rest in [&b""[..], &[0; 9], b"\0}"] {
            let torn = [&written[..cut], rest].concat();
            assert!(fuzzing::info(&torn, id(), 5).is_err(), "{cut}");
        }
    }
    let whole = [written, b"\0\0{"].concat();
    assert!(fuzzing::info(&whole, id(), 5).is_ok());
}

/// The store opens what it can read, and nothing else.
fn is_opened(json: &[u8]) {
    thread_local! {
        static DIR: tempfile::TempDir = tempfile::tempdir().expect("there is room");
    }
    DIR.with(|dir| {
        let dir = dir.path();
        std::fs::write(dir.join("a"), "hello").expect("there is room");
        std::fs::write(dir.join("a.info"), json).expect("there is room");
        let store = FileStore::new(dir).durability(Durability::None);
        let opened = run(store.open(&id()));
        match (fuzzing::info(json, id(), 5), opened) {
            (Ok((mut upload, _)), Ok(opened)) => {
                // The paths are corrected to where the files are, and the data file tells
                // when it was changed.
                upload.storage.clone_from(&opened.info().storage);
                upload.modified = opened.info().modified;
                upload.set_path(opened.info().path().expect("it is a file"));
                assert_eq!(opened.info(), &upload);
                assert_eq!(upload.path(), Some(&*dir.join("a")));
            }
            (Err(_), Err(_)) => {}
            (read, opened) => panic!("{:?}, but {opened:?}", read.map(|read| read.0)),
        }
    });
}
