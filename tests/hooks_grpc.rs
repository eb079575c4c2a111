//! gRPC hooks with the receiver of the examples: the content of each event, the
//! effects of responses, and a missing receiver.

#![cfg(unix)]

mod harness;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use harness::grpc::GrpcReceiver;
use harness::host::host;
use harness::tus::{Answer, Tus, Version, code, content, patch, request, streamed};
use harness::{Server, run};
use http::{Method, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower_tus::hooks::GrpcHooks;
use tower_tus::layers::hooks::{HookKind, HookKinds};
use tower_tus::store::FileStore;
use tower_tus::{Clock, Expiration, Stack};

/// `filename a.txt`
const NAMED: &str = "filename YS50eHQ=";

/// Starts a host with all hooks that the receiver supports.
async fn hooked(receiver: &GrpcReceiver, directory: &Path) -> Tus {
    let hooks = GrpcHooks::new(&receiver.address()).unwrap();
    let stack = Stack::new(FileStore::new(directory)).hooks(hooks.kinds(HookKinds::ALL));
    let address = host(stack.into_service()).await;
    Tus::new(&format!("http://{address}/files/"), Version::Http1)
}

async fn create(tus: &Tus, metadata: &str) -> Answer {
    let post = tus.post().header("Upload-Length", 11);
    tus.ask(post.header("Upload-Metadata", metadata)).await
}

fn body(answer: &Answer) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

#[tokio::test]
async fn every_event_is_told_as_tusd_tells_it() {
    let Some(mut receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let tus = hooked(&receiver, &directory).await;
    let authority = tus.url.split('/').nth(2).unwrap();

    let mut upload = json!({
        "id": "",
        "size": "11",
        "sizeIsDeferred": false,
        "offset": "0",
        "metaData": { "filename": "a.txt" },
        "isPartial": false,
        "isFinal": false,
        "partialUploads": [],
        "storage": {},
    });
    let event = |moment: &str, upload: &Value, request: &Value| json!({ "type": moment, "event": { "upload": upload, "httpRequest": request } });

    let url = tus.location(&create(&tus, NAMED).await);
    let id = url.strip_prefix(&tus.url).unwrap();
    let request_of = |method: &str, path: &str, header: Value| {
        let mut request = json!({ "method": method, "uri": path, "remoteAddr": "" });
        request["header"] = header;
        request["header"]["Host"] = authority.into();
        request["header"]["Tus-Resumable"] = "1.0.0".into();
        request
    };
    let post = request_of(
        "POST",
        "/files/",
        json!({
            "Upload-Length": "11",
            "Upload-Metadata": NAMED,
        }),
    );
    assert_eq!(receiver.event().await, event("pre-create", &upload, &post));
    upload["id"] = id.into();
    upload["storage"] = json!({
        "Type": "filestore",
        "Path": directory.join(id),
        "InfoPath": directory.join(format!("{id}.info")),
    });
    assert_eq!(receiver.event().await, event("post-create", &upload, &post));

    let path = format!("/files/{id}");
    let patch = |offset: &str, length: &str| {
        request_of(
            "PATCH",
            &path,
            json!({
                "Content-Length": length,
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": offset,
            }),
        )
    };
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    upload["offset"] = "5".into();
    let expected = event("post-receive", &upload, &patch("0", "5"));
    assert_eq!(receiver.event().await, expected);

    let answer = tus.append(&url, 5, content(" world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.headers()["x-received-by"], "Python");
    upload["offset"] = "11".into();
    for moment in ["pre-finish", "post-receive", "post-finish"] {
        let expected = event(moment, &upload, &patch("5", "6"));
        assert_eq!(receiver.event().await, expected);
    }

    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for moment in ["pre-terminate", "post-terminate"] {
        let delete = request_of("DELETE", &path, json!({}));
        let expected = event(moment, &upload, &delete);
        assert_eq!(receiver.event().await, expected);
    }
}

#[tokio::test]
async fn the_last_state_of_an_expired_upload_is_told() {
    let Some(mut receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let hooks = GrpcHooks::new(&receiver.address()).unwrap();
    let tomorrow = || SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    let expiration = Expiration::after(Duration::from_secs(60));
    let (service, uploads) = Stack::new(FileStore::new(&directory))
        .hooks(hooks.kinds([HookKind::PostExpire].into_iter().collect()))
        .expiration(expiration.clock(Clock::from_fn(tomorrow)))
        .into_service_and_uploads();
    let address = host(service).await;
    let tus = Tus::new(&format!("http://{address}/files/"), Version::Http1);
    let url = tus.location(&create(&tus, NAMED).await);
    let id = url.strip_prefix(&tus.url).unwrap();
    assert_eq!(uploads.expire().await.unwrap().expired, 1);
    let told = receiver.event().await;
    assert_eq!(told["type"], "post-expire");
    assert_eq!(told["event"]["upload"]["id"], id);
    assert_eq!(told["event"]["upload"]["metaData"]["filename"], "a.txt");
    assert_eq!(told["event"]["httpRequest"]["method"], "DELETE");
    assert_eq!(tus.head(&url).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn a_creation_is_rejected_and_its_answer_is_the_receivers() {
    let Some(receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let tus = hooked(&receiver, directory.path()).await;
    let answer = create(&tus, "other YQ==").await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers()["x-missing"], "filename");
    assert_eq!(body(&answer), "a file needs a name\n");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_is_what_the_receiver_makes_of_it() {
    let Some(receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let tus = hooked(&receiver, directory.path()).await;
    // `folder b`
    let answer = create(&tus, &format!("{NAMED},folder Yg==,other YQ==")).await;
    let url = tus.location(&answer);
    assert_eq!(url, format!("{}b/a.txt", tus.url));
    assert_eq!(tus.head(&url).await.headers()["upload-metadata"], NAMED);
    tus.append(&url, 0, content("hello world")).await;
    let stored = std::fs::read(directory.path().join("a.txt")).unwrap();
    assert_eq!(stored, b"hello world");
}

#[tokio::test]
async fn an_upload_is_stopped_while_its_bytes_arrive() {
    let Some(mut receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let tus = hooked(&receiver, directory.path()).await;
    // `filename virus`
    let url = tus.location(&create(&tus, "filename dmlydXM=").await);
    let endless = stream::once(async { Bytes::from("hello") }).chain(stream::pending());
    let answer = patch(&url, 0).body(streamed(endless)).unwrap();
    let answer = tus.send(answer).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(body(&answer), "no viruses\n");
    assert_eq!(tus.head(&url).await.status(), StatusCode::NOT_FOUND);
    while receiver.event().await["type"] != "post-terminate" {}
}

#[tokio::test]
async fn a_termination_is_rejected() {
    let Some(receiver) = GrpcReceiver::start().await else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let tus = hooked(&receiver, directory.path()).await;
    let url = tus.location(&create(&tus, &format!("{NAMED},keep")).await);
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(body(&answer), "it stays\n");
    assert_eq!(tus.offset(&url).await, 0);
}

#[tokio::test]
async fn a_receiver_that_restarts_is_found_again_and_no_upload_waits_for_it() {
    let Some(mut receiver) = GrpcReceiver::start().await else {
        return;
    };
    let mut server = Server::start(&[&receiver.flag(), "-hooks-grpc-backoff=10ms"]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let url = tus.location(&create(&tus, NAMED).await);
    assert_eq!(receiver.event().await["type"], "pre-create");

    let port = receiver.port.clone();
    receiver.end().await;
    let answer = create(&tus, NAMED).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(code(&answer), "ERR_INTERNAL_SERVER_ERROR");
    assert!(!body(&answer).contains("connect"), "{}", body(&answer));
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    server
        .line("event=HookInvocationError type=post-receive")
        .await;

    let mut receiver = GrpcReceiver::start_on(&port, &[]).await.unwrap();
    let answer = tus.append(&url, 5, content(" world")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    // Events that were sent in the meantime are lost.
    assert_eq!(receiver.event().await["event"]["upload"]["offset"], "11");
    assert_eq!(receiver.event().await["type"], "post-finish");
    assert_eq!(create(&tus, NAMED).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flag = format!("-hooks-grpc={}", silent.local_addr().unwrap());
    let server = Server::start(&[&flag, "-hooks-grpc-timeout=50ms"]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let answer = create(&tus, NAMED).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_service_is_called_as_often_as_the_flags_say() {
    let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flag = format!("-hooks-grpc={}", breaking.local_addr().unwrap());
    let (broken, mut breaks) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = breaking.accept().await {
            drop(connection);
            broken.send(()).unwrap();
        }
    });
    let flags = [&flag, "-hooks-grpc-retry=2", "-hooks-grpc-backoff=1ms"];
    let server = Server::start(&flags).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let answer = create(&tus, NAMED).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let breaks = std::iter::from_fn(|| breaks.try_recv().ok()).count();
    assert_eq!(breaks, 2);
}

/// Writes a certificate and its key.
fn write_certificate(directory: &Path, name: &str, is_ca: IsCa) -> [PathBuf; 2] {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    let texts = [params.self_signed(&key).unwrap().pem(), key.serialize_pem()];
    let paths = ["pem", "key"].map(|end| directory.join(format!("{name}.{end}")));
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).unwrap();
    }
    paths
}

#[tokio::test]
async fn over_tls_both_ends_know_each_other_and_headers_come_along() {
    let home = TempDir::new().unwrap();
    // Like `openssl req -x509`.
    let is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let service = write_certificate(home.path(), "service", is_ca);
    let client = write_certificate(home.path(), "client", IsCa::NoCa);
    let tls = [&service[0], &service[1], &client[0]].map(PathBuf::as_path);
    let Some(mut receiver) = GrpcReceiver::start_on("0", &tls).await else {
        return;
    };
    let hooks = receiver.flag();
    let trusted = flag("-hooks-grpc-server-tls-certificate", &service[0]);
    let flags = [
        &hooks,
        &trusted,
        "-hooks-grpc-secure",
        "-hooks-grpc-retry=1",
        // No time limit.
        "-hooks-grpc-timeout=0",
    ];
    let stranger = Server::start(&flags).await;
    let answer = create(&Tus::new(stranger.url(), Version::Http1), NAMED).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let certificate = flag("-hooks-grpc-client-tls-certificate", &client[0]);
    let key = flag("-hooks-grpc-client-tls-key", &client[1]);
    let forward = "-hooks-grpc-forward-headers=X-Other, Authorization";
    let flags = [&flags[..], &[&certificate, &key, forward]].concat();
    let server = Server::start(&flags).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let post = tus.post().header("Upload-Length", 11);
    let post = post.header("Upload-Metadata", NAMED);
    let answer = tus.ask(post.header("Authorization", "Bearer me")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(receiver.event().await["authorization"], "Bearer me");
}

fn flag(name: &str, value: &Path) -> String {
    format!("{name}={}", value.display())
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_the_start() {
    let home = TempDir::new().unwrap();
    let [certificate, _] = write_certificate(home.path(), "a", IsCa::NoCa);
    let trusted = flag("-hooks-grpc-server-tls-certificate", &certificate);
    let shown = flag("-hooks-grpc-client-tls-certificate", &certificate);
    let service = "-hooks-grpc=localhost:1";
    let secure = "-hooks-grpc-secure";
    for (flags, status, word) in [
        (vec!["-hooks-grpc=a b"], 1, "-hooks-grpc=a b"),
        (vec!["-hooks-grpc=http://a:1"], 1, "http://a:1"),
        (
            vec![service, secure],
            1,
            "-hooks-grpc-server-tls-certificate",
        ),
        (
            vec![service, secure, &trusted, &shown],
            1,
            "-hooks-grpc-client-tls-key",
        ),
        (
            vec![service, secure, "-hooks-grpc-server-tls-certificate=gone"],
            1,
            "cannot read gone",
        ),
        (vec!["-hooks-grpc-retry=often"], 2, "-hooks-grpc-retry"),
        (vec!["-hooks-grpc-backoff=2"], 2, "-hooks-grpc-backoff"),
        (vec!["-hooks-grpc-forward-headers=a b"], 2, "headers"),
    ] {
        let output = run(&flags).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{flags:?}: {stderr}");
        assert!(stderr.contains(word), "{flags:?}: {stderr}");
    }
}

#[tokio::test]
async fn a_certificate_alone_is_no_tls_and_the_log_says_so() {
    let flags = ["-hooks-grpc=a b", "-hooks-grpc-server-tls-certificate=some"];
    let log = String::from_utf8(run(&flags).await.stdout).unwrap();
    assert!(log.contains("-hooks-grpc-secure is not set"), "{log}");
}
