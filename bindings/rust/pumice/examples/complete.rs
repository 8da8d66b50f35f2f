//! complete MODEL [SESSION]: goes on with a text as it comes, saves the sequence, loads it, and goes on from there.
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = arguments.get(1).ok_or("usage: complete MODEL.gguf [SESSION]")?;
    let session = arguments.get(2).map_or("complete.session", String::as_str);
    println!("pumice {}", pumice::version());
    let model = pumice::Model::load(path)?;
    let context = model.context(&pumice::ContextOptions { max_sequences: 2, ..Default::default() })?;
    let options = pumice::Generation { max_tokens: 12, ..Default::default() };

    let mut sequence = context.sequence()?;
    for prompt in ["Once upon a time", " The king"] {
        print!("{prompt}");
        for text in sequence.generate(prompt, &options)? {
            print!("{}", text?);
            std::io::stdout().flush()?;
        }
        sequence.save(session, pumice::SavedKv::Exact)?;
        sequence = context.load(session)?;
    }
    println!();
    Ok(())
}
