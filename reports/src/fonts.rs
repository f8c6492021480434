//! The faces that reports are set in, what they have, and how wide a text is in them.

use sextant_charts::{Face, fonts};
use std::sync::LazyLock;
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// Of the program, the same everywhere: a report looks alike wherever it is made.
static OWN: LazyLock<Faces> = LazyLock::new(|| {
    let files = [fonts::INTER, fonts::INTER_MEDIUM, fonts::INTER_SEMIBOLD, fonts::MONO, fonts::MONO_SEMIBOLD];
    Faces::of(files.into_iter().flat_map(|file| Font::iter(Bytes::new(file))).collect())
});

/// Faces that a report may use.
#[derive(Clone)]
pub(crate) struct Faces {
    pub fonts: Vec<Font>,
    pub book: LazyHash<FontBook>,
    /// Those that are not ours, by family.
    pub families: Vec<String>,
}

impl Faces {
    fn of(fonts: Vec<Font>) -> Self {
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Self { fonts, book, families: Vec::new() }
    }

    /// Our own, and for what they lack those of a file; nothing if it holds no font.
    pub fn with(file: Option<Vec<u8>>) -> Option<Self> {
        let Some(file) = file else { return Some(OWN.clone()) };
        let more: Vec<Font> = Font::iter(Bytes::new(file)).collect();
        let mut families: Vec<String> = more.iter().map(|f| f.info().family.clone()).collect();
        families.dedup();
        let all = Self::of(OWN.fonts.iter().cloned().chain(more).collect());
        (!families.is_empty()).then_some(Self { families, ..all })
    }

    /// Whether some face has it.
    pub fn has(&self, c: char) -> bool {
        self.fonts.iter().any(|font| font.info().coverage.contains(u32::from(c)))
    }
}

/// How wide a text is, without kerning.
pub(crate) fn width(face: Face, text: &str) -> f32 {
    let (nth, size) = match face {
        Face::Regular(size) => (0, size),
        Face::Medium(size) => (1, size),
        Face::Semibold(size) => (2, size),
        Face::Mono(size) => (3, size),
        Face::MonoSemibold(size) => (4, size),
    };
    ADVANCES[nth].width(text) * size
}

/// Advances of a face, for the characters that most texts are made of.
struct Advances {
    common: [f32; 256],
    other: f32,
}

impl Advances {
    fn width(&self, text: &str) -> f32 {
        text.chars().map(|c| self.common.get(c as usize).copied().unwrap_or(self.other)).sum()
    }
}

static ADVANCES: LazyLock<Vec<Advances>> = LazyLock::new(|| {
    OWN.fonts
        .iter()
        .map(|font| {
            let face = ttf_parser::Face::parse(font.data().as_slice(), font.index()).ok();
            let advance = |c: char| {
                let face = face.as_ref()?;
                let glyph = face.glyph_index(c)?;
                Some(f32::from(face.glyph_hor_advance(glyph)?) / f32::from(face.units_per_em()))
            };
            let mut common = [0.6; 256];
            for (i, width) in (0u8..=255).zip(&mut common) {
                *width = advance(char::from(i)).unwrap_or(0.6);
            }
            // As wide as most of what is not Latin.
            Advances { common, other: advance('Ж').unwrap_or(0.7).max(0.6) }
        })
        .collect()
});
