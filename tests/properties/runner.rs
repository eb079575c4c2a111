//! Runs cases: a fixed number of them, or as many as fit into a time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner};

use crate::actions::{Case, Ground};
use crate::driver::Driver;
use crate::strategy::cases;
use crate::tally::Tally;

/// How long to look for failures, in seconds, instead of a fixed number of cases.
const SECONDS: &str = "TOWER_TUS_PROPERTY_SECONDS";

/// Sequences of actions against one kind of servers.
pub(crate) struct Property {
    pub(crate) ground: Ground,
    pub(crate) servers: std::ops::RangeInclusive<usize>,
    /// How many cases run unless a time is set.
    pub(crate) cases: u32,
    /// The maximum number of actions of a case.
    pub(crate) actions: usize,
    /// Where the seeds of failures are kept, which run first ever after.
    pub(crate) seeds: &'static str,
}

impl Property {
    /// Fails with the shortest sequence of actions that breaks a promise.
    pub(crate) fn check(self) {
        let tally = Mutex::new(Tally::default());
        let until = time().map(|time| Instant::now() + time);
        let begin = Instant::now();
        loop {
            self.run(&tally);
            if until.is_none_or(|until| Instant::now() >= until) {
                break;
            }
        }
        let tally = tally.into_inner().unwrap();
        println!("{:.0?}: {tally}", begin.elapsed());
    }

    fn run(&self, tally: &Mutex<Tally>) {
        let strategy = cases(self.ground, self.servers.clone(), self.actions);
        let mut runner = TestRunner::new(Config {
            cases: self.cases,
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(self.seeds))),
            // Milliseconds: a shorter failure is nice, but not at any price.
            max_shrink_time: 120_000,
            max_shrink_iters: 100_000,
            ..Config::default()
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let result = runner.run(&strategy, |case| {
            let done = runtime.block_on(run(&case));
            tally.lock().unwrap().add(&done.tally);
            done.result.map_err(TestCaseError::fail)
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, case)) => panic!("{case:?}\n{why}"),
            Err(TestError::Abort(why)) => panic!("{why}"),
        }
    }
}

/// The result of a case.
struct Done {
    tally: Tally,
    result: Result<(), String>,
}

async fn run(case: &Case) -> Done {
    let mut driver = Driver::start(case).await;
    let result = carry_out(&mut driver, case).await;
    driver.tally.cases = 1;
    Done {
        result: result.map_err(|fault| driver.explain(&fault)),
        tally: driver.tally,
    }
}

async fn carry_out(driver: &mut Driver, case: &Case) -> Result<(), String> {
    for action in &case.actions {
        driver.act(action).await?;
    }
    driver.audit().await
}

fn time() -> Option<Duration> {
    let seconds = std::env::var(SECONDS).ok()?;
    Some(Duration::from_secs(
        seconds.parse().expect("a number of seconds"),
    ))
}
