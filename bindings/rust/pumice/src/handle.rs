//! Owned handles, and results with what the library says of them.
use crate::{static_text, sys, Error, Result};
use std::ffi::{c_char, CString};
use std::path::Path;
use std::ptr;

/// An object of the library's, destroyed at the end.
pub(crate) struct Handle<T> {
    raw: *mut T,
    destroy: unsafe extern "C" fn(*mut T),
}

// Any thread may destroy any object; what else a thread may do is up to the types that own handles.
unsafe impl<T> Send for Handle<T> {}
unsafe impl<T> Sync for Handle<T> {}

impl<T> Handle<T> {
    /// `make` fills in the handle; `error`: what is said of a failure, which belongs to the parent.
    pub(crate) fn make(
        destroy: unsafe extern "C" fn(*mut T),
        error: impl FnOnce() -> String,
        make: impl FnOnce(*mut *mut T) -> sys::PumiceResult,
    ) -> Result<Self> {
        let mut raw = ptr::null_mut();
        check(make(&mut raw), error)?;
        Ok(Self { raw, destroy })
    }

    pub(crate) fn get(&self) -> *mut T {
        self.raw
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        unsafe { (self.destroy)(self.raw) }
    }
}

pub(crate) fn check(result: sys::PumiceResult, error: impl FnOnce() -> String) -> Result<()> {
    if result == sys::PUMICE_OK {
        return Ok(());
    }
    let mut message = error();
    if message.is_empty() {
        message = static_text(unsafe { sys::pumice_result_name(result) }).to_string();
    }
    Err(Error { result, message })
}

/// What one of the pumice_..._error() functions says.
pub(crate) fn error_of<T>(
    handle: *const T,
    function: unsafe extern "C" fn(*const T, *mut c_char, usize) -> usize,
) -> String {
    let length = unsafe { function(handle, ptr::null_mut(), 0) };
    let mut bytes = vec![0u8; length + 1];
    unsafe { function(handle, bytes.as_mut_ptr().cast(), bytes.len()) };
    text_until_zero(&bytes)
}

pub(crate) fn text_until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error { result: sys::PUMICE_INVALID_ARGUMENT, message: message.into() }
}

pub(crate) fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| invalid("a text with a zero in it"))
}

pub(crate) fn c_path(path: &Path) -> Result<CString> {
    c_text(path.to_str().ok_or_else(|| invalid(format!("not UTF-8: {}", path.display())))?)
}
