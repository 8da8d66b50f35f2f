//! The crates against the real library. PUMICE_MODEL: the bundled model; PUMICE_LAYOUT: the program that prints what
//! the C compiler makes of the headers. Tests that need a device pass where there is none, and say so.
use pumice::{sys, ContextOptions, Device, Encoder, Generation, Instance, Model, SavedKv, Status};
use std::collections::BTreeMap;
use std::process::Command;

const PROMPT: &str = "Once upon a time";

fn model_path() -> String {
    std::env::var("PUMICE_MODEL").expect("PUMICE_MODEL")
}

fn model() -> Option<Model> {
    match Device::new(&Instance::new().unwrap(), None) {
        Ok(device) => Some(Model::load_on(&device, model_path()).unwrap()),
        Err(error) => {
            assert_eq!(error.result, sys::PUMICE_NOT_FOUND, "{error}");
            eprintln!("skipped: no Vulkan device");
            None
        }
    }
}

/// `"Struct": {"": 48, "member": 16}` of the program's output, which has these alone on one line each.
fn layout_of_c() -> BTreeMap<(String, String), usize> {
    let printed = Command::new(std::env::var("PUMICE_LAYOUT").expect("PUMICE_LAYOUT")).output().unwrap().stdout;
    let mut layout = BTreeMap::new();
    for line in String::from_utf8(printed).unwrap().lines().take_while(|line| !line.contains("\"inits\"")) {
        let (name, members) = match line.split_once("\": {\"\"") {
            Some(parts) => parts,
            None => continue,
        };
        let members = format!("\"\"{}", members.trim_end_matches(['}', ',', ' ']));
        for member in members.split(", ") {
            let (member, value) = member.split_once(": ").unwrap();
            let key = (name.trim_start_matches('"').to_string(), member.trim_matches('"').to_string());
            layout.insert(key, value.parse().unwrap());
        }
    }
    layout
}

#[test]
fn layouts_are_those_of_c() {
    let ours: BTreeMap<_, _> =
        sys::layout().into_iter().map(|(name, member, at)| ((name.to_string(), member.to_string()), at)).collect();
    assert!(ours.len() > 400, "{} members", ours.len());
    assert_eq!(ours, layout_of_c());
}

#[test]
fn a_vocabulary_needs_no_device() {
    let model = Model::load_vocabulary(&Instance::new().unwrap(), model_path()).unwrap();
    let ids = model.tokenize("Once upon a time in Köln", false).unwrap();
    assert_eq!(model.detokenize(&ids).unwrap().trim(), "Once upon a time in Köln");
    assert_eq!(model.info().unwrap().architecture, "llama");
    assert!(pumice::version().starts_with(sys::VERSION));
    let error = model.context(&ContextOptions::default()).err().unwrap();
    assert_eq!(error.result, sys::PUMICE_INVALID_ARGUMENT);
}

#[test]
fn failures_are_explained() {
    let error = Model::load_vocabulary(&Instance::new().unwrap(), "no/such.gguf").err().unwrap();
    assert_eq!(error.result, sys::PUMICE_NOT_FOUND);
    assert!(error.message.contains("no/such.gguf"), "{error}");
    let error = Model::load_vocabulary(&Instance::new().unwrap(), "a\0b").err().unwrap();
    assert_eq!(error.result, sys::PUMICE_INVALID_ARGUMENT);
}

#[test]
fn generates_saves_and_loads() {
    let model = match model() {
        Some(model) => model,
        None => return,
    };
    let options = Generation { max_tokens: 8, ..Default::default() };
    let context = model.context(&ContextOptions { context_tokens: 512, max_sequences: 2 }).unwrap();
    let mut sequence = context.sequence().unwrap();
    let mut request = sequence.generate(PROMPT, &options).unwrap();
    let chunks: Vec<String> = request.by_ref().map(Result::unwrap).collect();
    assert!(chunks.len() > 1);
    assert_eq!((request.status(), request.ids().len()), (Status::Length, 8));

    let path = std::env::temp_dir().join(format!("pumice-rust-{}.session", std::process::id()));
    sequence.save(&path, SavedKv::Exact).unwrap();
    let mut loaded = context.load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(loaded.tokens().unwrap(), sequence.tokens().unwrap());
    let goes_on = |sequence: &mut pumice::Sequence| -> String {
        sequence.generate(" The king", &options).unwrap().map(Result::unwrap).collect()
    };
    let text = goes_on(&mut sequence);
    assert!(!text.is_empty());
    assert_eq!(goes_on(&mut loaded), text);
    assert_eq!(context.load("no/such.session").err().unwrap().result, sys::PUMICE_NOT_FOUND);
}

#[test]
fn another_thread_cancels_and_parents_may_go_first() {
    let model = match model() {
        Some(model) => model,
        None => return,
    };
    let context = model.context(&ContextOptions { context_tokens: 512, ..Default::default() }).unwrap();
    let mut sequence = context.sequence().unwrap();
    let options = Generation { max_tokens: 400, ignore_eos: true, ..Default::default() };
    let mut request = sequence.generate(PROMPT, &options).unwrap();
    drop((model, context));
    request.next().unwrap().unwrap();
    let canceller = request.canceller();
    std::thread::spawn(move || canceller.cancel()).join().unwrap();
    request.by_ref().for_each(drop);
    assert_eq!(request.status(), Status::Cancelled);
    drop(request);
    sequence.truncate(2).unwrap();
    assert_eq!(sequence.tokens().unwrap(), 2);
}

#[test]
fn embeds() {
    let model = match model() {
        Some(model) => model,
        None => return,
    };
    let encoder: Encoder = model.encoder().unwrap();
    let vectors = encoder.embed(&["a king and a queen", "a ship at sea"]).unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
    }
}
