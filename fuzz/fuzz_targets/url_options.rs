//! URL options of simulated channels: no path makes the parser panic, options end at a part of the
//! path, and what is refused is refused with a sentence that names the option.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simulate::options::{self, Options};

fuzz_target!(|data: &[u8]| {
    let Ok(path) = std::str::from_utf8(data) else {
        return;
    };
    for offset in options::asset_offsets(path) {
        assert!(path.is_char_boundary(offset));
        if let Err(error) = Options::parse(options::option_parts(path, offset)) {
            assert!(error.to_string().contains(&error.option));
            assert!(!error.reason.is_empty());
        }
    }
});
