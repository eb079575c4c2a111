//! Who is asked about uploads, and told of them: hooks that live outside the program.
//!
//! The trait and hooks that are closures are in [`tower_tus_layers::hook`]; here
//! are the transports that the server has flags for.

#[cfg(feature = "hooks-grpc")]
pub mod grpc;

#[cfg(feature = "hooks-grpc")]
pub use self::grpc::GrpcHooks;
