use crate::program::Example;

#[tokio::test]
async fn it_takes_uploads_over_both_versions_of_http() {
    let example = Example::start("hyper").await;
    for mut client in example.clients().await {
        example
            .takes_an_upload(&mut client, "/files/", "data")
            .await;
    }
}
