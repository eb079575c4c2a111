//! Requests that only read an upload.

use super::stale::{Sleeper, dead};
use super::*;

/// Observes an upload that is free, without waiting.
async fn look(locker: &FileLocker, id: &UploadId) -> Box<dyn Guard> {
    let observer = locker.observe(id, Interrupt::default(), Duration::ZERO);
    observer.await.expect("the lock is free")
}

async fn waits(locker: &FileLocker, id: &UploadId) -> bool {
    let observer = locker.observe(id, Interrupt::default(), Duration::ZERO);
    matches!(observer.await, Err(Error::LockTimeout))
}

#[tokio::test]
async fn an_observer_makes_no_file_and_excludes_nobody_elsewhere() {
    let fixture = Fixture::new();
    for name in ["a", "sub/a", "no/directory/a"] {
        let id = id(name);
        fs::create_dir_all(fixture.path("sub")).unwrap();
        let observer = look(&fixture.locker(), &id).await;
        assert_eq!(fixture.names(), ["sub"]);
        assert!(fixture.path("sub").read_dir().unwrap().next().is_none());
        if name != "no/directory/a" {
            take(&fixture.locker(), &id).await.release().await;
        }
        observer.release().await;
    }
}

#[tokio::test]
async fn an_observer_asks_a_living_holder_and_waits_for_it() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("sub")).unwrap();
    let (holder, id) = (Sleeper::new(), id("sub/a"));
    let lock = fixture.path("sub/a.lock");
    fs::write(&lock, holder.text()).unwrap();
    assert!(waits(&fixture.locker(), &id).await);
    fs::remove_file(fixture.path("sub/a.stop")).unwrap();

    let locker = fixture.locker();
    let observing = locker.observe(&id, Interrupt::default(), LONG);
    let asked = async {
        while !fixture.path("sub/a.stop").exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let tusd = async {
        timeout(LONG, asked).await.unwrap();
        fs::remove_file(lock).unwrap();
    };
    let (observer, ()) = tokio::join!(observing, tusd);
    observer.unwrap().release().await;
}

#[tokio::test]
async fn an_observer_interrupts_the_holder_in_this_process() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let (locker, asked) = (fixture.locker(), Interrupt::default());
    let holder = locker.acquire(&id, asked.clone(), LONG).await.unwrap();
    let lets_go = async {
        timeout(LONG, asked.fired()).await.unwrap();
        holder.release().await;
    };
    let observing = locker.observe(&id, Interrupt::default(), LONG);
    let (observer, ()) = tokio::join!(observing, lets_go);
    observer.unwrap().release().await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_stale_lock_keeps_no_observer_waiting_and_stays_as_it_is() {
    let (fixture, id) = (Fixture::new(), id("a"));
    fs::write(fixture.path("a.lock"), dead()).unwrap();
    look(&fixture.locker(), &id).await.release().await;
    assert_eq!(fixture.names(), ["a.lock"]);
    take(&fixture.locker(), &id).await.release().await;
}

#[tokio::test]
async fn an_observer_waits_for_a_holder_that_has_the_file_open_whatever_it_says() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let guard = take(&fixture.locker(), &id).await;
    fs::write(fixture.path("a.lock"), dead()).unwrap();
    assert!(waits(&fixture.locker(), &id).await);
    guard.release().await;
    look(&fixture.locker(), &id).await.release().await;
}
