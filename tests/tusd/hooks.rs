//! The content of hook events, byte by byte.

use std::sync::Arc;
use std::time::Duration;

use http::request::Builder;
use http::{HeaderMap, Method};
use rustix::process::Pid;
use serde_json::json;

use crate::harness::grpc::GrpcReceiver;
use crate::harness::patient;
use crate::harness::tus::{Answer, Tus, content, patch, request};
use crate::program::{ALL_EVENTS, Home, Program, TowerTusd, Tusd, has_tusd, stop};
use crate::receiver::{Call, Receiver, reply};

/// The place where hook calls are recorded, line by line.
enum Ear<'a> {
    Executables(&'a Home, Pid),
    Http(Receiver),
    Grpc(Box<GrpcReceiver>),
}

impl Ear<'_> {
    /// Waits until `calls` new calls have arrived; `heard` contains the earlier
    /// ones.
    async fn listen(&mut self, heard: &mut Vec<String>, calls: usize) {
        match self {
            Self::Executables(home, server) => loop {
                let text = home.heard(*server);
                let new = text.lines().skip(heard.len()).map(str::to_owned);
                let new: Vec<_> = new.collect();
                if new.len() >= calls {
                    heard.extend(new);
                    break;
                }
                // Nothing else signals them.
                tokio::time::sleep(Duration::from_millis(2)).await;
            },
            Self::Http(receiver) => {
                for _ in 0..calls {
                    heard.push(line(&receiver.call().await));
                }
            }
            Self::Grpc(receiver) => {
                for _ in 0..calls {
                    let call = receiver.event().await;
                    heard.push(format!("{} {call}", call["type"].as_str().unwrap()));
                }
            }
        }
    }
}

fn line(call: &Call) -> String {
    let event = call.json()["Type"].as_str().unwrap().to_owned();
    let (method, url) = (&call.request.method, &call.request.uri);
    let headers = headers(&call.request.headers);
    format!("{event} {method} {url} {headers} {}", call.text)
}

/// Formats the headers that a receiver may depend on.
fn headers(headers: &HeaderMap) -> String {
    let names = ["host", "content-type", "x-list", "cookie"];
    let all = names.map(|name| {
        let values = headers.get_all(name).iter();
        format!("{name}: {:?}", values.collect::<Vec<_>>())
    });
    all.join(", ")
}

/// A client, and the hook calls that it causes.
struct Life<'a> {
    tus: Tus,
    ear: Ear<'a>,
    heard: Vec<String>,
}

impl Life<'_> {
    /// Sends a request that causes these events, in any order.
    async fn step(&mut self, request: Builder, bytes: &'static str, events: &[&str]) -> Answer {
        let answer = self.tus.send(request.body(content(bytes)).unwrap()).await;
        assert!(answer.status().is_success(), "{answer:?}");
        let before = self.heard.len();
        patient(self.ear.listen(&mut self.heard, events.len())).await;
        let new = &mut self.heard[before..];
        new.sort();
        let names = new.iter().map(|line| line.split(' ').next().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), events);
        answer
    }

    async fn create(&mut self, request: Builder, bytes: &'static str, events: &[&str]) -> String {
        let answer = self.step(request, bytes, events).await;
        self.tus.location(&answer)
    }

    async fn live(&mut self) {
        let created = ["post-create", "pre-create"];
        let received = ["post-receive"];
        let finished = ["post-finish", "post-receive", "pre-finish"];
        let all = [
            "post-create",
            "post-finish",
            "post-receive",
            "pre-create",
            "pre-finish",
        ];
        let tus = self.tus.clone();

        let post = request(Method::POST, &format!("{}?q=1&r=%20", tus.url))
            .header("Upload-Length", 11)
            .header("Upload-Metadata", "filename d29ybGQudHh0,flag,amp PDE+Jg==")
            .header("X-Request-ID", "abc")
            .header("x-list", "a")
            .header("X-List", "b")
            .header("Cookie", "a=1");
        let url = self.create(post, "", &created).await;
        self.step(patch(&url, 0), "hello", &received).await;
        self.step(patch(&url, 5), " world", &finished).await;
        let delete = request(Method::DELETE, &url);
        self.step(delete, "", &["post-terminate", "pre-terminate"])
            .await;

        // The gRPC receiver rejects uploads without a name.
        let named = || {
            tus.post()
                .header("Upload-Metadata", "filename d29ybGQudHh0")
        };
        let post = named().header("Upload-Defer-Length", 1);
        let url = self.create(post, "", &created).await;
        self.step(patch(&url, 0), "hel", &received).await;
        let rest = patch(&url, 3).header("Upload-Length", 5);
        self.step(rest, "lo", &finished).await;

        let octets = "application/offset+octet-stream";
        let post = named().header("Upload-Length", 5);
        let post = post.header("Content-Type", octets);
        self.step(post, "hello", &all).await;
        let post = named().header("Upload-Length", 0);
        let empty = ["post-create", "post-finish", "pre-create", "pre-finish"];
        self.step(post, "", &empty).await;

        let partial = tus.post().header("Upload-Concat", "partial");
        let partial = partial.header("Upload-Length", 5);
        let first = self.create(partial, "", &created).await;
        self.step(patch(&first, 0), "hello", &finished).await;
        let partial = tus.post().header("Upload-Concat", "partial");
        let partial = partial.header("Upload-Length", 5);
        let partial = partial.header("Content-Type", octets);
        let second = self.create(partial, "world", &all).await;
        let parts = format!("final;{first} {second}");
        let last = named().header("Upload-Concat", parts);
        self.step(last, "", &empty).await;
    }
}

/// After this interval, `post-receive` follows if anything was received.
const OFTEN: &str = "-progress-hooks-interval=100ms";

/// Returns all events that executables receive.
async fn executables(program: Program) -> String {
    let home = Home::new();
    let (server, tus) = program
        .start(&home, &["-hooks-dir=hooks", ALL_EVENTS, OFTEN])
        .await;
    let ear = Ear::Executables(&home, server.pid());
    let heard = Vec::new();
    let mut life = Life { tus, ear, heard };
    life.live().await;
    stop(server).await;
    home.plain(&life.heard.join("\n"))
}

/// Returns all events that an HTTP receiver gets.
async fn receiver(program: Program) -> String {
    let home = Home::new();
    let receiver = Receiver::start(Arc::new(|_, _| reply(&json!({})))).await;
    let url = format!("-hooks-http={}", receiver.url());
    let forward = "-hooks-http-forward-headers=X-List,Cookie";
    let (server, tus) = program
        .start(&home, &[&url, forward, ALL_EVENTS, OFTEN])
        .await;
    let ear = Ear::Http(receiver);
    let heard = Vec::new();
    let mut life = Life { tus, ear, heard };
    life.live().await;
    stop(server).await;
    home.plain(&life.heard.join("\n"))
}

/// Returns all events that a gRPC service gets, if it can run.
async fn service(program: Program) -> Option<String> {
    let home = Home::new();
    let service = GrpcReceiver::start().await?;
    let args = [&*service.flag(), ALL_EVENTS, OFTEN];
    let (server, tus) = program.start(&home, &args).await;
    let ear = Ear::Grpc(Box::new(service));
    let heard = Vec::new();
    let mut life = Life { tus, ear, heard };
    life.live().await;
    stop(server).await;
    Some(home.plain(&life.heard.join("\n")))
}

/// Compares line by line, so that differences are readable.
#[track_caller]
fn compare(here: &str, tusd: &str) {
    for (here, tusd) in here.lines().zip(tusd.lines()) {
        assert_eq!(here, tusd);
    }
    assert_eq!(here.lines().count(), tusd.lines().count());
}

#[tokio::test]
async fn executables_are_told_the_same() {
    if has_tusd() {
        compare(&executables(TowerTusd).await, &executables(Tusd).await);
    }
}

#[tokio::test]
async fn a_receiver_is_told_the_same() {
    if has_tusd() {
        compare(&receiver(TowerTusd).await, &receiver(Tusd).await);
    }
}

#[tokio::test]
async fn a_service_is_told_the_same() {
    if !has_tusd() {
        return;
    }
    if let Some(here) = service(TowerTusd).await {
        compare(&here, &service(Tusd).await.expect("it was there just now"));
    }
}
