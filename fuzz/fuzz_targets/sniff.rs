//! What programs write, cut for a ring. Whatever it is and however it is read, nothing panics, as many
//! bytes leave as came, in order, the first piece can be begun with, and what is passed on does not
//! depend on the reads.
//!
//! The first byte chooses the lengths of reads; the rest is what the program writes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use relay::sniff::Sniffer;

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    let whole = sniff(bytes, usize::MAX);
    assert_eq!(whole.len(), bytes.len());
    let parts = sniff(bytes, usize::from(*choice) * 7 + 1);
    assert_eq!(whole, parts);
});

fn sniff(bytes: &[u8], read: usize) -> Vec<u8> {
    let mut sniffer = Sniffer::new(None);
    let mut pieces = Vec::new();
    for read in bytes.chunks(read) {
        sniffer.push(&Bytes::copy_from_slice(read), &mut pieces);
    }
    sniffer.finish(&mut pieces);
    assert!(pieces.first().is_none_or(|piece| piece.join.is_some()));
    pieces
        .iter()
        .flat_map(|piece| piece.bytes.to_vec())
        .collect()
}
