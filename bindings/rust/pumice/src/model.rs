//! Instances, devices, models.
use crate::handle::{c_path, c_text, check, error_of, text_until_zero, Handle};
use crate::{sys, Context, ContextOptions, Encoder, Generation, Result};
use std::ptr;
use std::path::Path;
use std::sync::Arc;

/// The Vulkan loader.
#[derive(Clone)]
pub struct Instance(pub(crate) Arc<Handle<sys::PumiceInstance>>);

impl Instance {
    pub fn new() -> Result<Self> {
        let make = |to| unsafe { sys::pumice_instance_create(ptr::null(), to) };
        Ok(Self(Arc::new(Handle::make(sys::pumice_instance_destroy, String::new, make)?)))
    }

    fn error(&self) -> String {
        error_of(self.0.get(), sys::pumice_instance_error)
    }
}

/// A GPU, or the CPU through a software driver.
#[derive(Clone)]
pub struct Device {
    pub(crate) handle: Arc<Handle<sys::PumiceDevice>>,
    instance: Instance,
}

impl Device {
    /// `selector`: an index, a UUID or part of a name; None: the best there is. `sys::PUMICE_NOT_FOUND`: there is none.
    pub fn new(instance: &Instance, selector: Option<&str>) -> Result<Self> {
        let selector = selector.map(c_text).transpose()?;
        let mut options = sys::pumice_device_options_init();
        options.selector = selector.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        let make = |to| unsafe { sys::pumice_device_create_auto(instance.0.get(), &options, to) };
        let handle = Handle::make(sys::pumice_device_destroy, || instance.error(), make)?;
        Ok(Self { handle: Arc::new(handle), instance: instance.clone() })
    }

    pub fn name(&self) -> Result<String> {
        let mut info = sys::pumice_device_info_init();
        let error = || error_of(self.handle.get(), sys::pumice_device_error);
        check(unsafe { sys::pumice_device_describe(self.handle.get(), &mut info) }, error)?;
        Ok(text_until_zero(&info.name.map(|c| c as u8)))
    }
}

#[derive(Debug, Clone)]
pub struct ModelInfo {
    pub architecture: String,
    pub name: String,
    pub parameters: u64,
    pub width: u32,
    pub vocabulary: u32,
    pub context_length: u32,
}

/// A GGUF file.
#[derive(Clone)]
pub struct Model(pub(crate) Arc<Handle<sys::PumiceModel>>);

impl Model {
    /// On the default device.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(&Device::new(&Instance::new()?, None)?, path)
    }

    pub fn load_on(device: &Device, path: impl AsRef<Path>) -> Result<Self> {
        Self::open(&device.instance, Some(device), path.as_ref())
    }

    /// Metadata and tokens alone: it needs no device and generates nothing.
    pub fn load_vocabulary(instance: &Instance, path: impl AsRef<Path>) -> Result<Self> {
        Self::open(instance, None, path.as_ref())
    }

    fn open(instance: &Instance, device: Option<&Device>, path: &Path) -> Result<Self> {
        let path = c_path(path)?;
        let device = device.map_or(ptr::null_mut(), |device| device.handle.get());
        let mut options = sys::pumice_model_options_init();
        options.path = path.as_ptr();
        let make = |to| unsafe { sys::pumice_model_load(instance.0.get(), device, &options, to) };
        Ok(Self(Arc::new(Handle::make(sys::pumice_model_destroy, || instance.error(), make)?)))
    }

    pub(crate) fn get(&self) -> *mut sys::PumiceModel {
        self.0.get()
    }

    pub(crate) fn error(&self) -> String {
        error_of(self.get(), sys::pumice_model_error)
    }

    pub fn info(&self) -> Result<ModelInfo> {
        let mut info = sys::pumice_model_info_init();
        check(unsafe { sys::pumice_model_get_info(self.get(), &mut info) }, || self.error())?;
        Ok(ModelInfo {
            architecture: text_until_zero(&info.architecture.map(|c| c as u8)),
            name: text_until_zero(&info.name.map(|c| c as u8)),
            parameters: info.parameters,
            width: info.width,
            vocabulary: info.vocabulary,
            context_length: info.context_length,
        })
    }

    /// `add_special`: the tokens that a text begins and ends with. Names of control tokens stay plain text.
    pub fn tokenize(&self, text: &str, add_special: bool) -> Result<Vec<i32>> {
        let flags = if add_special { sys::PUMICE_TOKENIZE_ADD_SPECIAL as u32 } else { 0 };
        let mut ids = Vec::new();
        loop {
            let mut count = 0;
            let result = unsafe {
                let (text, length, capacity) = (text.as_ptr().cast(), text.len(), ids.len());
                sys::pumice_tokenize(self.get(), text, length, flags, ids.as_mut_ptr(), capacity, &mut count)
            };
            check(result, || self.error())?;
            if count == ids.len() {
                return Ok(ids);
            }
            ids.resize(count, 0);
        }
    }

    pub fn detokenize(&self, ids: &[i32]) -> Result<String> {
        let mut bytes = vec![0u8; 1];
        loop {
            let mut length = 0;
            let result = unsafe {
                let (to, capacity) = (bytes.as_mut_ptr().cast(), bytes.len());
                sys::pumice_detokenize(self.get(), ids.as_ptr(), ids.len(), to, capacity, &mut length)
            };
            check(result, || self.error())?;
            if length < bytes.len() {
                bytes.truncate(length);
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            bytes.resize(length + 1, 0);
        }
    }

    /// As the file recommends.
    pub fn generation(&self) -> Result<Generation> {
        let mut options = sys::pumice_request_options_init();
        check(unsafe { sys::pumice_model_get_sampling(self.get(), &mut options) }, || self.error())?;
        Ok(Generation::of(&options))
    }

    pub fn context(&self, options: &ContextOptions) -> Result<Context> {
        Context::new(self, options)
    }

    pub fn encoder(&self) -> Result<Encoder> {
        Encoder::new(self)
    }
}
