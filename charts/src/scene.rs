//! What is painted, in points from the upper left corner. Colours are roles, not values; text hangs on its baseline.

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Area {
    /// From corner and size.
    pub fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// Right edge.
    pub fn right(self) -> f32 {
        self.x + self.w
    }

    /// Lower edge.
    pub fn bottom(self) -> f32 {
        self.y + self.h
    }
}

/// A colour by its role in the style guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Behind everything.
    App,
    /// Behind panes.
    Panel,
    /// Behind fields.
    Raised,
    /// Behind the row under the pointer.
    Hover,
    /// Behind the chosen row.
    Selected,
    /// Dividers.
    Hair,
    /// Rules under heads, small ticks.
    Rule,
    /// Large ticks, outlines.
    Control,
    /// Names and values.
    Strong,
    /// Labels and prose.
    Text,
    /// Units, ids, what is off.
    Weak,
    /// Selection, index, links.
    Accent,
    /// A quieter accent, for outlines.
    AccentDim,
    /// Text on accent.
    OnAccent,
    /// Errors only.
    Error,
    /// Limits, slower.
    Warn,
    /// Proven, ticks of logs.
    Ok,
    /// Points, level INFO.
    Info,
    /// Bars of nobody.
    Bar,
    /// The hue of a service, by [`hue`].
    Service(u8),
    /// Text on the hue of a service.
    OnService,
}

/// A typeface of the guide with its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Face {
    /// Inter 400.
    Regular(f32),
    /// Inter 500.
    Medium(f32),
    /// Inter 600.
    Semibold(f32),
    /// `JetBrains` Mono 400.
    Mono(f32),
    /// `JetBrains` Mono 600.
    MonoSemibold(f32),
}

/// Which part of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// One thing to paint.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A filled box.
    Fill(Area, f32, Ink),
    /// A box's border, one wide, inside it.
    Frame(Area, f32, Ink),
    /// A stroke.
    Line([(f32, f32); 2], f32, Ink),
    /// A filled convex shape with an outline.
    Shape(Vec<(f32, f32)>, Ink, Option<Ink>),
    /// A filled circle.
    Dot((f32, f32), f32, Ink),
    /// A text on its baseline; longer than the width it is cut with an ellipsis.
    Text {
        /// Where.
        at: (f32, f32),
        /// Which part of it is there.
        anchor: Anchor,
        /// The face.
        face: Face,
        /// The colour.
        ink: Ink,
        /// What it says.
        text: String,
        /// At most so wide.
        width: f32,
    },
    /// A name followed by a short quiet word, where there is room for it.
    Name {
        /// Where the name starts.
        at: (f32, f32),
        /// Its face.
        face: Face,
        /// Its colour.
        ink: Ink,
        /// The name.
        text: String,
        /// The word; may be empty.
        note: String,
        /// At most so wide, both.
        width: f32,
    },
    /// A service's chip with its two letters.
    Chip((f32, f32), u8, String),
    /// A pill with a count, such as `×48`.
    Pill((f32, f32), String),
}

/// What is painted, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    /// The things.
    pub items: Vec<Item>,
}

impl Scene {
    /// A filled box.
    pub fn fill(&mut self, x: f32, y: f32, w: f32, h: f32, ink: Ink) {
        self.items.push(Item::Fill(Area::new(x, y, w, h), 0.0, ink));
    }

    /// A filled box with round corners.
    pub fn round(&mut self, area: Area, radius: f32, ink: Ink) {
        self.items.push(Item::Fill(area, radius, ink));
    }

    /// A row of points.
    pub fn hline(&mut self, x: f32, y: f32, w: f32, ink: Ink) {
        self.fill(x, y, w, 1.0, ink);
    }

    /// A column of points.
    pub fn vline(&mut self, x: f32, y: f32, h: f32, ink: Ink) {
        self.fill(x, y, 1.0, h, ink);
    }

    /// A text that starts at `x`.
    pub fn text(&mut self, x: f32, baseline: f32, face: Face, ink: Ink, text: impl Into<String>) {
        self.anchored(Anchor::Start, x, baseline, face, ink, text);
    }

    /// A text that ends at `x`.
    pub fn text_right(&mut self, x: f32, baseline: f32, face: Face, ink: Ink, text: impl Into<String>) {
        self.anchored(Anchor::End, x, baseline, face, ink, text);
    }

    /// A text with its middle at `x`.
    pub fn text_mid(&mut self, x: f32, baseline: f32, face: Face, ink: Ink, text: impl Into<String>) {
        self.anchored(Anchor::Middle, x, baseline, face, ink, text);
    }

    fn anchored(&mut self, anchor: Anchor, x: f32, baseline: f32, face: Face, ink: Ink, text: impl Into<String>) {
        let (at, text) = ((x, baseline), text.into());
        self.items.push(Item::Text { at, anchor, face, ink, text, width: f32::INFINITY });
    }

    /// The brass index: a line from `y` down, with its head on top.
    pub fn index(&mut self, x: f32, y: f32, h: f32) {
        let x = x.floor();
        self.vline(x, y, h, Ink::Accent);
        let head = vec![(x - 4.5, y), (x + 5.5, y), (x + 0.5, y + 7.0)];
        self.items.push(Item::Shape(head, Ink::Accent, None));
    }

    /// The mark of an error, eight by eight.
    pub fn cross(&mut self, x: f32, y: f32) {
        self.items.push(Item::Line([(x + 1.0, y + 1.0), (x + 7.0, y + 7.0)], 1.6, Ink::Error));
        self.items.push(Item::Line([(x + 7.0, y + 1.0), (x + 1.0, y + 7.0)], 1.6, Ink::Error));
    }

    /// The mark of a link, ten by eight.
    pub fn arrow(&mut self, x: f32, y: f32) {
        for (from, to) in [((0.0, 4.0), (6.0, 4.0)), ((4.0, 1.0), (7.0, 4.0)), ((7.0, 4.0), (4.0, 7.0))] {
            self.items.push(Item::Line([(x + from.0, y + from.1), (x + to.0, y + to.1)], 1.0, Ink::Text));
        }
    }
}

/// How wide a text in the fixed-width face is: every letter is six tenths of its size.
pub fn mono_width(size: f32, text: &str) -> f32 {
    0.6 * size * text.chars().count() as f32
}

/// Which of the twelve hues a service has: stable, by its name (FNV-1a).
pub fn hue(service: &str) -> u8 {
    let hash = service.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    ((hash >> 32) % N_HUES as u64) as u8
}

/// So many hues there are.
const N_HUES: usize = 12;

/// Hues of services by the order in which they were first seen: each has the one of its name while that is free, else
/// the next free one. After twelve they repeat, and are striped: see [`is_striped`].
pub fn pin(services: &[&str]) -> Vec<u8> {
    let mut taken = [false; N_HUES];
    services
        .iter()
        .map(|name| {
            let wanted = usize::from(hue(name));
            let free = (0..N_HUES).map(|i| (wanted + i) % N_HUES).find(|h| !taken[*h]);
            if let Some(free) = free {
                taken[free] = true;
            }
            free.unwrap_or(wanted + N_HUES) as u8
        })
        .collect()
}

/// Whether a hue is shared with an earlier service, which stripes tell apart.
pub fn is_striped(hue: u8) -> bool {
    usize::from(hue) >= N_HUES
}

/// Letters of services by the order in which they were first seen: no two share them while others are left.
pub fn pin_letters(services: &[&str]) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in services {
        let own = letters(name);
        let first = own.chars().next().unwrap_or('?');
        let others = name.chars().skip(1).filter(|c| c.is_alphanumeric());
        let others = others.map(|c| format!("{first}{}", c.to_uppercase()));
        let free = std::iter::once(own.clone()).chain(others).find(|l| !taken.contains(l));
        taken.push(free.unwrap_or(own));
    }
    taken
}

/// Two letters for a service: of its first two words, else its first and next consonant.
pub fn letters(name: &str) -> String {
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let first = |w: &str| w.chars().next().unwrap_or('?');
    let pair: String = match words.as_slice() {
        [] => "??".into(),
        [one] => {
            let second = one.chars().skip(1).find(|c| !"aeiou".contains(*c)).or_else(|| one.chars().nth(1));
            [first(one), second.unwrap_or(' ')].iter().collect()
        }
        [a, b, ..] => [first(a), first(b)].iter().collect(),
    };
    pair.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_services_have_twelve_hues_and_the_first_keep_theirs() {
        let names: Vec<String> = (0..14).map(|i| format!("service {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hues = pin(&names);
        let different: std::collections::HashSet<u8> = hues[..12].iter().copied().collect();
        assert_eq!(different.len(), 12);
        assert_eq!(hues[0], hue("service 0"));
        assert_eq!(pin(&names[..5]), hues[..5], "who comes later takes nothing away");
        assert_eq!(hues.iter().filter(|h| is_striped(**h)).count(), 2);
    }

    #[test]
    fn letters_are_not_shared() {
        assert_eq!(pin_letters(&["currency", "cart", "cart-cache", "x", "x"]), ["CR", "CA", "CC", "X ", "X "]);
    }

    #[test]
    fn services_have_letters() {
        for (name, two) in
            [("frontend", "FR"), ("product-catalog", "PC"), ("checkout", "CH"), ("ad", "AD"), ("", "??"), ("é", "É ")]
        {
            assert_eq!(letters(name), two, "{name}");
        }
    }
}
