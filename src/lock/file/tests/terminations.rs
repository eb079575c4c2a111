//! Terminations without space for a lock file.

use super::super::data_lock::DataLock;
use super::super::lock_file::Attempt;
use super::super::places::Places;
use super::*;

fn places(fixture: &Fixture, name: &str) -> Places {
    Places::new(fixture.0.path(), &id(name), 0o664, LONG)
}

fn lock(places: &Places) -> Option<DataLock> {
    match DataLock::take(places, None).unwrap() {
        Attempt::Taken(lock) => Some(lock),
        Attempt::Held | Attempt::Collided => None,
    }
}

#[test]
fn one_at_a_time_locks_a_data_file() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("sub")).unwrap();
    for name in ["a", "sub/a"] {
        fs::write(fixture.path(name), "hello").unwrap();
        let places = places(&fixture, name);
        let held = lock(&places).expect("it is free");
        assert!(lock(&places).is_none());
        drop(held);
        drop(lock(&places).expect("it is free again"));
    }
    assert_eq!(fixture.names(), ["a", "sub"]);
}

#[tokio::test]
async fn nobody_locks_a_data_file_while_its_lock_file_has_a_holder() {
    let fixture = Fixture::new();
    fs::write(fixture.path("a"), "hello").unwrap();
    let holder = take(&fixture.locker(), &id("a")).await;
    assert!(lock(&places(&fixture, "a")).is_none());
    holder.release().await;
    assert!(lock(&places(&fixture, "a")).is_some());
}

#[test]
fn an_upload_whose_bytes_are_elsewhere_is_locked_by_nothing() {
    let fixture = Fixture::new();
    assert!(lock(&places(&fixture, "a")).is_some());
    assert_eq!(fixture.names(), [""; 0]);
}
