use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        // Looks at the sockets after every step, so that little time passes and the order
        // is nearly always the same.
        .event_interval(1)
        .build()
        .expect("a runtime starts");
}

/// How often the tasks that a future leaves behind are run. Some wait for a time-out.
const TURNS: usize = 100;

/// Runs a future to its end on a runtime of this thread, and then the tasks that it has
/// left behind, so that they do not pile up, and a panic in one is that of this input.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let output = future.await;
            run_tasks().await;
            output
        })
    })
}

async fn run_tasks() {
    let tasks = Handle::current().metrics();
    for _ in 0..TURNS {
        if tasks.num_alive_tasks() == 0 {
            return;
        }
        yield_now().await;
    }
}
