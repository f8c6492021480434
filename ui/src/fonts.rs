//! Inter for names, `JetBrains` Mono for whatever is measured. Both are in the binary.

use eframe::egui::{Context, FontData, FontDefinitions, FontFamily, FontId};
use sextant_charts::fonts;
use std::sync::{Arc, LazyLock};

static FILES: [(&str, &[u8]); 5] = [
    ("inter", fonts::INTER),
    ("inter-medium", fonts::INTER_MEDIUM),
    ("inter-semibold", fonts::INTER_SEMIBOLD),
    ("mono", fonts::MONO),
    ("mono-semibold", fonts::MONO_SEMIBOLD),
];

static MEDIUM: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("medium".into()));
static SEMIBOLD: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("semibold".into()));
static MONO_SEMIBOLD: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("mono-semibold".into()));

/// The styles of the guide: face and size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Font {
    Regular(f32),
    Medium(f32),
    Semibold(f32),
    Mono(f32),
    MonoSemibold(f32),
}

impl Font {
    pub fn id(self) -> FontId {
        match self {
            Self::Regular(size) => FontId::new(size, FontFamily::Proportional),
            Self::Medium(size) => FontId::new(size, MEDIUM.clone()),
            Self::Semibold(size) => FontId::new(size, SEMIBOLD.clone()),
            Self::Mono(size) => FontId::new(size, FontFamily::Monospace),
            Self::MonoSemibold(size) => FontId::new(size, MONO_SEMIBOLD.clone()),
        }
    }
}

/// Makes the fonts known to egui.
pub(crate) fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FILES {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let chain = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    fonts.families.insert(FontFamily::Proportional, chain(&["inter", "mono"]));
    fonts.families.insert(FontFamily::Monospace, chain(&["mono", "inter"]));
    fonts.families.insert(MEDIUM.clone(), chain(&["inter-medium", "mono"]));
    fonts.families.insert(SEMIBOLD.clone(), chain(&["inter-semibold", "mono"]));
    fonts.families.insert(MONO_SEMIBOLD.clone(), chain(&["mono-semibold", "inter-semibold"]));
    ctx.set_fonts(fonts);
}
