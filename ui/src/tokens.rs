//! Colours of both themes, and the hues of services.

use eframe::egui::Color32;
use sextant_charts::{Ink, Palette, hue, letters, pin, pin_letters};
use std::cell::RefCell;
use std::collections::HashMap;

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colours of a theme; names as in the style guide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub is_dark: bool,
    palette: &'static Palette,
    pub bg_app: Color32,
    pub bg_panel: Color32,
    pub bg_raised: Color32,
    pub bg_hover: Color32,
    pub bg_selected: Color32,
    pub hair: Color32,
    pub strong_line: Color32,
    pub control: Color32,
    pub strong: Color32,
    pub text: Color32,
    pub weak: Color32,
    pub on_accent: Color32,
    pub accent: Color32,
    pub accent_dim: Color32,
    pub error: Color32,
    pub error_bg: Color32,
    pub warn: Color32,
    pub warn_bg: Color32,
    pub ok: Color32,
    pub info: Color32,
    pub syn_string: Color32,
    pub syn_number: Color32,
    pub svc_ink: Color32,
    pub bar: Color32,
    /// Steps of a heat map, from few to many.
    pub heat: [Color32; 8],
    services: [Color32; 12],
}

const fn all<const N: usize>(of: &[u32; N]) -> [Color32; N] {
    let mut colours = [Color32::BLACK; N];
    let mut i = 0;
    while i < N {
        colours[i] = rgb(of[i]);
        i += 1;
    }
    colours
}

const fn tokens(p: &'static Palette, is_dark: bool) -> Tokens {
    Tokens {
        is_dark,
        palette: p,
        bg_app: rgb(p.bg_app),
        bg_panel: rgb(p.bg_panel),
        bg_raised: rgb(p.bg_raised),
        bg_hover: rgb(p.bg_hover),
        bg_selected: rgb(p.bg_selected),
        hair: rgb(p.hair),
        strong_line: rgb(p.strong_line),
        control: rgb(p.control),
        strong: rgb(p.strong),
        text: rgb(p.text),
        weak: rgb(p.weak),
        on_accent: rgb(p.on_accent),
        accent: rgb(p.accent),
        accent_dim: rgb(p.accent_dim),
        error: rgb(p.error),
        error_bg: rgb(p.error_bg),
        warn: rgb(p.warn),
        warn_bg: rgb(p.warn_bg),
        ok: rgb(p.ok),
        info: rgb(p.info),
        syn_string: rgb(p.syn_string),
        syn_number: rgb(p.syn_number),
        svc_ink: rgb(p.svc_ink),
        bar: rgb(p.bar),
        heat: all(&p.heat),
        services: all(&p.services),
    }
}

pub(crate) static DARK: Tokens = tokens(&sextant_charts::DARK, true);
pub(crate) static LIGHT: Tokens = tokens(&sextant_charts::LIGHT, false);

thread_local! {
    /// Hues and letters of the services that were seen first. All painting is done by one thread.
    static PINNED: RefCell<HashMap<String, (u8, String)>> = RefCell::default();
}

/// Pins the hues of the services that were seen first; says whether that changed something.
pub(crate) fn pin_services(names: &[&str]) -> bool {
    let looks = pin(names).into_iter().zip(pin_letters(names));
    let pinned: HashMap<String, (u8, String)> = names.iter().map(|n| (*n).to_owned()).zip(looks).collect();
    PINNED.with_borrow_mut(|p| {
        let has_changed = *p != pinned;
        *p = pinned;
        has_changed
    })
}

/// Hue and letters of a service.
pub(crate) fn look_of(name: &str) -> (u8, String) {
    PINNED.with_borrow(|p| p.get(name).cloned()).unwrap_or_else(|| (hue(name), letters(name)))
}

impl Tokens {
    /// The hue of a service: stable, by its name.
    pub fn service(&self, name: &str) -> Color32 {
        self.services[usize::from(look_of(name).0) % self.services.len()]
    }

    /// The colour of a role.
    pub fn ink(&self, ink: Ink) -> Color32 {
        rgb(self.palette.ink(ink))
    }
}
