//! Measures the cost of the whole stack of layers, compared with the core alone.
//!
//! ```text
//! cargo bench --bench stack
//! ```
//!
//! Each row is one request: a POST that creates an upload, a POST that also brings its
//! first bytes (creation-with-upload), a PATCH, and a HEAD. Core and stack run in this
//! process, without a socket, over a store that reads and discards, so this is the
//! price of the layers alone. The core cannot serve creation-with-upload, so its POST
//! and its PATCH count together there.
//!
//! The cost of creating the request and all one-time costs are subtracted. Allocations
//! are exact, and instruction counts (which need valgrind) nearly so. Times differ
//! between machines, and also over time on one machine. The counting allocator is
//! always active, and slightly increases the cost of each allocation.
//!
//! The benchmark fails if a frame allocates, because that cost would grow with the
//! upload.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::process::{Command, ExitCode};
use std::task::{Context, Poll};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use dhat::{HeapStats, Profiler};
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::runtime::Builder;
use tower::{Service, ServiceExt};
use tower_tus::TusService;
use tower_tus::layers::into_body::IntoBody;
use tower_tus::layers::protocol::{
    Body, Chunk, Error, FinishState, Length, NewUpload, Upload, UploadId,
};
use tower_tus::layers::service::Core;
use tower_tus::layers::store::{AppendOptions, Appended, Handle, Store};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

static FRAME: [u8; 4 << 10] = [7; 4 << 10];
/// Where uploads are: the core knows no base path.
const CORE: &str = "/";
const STACK: &str = "/files/";
const TIMES: u32 = 200;
const ROUNDS: usize = 100;
const MANY_FRAMES: u32 = 257;

/// The service that gets the requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Nobody,
    Core,
    Stack,
}

const SUBJECTS: [(&str, Subject); 3] = [
    ("nobody", Subject::Nobody),
    ("core", Subject::Core),
    ("stack", Subject::Stack),
];

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Post,
    PostWithBytes,
    Patch,
    Head,
}

const REQUESTS: [(&str, &str, Asked); 4] = [
    ("post", "POST", Asked::Post),
    ("with-bytes", "POST with 4 KiB", Asked::PostWithBytes),
    ("patch", "PATCH of 4 KiB", Asked::Patch),
    ("head", "HEAD", Asked::Head),
];

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let [subject, request, times] = &args[..] {
        // This process runs under valgrind.
        let subject = SUBJECTS.into_iter().find(|(name, _)| name == subject);
        let asked = REQUESTS.into_iter().find(|(name, ..)| name == request);
        let (_, subject) = subject.expect("it is a subject");
        let (_, _, asked) = asked.expect("it is a request");
        subject.run(asked, times.parse().expect("it is a number"), 1);
        return ExitCode::SUCCESS;
    }
    for (name, title, asked) in REQUESTS {
        println!("{title:<36} {:>9} {:>9} {:>7}", "core", "stack", "ratio");
        row("microseconds", microseconds(asked));
        match instructions(name) {
            Some(instructions) => row("instructions", instructions),
            None => println!("  instructions: not without valgrind"),
        }
        row("bytes allocated", heap(asked, 1, |heap| heap.total_bytes));
        row("allocations", heap(asked, 1, |heap| heap.total_blocks));
        println!();
    }
    let [one, many] =
        [1, MANY_FRAMES].map(|frames| heap(Asked::Patch, frames, |heap| heap.total_blocks));
    let each = [0, 1].map(|who| (many[who] - one[who]) / f64::from(MANY_FRAMES - 1));
    row("allocations of each further frame", each);
    if each == [0.0, 0.0] {
        return ExitCode::SUCCESS;
    }
    eprintln!("a frame allocates");
    ExitCode::FAILURE
}

/// The cost of a request in the core, and in the stack.
type Costs = [f64; 2];

fn row(what: &str, [core, stack]: Costs) {
    print!("  {what:<34} {core:>9.2} {stack:>9.2}");
    if core > 0.0 {
        print!(" {:>7.2}", stack / core);
    }
    println!();
}

/// Subtracts the cost of creating the request.
fn net([nobody, core, stack]: [f64; 3]) -> Costs {
    [core - nobody, stack - nobody]
}

/// Returns the medians of many rounds. In each round all subjects take turns.
fn microseconds(asked: Asked) -> Costs {
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, subject), rounds) in SUBJECTS.into_iter().zip(&mut rounds) {
            let begin = Instant::now();
            subject.run(asked, TIMES, 1);
            rounds.push(begin.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES));
        }
    }
    net(rounds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    }))
}

/// Returns what dhat counts.
fn heap(asked: Asked, frames: u32, of: fn(HeapStats) -> u64) -> Costs {
    let _profiler = Profiler::builder().testing().build();
    let count = |subject: Subject, times| {
        let before = of(HeapStats::get());
        subject.run(asked, times, frames);
        (of(HeapStats::get()) - before) as f64
    };
    net(SUBJECTS.map(|(_, subject)| once_less(|times| count(subject, times))))
}

/// Returns the instruction counts of valgrind, or `None` if it is not installed.
fn instructions(request: &str) -> Option<Costs> {
    let count = |subject: &str, times: u32| {
        let valgrind = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args([subject, request, &times.to_string()])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&valgrind.stderr).into_owned();
        let (_, count) = said.split_once("Collected : ")?;
        count.lines().next()?.trim().parse::<f64>().ok()
    };
    count("nobody", 1)?;
    let sure = |subject, times| count(subject, times).expect("valgrind counts");
    Some(net(
        SUBJECTS.map(|(name, _)| once_less(|times| sure(name, times)))
    ))
}

/// Returns the cost per request, without one-time costs.
fn once_less(cost: impl Fn(u32) -> f64) -> f64 {
    (cost(2 * TIMES) - cost(TIMES)) / f64::from(TIMES)
}

impl Subject {
    /// Sends a number of requests, one after the other.
    fn run(self, asked: Asked, times: u32, frames: u32) {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has what a runtime needs");
        match self {
            Self::Nobody => (0..times).for_each(|_| drop(black_box(asked.request(STACK, frames)))),
            Self::Core if asked == Asked::PostWithBytes => {
                runtime.block_on(send(core(), CORE, Asked::Post, times, frames));
                runtime.block_on(send(core(), CORE, Asked::Patch, times, frames));
            }
            Self::Core => runtime.block_on(send(core(), CORE, asked, times, frames)),
            Self::Stack => {
                runtime.block_on(send(TusService::new(Discard), STACK, asked, times, frames));
            }
        }
    }
}

/// The core, behind the conversion of bodies that the stack does as well.
fn core() -> IntoBody<Core> {
    IntoBody::new(Core::new(Discard))
}

async fn send<S>(mut service: S, base: &str, asked: Asked, times: u32, frames: u32)
where
    S: Service<Request<Frames>, Response = Response<Body>, Error = Infallible>,
{
    for _ in 0..times {
        let Ok(service) = service.ready().await;
        let Ok(response) = service.call(asked.request(base, frames)).await;
        assert_eq!(response.status(), asked.status());
    }
}

impl Asked {
    fn request(self, base: &str, frames: u32) -> Request<Frames> {
        let upload = || format!("{base}24e533e02ec3bc40c387f1a0e460e216");
        const BYTES: &str = "application/offset+octet-stream";
        let request = match self {
            Self::Post => Request::post(base)
                .header("Upload-Length", "4096")
                .header("Upload-Metadata", "filename cmVwb3J0LnBkZg=="),
            Self::PostWithBytes => Request::post(base)
                .header("Upload-Length", "4096")
                .header("Upload-Metadata", "filename cmVwb3J0LnBkZg==")
                .header("Content-Type", BYTES)
                .header("Content-Length", "4096"),
            Self::Patch => Request::patch(upload())
                .header("Upload-Offset", "0")
                .header("Content-Type", BYTES)
                .header("Content-Length", "4096"),
            Self::Head => Request::head(upload()),
        };
        let frames = match self {
            Self::PostWithBytes | Self::Patch => frames,
            Self::Post | Self::Head => 0,
        };
        request
            .header("Host", "example.com")
            .header("Tus-Resumable", "1.0.0")
            .body(Frames(frames))
            .expect("the request is well formed")
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Post | Self::PostWithBytes => StatusCode::CREATED,
            Self::Patch => StatusCode::NO_CONTENT,
            Self::Head => StatusCode::OK,
        }
    }
}

/// A body with a known number of frames.
struct Frames(u32);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&FRAME)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0 == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::from(self.0) * FRAME.len() as u64)
    }
}

/// A store where every upload exists, and which discards all bytes.
#[derive(Debug)]
struct Discard;

#[async_trait]
impl Store for Discard {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.open(&new.id).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        let mut upload = Upload::new(id.clone());
        upload.length = Some(Length::saturating(1 << 40));
        Ok(Box::new(Discarded(upload)))
    }
}

#[derive(Debug)]
struct Discarded(Upload);

#[async_trait]
impl Handle for Discarded {
    fn info(&self) -> &Upload {
        &self.0
    }

    async fn append(&mut self, mut chunk: Chunk<'_>, _: AppendOptions) -> Appended {
        while let Some(Ok(data)) = chunk.next_data().await {
            self.0.offset = self.0.offset.saturating_add(data.len() as u64);
        }
        Appended::new(self.0.offset, Ok(()))
    }

    async fn record(&mut self, _: FinishState) -> Result<(), Error> {
        Ok(())
    }
}
