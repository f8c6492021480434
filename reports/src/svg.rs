//! Scenes as SVG, on white paper.

use crate::fonts::width;
use sextant_charts::{Anchor, Area, Face, Ink, Item, LIGHT, Scene, is_striped};

/// A colour as SVG says it; what is behind a pane is paper.
pub(crate) fn hex(ink: Ink) -> String {
    if ink == Ink::Panel { "#fff".into() } else { format!("#{:06x}", LIGHT.ink(ink)) }
}

/// Text between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A number of a drawing: two digits are finer than any printer.
fn n(value: f32) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

struct Drawing<'a> {
    out: String,
    clean: &'a dyn Fn(&str) -> String,
}

impl Drawing<'_> {
    fn rect(&mut self, a: Area, radius: f32, rest: &str) {
        let round = if radius > 0.0 { format!(" rx=\"{}\"", n(radius)) } else { String::new() };
        let (x, y, w, h) = (n(a.x), n(a.y), n(a.w), n(a.h));
        self.out += &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"{round} {rest}/>");
    }

    fn line(&mut self, [from, to]: [(f32, f32); 2], stroke: f32, color: &str) {
        let (x1, y1, x2, y2) = (n(from.0), n(from.1), n(to.0), n(to.1));
        let width = n(stroke);
        self.out +=
            &format!("<path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{color}\" stroke-width=\"{width}\" fill=\"none\"/>");
    }

    fn text(&mut self, at: (f32, f32), anchor: Anchor, face: Face, ink: Ink, text: &str) {
        let (family, weight, size) = match face {
            Face::Regular(size) => ("Inter", 400, size),
            Face::Medium(size) => ("Inter", 500, size),
            Face::Semibold(size) => ("Inter", 600, size),
            Face::Mono(size) => ("JetBrains Mono", 400, size),
            Face::MonoSemibold(size) => ("JetBrains Mono", 600, size),
        };
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, size, color, text) = (n(at.0), n(at.1), n(size), hex(ink), escaped(&(self.clean)(text)));
        self.out += &format!(
            "<text x=\"{x}\" y=\"{y}\" font-family=\"{family}\" font-size=\"{size}\" font-weight=\"{weight}\" \
             fill=\"{color}\"{anchor}>{text}</text>"
        );
    }

    fn stripes(&mut self, a: Area) {
        let mut x = a.x - a.h;
        while x < a.right() {
            let from = (x.max(a.x), a.bottom() - (x.max(a.x) - x));
            let to = ((x + a.h).min(a.right()), a.bottom() - ((x + a.h).min(a.right()) - x));
            if to.0 > from.0 {
                self.line([from, to], 1.2, "#fff");
            }
            x += 8.5;
        }
    }

    /// Dots of one size and colour are one line that is as wide and has no length: a tenth of what circles take.
    fn dots(&mut self, dots: &[Item]) {
        let Some(Item::Dot(_, radius, ink)) = dots.first() else { return };
        let mut places = String::new();
        for dot in dots {
            if let Item::Dot((x, y), ..) = dot {
                places += &format!("M{} {}h.01", n(*x), n(*y));
            }
        }
        let (width, color) = (n(radius * 2.0), hex(*ink));
        self.out += &format!(
            "<path d=\"{places}\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linecap=\"round\" fill=\"none\"/>"
        );
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Fill(area, radius, ink) => {
                self.rect(*area, *radius, &format!("fill=\"{}\"", hex(*ink)));
                if matches!(ink, Ink::Service(hue) if is_striped(*hue)) {
                    self.stripes(*area);
                }
            }
            Item::Frame(area, radius, ink) => {
                let inside = Area::new(area.x + 0.5, area.y + 0.5, area.w - 1.0, area.h - 1.0);
                self.rect(inside, *radius, &format!("fill=\"none\" stroke=\"{}\"", hex(*ink)));
            }
            Item::Line(ends, stroke, ink) => self.line(*ends, *stroke, &hex(*ink)),
            Item::Shape(points, fill, line) => {
                let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
                let line = line.map(|ink| format!(" stroke=\"{}\"", hex(ink))).unwrap_or_default();
                self.out += &format!("<polygon points=\"{}\" fill=\"{}\"{line}/>", points.join(" "), hex(*fill));
            }
            Item::Dot(..) => self.dots(std::slice::from_ref(item)),
            Item::Text { at, anchor, face, ink, text, width } => {
                let text = fitted(*face, text, *width);
                self.text(*at, *anchor, *face, *ink, &text);
            }
            Item::Name { at, face, ink, text, note, width: room } => {
                let text = fitted(*face, text, *room);
                self.text(*at, Anchor::Start, *face, *ink, &text);
                let end = width(*face, &text);
                let small = Face::Regular(10.5);
                if !note.is_empty() && width(small, note) < room - end - 5.0 {
                    self.text((at.0 + end + 5.0, at.1 - 1.0), Anchor::Start, small, Ink::Weak, note);
                }
            }
            Item::Chip((x, y), hue, letters) => {
                self.item(&Item::Fill(Area::new(*x, *y, 18.0, 13.0), 2.0, Ink::Service(*hue)));
                let face = Face::MonoSemibold(9.0);
                self.text((x + 9.0, y + 9.5), Anchor::Middle, face, Ink::OnService, letters);
            }
            Item::Pill((x, y), text) => {
                let face = Face::Mono(10.0);
                let area = Area::new(*x, *y, width(face, text) + 10.0, 16.0);
                self.item(&Item::Fill(area, 3.0, Ink::Selected));
                self.item(&Item::Frame(area, 3.0, Ink::AccentDim));
                self.text((x + 5.0, y + 11.5), Anchor::Start, face, Ink::Accent, text);
            }
        }
    }
}

/// A text cut with an ellipsis where it is wider than there is room.
fn fitted(face: Face, text: &str, room: f32) -> String {
    if text.len() < 2_000 && width(face, text) <= room {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(face, &kept) + width(face, "…") > room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// A scene of that size; its texts go through `clean`.
pub(crate) fn svg(scene: &Scene, size: (f32, f32), clean: &dyn Fn(&str) -> String) -> String {
    let (w, h) = (n(size.0), n(size.1));
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" xml:space=\"preserve\">"
    );
    let mut drawing = Drawing { out: head, clean };
    let alike =
        |a: &Item, b: &Item| matches!((a, b), (Item::Dot(_, r, i), Item::Dot(_, s, j)) if n(*r) == n(*s) && i == j);
    for run in scene.items.chunk_by(alike) {
        if matches!(run[0], Item::Dot(..)) { drawing.dots(run) } else { drawing.item(&run[0]) }
    }
    drawing.out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_there_is_no_room_and_escaped() {
        let face = Face::Regular(12.0);
        let whole = width(face, "SELECT products");
        assert_eq!(fitted(face, "SELECT products", whole), "SELECT products");
        let cut = fitted(face, "SELECT products", whole * 0.6);
        assert!(cut.starts_with("SELECT") && cut.ends_with('…') && width(face, &cut) <= whole * 0.6, "{cut}");
        let mut scene = Scene::default();
        scene.text(0.0, 10.0, face, Ink::Strong, "<a href=\"x\">&");
        let drawn = svg(&scene, (100.0, 20.0), &|t| t.to_owned());
        assert!(drawn.contains("&lt;a href=&quot;x&quot;&gt;&amp;</text>"), "{drawn}");
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(0.0, "0"), (-0.001, "0"), (1.5, "1.5"), (100.0, "100"), (1.0 / 3.0, "0.33")] {
            assert_eq!(n(value), text);
        }
    }
}
