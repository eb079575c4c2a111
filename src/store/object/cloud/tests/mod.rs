//! Each cloud against a scripted server.

mod azure;
mod credentials;
mod gcs;
mod s3;
mod script;
mod versitygw;
mod xml;
