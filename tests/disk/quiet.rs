//! Power cuts right after one answer, with no other request whose syncs would
//! also write what that one has left in memory.

use std::collections::BTreeMap;

use crate::audit::Expected;
use crate::cuts::{look, promises};
use crate::lab::{FileSystem, Lab};
use crate::requests::Kind;
use crate::site::Site;

const KINDS: [Kind; 10] = [
    Kind::Create,
    Kind::CreateWithUpload,
    Kind::CreateWhole,
    Kind::Append,
    Kind::AppendWholeOrNot,
    Kind::AppendLast,
    Kind::AppendLastWholeOrNot,
    Kind::DeclareLength,
    Kind::Delete,
    Kind::Concatenate,
];

async fn is_kept(file_system: FileSystem) {
    let Some(lab) = Lab::open().await else {
        return;
    };
    lab.make(file_system).await;
    let site = Site::under(lab.wrapper(), lab.home(), lab.inside("disk/data")).await;
    let mut faults = BTreeMap::new();
    for durability in ["finish", "offset"] {
        let (_server, tus) = site.start(durability).await;
        for kind in KINDS {
            let id = format!("{kind:?}-{durability}");
            let mut entries = kind.prepare(&tus, &id).await;
            lab.run("sync --file-system disk").await;
            let entry = entries.get_mut(&id).expect("it is prepared");
            let request = kind.send(&tus, &id, entry);
            let answer = tus.send(request).await;
            assert_eq!(answer.status(), kind.success());
            assert_eq!(kind.note(&answer, entry), None);
            lab.cut().await;

            let mut expected = Expected::all(entries);
            expected.promises = promises(durability);
            let found = look(&lab, file_system, durability, &expected).await;
            if !found.faults.is_empty() {
                faults.insert(id, found.faults);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn each_answer_is_kept_in_a_power_cut_right_after_it_on_ext4() {
    is_kept(FileSystem::Ext4).await;
}

#[tokio::test]
async fn each_answer_is_kept_in_a_power_cut_right_after_it_on_xfs() {
    is_kept(FileSystem::Xfs).await;
}
