//! The C interface of Pumice, as `pumice.h` has it, which says what each call does. The crate `pumice` is a safe layer
//! over it.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::missing_safety_doc)]

include!(concat!(env!("OUT_DIR"), "/declarations.rs"));
