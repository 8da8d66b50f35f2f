//! Vectors of texts, for search.
use crate::handle::{check, error_of, Handle};
use crate::{sys, Model, Result};
use std::ptr;

pub struct Encoder {
    handle: Handle<sys::PumiceEncoder>,
    model: Model,
    width: usize,
}

impl Encoder {
    pub(crate) fn new(model: &Model) -> Result<Self> {
        let make = |to| unsafe { sys::pumice_encoder_create(model.get(), ptr::null(), to) };
        let handle = Handle::make(sys::pumice_encoder_destroy, || model.error(), make)?;
        let mut encoder = Self { handle, model: model.clone(), width: 0 };
        let mut info = sys::pumice_encoder_info_init();
        check(unsafe { sys::pumice_encoder_get_info(encoder.handle.get(), &mut info) }, || encoder.error())?;
        encoder.width = info.width as usize;
        Ok(encoder)
    }

    fn error(&self) -> String {
        error_of(self.handle.get(), sys::pumice_encoder_error)
    }

    /// A vector for each text.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let ids: Vec<Vec<i32>> = texts.iter().map(|text| self.model.tokenize(text, true)).collect::<Result<_>>()?;
        let list: Vec<_> = ids.iter().map(|ids| sys::PumiceTokens { ids: ids.as_ptr(), count: ids.len() }).collect();
        let mut vectors = vec![0f32; ids.len() * self.width];
        let mut options = sys::pumice_embed_options_init();
        options.texts = list.as_ptr();
        options.count = list.len();
        options.vectors = vectors.as_mut_ptr();
        check(unsafe { sys::pumice_embed(self.handle.get(), &options) }, || self.error())?;
        Ok(vectors.chunks(self.width).map(<[f32]>::to_vec).collect())
    }
}
