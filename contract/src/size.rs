//! Sizes as people read and write them.

/// `500MB`, `2GiB`, or bytes.
///
/// # Errors
/// If it is no size, for the user.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let units = [
        ("KIB", 1_u64 << 10),
        ("MIB", 1 << 20),
        ("GIB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("B", 1),
    ];
    let upper = text.trim().to_ascii_uppercase();
    let (number, scale) =
        units.iter().find_map(|(unit, scale)| Some((upper.strip_suffix(unit)?, *scale))).unwrap_or((&upper, 1));
    let number: f64 = number
        .trim()
        .parse()
        .ok()
        .ok_or_else(|| format!("'{text}' is no size: give bytes, or a number with KB, MB or GB"))?;
    if number.is_finite() && number >= 0.0 {
        Ok((number * scale as f64) as u64)
    } else {
        Err(format!("'{text}' is no size"))
    }
}

/// `21.2 MB`, `50 GB`.
#[must_use]
pub fn size_text(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let is_round = (value - value.round()).abs() < 1e-9;
    if is_round { format!("{value:.0} {}", units[unit]) } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_both_ways() {
        for (text, n) in
            [("0 B", 0), ("999 B", 999), ("1 kB", 1_000), ("50 GB", 50_000_000_000), ("2.5 TB", 2_500_000_000_000)]
        {
            assert_eq!((size_text(n).as_str(), parse_size(text)), (text, Ok(n)));
        }
        assert_eq!(size_text(21_240_000), "21.2 MB");
        assert_eq!((parse_size("2GiB"), parse_size("17")), (Ok(2 << 30), Ok(17)));
        for wrong in ["", "GB", "-1 GB", "inf", "1 XB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
