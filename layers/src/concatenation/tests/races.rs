//! Concurrent requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use http::request::Parts;

use super::{Uploads, created, outcome};
use crate::gate::Gate;
use crate::protocol::{Error, Upload};

/// A gate that counts finished finals.
#[derive(Debug, Default)]
struct Finals(AtomicU32);

#[async_trait]
impl Gate for Finals {
    async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
        self.0.fetch_add(upload.is_final().into(), Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_complete_a_final_one_does() {
    for _ in 0..100 {
        let mut uploads = Uploads::unfinished();
        let gate = Arc::new(Finals::default());
        uploads.gate = Some(gate.clone());
        let mut parts = Vec::new();
        for _ in 0..4 {
            parts.push(uploads.partial("hell").await);
        }
        let order: Vec<_> = parts.iter().collect();
        let id = created(&uploads.join(&order).await);
        let mut tasks: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let uploads = uploads.clone();
                tokio::spawn(async move { uploads.append(&part, 4, "o").await })
            })
            .collect();
        tasks.push(tokio::spawn({
            let (uploads, id) = (uploads.clone(), id.clone());
            async move { uploads.head(&id).await }
        }));
        let mut finished = 0;
        for task in tasks {
            let response = task.await.unwrap();
            let this = outcome(&response);
            let all = this.others.iter().chain([this]);
            finished += all
                .filter(|other| other.finished && other.upload.id == id)
                .count();
        }
        assert_eq!(uploads.bytes(&id), "hellohellohellohello");
        assert_eq!(finished, 1);
        assert_eq!(gate.0.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_ended_meanwhile_leaves_a_whole_final_or_none() {
    for _ in 0..200 {
        let uploads = Uploads::unfinished();
        let (a, b) = (
            uploads.partial("hello").await,
            uploads.partial("worl").await,
        );
        // Either the final gets its last part first, or it loses one.
        let id = created(&uploads.join(&[&a, &b]).await);
        let tasks = [
            tokio::spawn({
                let uploads = uploads.clone();
                async move { uploads.append(&b, 4, "d").await }
            }),
            tokio::spawn({
                let uploads = uploads.clone();
                async move { uploads.delete(&a).await }
            }),
        ];
        for task in tasks {
            task.await.unwrap();
        }
        let head = uploads.head(&id).await;
        match head.status().as_u16() {
            200 => assert_eq!(uploads.bytes(&id), "helloworld"),
            status => assert!(status == 404 && !uploads.exists(&id)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_of_the_same_parts_do_not_wait_for_each_other_in_a_circle() {
    let uploads = Uploads::default();
    let (a, b) = (
        uploads.partial("hello").await,
        uploads.partial("world").await,
    );
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (uploads, a, b) = (uploads.clone(), a.clone(), b.clone());
            tokio::spawn(async move {
                match n % 2 {
                    0 => uploads.join(&[&a, &b, &a]).await,
                    _ => uploads.join(&[&b, &a]).await,
                }
            })
        })
        .collect();
    for task in tasks {
        created(&task.await.unwrap());
    }
}
