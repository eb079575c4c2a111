//! Terminations without space for a lock file.

use super::super::data_lock::DataLock;
use super::super::lock_file::Places;
use super::*;

fn places(fixture: &Fixture, name: &str) -> Places {
    Places::new(fixture.0.path(), &id(name), 0o664)
}

fn lock(places: &Places) -> Option<DataLock> {
    DataLock::take(places).unwrap()
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
    let asked = Interrupt::default();
    let holder = fixture
        .locker()
        .acquire(&id("a"), asked.clone(), LONG)
        .await;
    assert!(lock(&places(&fixture, "a")).is_none());
    timeout(LONG, asked.fired()).await.expect("it is asked");
    holder.unwrap().release().await;
    assert!(lock(&places(&fixture, "a")).is_some());
}

#[test]
fn an_upload_whose_bytes_are_elsewhere_is_locked_by_nothing() {
    let fixture = Fixture::new();
    assert!(lock(&places(&fixture, "a")).is_some());
    assert_eq!(fixture.names(), [""; 0]);
}
