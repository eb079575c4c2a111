//! The words of the protocol: typed headers, ids, errors, and every type that
//! layers pass to each other.
//!
//! Inwards, layers talk through request extensions ([`Target`], [`BaseUrl`],
//! [`Interrupt`], [`Peer`]); outwards through response extensions ([`Outcome`], [`Error`]).
//! The types live here and never in the layer that sets them, so that no layer
//! needs to know another one.

mod base_url;
mod body;
mod chunk;
mod concat;
mod description;
mod disconnect;
mod error;
pub mod header;
mod id;
mod interrupt;
mod max_size;
mod metadata;
mod named_errors;
mod original_request;
mod outcome;
mod peer;
mod refusal;
mod response_override;
mod rollback;
mod shutdown;
mod strictness;
mod target;
mod upload;

pub use self::base_url::BaseUrl;
pub(crate) use self::body::Uniform;
pub use self::body::{Body, BoxError};
pub use self::chunk::Chunk;
pub use self::concat::{Concat, NewConcat, Role};
pub use self::disconnect::Disconnect;
pub use self::error::Error;
pub use self::error::rejection::Rejection;
pub(crate) use self::id::is_side_file;
pub use self::id::{InvalidUploadId, UploadId};
pub use self::interrupt::Interrupt;
pub use self::max_size::MaxSize;
pub use self::metadata::{InvalidMetadata, Metadata};
pub use self::original_request::OriginalRequest;
pub use self::outcome::Outcome;
pub use self::peer::Peer;
pub use self::refusal::Refusal;
pub use self::response_override::ResponseOverride;
pub(crate) use self::response_override::{TEXT_PLAIN, write_own_body};
pub use self::rollback::Rollback;
pub(crate) use self::rollback::UnlessFinished;
pub use self::shutdown::{Registered, Shutdown, Task};
pub(crate) use self::strictness::Strictness;
pub use self::target::Target;
pub use self::upload::{Action, FinishState, InvalidFinishState, NewUpload, Upload};
