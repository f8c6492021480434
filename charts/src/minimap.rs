//! All rows of a trace in a few points of height: the longest wins, an error always does.

use crate::{Ink, Rows, Scene, Skeleton};

/// Height of the rows' part.
const HEIGHT: f32 = 44.0;
/// Where it starts, from the top.
const TOP: f32 = 4.0;
/// The largest distance of two lines.
const PITCH: f32 = 1.72;
/// A cell is empty, has a hue, or an error.
const EMPTY: u8 = u8::MAX;
const ERROR: u8 = 200;

/// The map, 52 high, with 12 free on both sides.
pub fn minimap(all: &Skeleton, rows: &Rows, width: f32) -> Scene {
    let mut scene = Scene::default();
    let n_columns = (width - 24.0).max(1.0) as usize;
    let n_lines = rows.list.len().clamp(1, HEIGHT as usize);
    let pitch = (HEIGHT / n_lines as f32).min(PITCH);
    let mut line: Vec<(u8, i64)> = vec![(EMPTY, 0); n_columns];
    let mut at = 0;
    for number in 0..n_lines {
        line.fill((EMPTY, 0));
        let end = (number + 1) * rows.list.len() / n_lines;
        for row in &rows.list[at..end] {
            let span = all.span(row.place);
            let (from, to) = row.group.map_or((span.start(), span.end()), |g| rows.groups[g].ends);
            let is_error = row.group.map_or(span.is_error(), |g| rows.groups[g].n_errors > 0);
            let column = |t: i64| (t as f64 / all.extent as f64 * n_columns as f64) as usize;
            let first = column(from.max(0)).min(n_columns - 1);
            let last = column(to.max(0)).clamp(first + 1, n_columns);
            for cell in &mut line[first..last] {
                if is_error {
                    *cell = (ERROR, i64::MAX);
                } else if to - from >= cell.1 && cell.0 != ERROR {
                    *cell = (span.hue(), to - from);
                }
            }
        }
        at = end;
        runs(&mut scene, &line, TOP + pitch * number as f32, pitch.clamp(0.6, 1.3));
    }
    scene
}

/// Cells of one colour side by side are one box.
fn runs(scene: &mut Scene, line: &[(u8, i64)], y: f32, h: f32) {
    let mut start = 0;
    for i in 1..=line.len() {
        if i < line.len() && line[i].0 == line[start].0 {
            continue;
        }
        match line[start].0 {
            EMPTY => {}
            ERROR => scene.fill(12.0 + start as f32, y, ((i - start) as f32).max(1.5), h, Ink::Error),
            hue => scene.fill(12.0 + start as f32, y, ((i - start) as f32).max(1.5), h, Ink::Service(hue)),
        }
        start = i;
    }
}
