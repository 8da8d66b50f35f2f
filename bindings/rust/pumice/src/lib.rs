//! Language models on any Vulkan GPU: a safe layer over Pumice's C interface.
//!
//! ```no_run
//! let model = pumice::Model::load("model.gguf")?;
//! let context = model.context(&pumice::ContextOptions::default())?;
//! let mut sequence = context.sequence()?;
//! let options = pumice::Generation { max_tokens: 100, ..model.generation()? };
//! for text in sequence.generate("Once upon a time", &options)? {
//!     print!("{}", text?);
//! }
//! # Ok::<(), pumice::Error>(())
//! ```
//!
//! Objects keep their parents alive, so they may be dropped in any order. Models and contexts may be shared by threads;
//! a sequence and what it generates belong to one thread at a time.
mod encoder;
mod generation;
mod handle;
mod model;

pub use encoder::Encoder;
pub use generation::{Canceller, Context, ContextOptions, Generation, Request, SavedKv, Sequence, Status};
pub use model::{Device, Instance, Model, ModelInfo};
pub use pumice_sys as sys;

use std::ffi::CStr;
use std::fmt;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One of `sys::PUMICE_NOT_FOUND` and its like.
    pub result: sys::PumiceResult,
    /// The library's explanation.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// The library's version and commit: "0.1.0+g0123456789ab".
pub fn version() -> &'static str {
    static_text(unsafe { sys::pumice_version() })
}

/// Of a text that the library keeps for ever.
fn static_text(text: *const std::ffi::c_char) -> &'static str {
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}
