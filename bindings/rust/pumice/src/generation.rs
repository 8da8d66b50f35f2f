//! Contexts, sequences, requests.
use crate::handle::{c_path, check, error_of, invalid, Handle};
use crate::{sys, Error, Model, Result};
use std::cell::Cell;
use std::marker::PhantomData;
use std::path::Path;
use std::slice;
use std::sync::Arc;

/// What `sys::PumiceContextOptions` has; the others keep their defaults.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContextOptions {
    /// 0: chosen by the model and the device.
    pub context_tokens: u32,
    /// 0: one.
    pub max_sequences: u32,
}

/// How a request goes on; see `sys::PumiceRequestOptions`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generation {
    pub max_tokens: u32,
    pub ignore_eos: bool,
    pub temperature: f32,
    pub top_k: u32,
    pub top_p: f32,
    pub min_p: f32,
    pub repeat_penalty: f32,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub penalty_window: u32,
    pub seed: u64,
}

impl Generation {
    pub(crate) fn of(options: &sys::PumiceRequestOptions) -> Self {
        Self {
            max_tokens: options.max_tokens,
            ignore_eos: options.ignore_eos != 0,
            temperature: options.temperature,
            top_k: options.top_k,
            top_p: options.top_p,
            min_p: options.min_p,
            repeat_penalty: options.repeat_penalty,
            frequency_penalty: options.frequency_penalty,
            presence_penalty: options.presence_penalty,
            penalty_window: options.penalty_window,
            seed: options.seed,
        }
    }

    fn options(&self, ids: &[i32]) -> sys::PumiceRequestOptions {
        let mut options = sys::pumice_request_options_init();
        options.ids = ids.as_ptr();
        options.count = ids.len();
        options.max_tokens = self.max_tokens;
        options.ignore_eos = self.ignore_eos.into();
        options.temperature = self.temperature;
        options.top_k = self.top_k;
        options.top_p = self.top_p;
        options.min_p = self.min_p;
        options.repeat_penalty = self.repeat_penalty;
        options.frequency_penalty = self.frequency_penalty;
        options.presence_penalty = self.presence_penalty;
        options.penalty_window = self.penalty_window;
        options.seed = self.seed;
        options
    }
}

/// Greedy.
impl Default for Generation {
    fn default() -> Self {
        Self::of(&sys::pumice_request_options_init())
    }
}

/// The KV cache and the recorded step.
#[derive(Clone)]
pub struct Context {
    handle: Arc<Handle<sys::PumiceContext>>,
    model: Model,
}

impl Context {
    pub(crate) fn new(model: &Model, from: &ContextOptions) -> Result<Self> {
        let mut options = sys::pumice_context_options_init();
        options.context_tokens = from.context_tokens;
        options.max_sequences = from.max_sequences.max(1);
        let make = |to| unsafe { sys::pumice_context_create(model.get(), &options, to) };
        let handle = Handle::make(sys::pumice_context_destroy, || model.error(), make)?;
        Ok(Self { handle: Arc::new(handle), model: model.clone() })
    }

    fn error(&self) -> String {
        error_of(self.handle.get(), sys::pumice_context_error)
    }

    fn make_sequence(
        &self,
        make: impl FnOnce(*mut *mut sys::PumiceSequence) -> sys::PumiceResult,
    ) -> Result<Sequence> {
        let handle = Handle::make(sys::pumice_sequence_destroy, || self.error(), make)?;
        Ok(Sequence { handle, context: self.clone(), one_thread_at_a_time: PhantomData })
    }

    pub fn sequence(&self) -> Result<Sequence> {
        self.make_sequence(|to| unsafe { sys::pumice_sequence_create(self.handle.get(), to) })
    }

    /// A sequence that [`Sequence::save`] has written.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Sequence> {
        let path = c_path(path.as_ref())?;
        let mut source = sys::pumice_session_source_init();
        source.path = path.as_ptr();
        self.make_sequence(|to| unsafe { sys::pumice_sequence_load(self.handle.get(), &source, to) })
    }
}

/// What a session has of the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedKv {
    Exact,
    Q8,
    None,
}

/// A text that goes on.
pub struct Sequence {
    handle: Handle<sys::PumiceSequence>,
    context: Context,
    one_thread_at_a_time: PhantomData<Cell<()>>,
}

impl Sequence {
    /// Appends the prompt, and goes on with it: an iterator of text as it comes. Dropping it cancels the rest.
    pub fn generate(&mut self, prompt: &str, options: &Generation) -> Result<Request> {
        let ids = self.context.model.tokenize(prompt, self.tokens()? == 0)?;
        self.submit(&ids, options)
    }

    pub fn submit(&mut self, ids: &[i32], options: &Generation) -> Result<Request> {
        let options = options.options(ids);
        let make = |to| unsafe { sys::pumice_request_submit(self.handle.get(), &options, to) };
        let handle = Handle::make(sys::pumice_request_destroy, || self.context.error(), make)?;
        Ok(Request { handle: Arc::new(handle), context: self.context.clone(), status: Status::Running, ids: vec![] })
    }

    pub fn tokens(&self) -> Result<u32> {
        let mut info = sys::pumice_sequence_info_init();
        check(unsafe { sys::pumice_sequence_get_info(self.handle.get(), &mut info) }, || self.context.error())?;
        Ok(info.tokens)
    }

    pub fn truncate(&mut self, tokens: u32) -> Result<()> {
        check(unsafe { sys::pumice_sequence_truncate(self.handle.get(), tokens) }, || self.context.error())
    }

    /// A new sequence with the first tokens of this one.
    pub fn fork(&mut self, tokens: u32) -> Result<Sequence> {
        self.context.make_sequence(|to| unsafe { sys::pumice_sequence_fork(self.handle.get(), tokens, to) })
    }

    pub fn save(&mut self, path: impl AsRef<Path>, kv: SavedKv) -> Result<()> {
        let path = c_path(path.as_ref())?;
        let mut options = sys::pumice_session_options_init();
        options.path = path.as_ptr();
        options.kv = match kv {
            SavedKv::Exact => sys::PUMICE_SESSION_EXACT,
            SavedKv::Q8 => sys::PUMICE_SESSION_Q8,
            SavedKv::None => sys::PUMICE_SESSION_TOKENS,
        };
        check(unsafe { sys::pumice_sequence_save(self.handle.get(), &options) }, || self.context.error())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Running,
    /// The model has ended.
    Ended,
    /// `max_tokens` are there.
    Length,
    ContextFull,
    Cancelled,
    Failed,
}

impl Status {
    fn of(status: sys::PumiceRequestStatus) -> Result<Self> {
        Ok(match status {
            sys::PUMICE_REQUEST_RUNNING => Self::Running,
            sys::PUMICE_REQUEST_FINISHED_EOS => Self::Ended,
            sys::PUMICE_REQUEST_FINISHED_LENGTH => Self::Length,
            sys::PUMICE_REQUEST_FINISHED_CONTEXT => Self::ContextFull,
            sys::PUMICE_REQUEST_CANCELLED => Self::Cancelled,
            sys::PUMICE_REQUEST_FAILED => Self::Failed,
            other => return Err(invalid(format!("a status that this crate does not know: {other}"))),
        })
    }
}

/// What a sequence is generating.
pub struct Request {
    handle: Arc<Handle<sys::PumiceRequest>>,
    context: Context,
    status: Status,
    ids: Vec<i32>,
}

impl Request {
    /// What is new; never waits.
    pub fn poll(&mut self) -> Result<String> {
        let mut poll = sys::pumice_poll_init();
        check(unsafe { sys::pumice_poll(self.handle.get(), &mut poll) }, || self.context.error())?;
        self.status = Status::of(poll.status)?;
        if self.status == Status::Failed {
            return Err(Error { result: poll.result, message: self.context.error() });
        }
        if poll.count > 0 {
            self.ids.extend_from_slice(unsafe { slice::from_raw_parts(poll.ids, poll.count) });
        }
        if poll.text_length == 0 {
            return Ok(String::new());
        }
        let text = unsafe { slice::from_raw_parts(poll.text.cast::<u8>(), poll.text_length) };
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// All tokens so far.
    pub fn ids(&self) -> &[i32] {
        &self.ids
    }

    pub fn cancel(&self) {
        unsafe { sys::pumice_request_cancel(self.handle.get()) }
    }

    /// For another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.handle.clone())
    }
}

impl Iterator for Request {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.status == Status::Running {
            let waited = unsafe { sys::pumice_request_wait(self.handle.get(), -1) };
            let new = check(waited, || self.context.error()).and_then(|()| self.poll());
            match new {
                Ok(text) if text.is_empty() => continue,
                Ok(text) => return Some(Ok(text)),
                Err(error) => {
                    self.status = Status::Failed;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[derive(Clone)]
pub struct Canceller(Arc<Handle<sys::PumiceRequest>>);

impl Canceller {
    pub fn cancel(&self) {
        unsafe { sys::pumice_request_cancel(self.0.get()) }
    }
}
