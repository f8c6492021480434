//! Figures as people read them: thousands with commas, units, clocks.

/// `1,234,567`.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// `1 span`, `1,234 spans`.
pub fn counted(n: usize, word: &str) -> String {
    format!("{} {word}{}", thousands(n as i64), if n == 1 { "" } else { "s" })
}

/// `318 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} KB", n as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        100_000_000..1_000_000_000 => format!("{:.0} MB", n as f64 / 1e6),
        1_000_000_000..1_000_000_000_000 => format!("{:.1} GB", n as f64 / 1e9),
        _ => format!("{:.1} TB", n as f64 / 1e12),
    }
}

/// A duration beside a bar: `800 µs`, `2.80 ms`, `22.3 ms`, `141 ms`, `2.418 s`.
pub fn duration(nanos: i64) -> String {
    let ms = nanos as f64 / 1e6;
    match nanos {
        ..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.0} µs", nanos as f64 / 1e3),
        1_000_000..10_000_000 => format!("{ms:.2} ms"),
        10_000_000..100_000_000 => format!("{ms:.1} ms"),
        100_000_000..1_000_000_000 => format!("{ms:.0} ms"),
        _ => format!("{:.3} s", nanos as f64 / 1e9),
    }
}

/// The same for a scale, without decimals that say nothing: `500 ms`, `1 s`.
pub fn duration_label(nanos: i64) -> String {
    let text = duration(nanos);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// How long a step of time is: `12 min`, `2 h`, `15 s`.
pub fn step(nanos: i64) -> String {
    const MINUTE: i64 = 60_000_000_000;
    match nanos {
        n if n >= 60 * MINUTE && n % (60 * MINUTE) == 0 => format!("{} h", n / (60 * MINUTE)),
        n if n >= MINUTE && n % MINUTE == 0 => format!("{} min", n / MINUTE),
        n if n >= MINUTE => format!("{} min {} s", n / MINUTE, n % MINUTE / 1_000_000_000),
        n => duration_label(n),
    }
}

/// The clock part of a time in UTC: `14:06:41.208`, with `digits` decimals.
pub fn clock(nanos: i64, digits: usize) -> String {
    let day = nanos.rem_euclid(86_400_000_000_000);
    let (seconds, rest) = (day / 1_000_000_000, day % 1_000_000_000);
    let base = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if digits == 0 { base } else { format!("{base}.{}", &format!("{rest:09}")[..digits]) }
}

/// `19 Nov`.
pub fn day(nanos: i64) -> String {
    let text = sextant_model::UnixNanos(nanos).day();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = text.get(5..7).and_then(|m| m.parse::<usize>().ok()).and_then(|m| months.get(m - 1));
    format!("{} {}", text.get(8..10).unwrap_or_default().trim_start_matches('0'), month.unwrap_or(&""))
}

/// The least round number that is not below: where a scale ends, so that its middle reads well too.
pub fn ceiling(value: f64) -> f64 {
    /// Rounder ones would leave too much of a plot empty.
    const ROUND: [f64; 9] = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0];
    if !(value.is_finite() && value > 0.0) {
        return value;
    }
    let unit = 10f64.powf(value.log10().floor());
    ROUND.iter().map(|r| r * unit).find(|r| *r >= value * (1.0 - 1e-9)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(-12), "-12");
        for (nanos, text) in
            [(800_000, "800 µs"), (2_800_000, "2.80 ms"), (141_000_000, "141 ms"), (2_418_000_000, "2.418 s")]
        {
            assert_eq!(duration(nanos), text);
        }
        let second = 1_000_000_000;
        for (seconds, text) in
            [(15, "15 s"), (90, "1 min 30 s"), (487, "8 min 7 s"), (720, "12 min"), (5_400, "90 min"), (7_200, "2 h")]
        {
            assert_eq!(step(seconds * second), text);
        }
        assert_eq!(clock(50_801_208_113_000, 3), "14:06:41.208");
        assert_eq!(bytes(318_000_000), "318 MB");
    }

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, end) in
            [(2.601e9, 3e9), (0.05, 0.06), (1.0, 1.0), (9.99, 10.0), (100.0, 100.0), (0.0, 0.0), (121.0, 160.0)]
        {
            assert!((ceiling(value) - end).abs() <= end * 1e-9, "{value}: {}", ceiling(value));
        }
        assert!(ceiling(f64::NAN).is_nan() && ceiling(f64::INFINITY).is_infinite());
        assert!((ceiling(-3.0) + 3.0).abs() < 1e-9);
    }
}
