use std::sync::Arc;

use super::ObjectStore;
use crate::store::object::objects::Rules;
use crate::store::object::objects::memory::Memory;
use crate::store::object::probe::Missing;

const SMALL: Rules = Rules {
    min_part: 10,
    ..Rules::S3
};

/// Returns what a bucket lacks, which stays empty.
async fn missing_of(memory: Memory) -> Vec<Missing> {
    let store = ObjectStore::over(Arc::new(memory.clone())).prefix("up/");
    let missing = store.probe().await.unwrap();
    assert_eq!(memory.keys(), [""; 0]);
    assert_eq!(memory.begun(), [""; 0]);
    missing
}

#[tokio::test]
async fn a_bucket_that_keeps_its_promises_lacks_nothing() {
    assert_eq!(missing_of(Memory::new(SMALL)).await, []);
}

#[tokio::test]
async fn what_a_kind_of_store_does_not_promise_is_not_tried() {
    let rules = Rules {
        gaps: false,
        conditional_complete: false,
        ..SMALL
    };
    assert_eq!(missing_of(Memory::new(rules)).await, []);
}

#[tokio::test]
async fn a_server_that_ignores_the_conditions_of_writes_is_found_out() {
    let memory = Memory::new(SMALL).without_checks();
    assert_eq!(missing_of(memory).await, [Missing::ConditionalWrites]);
}

#[tokio::test]
async fn a_server_that_refuses_gaps_is_found_out() {
    let without_gaps = Rules {
        gaps: false,
        ..SMALL
    };
    let memory = Memory::new(without_gaps).claiming(SMALL);
    assert_eq!(missing_of(memory).await, [Missing::PartGaps]);
}

#[tokio::test]
async fn a_server_that_completes_over_an_object_is_found_out() {
    let unconditional = Rules {
        conditional_complete: false,
        ..SMALL
    };
    let memory = Memory::new(unconditional).claiming(SMALL);
    assert_eq!(missing_of(memory).await, [Missing::ConditionalCompletion]);
}
