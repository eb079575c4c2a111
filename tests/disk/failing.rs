//! Each call to the file system fails, with each error, during each kind of
//! request.

use std::path::{Path, PathBuf};
use std::time::Instant;

use http::StatusCode;
use tempfile::TempDir;

use crate::audit::{Expected, carry_to_the_end, create_again, get};
use crate::harness::Server;
use crate::harness::tus::{Answer, Tus};
use crate::ledger::Entries;
use crate::load::url;
use crate::random::Random;
use crate::requests::Kind;
use crate::site::Site;
use crate::strace::{Call, Strace, Task, Which, calls, failed, is_installed};

const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EDQUOT", "EINTR", "ESTALE"];

/// The calls that write what the kernel holds, or tell how that went. What they
/// refuse is lost, so an upload may have failed for good after them.
const SYNCS: [&str; 3] = ["fsync", "fdatasync", "close"];

/// The calls that take the bytes of an upload.
const WRITES: [&str; 4] = ["pwrite64", "pwritev", "pwritev2", "copy_file_range"];

/// A kind of request, for the tests of one durability.
struct Bench {
    kind: Kind,
    durability: &'static str,
    site: Site,
    home: TempDir,
    /// A server that works, for the state before a request.
    before: Tus,
    _server: Server,
    number: usize,
}

/// One call that fails.
#[derive(Clone, Debug)]
struct Case {
    call: Call,
    which: Which,
    error: &'static str,
}

/// What is known after a request.
struct Seen {
    entries: Entries,
    answer: Option<Answer>,
    output: String,
}

impl Bench {
    async fn new(kind: Kind, durability: &'static str) -> Self {
        let home = TempDir::new().unwrap();
        let site = Site::new(home.path()).await;
        let (server, before) = site.start(durability).await;
        Self {
            kind,
            durability,
            site,
            home,
            before,
            _server: server,
            number: 0,
        }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Sends a request to a new server under strace. Returns `None` where
    /// strace cannot attach.
    async fn send(&mut self, task: &Task<'_>) -> Option<(Server, Tus, String, Seen)> {
        self.number += 1;
        let id = format!("upload{}", self.number);
        let mut entries = self.kind.prepare(&self.before, &id).await;
        let (server, tus) = self.site.start_single(self.durability).await;
        let entry = entries.get_mut(&id).expect("it is prepared");
        let request = self.kind.send(&tus, &id, entry);
        let strace = Strace::attach(&server, task, &files(&self.data(), &id)).await?;
        let answer = tus.try_send(request).await;
        let output = strace.detach().await;
        let seen = Seen {
            entries,
            answer,
            output,
        };
        Some((server, tus, id, seen))
    }

    /// Returns the calls during a request without failures.
    async fn calls(&mut self) -> Option<Vec<Call>> {
        let (_server, _tus, id, seen) = self.send(&Task::Record).await?;
        let answer = seen.answer.expect("it is answered");
        assert_eq!(answer.status(), self.kind.success());
        let calls = calls(&seen.output, &files(&self.data(), &id));
        assert!(calls.len() > 4, "{}", seen.output);
        Some(calls)
    }

    /// Sends a request during which calls fail. Returns how many failed, and
    /// what is wrong.
    async fn run(&mut self, case: &Case) -> Option<(usize, Vec<String>)> {
        let task = Task::Fail(&case.call, case.which, case.error);
        let (mut server, tus, id, mut seen) = self.send(&task).await?;
        let failed = failed(&seen.output);
        let mut faults = self.of_answer(&id, &mut seen, case, failed);
        if server.has_exited() {
            faults.push("the server has exited".to_owned());
        } else {
            faults.extend(self.of_rest(&tus, &id, &seen.entries, case).await);
        }
        Some((failed, faults))
    }

    fn of_answer(&self, id: &str, seen: &mut Seen, case: &Case, failed: usize) -> Vec<String> {
        let Some(answer) = &seen.answer else {
            // The head of a GET is sent before its bytes are read.
            return match self.kind {
                Kind::Get => Vec::new(),
                _ => vec!["it is not answered".to_owned()],
            };
        };
        let entry = seen.entries.get_mut(id).expect("it is prepared");
        let status = answer.status();
        let clear = status == self.kind.success()
            || failed > 0 && case.is_clear(status)
            || case.may_lose() && status == StatusCode::GONE;
        let mut faults: Vec<_> = self.kind.note(answer, entry).into_iter().collect();
        if !clear {
            faults.push(format!("it is answered by {status}"));
        }
        faults
    }

    /// Compares what the server tells of the uploads afterwards, carries them
    /// to their end, and deletes them.
    async fn of_rest(&self, tus: &Tus, id: &str, entries: &Entries, case: &Case) -> Vec<String> {
        let data = self.data();
        let head = tus.head(&url(tus, id)).await;
        let mut entries = entries.clone();
        let mut faults = Vec::new();
        if head.status() == StatusCode::GONE && case.may_lose() {
            entries.remove(id);
            faults.extend(self.of_failed(tus, id, case).await);
        }
        let found = Expected::all(entries.clone()).compare(tus, &data).await;
        faults.extend(found.faults);
        faults.extend(create_again(tus, &data, &found.absent).await);
        faults.extend(carry_to_the_end(tus, &data, &found.present, &entries).await);
        faults
    }

    /// An upload that failed for good has failed for each server, gives nothing
    /// out, and can be deleted and created again.
    async fn of_failed(&self, tus: &Tus, id: &str, case: &Case) -> Vec<String> {
        let mut faults = Vec::new();
        let got = tus.send(get(tus, id)).await;
        if got.status() != StatusCode::GONE {
            faults.push(format!("it has failed, and GET answers {}", got.status()));
        }
        let head = self.before.head(&url(&self.before, id)).await;
        // Where nothing can be synced, only an upload without bytes is left.
        let is_empty = case.which == Which::FromThis
            && head.status() == StatusCode::OK
            && head.headers()["upload-offset"] == "0";
        if head.status() != StatusCode::GONE && !is_empty {
            faults.push(format!(
                "it has failed, and another server answers {head:?}"
            ));
        }
        let ids = [id.to_owned()];
        faults.extend(crate::audit::delete(tus, &self.data(), id).await);
        faults.extend(create_again(tus, &self.data(), &ids).await);
        faults
    }
}

impl Case {
    /// Whether an answer tells the client that the disk has failed.
    fn is_clear(&self, status: StatusCode) -> bool {
        // What is interrupted is made again.
        if self.error == "EINTR" && !self.may_lose() {
            return false;
        }
        let is_full = ["ENOSPC", "EDQUOT"].contains(&self.error);
        match status {
            StatusCode::INSUFFICIENT_STORAGE => is_full,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => {
                !is_full || !WRITES.contains(&self.call.name)
            }
            _ => false,
        }
    }

    fn may_lose(&self) -> bool {
        SYNCS.contains(&self.call.name)
    }
}

/// Returns the paths of the files of an upload and its parts, and of their
/// directory.
fn files(data: &Path, id: &str) -> Vec<PathBuf> {
    let mut files = vec![data.to_owned()];
    for id in [id.to_owned(), format!("{id}-a"), format!("{id}-b")] {
        for suffix in ["", ".info", ".new", ".chunk", ".lock", ".stop"] {
            files.push(data.join(format!("{id}{suffix}")));
        }
    }
    files
}

/// Which of the cases to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Each kind of call with each error once.
    Sample,
    /// Each call with each error, and all calls of each kind with each error.
    Full,
}

/// Returns the cases for the calls of a request.
fn cases(calls: &[Call], extent: Extent, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut names: Vec<_> = calls.iter().map(|call| call.name).collect();
    names.dedup();
    for name in names {
        let all: Vec<_> = calls.iter().filter(|call| call.name == name).collect();
        for error in ERRORS {
            let mut add = |call: &Call, which| {
                let call = call.clone();
                cases.push(Case { call, which, error });
            };
            if extent == Extent::Sample {
                add(random.one_of(&all).expect("it is called"), Which::This);
                continue;
            }
            for call in &all {
                add(call, Which::This);
            }
            // A call that is interrupted for ever would be tried for ever.
            if error != "EINTR" {
                add(all[0], Which::FromThis);
            }
        }
    }
    cases
}

/// Lets calls fail during requests of this kind.
async fn fail(kind: Kind, durability: &'static str, extent: Extent) {
    if !is_installed().await {
        return;
    }
    let begin = Instant::now();
    let mut bench = Bench::new(kind, durability).await;
    let Some(calls) = bench.calls().await else {
        return;
    };
    let mut all = Vec::new();
    let (mut reached, mut missed) = (0, 0);
    let cases = cases(&calls, extent, &mut Random::new());
    for case in &cases {
        let ran = bench.run(case).await;
        let (failed, faults) = ran.expect("strace can attach");
        match failed {
            0 => missed += 1,
            _ => reached += 1,
        }
        if !faults.is_empty() {
            let Call { name, number, .. } = case.call;
            let (which, error) = (case.which, case.error);
            all.push(format!("{name} {number} ({which:?}) {error}: {faults:#?}"));
        }
    }
    println!(
        "{kind:?}, durability {durability}: {} calls, {} cases in {:.0?}: \
         {reached} failed as planned, {missed} were not made again, {} with faults",
        calls.len(),
        cases.len(),
        begin.elapsed(),
        all.len()
    );
    assert!(
        all.is_empty(),
        "{kind:?}, {durability}:\n{}",
        all.join("\n")
    );
    // A file may be closed after the answer, when strace is gone.
    assert!(
        missed * 5 < reached,
        "the calls differ from request to request"
    );
}

macro_rules! kinds {
    ($($test:ident: $kind:ident, $durability:literal;)*) => {
        mod sample {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    fail(Kind::$kind, $durability, Extent::Sample).await;
                }
            )*
        }

        mod full {
            use super::*;
            $(
                #[tokio::test]
                #[ignore = "takes minutes: .ci/disk runs it"]
                async fn $test() {
                    for durability in ["finish", "offset"] {
                        fail(Kind::$kind, durability, Extent::Full).await;
                    }
                }
            )*
        }
    };
}

kinds! {
    a_creation_fails_clearly_and_takes_no_id: Create, "offset";
    a_creation_with_upload_fails_clearly_and_takes_no_id: CreateWithUpload, "finish";
    a_creation_with_all_bytes_fails_clearly_and_takes_no_id: CreateWhole, "offset";
    an_append_fails_clearly_and_keeps_what_was_answered: Append, "offset";
    a_checksummed_append_fails_clearly_and_is_whole_or_not: AppendWholeOrNot, "finish";
    a_last_append_fails_clearly_and_goes_on_or_is_gone: AppendLast, "finish";
    a_last_checksummed_append_fails_clearly_and_goes_on_or_is_gone: AppendLastWholeOrNot, "offset";
    a_length_is_declared_or_not: DeclareLength, "finish";
    a_head_fails_clearly_and_changes_nothing: Head, "offset";
    a_get_fails_clearly_and_changes_nothing: Get, "finish";
    a_termination_fails_clearly_and_can_be_repeated: Delete, "offset";
    a_concatenation_fails_clearly_and_keeps_the_parts: Concatenate, "finish";
}
