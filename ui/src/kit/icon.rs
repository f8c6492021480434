//! Icons as paths in an 18 × 18 box, one stroke wide.

use super::Kit;
use eframe::egui::{Color32, Pos2, Stroke, pos2, vec2};
use std::collections::HashMap;
use std::f32::consts::TAU;
use std::sync::LazyLock;

const PATHS: [(&str, &str); 26] = [
    ("warn", "M9 3 16 15.5H2zM9 7.5v4M9 13.4v.6"),
    ("home", "M2 8.5 9 3l7 5.5M4 8v7h10V8"),
    ("traces", "M2 4h9M4 8h10M6 12h6M6 16h4"),
    ("logs", "M3 4h12M3 8h12M3 12h8M3 16h10"),
    ("gear", "M3 5h12M3 9h12M3 13h12"),
    (
        "services",
        "M9 2A2.2 2.2 0 0 0 9 6.4A2.2 2.2 0 0 0 9 2M4.2 11.4A2.2 2.2 0 0 0 4.2 15.8A2.2 2.2 0 0 0 4.2 11.4M13.8 11.4A2.2 2.2 0 0 0 13.8 15.8A2.2 2.2 0 0 0 13.8 11.4M8 6.3 5.2 11.5M10 6.3 12.8 11.5",
    ),
    ("search", "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3M12 12l4 4"),
    ("sql", "M4 5 8 9l-4 4M10 14h5"),
    ("metrics", "M2 3v13h14M4 12l3-4 3 2 5-6"),
    ("db", "M3 5c0-3 12-3 12 0v8c0 3-12 3-12 0zM3 5c0 3 12 3 12 0"),
    ("copy", "M6 6h9v9H6zM3 12V3h9"),
    ("file", "M4 2h7l3 3v11H4z"),
    ("plus", "M9 3v12M3 9h12"),
    ("play", "M5 3l10 6-10 6z"),
    ("down", "M9 3v9M5 9l4 4 4-4M3 16h12"),
    ("left", "M11 4 6 9l5 5"),
    ("right", "M7 4l5 5-5 5"),
    ("columns", "M3 3h12v12H3zM7 3v12M11 3v12"),
    ("zoom", "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3M12 12l4 4M5.5 8h5"),
    ("box", "M9 2 15.5 5.5v7L9 16 2.5 12.5v-7zM2.5 5.5 9 9l6.5-3.5M9 9v7"),
    ("check", "M3 9.5 7 13l8-9"),
    ("x", "M4 4l10 10M14 4 4 14"),
    ("share", "M9 11V2M5.5 5 9 2l3.5 3M4 9v7h10V9"),
    ("bars", "M3 13V9h2.5v4zM7 13V3h2.5v10zM11 13V6h2.5v7z"),
    ("sun", "M9 5a4 4 0 1 0 0 8A4 4 0 0 0 9 5M9 1v2M9 15v2M1 9h2M15 9h2"),
    ("limb", "M2.6 20.2A24 24 0 0 0 27.4 20.2"),
];

type Lines = Vec<Vec<Pos2>>;

static FLAT: LazyLock<HashMap<&'static str, Lines>> =
    LazyLock::new(|| PATHS.iter().map(|(name, d)| (*name, flatten(d))).collect());

/// Paints an icon with its corner at `x, y`; `weight` is the stroke in units of the 18 box.
pub(crate) fn icon(kit: &Kit<'_>, name: &str, x: f32, y: f32, size: f32, weight: f32, color: Color32) {
    let scale = size / 18.0;
    let stroke = Stroke::new(weight * scale, color);
    for line in FLAT.get(name).into_iter().flatten() {
        let points: Vec<Pos2> = line.iter().map(|p| pos2(x, y) + p.to_vec2() * scale).collect();
        kit.paint.line(points, stroke);
    }
}

/// The numbers and letters of an SVG path.
fn tokens(d: &str) -> Vec<(char, Vec<f32>)> {
    let mut out: Vec<(char, Vec<f32>)> = Vec::new();
    let mut number = String::new();
    let push = |number: &mut String, out: &mut Vec<(char, Vec<f32>)>| {
        if let (Ok(v), Some(last)) = (number.parse(), out.last_mut()) {
            last.1.push(v);
        }
        number.clear();
    };
    for c in d.chars() {
        match c {
            '0'..='9' => number.push(c),
            '.' => {
                if number.contains('.') {
                    push(&mut number, &mut out);
                }
                number.push(c);
            }
            '-' => {
                push(&mut number, &mut out);
                number.push(c);
            }
            ' ' | ',' => push(&mut number, &mut out),
            letter => {
                push(&mut number, &mut out);
                out.push((letter, Vec::new()));
            }
        }
    }
    push(&mut number, &mut out);
    out
}

/// A path as lines. Known are `M m L l H h V v C c A a Z z`.
fn flatten(d: &str) -> Lines {
    let mut lines: Lines = Vec::new();
    let mut at = Pos2::ZERO;
    for (command, numbers) in tokens(d) {
        let is_relative = command.is_ascii_lowercase();
        let from = |at: Pos2, x: f32, y: f32| if is_relative { at + vec2(x, y) } else { pos2(x, y) };
        match command.to_ascii_uppercase() {
            'M' | 'L' => {
                for (i, xy) in numbers.chunks_exact(2).enumerate() {
                    at = from(at, xy[0], xy[1]);
                    if command.eq_ignore_ascii_case(&'m') && i == 0 {
                        lines.push(vec![at]);
                    } else {
                        add(&mut lines, at);
                    }
                }
            }
            'H' => {
                for x in numbers {
                    at.x = if is_relative { at.x + x } else { x };
                    add(&mut lines, at);
                }
            }
            'V' => {
                for y in numbers {
                    at.y = if is_relative { at.y + y } else { y };
                    add(&mut lines, at);
                }
            }
            'C' => {
                for c in numbers.chunks_exact(6) {
                    let (a, b, end) = (from(at, c[0], c[1]), from(at, c[2], c[3]), from(at, c[4], c[5]));
                    for i in 1..=12 {
                        let t = i as f32 / 12.0;
                        let u = 1.0 - t;
                        let p = at.to_vec2() * (u * u * u)
                            + a.to_vec2() * (3.0 * u * u * t)
                            + b.to_vec2() * (3.0 * u * t * t)
                            + end.to_vec2() * (t * t * t);
                        add(&mut lines, p.to_pos2());
                    }
                    at = end;
                }
            }
            'A' => {
                for a in numbers.chunks_exact(7) {
                    let end = from(at, a[5], a[6]);
                    arc(&mut lines, at, end, a[0], a[3] != 0.0, a[4] != 0.0);
                    at = end;
                }
            }
            _ => {
                if let Some(first) = lines.last().and_then(|l| l.first().copied()) {
                    add(&mut lines, first);
                    at = first;
                }
            }
        }
    }
    lines
}

fn add(lines: &mut Lines, p: Pos2) {
    match lines.last_mut() {
        Some(line) => line.push(p),
        None => lines.push(vec![p]),
    }
}

/// A circular arc from `start` to `end`.
fn arc(lines: &mut Lines, start: Pos2, end: Pos2, radius: f32, is_large: bool, is_sweep: bool) {
    let half = (start - end) / 2.0;
    let radius = radius.max(half.length());
    let height = (radius * radius - half.length_sq()).max(0.0).sqrt();
    let across = vec2(half.y, -half.x).normalized() * height;
    let middle = start - half;
    let centre = if is_large == is_sweep { middle - across } else { middle + across };
    let angle = |p: Pos2| (p - centre).angle();
    let (from, mut to) = (angle(start), angle(end));
    if is_sweep && to < from {
        to += TAU;
    }
    if !is_sweep && to > from {
        to -= TAU;
    }
    for i in 1..=16 {
        let a = from + (to - from) * i as f32 / 16.0;
        add(lines, centre + vec2(a.cos(), a.sin()) * radius);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_end_where_they_say() {
        for (name, d) in PATHS {
            let lines = flatten(d);
            assert!(!lines.is_empty(), "{name}");
            assert!(lines.iter().flatten().all(|p| p.is_finite()), "{name}");
        }
        let last = *flatten("M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3")[0].last().expect("points");
        assert!((last - pos2(8.0, 3.0)).length() < 0.01, "{last:?}");
    }
}
