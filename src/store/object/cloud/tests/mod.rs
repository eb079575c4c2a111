//! Each cloud against a scripted server.

mod azure;
mod azurite;
mod conformance;
mod credentials;
mod gcs;
mod own;
mod s3;
mod script;
mod versitygw;

#[allow(dead_code, reason = "its files are for tests from outside")]
#[path = "../../../../../tests/harness/gateway.rs"]
mod gateway;
#[allow(dead_code, reason = "one function is enough")]
#[path = "../../../../../tests/harness/services.rs"]
mod services;
