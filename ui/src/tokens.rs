//! Colours of both themes, and the hues of services.

use eframe::egui::Color32;
use sextant_charts::{Ink, hue, letters, pin, pin_letters};
use std::cell::RefCell;
use std::collections::HashMap;

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colours of a theme; names as in the style guide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub is_dark: bool,
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

pub(crate) static DARK: Tokens = Tokens {
    is_dark: true,
    bg_app: rgb(0x0C_1116),
    bg_panel: rgb(0x11_171E),
    bg_raised: rgb(0x18_202A),
    bg_hover: rgb(0x21_2B37),
    bg_selected: rgb(0x2B_2A20),
    hair: rgb(0x22_2C37),
    strong_line: rgb(0x38_4654),
    control: rgb(0x66_7687),
    strong: rgb(0xED_E8DC),
    text: rgb(0xAE_B7C1),
    weak: rgb(0x87_93A2),
    on_accent: rgb(0x14_120A),
    accent: rgb(0xE8_BE5E),
    accent_dim: rgb(0x7A_6734),
    error: rgb(0xFF_6F69),
    error_bg: rgb(0x34_1B1E),
    warn: rgb(0xF0_934A),
    warn_bg: rgb(0x30_231A),
    ok: rgb(0x5C_C28E),
    info: rgb(0x7F_A6CC),
    syn_string: rgb(0x9F_D3B4),
    syn_number: rgb(0x8F_BBEA),
    svc_ink: rgb(0x0C_1116),
    bar: rgb(0x4B_5B6C),
    heat: [
        rgb(0x16_1D26),
        rgb(0x27_3038),
        rgb(0x46_473C),
        rgb(0x6E_623E),
        rgb(0x9A_8146),
        rgb(0xC6_A453),
        rgb(0xE8_C673),
        rgb(0xF8_EBC4),
    ],
    services: [
        rgb(0x4B_BCFF),
        rgb(0xE8_DC9C),
        rgb(0xA5_7EEB),
        rgb(0x95_D6C6),
        rgb(0x77_972A),
        rgb(0xF2_8ADC),
        rgb(0x9F_E7FE),
        rgb(0xC3_C84F),
        rgb(0x65_809B),
        rgb(0xC1_67C0),
        rgb(0x20_B6B5),
        rgb(0xBB_9685),
    ],
};

pub(crate) static LIGHT: Tokens = Tokens {
    is_dark: false,
    bg_app: rgb(0xEC_E7DB),
    bg_panel: rgb(0xFB_F9F4),
    bg_raised: rgb(0xF3_EFE5),
    bg_hover: rgb(0xE7_E1D2),
    bg_selected: rgb(0xF6_EACB),
    hair: rgb(0xDD_D6C6),
    strong_line: rgb(0xC3_BAA6),
    control: rgb(0x85_7C6B),
    strong: rgb(0x16_202B),
    text: rgb(0x45_505D),
    weak: rgb(0x58_616B),
    on_accent: rgb(0xFF_FDF7),
    accent: rgb(0x7A_5600),
    accent_dim: rgb(0xC9_A75A),
    error: rgb(0xBF_1D2A),
    error_bg: rgb(0xF8_E1DC),
    warn: rgb(0xA3_4700),
    warn_bg: rgb(0xF8_E8D6),
    ok: rgb(0x14_683F),
    info: rgb(0x2F_5F8C),
    syn_string: rgb(0x14_683F),
    syn_number: rgb(0x2F_5F8C),
    svc_ink: rgb(0xFF_FFFF),
    bar: rgb(0x9A_A3AB),
    heat: [
        rgb(0xF4_EFE2),
        rgb(0xEA_DDB8),
        rgb(0xD9_C083),
        rgb(0xBF_9C4F),
        rgb(0x9C_7830),
        rgb(0x75_551A),
        rgb(0x4D_3710),
        rgb(0x26_1B0A),
    ],
    services: [
        rgb(0x1E_5C94),
        rgb(0x79_794D),
        rgb(0x4A_2B9A),
        rgb(0x23_7671),
        rgb(0x3A_5B0B),
        rgb(0x7E_3570),
        rgb(0x00_819E),
        rgb(0x58_682F),
        rgb(0x23_3340),
        rgb(0x6B_1973),
        rgb(0x05_4E4C),
        rgb(0x54_3916),
    ],
};

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
        match ink {
            Ink::App => self.bg_app,
            Ink::Panel => self.bg_panel,
            Ink::Raised => self.bg_raised,
            Ink::Hover => self.bg_hover,
            Ink::Selected => self.bg_selected,
            Ink::Hair => self.hair,
            Ink::Rule => self.strong_line,
            Ink::Control => self.control,
            Ink::Strong => self.strong,
            Ink::Text => self.text,
            Ink::Weak => self.weak,
            Ink::Accent => self.accent,
            Ink::AccentDim => self.accent_dim,
            Ink::OnAccent => self.on_accent,
            Ink::Error => self.error,
            Ink::Warn => self.warn,
            Ink::Ok => self.ok,
            Ink::Info => self.info,
            Ink::Bar => self.bar,
            Ink::Service(hue) => self.services[usize::from(hue) % self.services.len()],
            Ink::OnService => self.svc_ink,
        }
    }
}
