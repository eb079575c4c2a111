use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::program::{Example, patient};

async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, Code> {
    let service = service.to_owned();
    let mut client = HealthClient::new(channel.clone());
    let answer = patient(client.check(HealthCheckRequest { service })).await;
    answer
        .map(|answer| answer.into_inner().status())
        .map_err(|status| status.code())
}

#[tokio::test]
async fn it_takes_uploads_and_answers_grpc_on_the_same_port() {
    let example = Example::start("tonic").await;
    let url = format!("http://{}", example.authority());
    let channel = patient(Endpoint::from_shared(url).unwrap().connect()).await;
    let channel = channel.unwrap();
    for mut client in example.clients().await {
        assert_eq!(
            health(&channel, "uploads").await,
            Ok(ServingStatus::Serving)
        );
        example
            .takes_an_upload(&mut client, "/files/", "data")
            .await;
        assert_eq!(health(&channel, "nothing").await, Err(Code::NotFound));
    }
}
