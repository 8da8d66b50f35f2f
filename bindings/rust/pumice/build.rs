//! So that examples and tests of this crate find the library where it was found when they were linked.
fn main() {
    let linux = std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux");
    if let (Ok(libdir), true) = (std::env::var("DEP_PUMICE_LIBDIR"), linux) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libdir}");
    }
}
