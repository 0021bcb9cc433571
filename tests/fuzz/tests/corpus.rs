//! The committed corpus: each input satisfies its target's properties.

use std::fs;
use std::path::Path;

use far_fuzz::TARGETS;

#[test]
fn corpus_satisfies_properties() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for target in TARGETS {
        let inputs: Vec<_> = fs::read_dir(corpus.join(target.name)).unwrap().collect();
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in inputs {
            let path = input.unwrap().path();
            println!("{}", path.display());
            (target.run)(&fs::read(&path).unwrap());
        }
    }
}
