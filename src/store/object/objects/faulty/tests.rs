use super::*;
use crate::store::object::objects::memory::Memory;

/// Returns a bucket, and a way to it on which the call after `others` fails.
fn failing(others: usize, fault: Fault) -> (Memory, Faulty) {
    let memory = Memory::new(Rules::S3);
    let faulty = Faulty::new(Arc::new(memory.clone()));
    faulty.fail(others, fault);
    (memory, faulty)
}

async fn put(faulty: &Faulty, key: &str, when: When<'_>) -> Result<Tag> {
    let none = Properties::default();
    faulty.put(key, "bytes".into(), when, &none).await
}

fn is_unknown<T>(result: &Result<T>) -> bool {
    matches!(result, Err(ObjectError::Unknown(_)))
}

#[tokio::test(start_paused = true)]
async fn a_fault_concerns_one_call_and_a_crash_all_later_ones() {
    for (fault, keys) in [
        (Fault::CrashBefore, &["a"][..]),
        (Fault::CrashAfter, &["a", "b"]),
        (Fault::CrashLate, &["a"]),
        (Fault::Lost, &["a", "c"]),
        (Fault::Unanswered, &["a", "b", "c"]),
        (Fault::Slow, &["a", "c"]),
        (Fault::Late, &["a", "c"]),
        (Fault::LostThenBusy, &["a"]),
    ] {
        let (memory, faulty) = failing(2, fault);
        put(&faulty, "a", When::Always).await.unwrap();
        faulty.head("a").await.unwrap();
        assert_eq!(faulty.failed(), None);
        assert!(is_unknown(&put(&faulty, "b", When::Always).await));
        assert_eq!(faulty.failed().unwrap(), "put b");
        let goes_on = fault.afterwards().is_none();
        assert_eq!(put(&faulty, "c", When::Always).await.is_ok(), goes_on);
        assert_eq!(faulty.get("a", None).await.is_ok(), goes_on);
        assert_eq!(memory.keys(), keys, "{fault:?}");
        assert_eq!(faulty.calls(), ["put", "head", "put", "put", "get"]);
    }
}

#[tokio::test]
async fn a_late_call_arrives_when_it_is_released() {
    for fault in [Fault::Late, Fault::CrashLate] {
        let (memory, faulty) = failing(0, fault);
        assert!(is_unknown(&put(&faulty, "a", When::Always).await));
        assert!(memory.keys().is_empty());
        assert!(faulty.release().await);
        assert_eq!(memory.keys(), ["a"]);
        memory.delete("a").await.unwrap();
        assert!(!faulty.release().await);
        assert!(memory.keys().is_empty(), "it arrives once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_arrives_by_itself() {
    let (memory, faulty) = failing(0, Fault::Slow);
    assert!(is_unknown(&put(&faulty, "a", When::Always).await));
    assert!(memory.keys().is_empty());
    sleep(2 * SLOW).await;
    assert_eq!(memory.keys(), ["a"]);
}

#[tokio::test]
async fn the_second_of_two_calls_is_refused_because_of_the_first() {
    let (memory, faulty) = failing(0, Fault::Twice);
    let twice = put(&faulty, "a", When::Absent).await;
    assert!(matches!(twice, Err(ObjectError::Refused)), "{twice:?}");
    assert_eq!(memory.keys(), ["a"]);
}

#[tokio::test]
async fn a_busy_store_does_nothing() {
    let (memory, faulty) = failing(0, Fault::Busy);
    let busy = put(&faulty, "a", When::Always).await;
    assert!(matches!(busy, Err(ObjectError::Busy(_))), "{busy:?}");
    assert!(memory.keys().is_empty());
}

#[tokio::test]
async fn a_call_whose_object_is_only_read_is_not_done_either() {
    for fault in [Fault::Lost, Fault::Unanswered, Fault::Late] {
        let (memory, faulty) = failing(1, fault);
        put(&faulty, "a", When::Always).await.unwrap();
        assert!(is_unknown(&faulty.head("a").await), "{fault:?}");
        assert_eq!(faulty.failed().unwrap(), "head a");
        faulty.head("a").await.unwrap();
        assert_eq!(memory.keys(), ["a"]);
    }
}
