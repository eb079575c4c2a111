use std::future::Future;

use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_all()
        // Looks at the sockets after every step, so that little time passes and the order
        // is nearly always the same.
        .event_interval(1)
        .build()
        .expect("a runtime starts");
}

/// Runs a future to its end on a runtime of this thread.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}
