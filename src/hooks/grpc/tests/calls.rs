//! Calls to services that answer, and to services that do not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{HeaderName, Request};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::Status;
use tower_tus_layers::gate::Refused;
use tower_tus_layers::hooks::{HookKind, Hooks, Reply};
use tower_tus_layers::protocol::{BoxError, Error};

use super::super::GrpcHooks;
use super::super::message::{HookResponse, HttpResponse};
use super::service::Running;
use super::{event, post_finish};

const SHORT: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(20);

fn hooks(service: &Running) -> GrpcHooks {
    let hooks = GrpcHooks::new(&service.address.to_string()).unwrap();
    hooks.backoff(SHORT)
}

async fn call(hooks: &GrpcHooks) -> Result<Reply, BoxError> {
    hooks.call(&post_finish()).await
}

#[tokio::test]
async fn a_service_that_is_not_there_is_called_again() {
    for passing in [Status::unavailable(""), Status::resource_exhausted("")] {
        let failures = AtomicU32::new(2);
        let mut service = Running::start(move || {
            match failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            {
                Ok(_) => Err(passing.clone()),
                Err(_) => Ok(HookResponse::default()),
            }
        })
        .await;
        assert_eq!(call(&hooks(&service)).await.unwrap(), Reply::accept());
        assert_eq!(service.count(), 3);
    }
}

#[tokio::test]
async fn attempts_end_and_there_is_always_one() {
    let mut service = Running::start(|| Err(Status::unavailable("later"))).await;
    for (attempts, calls) in [(0, 1), (1, 1), (3, 3)] {
        let error = call(&hooks(&service).attempts(attempts)).await.unwrap_err();
        assert!(error.to_string().contains("later"), "{error}");
        assert_eq!(service.count(), calls);
    }
}

#[tokio::test]
async fn an_answer_of_more_than_1_mib_fails_the_hook_at_once() {
    let mut service = Running::start(|| {
        Ok(HookResponse {
            http_response: Some(HttpResponse {
                body: "x".repeat(1 << 20),
                ..HttpResponse::default()
            }),
            ..HookResponse::default()
        })
    })
    .await;
    let error = call(&hooks(&service)).await.unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn a_failure_names_the_service() {
    let service = Running::start(|| Err(Status::internal("broken"))).await;
    let error = call(&hooks(&service)).await.unwrap_err().to_string();
    let address = service.address.to_string();
    assert!(
        error.contains(&address) && error.contains("broken"),
        "{error}"
    );
}

#[tokio::test]
async fn a_question_beyond_the_calls_at_once_is_busy_and_the_end_of_an_upload_waits() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let hooks = GrpcHooks::new(&address).unwrap();
    let hooks = hooks.concurrency(1).queue_timeout(SHORT);
    let (request, ()) = Request::post("/").body(()).unwrap().into_parts();
    let [create, finish] =
        [HookKind::PreCreate, HookKind::PreFinish].map(|kind| event(kind, request.clone()));
    let mut first = Box::pin(hooks.call(&create));
    tokio::select! {
        biased;
        _ = &mut first => panic!("nobody answers"),
        error = hooks.call(&create) => {
            let error = error.unwrap_err();
            assert!(matches!(error.downcast_ref(), Some(Error::HooksBusy)), "{error}");
        }
    }
    let waited = tokio::time::timeout(5 * SHORT, hooks.call(&finish)).await;
    assert!(waited.is_err(), "it waits on");
}

#[tokio::test]
async fn any_other_error_is_an_answer() {
    let mut service = Running::start(|| Err(Status::internal("broken"))).await;
    let error = call(&hooks(&service)).await.unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn only_a_no_of_the_service_itself_is_a_decision() {
    for (status, decides) in [
        (Status::permission_denied(""), true),
        (Status::failed_precondition(""), true),
        (Status::invalid_argument(""), true),
        (Status::unavailable(""), false),
        (Status::internal(""), false),
        (Status::unimplemented(""), false),
        (Status::unknown(""), false),
    ] {
        let code = status.code();
        let service = Running::start(move || Err(status.clone())).await;
        let error = call(&hooks(&service).attempts(1)).await.unwrap_err();
        assert_eq!(error.is::<Refused>(), decides, "{code:?}");
    }
}

#[tokio::test]
async fn a_service_may_start_late_and_restart() {
    let first = Running::start(|| Ok(HookResponse::default())).await;
    let (address, hooks) = (first.address, hooks(&first).attempts(u32::MAX));
    call(&hooks).await.unwrap();
    first.end().await;
    for _ in 0..2 {
        let once = GrpcHooks::new(&address.to_string()).unwrap().attempts(1);
        call(&once).await.unwrap_err();

        let event = post_finish();
        let (called, service) = tokio::join!(
            hooks.call(&event),
            Running::start_at(address, None, || Ok(HookResponse::default())),
        );
        called.unwrap();
        service.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_a_call_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (broken, mut breaks) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            connection.read_u8().await.unwrap();
            broken.send(()).unwrap();
        }
    });
    let hooks = GrpcHooks::new(&address).unwrap().backoff(SHORT);
    call(&hooks).await.unwrap_err();
    let count = std::iter::from_fn(|| breaks.try_recv().ok()).count();
    assert_eq!(count, 3);
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_and_the_connection_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (accepted, mut connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Keeps the connection open.
            accepted.send(connection).unwrap();
        }
    });
    let hooks = GrpcHooks::new(&address).unwrap().timeout(5 * SHORT);
    for _ in 0..2 {
        let error = call(&hooks).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("http://{address}/: no response within 50ms")
        );
        let connection = tokio::time::timeout(PATIENCE, connections.recv()).await;
        connection.expect("it has one of its own").unwrap();
    }
}

#[tokio::test]
async fn headers_are_forwarded_that_are_none_of_the_transport() {
    let mut service = Running::start(|| Ok(HookResponse::default())).await;
    let names = ["authorization", "x-twice", "host", "content-length", "te"];
    let hooks = hooks(&service).forward_headers(names.map(HeaderName::from_static));
    let request = Request::patch("/files/a")
        .header("Authorization", "Bearer me")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("X-Other", "3")
        .header("Host", "tus.example")
        .header("Content-Length", "5000")
        .header("TE", "gzip");
    let (request, ()) = request.body(()).unwrap().into_parts();
    hooks
        .call(&event(HookKind::PostReceive, request))
        .await
        .unwrap();

    let call = service.calls.recv().await.unwrap();
    let metadata = call.metadata();
    assert_eq!(metadata.get("authorization").unwrap(), "Bearer me");
    let twice: Vec<_> = metadata.get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    for name in ["x-other", "host", "content-length"] {
        assert!(metadata.get(name).is_none(), "{name}");
    }
}
