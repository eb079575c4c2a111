use super::*;
use crate::store::object::objects::ObjectError;

const SMALL: Rules = Rules {
    min_part: 3,
    max_part: 5,
    ..Rules::S3
};

async fn put(memory: &Memory, key: &str, bytes: &'static str) -> Tag {
    let none = Properties::default();
    let put = memory.put(key, bytes.into(), When::Always, &none).await;
    put.unwrap()
}

async fn begin(memory: &Memory) -> MultipartId {
    memory.begin("a", &Properties::default()).await.unwrap()
}

/// Sends parts under these numbers, and returns them.
async fn send(
    memory: &Memory,
    id: &MultipartId,
    parts: &[(PartNumber, &'static str)],
) -> Vec<(PartNumber, Tag)> {
    let mut sent = Vec::new();
    for (number, bytes) in parts {
        let tag = memory.put_part("a", id, *number, (*bytes).into()).await;
        sent.push((*number, tag.unwrap()));
    }
    sent
}

fn is_invalid<T: std::fmt::Debug>(result: &Result<T>) -> bool {
    matches!(result, Err(ObjectError::Invalid(_)))
}

#[tokio::test]
async fn an_object_is_written_only_in_the_state_that_was_asked_for() {
    let memory = Memory::new(SMALL);
    let none = Properties::default();
    let write = async |bytes: &'static str, when: When<'_>| {
        memory.put("a", bytes.into(), when, &none).await
    };
    let first = write("1", When::Absent).await.unwrap();
    assert!(matches!(
        write("2", When::Absent).await,
        Err(ObjectError::Refused)
    ));
    let second = write("2", When::Match(&first)).await.unwrap();
    assert_ne!(first, second);
    assert!(matches!(
        write("3", When::Match(&first)).await,
        Err(ObjectError::Refused)
    ));
    assert_eq!(memory.bytes("a").unwrap(), "2");
}

#[tokio::test]
async fn parts_are_joined_by_their_numbers_and_replaced_by_them() {
    let memory = Memory::new(SMALL);
    let id = begin(&memory).await;
    let mut parts = send(&memory, &id, &[(1, "abc"), (7, "old"), (9, "d")]).await;
    parts[1] = send(&memory, &id, &[(7, "new")]).await.remove(0);
    let tag = memory
        .complete("a", &id, &parts, When::Absent)
        .await
        .unwrap();
    assert_eq!(memory.bytes("a").unwrap(), "abcnewd");
    assert!(memory.begun().is_empty());
    let again = memory.complete("a", &id, &parts, When::Absent).await;
    assert_eq!(again.unwrap(), tag);
    // Too late.
    let late = memory.put_part("a", &id, 1, "late".into()).await;
    assert!(matches!(late, Err(ObjectError::NotFound)));
    put(&memory, "a", "another").await;
    let again = memory.complete("a", &id, &parts, When::Absent).await;
    assert!(matches!(again, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn a_part_that_is_sent_twice_has_two_tags_where_they_tell_writes() {
    let memory = Memory::new(SMALL).tagging_each_write();
    let id = begin(&memory).await;
    let before = send(&memory, &id, &[(1, "abc")]).await;
    let again = send(&memory, &id, &[(1, "abc")]).await;
    assert_ne!(before, again);
    assert!(is_invalid(
        &memory.complete("a", &id, &before, When::Absent).await
    ));
    memory
        .complete("a", &id, &again, When::Absent)
        .await
        .unwrap();
    assert_ne!(
        put(&memory, "b", "same").await,
        put(&memory, "b", "same").await
    );
}

#[tokio::test]
async fn some_stores_do_not_find_what_was_completed() {
    let memory = Memory::new(SMALL).forgetting_completed();
    let id = begin(&memory).await;
    let parts = send(&memory, &id, &[(1, "abc")]).await;
    let complete = async || memory.complete("a", &id, &parts, When::Absent).await;
    complete().await.unwrap();
    assert!(matches!(complete().await, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn parts_that_break_the_rules_are_refused() {
    let memory = Memory::new(SMALL);
    let id = begin(&memory).await;
    let parts = send(&memory, &id, &[(1, "ab"), (2, "abc"), (3, "abc")]).await;
    let complete =
        async |parts: &[(PartNumber, Tag)]| memory.complete("a", &id, parts, When::Always).await;
    let [small, two, three] = [0, 1, 2].map(|part| parts[part].clone());
    assert!(
        is_invalid(&complete(&[small, two.clone()]).await),
        "too small"
    );
    assert!(
        is_invalid(&complete(&[three.clone(), two.clone()]).await),
        "the order"
    );
    let other = (2, Tag("other".to_owned()));
    assert!(is_invalid(&complete(&[other]).await), "another tag");
    assert!(is_invalid(&complete(&[]).await), "none");
    assert!(is_invalid(
        &memory.put_part("a", &id, 0, "abc".into()).await
    ));
    assert!(is_invalid(
        &memory.put_part("a", &id, 10_001, "abc".into()).await
    ));
    assert!(is_invalid(
        &memory.put_part("a", &id, 1, "abcdef".into()).await
    ));
    complete(&[two, three]).await.unwrap();
}

#[tokio::test]
async fn stores_with_other_rules_refuse_gaps_and_parts_of_different_sizes() {
    for rules in [
        Rules {
            gaps: false,
            ..SMALL
        },
        Rules {
            equal_parts: true,
            ..SMALL
        },
    ] {
        let memory = Memory::new(rules);
        let id = begin(&memory).await;
        let parts = send(&memory, &id, &[(1, "abcd"), (3, "abc"), (4, "d")]).await;
        assert!(is_invalid(
            &memory.complete("a", &id, &parts, When::Always).await
        ));
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let memory = Memory::new(SMALL).page(2);
    for key in ["b", "a/2", "a/1", "a/3"] {
        put(&memory, key, "x").await;
    }
    let page = memory.list("a/", None).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!((keys, page.is_truncated), (vec!["a/1", "a/2"], true));
    let page = memory.list("a/", Some("a/2")).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!((keys, page.is_truncated), (vec!["a/3"], false));
    let id = begin(&memory).await;
    begin(&memory).await;
    begin(&memory).await;
    send(&memory, &id, &[(1, "abc"), (2, "abc"), (5, "abc")]).await;
    let page = memory.parts("a", &id, 0).await.unwrap();
    assert_eq!((page.parts.len(), page.is_truncated), (2, true));
    let page = memory.parts("a", &id, 2).await.unwrap();
    assert_eq!((page.parts[0].number, page.is_truncated), (5, false));
    let page = memory.multiparts("", None).await.unwrap();
    assert_eq!((page.multiparts.len(), page.is_truncated), (2, true));
    let after = page.multiparts.last();
    let page = memory.multiparts("", after).await.unwrap();
    assert_eq!((page.multiparts.len(), page.is_truncated), (1, false));
}

#[tokio::test]
async fn a_part_can_be_copied_from_a_range_of_an_object() {
    let memory = Memory::new(SMALL);
    put(&memory, "source", "hello world").await;
    let id = begin(&memory).await;
    let tag = memory
        .copy_part("a", &id, 1, "source", 6..11)
        .await
        .unwrap();
    memory
        .complete("a", &id, &[(1, tag)], When::Always)
        .await
        .unwrap();
    assert_eq!(memory.bytes("a").unwrap(), "world");
    let id = begin(&memory).await;
    assert!(is_invalid(
        &memory.copy_part("a", &id, 1, "source", 6..12).await
    ));
    put(&memory, "small", "abc").await;
    assert!(is_invalid(
        &memory.copy_part("a", &id, 1, "small", 0..2).await
    ));
    memory.abort("a", &id).await.unwrap();
    memory.abort("a", &id).await.unwrap();
    assert!(memory.begun().is_empty());
}

#[tokio::test]
async fn properties_are_kept_where_the_rules_allow() {
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        metadata: [("a".to_owned(), "b".to_owned())].into(),
        ..Properties::default()
    };
    let memory = Memory::new(SMALL);
    let id = memory.begin("a", &properties).await.unwrap();
    let parts = send(&memory, &id, &[(1, "abc")]).await;
    memory
        .complete("a", &id, &parts, When::Always)
        .await
        .unwrap();
    assert_eq!(memory.properties("a").unwrap(), properties);
    assert_eq!(
        memory.head("a").await.unwrap().metadata,
        properties.metadata
    );
}
