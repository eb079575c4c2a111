//! Locks that are tried, and asked for, without waiting.

use super::stale::{Sleeper, dead};
use super::*;

async fn try_to_take(locker: &FileLocker, id: &UploadId) -> Option<Box<dyn Guard>> {
    let tried = locker.try_acquire(id, Interrupt::default());
    let tried = timeout(LONG, tried).await.expect("it does not wait");
    tried.expect("it can be told")
}

async fn is_held(locker: &FileLocker, id: &UploadId) -> bool {
    locker.is_held(id).await.expect("it can be told")
}

#[tokio::test]
async fn a_lock_of_another_process_is_left_alone() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let (one, other) = (fixture.locker(), fixture.locker());
    let asked = Interrupt::default();
    let guard = one.acquire(&id, asked.clone(), LONG).await.unwrap();
    for _ in 0..5 {
        assert!(try_to_take(&other, &id).await.is_none());
        assert!(is_held(&other, &id).await && is_held(&one, &id).await);
        assert_eq!(fixture.names(), ["a.lock"], "nobody asks for it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(asked.cause().is_none());
    guard.release().await;
    assert!(!is_held(&other, &id).await);
    assert_eq!(fixture.names(), [""; 0]);

    let guard = try_to_take(&other, &id).await.expect("it is free");
    assert!(is_held(&one, &id).await && is_busy(&one, &id).await);
    guard.release().await;
    fs::remove_file(fixture.path("a.stop")).ok();
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_lock_that_was_tried_is_handed_over_like_any_other() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let (one, other) = (fixture.locker(), fixture.locker());
    let asked = Interrupt::default();
    let tried = one.try_acquire(&id, asked.clone()).await.unwrap();
    let guard = tried.expect("it is free");
    is_handed_over(guard, asked, &other, &id).await;
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn a_lock_of_tusd_is_left_alone_while_its_process_lives() {
    let (fixture, tusd, id) = (Fixture::new(), Sleeper::new(), id("a"));
    fs::write(fixture.path("a.lock"), tusd.text()).unwrap();
    assert!(is_held(&fixture.locker(), &id).await);
    assert!(try_to_take(&fixture.locker(), &id).await.is_none());
    let text = fs::read_to_string(fixture.path("a.lock")).unwrap();
    assert_eq!(
        (fixture.names(), text),
        (vec!["a.lock".to_owned()], tusd.text())
    );
}

#[tokio::test]
async fn a_stale_lock_is_free_and_only_who_takes_it_removes_it() {
    let (fixture, id) = (Fixture::new(), id("a"));
    for text in [dead(), format!("{}\n", std::process::id())] {
        fs::write(fixture.path("a.lock"), &text).unwrap();
        assert!(!is_held(&fixture.locker(), &id).await);
        assert_eq!(fs::read_to_string(fixture.path("a.lock")).unwrap(), text);
        let guard = try_to_take(&fixture.locker(), &id).await;
        guard.expect("its holder is gone").release().await;
        assert_eq!(fixture.names(), [""; 0]);
    }
}

#[tokio::test]
async fn nobody_holds_the_lock_of_an_upload_that_is_not_there() {
    let (fixture, id) = (Fixture::new(), id("none/a"));
    assert!(!is_held(&fixture.locker(), &id).await);
    let tried = fixture
        .locker()
        .try_acquire(&id, Interrupt::default())
        .await;
    assert!(matches!(tried, Err(Error::NotFound)), "{tried:?}");
    assert_eq!(fixture.names(), [""; 0]);
}

#[tokio::test]
async fn who_stops_a_try_in_the_middle_of_a_call_leaves_nothing() {
    let (fixture, id) = (Fixture::new(), id("a"));
    let locker = fixture.locker();
    for _ in 0..50 {
        let mut tried = locker.try_acquire(&id, Interrupt::default());
        let begun = poll_fn(|cx| Poll::Ready(tried.as_mut().poll(cx))).await;
        drop((begun, tried));
        let next = locker.acquire(&id, Interrupt::default(), LONG).await;
        next.unwrap().release().await;
        assert_eq!(fixture.names(), [""; 0]);
    }
}
