//! Requests to a whole stack, on disks that fail.

use http::Request;
use http::request::Builder;
use rustix::io::Errno;
use tower::ServiceExt;
use tower_tus_layers::protocol::{Body, Chunk, Length, Metadata, NewUpload};
use tower_tus_layers::store::{AppendOptions, Store};

use super::disks::{IDS, disk, fail, mend};
use super::*;
use crate::fs::sim::{self, Disk, Kind, Verdict};
use crate::{Stack, TusService};

/// Sends a request to a whole stack on the disk.
async fn ask(service: &TusService, request: Builder, body: &str) -> http::Response<Body> {
    let request = request.header("Tus-Resumable", "1.0.0");
    let request = request.body(Body::from(body.to_owned())).unwrap();
    service.clone().oneshot(request).await.unwrap()
}

/// Makes a stack with the uploads `a` and `sub/a`, each with the first three of
/// five bytes.
async fn stack(disk: &Disk) -> TusService {
    let store = FileStore::new(disk.root());
    let locker = FileLocker::beside(&store).poll_interval(Duration::from_millis(10));
    for name in IDS {
        let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
        new.id = id(name);
        let mut upload = store.create(new).await.unwrap();
        let mut body = Body::from("hel");
        let appended = upload.append(Chunk::new(&mut body), AppendOptions::default());
        assert_eq!(appended.await.offset, 3);
    }
    Stack::new(store).locker(locker).into_service()
}

fn patch(name: &str) -> Builder {
    Request::patch(format!("/files/{name}"))
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", "3")
}

#[test]
fn without_space_or_quota_uploads_are_read_and_terminated_and_others_get_507() {
    const GROWS: &[Kind] = &[Kind::Create, Kind::Mkdir, Kind::Write, Kind::WriteOn];
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        let disk = disk();
        sim::run(async {
            let service = stack(&disk).await;
            fail(&disk, GROWS, errno);
            let creation = Request::post("/files/").header("Upload-Length", "5");
            assert_eq!(ask(&service, creation, "").await.status(), 507);
            for name in IDS {
                let url = format!("/files/{name}");
                assert_eq!(ask(&service, patch(name), "lo").await.status(), 507);
                let head = ask(&service, Request::head(&url), "").await;
                assert_eq!(head.headers()["upload-offset"], "3");
                assert_eq!(ask(&service, Request::get(&url), "").await.status(), 200);
                let ended = ask(&service, Request::delete(&url), "").await;
                assert_eq!(ended.status(), 204);
                assert_eq!(ask(&service, Request::head(&url), "").await.status(), 404);
            }
        });
        assert_eq!(disk.files(), [""; 0].map(PathBuf::from));
    }
}

#[test]
fn while_a_network_file_system_does_not_know_its_files_they_are_unavailable() {
    let disk = disk();
    sim::run(async {
        let service = stack(&disk).await;
        disk.rule(|call| match call.path.starts_with("sub") {
            true => Verdict::Fail(Errno::STALE),
            false => Verdict::Pass,
        });
        let requests = || {
            let url = "/files/sub/a";
            [
                Request::head(url),
                Request::get(url),
                patch("sub/a"),
                Request::delete(url),
            ]
        };
        for request in requests() {
            let answer = ask(&service, request, "").await;
            assert_eq!(answer.status(), 503);
            let error: &Error = answer.extensions().get().unwrap();
            assert_eq!(error.code(), "ERR_STORAGE_UNAVAILABLE");
        }
        mend(&disk);
        for request in requests() {
            assert!(ask(&service, request, "").await.status().is_success());
        }
    });
}
