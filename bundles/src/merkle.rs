//! One hash for a list of files: a Merkle tree as of RFC 6962, whose leaves are path, length and hash of each.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// A leaf of the tree.
pub(crate) fn leaf(path: &str, len: u64, hash: &Hash) -> Hash {
    let mut all = Sha256::new();
    all.update([0]);
    all.update((path.len() as u64).to_be_bytes());
    all.update(path);
    all.update(len.to_be_bytes());
    all.update(hash);
    all.finalize().into()
}

/// The root over leaves in their order.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        _ => {
            // The largest power of two that is smaller than their number.
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            let mut all = Sha256::new();
            all.update([1]);
            all.update(root(left));
            all.update(root(right));
            all.finalize().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sextant_model::ids::hex;

    /// The tree of RFC 6962's own test vectors, with leaves made as they are there.
    #[test]
    fn the_tree_is_that_of_the_rfc() {
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> =
            entries.iter().map(|e| Sha256::new().chain_update([0]).chain_update(e).finalize().into()).collect();
        for (n, expected) in [
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(&root(&leaves[..n])), expected, "{n}");
        }
    }
}
