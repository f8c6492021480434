//! Parquet's hybrid of run lengths and bit packing.

/// Appends `values`, each of at most `width` bits, to `out`.
pub(super) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let (mut at, mut packed) = (0, 0);
    while at < values.len() {
        let run = values[at..].iter().take_while(|v| **v == values[at]).count();
        if run >= 8 {
            pack(&values[packed..at], width, out);
            varint((run as u64) << 1, out);
            let bytes = values[at].to_le_bytes();
            out.extend_from_slice(&bytes[..usize::from(width.div_ceil(8))]);
            at += run;
            packed = at;
        } else {
            // Packed groups are of eight: a run is looked for again where one ends.
            at += 8;
        }
    }
    pack(&values[packed..], width, out);
}

/// Groups of eight, of which the last may be padded: only at the very end of all values.
fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let n_groups = values.len().div_ceil(8);
    varint((n_groups as u64) << 1 | 1, out);
    let end = out.len() + n_groups * usize::from(width);
    let (mut bits, mut n_bits) = (0u64, 0);
    for value in values {
        bits |= u64::from(*value) << n_bits;
        n_bits += u32::from(width);
        while n_bits >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            n_bits -= 8;
        }
    }
    if n_bits > 0 {
        out.push(bits as u8);
    }
    out.resize(end, 0);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
