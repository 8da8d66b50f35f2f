//! Finds the library by pkg-config, or by PUMICE_INCLUDE_DIR and PUMICE_LIB_DIR, and writes the declarations from its
//! own headers (python3).
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let run = run.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{program} {}: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&run.stdout).trim().to_string()
}

fn folder(variable: &str, of_package: &str) -> PathBuf {
    println!("cargo:rerun-if-env-changed={variable}");
    match env::var_os(variable) {
        Some(folder) => folder.into(),
        None => output("pkg-config", &[&format!("--variable={of_package}"), "pumice"]).into(),
    }
}

fn main() {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let include = folder("PUMICE_INCLUDE_DIR", "includedir");
    let libraries = folder("PUMICE_LIB_DIR", "libdir");
    let generator = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../generate");
    let written = Path::new(&env::var_os("OUT_DIR").unwrap()).join("declarations.rs");
    let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_string();
    output("python3", &[&text(&generator), "rust", &text(&include), &text(&written)]);
    println!("cargo:rerun-if-changed={}", generator.display());
    println!("cargo:rerun-if-changed={}", include.join("pumice").display());
    println!("cargo:rustc-link-search=native={}", libraries.display());
    println!("cargo:rustc-link-lib=dylib=pumice");
    println!("cargo:libdir={}", libraries.display());
}
