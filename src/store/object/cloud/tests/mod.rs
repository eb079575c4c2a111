//! Each cloud against a scripted server.

mod s3;
mod script;
mod xml;
