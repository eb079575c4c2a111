//! Typed headers, ids, errors, and every other type that layers pass to each
//! other.
//!
//! On the way in, layers communicate through the request's
//! [`Context`](crate::context::Context); on the way out, through two response
//! extensions, [`Outcome`] and [`Error`].

mod base_url;
mod body;
mod byte_count;
mod chunk;
mod clock;
mod concat;
mod description;
mod disconnect;
mod error;
pub mod header;
mod id;
mod interrupt;
mod metadata;
mod named_errors;
mod new_object;
mod outcome;
mod peer;
mod response_override;
mod shutdown;
mod strictness;
mod target;
mod upload;

pub use self::base_url::BaseUrl;
pub use self::body::{Body, BoxError};
pub(crate) use self::body::{PolledFrame, Watch};
pub use self::byte_count::{InvalidByteCount, Length, Offset};
pub use self::chunk::Chunk;
pub use self::clock::Clock;
pub(crate) use self::concat::NewConcat;
pub use self::concat::{Concat, Role};
pub use self::disconnect::Disconnect;
pub use self::error::Error;
pub use self::error::rejection::Rejection;
pub(crate) use self::id::is_side_file;
pub use self::id::{InvalidUploadId, UploadId};
pub use self::interrupt::Interrupt;
pub use self::metadata::{InvalidMetadata, Metadata};
pub use self::new_object::NewObject;
pub use self::outcome::Outcome;
pub use self::peer::Peer;
pub use self::response_override::ResponseOverride;
pub(crate) use self::response_override::{CarryOut, TEXT_PLAIN, write_own_body};
pub use self::shutdown::{Registered, Shutdown, Task};
pub(crate) use self::strictness::Strictness;
pub use self::target::Target;
pub use self::upload::{Action, Completion, FinishState, InvalidFinishState, NewUpload, Upload};
