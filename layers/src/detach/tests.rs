use std::convert::Infallible;
use std::future::{Ready, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task;
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::DetachLayer;
use crate::context::{Context, context};
use crate::protocol::{Body, Disconnect, Error, Shutdown};

type Sender = mpsc::UnboundedSender<Result<Frame<Bytes>, Error>>;

/// A body that yields what is sent, and lets its sender wait until it is dropped.
fn channel() -> (Sender, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    (sender, Body::new(StreamBody::new(Box::pin(frames))))
}

fn data(bytes: usize) -> Result<Frame<Bytes>, Error> {
    Ok(Frame::data(Bytes::from(vec![0; bytes])))
}

async fn refuse(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Error::NotFound.into_response())
}

#[tokio::test]
async fn a_request_runs_to_its_end_when_nobody_waits_for_it() {
    let done = Arc::new(AtomicBool::new(false));
    let inner = service_fn({
        let done = Arc::clone(&done);
        move |request: Request<Body>| {
            let done = Arc::clone(&done);
            async move {
                drop(request.into_body().collect().await);
                done.store(true, Ordering::SeqCst);
                Ok::<_, Infallible>(Response::new(Body::default()))
            }
        }
    });
    let shutdown = Shutdown::default();
    let mut service = DetachLayer::new().shutdown(shutdown.clone()).layer(inner);
    let (sender, body) = channel();
    drop(service.call(Request::new(body)));
    assert!(!done.load(Ordering::SeqCst));
    drop(sender);
    shutdown.drained().await;
    assert!(done.load(Ordering::SeqCst));
}

/// Answers once a permit is there, with the id of the task that runs the request.
fn task_of_request(
    go: &Arc<Semaphore>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let go = Arc::clone(go);
    service_fn(move |_: Request<Body>| {
        let go = Arc::clone(&go);
        async move {
            let first = task::try_id();
            go.acquire().await.unwrap().forget();
            let mut response = Response::new(Body::default());
            response.extensions_mut().insert((first, task::try_id()));
            Ok(response)
        }
    })
}

#[tokio::test]
async fn a_request_runs_in_the_task_of_its_host_as_long_as_that_waits() {
    let go = Arc::new(Semaphore::new(0));
    let service = DetachLayer::new().layer(task_of_request(&go));
    let host = tokio::spawn(async move {
        let tasks = Handle::current().metrics().num_alive_tasks();
        let mut response = pin!(service.oneshot(Request::new(Body::default())));
        assert!((&mut response).now_or_never().is_none());
        assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
        go.add_permits(1);
        (task::id(), response.await.unwrap())
    });
    let (host, response) = host.await.unwrap();
    assert_eq!(response.extensions().get(), Some(&(Some(host), Some(host))));
}

#[tokio::test]
async fn a_request_goes_on_in_a_task_from_where_its_client_has_left_it() {
    let (done, mut finished) = mpsc::unbounded_channel();
    let go = Arc::new(Semaphore::new(0));
    let inner = ServiceBuilder::new()
        .map_response(move |response: Response<Body>| {
            let tasks: Option<&(Option<task::Id>, Option<task::Id>)> = response.extensions().get();
            done.send(*tasks.unwrap()).unwrap();
            response
        })
        .service(task_of_request(&go));
    let shutdown = Shutdown::default();
    let mut service = DetachLayer::new().shutdown(shutdown.clone()).layer(inner);
    let mut response = Box::pin(service.call(Request::new(Body::default())));
    assert!((&mut response).now_or_never().is_none());
    drop(response);
    let running = timeout(Duration::from_millis(10), shutdown.drained()).await;
    assert!(running.is_err(), "a shutdown waits for it");
    go.add_permits(1);
    let (before, after) = finished.recv().await.unwrap();
    // The task of a test has no id.
    assert!(before.is_none() && after.is_some());
    shutdown.drained().await;
}

#[test]
fn a_request_whose_host_drops_it_outside_of_the_runtime_runs_to_its_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let go = Arc::new(Semaphore::new(1));
    let shutdown = Shutdown::default();
    let mut service = DetachLayer::new()
        .shutdown(shutdown.clone())
        .layer(task_of_request(&go));
    let entered = runtime.enter();
    let response = service.call(Request::new(Body::default()));
    drop(entered);
    drop(response);
    runtime.block_on(shutdown.drained());
    assert_eq!(go.available_permits(), 0);
}

#[test]
fn a_runtime_that_ends_takes_its_requests_along() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let (ending, go) = (runtime(), Arc::new(Semaphore::new(0)));
    let shutdown = Shutdown::default();
    let service = DetachLayer::new()
        .shutdown(shutdown.clone())
        .layer(task_of_request(&go));
    ending.block_on(async {
        tokio::spawn(service.oneshot(Request::new(Body::default())));
        task::yield_now().await;
    });
    drop(ending);
    runtime().block_on(shutdown.drained());
}

/// Waits until the client disconnects, and reports it to `gone`.
async fn await_disconnect(
    request: Request<Body>,
    gone: mpsc::UnboundedSender<Error>,
) -> Result<Response<Body>, Infallible> {
    let disconnect = Context::of(request.extensions()).disconnect();
    gone.send(disconnect.happened().await).unwrap();
    Ok(Response::new(Body::default()))
}

#[tokio::test]
async fn layers_inside_learn_that_the_client_has_gone() {
    let (gone, mut learned) = mpsc::unbounded_channel();
    let inner = service_fn(move |request| await_disconnect(request, gone.clone()));
    let mut service = DetachLayer::new().layer(inner);
    drop(service.call(Request::new(Body::default())));
    let error = timeout(Duration::from_secs(10), learned.recv()).await;
    let error = error.expect("it is reported").unwrap();
    assert!(matches!(error, Error::UnexpectedEof(None)));

    // A server may detect it before it drops the future.
    let disconnect = Disconnect::default();
    let mut request = Request::new(Body::default());
    let told = disconnect.clone();
    request
        .extensions_mut()
        .insert(context(|it| it.set_disconnect(told)));
    let answer = tokio::spawn(service.call(request));
    disconnect.report();
    learned.recv().await.unwrap();
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_has_its_answer_has_not_gone() {
    let disconnect = Disconnect::default();
    let mut request = Request::new(Body::default());
    let told = disconnect.clone();
    request
        .extensions_mut()
        .insert(context(|it| it.set_disconnect(told)));
    drop(
        DetachLayer::new()
            .layer(service_fn(refuse))
            .oneshot(request)
            .await,
    );
    let gone = timeout(Duration::from_millis(10), disconnect.happened()).await;
    assert!(gone.is_err());
}

#[tokio::test]
async fn the_answer_comes_before_the_unread_rest_which_is_then_read() {
    let (sender, body) = channel();
    sender.send(data(1)).unwrap();
    let response = DetachLayer::new()
        .layer(service_fn(refuse))
        .oneshot(Request::new(body))
        .await;
    assert_eq!(response.unwrap().status(), StatusCode::NOT_FOUND);
    sender.send(data(1)).expect("the rest is still read");
    sender.send(Err(Error::Interrupted)).unwrap();
    sender.closed().await;
}

/// Returns the refusal of a request whose body is never read.
async fn refusal(version: Version, body: Body) -> Response<Body> {
    let request = Request::builder().version(version).body(body).unwrap();
    let refused = DetachLayer::new().layer(service_fn(refuse));
    refused.oneshot(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_the_middle_of_a_body_closes_a_connection_of_http_1() {
    for version in [Version::HTTP_10, Version::HTTP_11] {
        let (_sender, body) = channel();
        let response = refusal(version, body).await;
        assert_eq!(response.headers()["connection"], "close");
        assert_eq!(response.version(), version);
    }
    let (_sender, body) = channel();
    let response = refusal(Version::HTTP_2, body).await;
    assert!(!response.headers().contains_key("connection"));
}

#[tokio::test(start_paused = true)]
async fn more_than_a_small_rest_closes_the_connection_also_when_it_is_there() {
    let (sender, body) = channel();
    sender.send(data(128 << 10)).unwrap();
    drop(sender);
    let response = refusal(Version::HTTP_11, body).await;
    assert_eq!(response.headers()["connection"], "close");

    let begin = Instant::now();
    let body = Body::from(Bytes::from(vec![0; 128 << 10]));
    let response = refusal(Version::HTTP_11, body).await;
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!(begin.elapsed(), Duration::ZERO, "its size is known");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_there_to_its_end_keeps_the_connection() {
    let (sender, late) = channel();
    tokio::spawn(async move {
        sleep(Duration::from_millis(5)).await;
        sender.send(data(5)).unwrap();
    });
    for body in [Body::default(), Body::from(Bytes::from("hello")), late] {
        let response = refusal(Version::HTTP_11, body).await;
        assert!(!response.headers().contains_key("connection"));
    }
}

/// Returns the success of an HTTP/2 request whose body is never read.
async fn success(body: Body, shutdown: &Shutdown) -> Response<Body> {
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let request = Request::builder().version(Version::HTTP_2).body(body);
    let layer = DetachLayer::new().shutdown(shutdown.clone());
    let answer = layer.layer(inner).oneshot(request.unwrap());
    answer.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn over_http_2_a_success_waits_for_the_end_of_the_body() {
    let (sender, body) = channel();
    let begin = Instant::now();
    tokio::spawn(async move {
        for _ in 0..10 {
            sleep(Duration::from_millis(500)).await;
            sender.send(data(1)).unwrap();
        }
    });
    success(body, &Shutdown::default()).await;
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn over_http_2_a_success_waits_neither_for_a_pause_nor_for_a_shutdown() {
    let (sender, body) = channel();
    let (begin, shutdown) = (Instant::now(), Shutdown::default());
    success(body, &shutdown).await;
    assert_eq!(begin.elapsed().as_secs(), 1);
    sender.send(data(1)).expect("the rest is still read");

    let (_sender, body) = channel();
    let begin = Instant::now();
    shutdown.begin();
    success(body, &shutdown).await;
    assert_eq!(begin.elapsed().as_millis(), 150);
}

#[tokio::test(start_paused = true)]
async fn reading_the_rest_ends_with_a_pause() {
    let (sender, body) = channel();
    let begin = Instant::now();
    drop(
        DetachLayer::new()
            .layer(service_fn(refuse))
            .oneshot(Request::new(body))
            .await,
    );
    sender.closed().await;
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn reading_the_rest_ends_in_any_case() {
    let (sender, body) = channel();
    let begin = Instant::now();
    drop(
        DetachLayer::new()
            .layer(service_fn(refuse))
            .oneshot(Request::new(body))
            .await,
    );
    while sender.send(data(1)).is_ok() {
        let pause = timeout(Duration::from_secs(1), sender.closed());
        drop(pause.await);
    }
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn reading_the_rest_ends_soon_after_the_shutdown_begins() {
    let (sender, body) = channel();
    let shutdown = Shutdown::default();
    let layer = DetachLayer::new().shutdown(shutdown.clone());
    drop(
        layer
            .layer(service_fn(refuse))
            .oneshot(Request::new(body))
            .await,
    );
    let begin = Instant::now();
    shutdown.begin();
    shutdown.drained().await;
    assert_eq!(begin.elapsed().as_millis(), 150);
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_a_word_is_not_read_from() {
    let (sender, body) = channel();
    let request = Request::builder()
        .header("Expect", "100-continue")
        .body(body)
        .unwrap();
    let begin = Instant::now();
    let refused = DetachLayer::new().layer(service_fn(refuse));
    let response = refused.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["connection"], "close");
    sender.closed().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_too_slow_is_cut() {
    let (sender, body) = channel();
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Error::ReadTimeout.into_response())
    });
    let begin = Instant::now();
    let slow = DetachLayer::new().layer(inner);
    let response = slow.oneshot(Request::new(body)).await.unwrap();
    assert_eq!(response.headers()["connection"], "close");
    sender.closed().await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn each_limit_can_be_set() {
    let linger = async |layer: DetachLayer, pause_between: u64| {
        let (sender, body) = channel();
        let refused = layer.layer(service_fn(refuse));
        drop(refused.oneshot(Request::new(body)).await);
        let begin = Instant::now();
        while sender.send(data(1 << 10)).is_ok() {
            let pause = timeout(Duration::from_millis(pause_between), sender.closed());
            drop(pause.await);
        }
        begin.elapsed()
    };
    let ms = Duration::from_millis;
    let layer = || DetachLayer::new().small_rest(0);
    assert_eq!(linger(layer().linger_pause(ms(300)), 400).await, ms(300));
    assert_eq!(linger(layer().linger_time(ms(1_000)), 300).await, ms(1_000));
    // The fourth frame is the first beyond the limit.
    let begun = linger(layer().linger_bytes(3 << 10), 300).await;
    assert_eq!(begun, ms(900));

    let (sender, body) = channel();
    let begin = Instant::now();
    let layer = DetachLayer::new().small_rest_wait(ms(70));
    let response = layer.layer(service_fn(refuse)).oneshot(Request::new(body));
    assert_eq!(response.await.unwrap().headers()["connection"], "close");
    assert_eq!(begin.elapsed(), ms(70));
    drop(sender);
}

#[tokio::test]
async fn a_panic_says_when_to_retry_if_that_is_set() {
    let layer = DetachLayer::new().retry_after(Duration::from_millis(1_500));
    let response = layer
        .layer(service_fn(panic))
        .oneshot(Request::new(Body::default()));
    assert_eq!(response.await.unwrap().headers()["retry-after"], "2");
}

async fn panic(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let wanted = request.headers().contains_key("x-missing");
    assert!(wanted, "a panic that a test wants");
    refuse(request).await
}

#[tokio::test]
async fn a_panic_is_a_stamped_error_whenever_it_comes() {
    let in_the_call = |_: Request<Body>| -> Ready<Result<Response<Body>, Infallible>> {
        panic!("a panic that a test wants");
    };
    stamped(DetachLayer::new().layer(service_fn(in_the_call))).await;
    stamped(DetachLayer::new().layer(service_fn(panic))).await;
    let later = |request: Request<Body>| async {
        task::yield_now().await;
        panic(request).await
    };
    stamped(DetachLayer::new().layer(service_fn(later))).await;

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a panic that a test wants");
        }
    }
    let at_its_end = |request: Request<Body>| async {
        let _bomb = Bomb;
        refuse(request).await
    };
    stamped(DetachLayer::new().layer(service_fn(at_its_end))).await;
}

async fn stamped<S>(service: S)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(response) = service.oneshot(Request::new(Body::default())).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["tus-resumable"], "1.0.0", "CORE-06");
    assert!(!response.headers().contains_key("retry-after"));
    assert!(matches!(
        response.extensions().get(),
        Some(Error::Internal(_))
    ));
}

#[tokio::test]
async fn a_panic_after_the_client_has_gone_ends_only_its_request() {
    let shutdown = Shutdown::default();
    let mut service = DetachLayer::new()
        .shutdown(shutdown.clone())
        .layer(service_fn(panic));
    drop(service.call(Request::new(Body::default())));
    shutdown.drained().await;
}

#[tokio::test]
async fn a_shutdown_waits_for_requests_that_run() {
    let inner = service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
    let shutdown = Shutdown::default();
    let mut service = DetachLayer::new().shutdown(shutdown.clone()).layer(inner);
    let running = service.call(Request::new(Body::default()));
    let drained = timeout(Duration::from_millis(50), shutdown.drained()).await;
    assert!(drained.is_err());
    drop(running);
}
