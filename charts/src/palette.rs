//! Colours of both themes, 0xRRGGBB, and the hues of services.

use crate::Ink;

/// The colours of a theme; names as in the style guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the guide says what each is for")]
pub struct Palette {
    pub bg_app: u32,
    pub bg_panel: u32,
    pub bg_raised: u32,
    pub bg_hover: u32,
    pub bg_selected: u32,
    pub hair: u32,
    pub strong_line: u32,
    pub control: u32,
    pub strong: u32,
    pub text: u32,
    pub weak: u32,
    pub on_accent: u32,
    pub accent: u32,
    pub accent_dim: u32,
    pub error: u32,
    pub error_bg: u32,
    pub warn: u32,
    pub warn_bg: u32,
    pub ok: u32,
    pub info: u32,
    pub syn_string: u32,
    pub syn_number: u32,
    pub svc_ink: u32,
    pub bar: u32,
    /// Steps of a heat map, from few to many.
    pub heat: [u32; 8],
    pub services: [u32; 12],
}

/// For dark screens.
pub static DARK: Palette = Palette {
    bg_app: 0x0C_1116,
    bg_panel: 0x11_171E,
    bg_raised: 0x18_202A,
    bg_hover: 0x21_2B37,
    bg_selected: 0x2B_2A20,
    hair: 0x22_2C37,
    strong_line: 0x38_4654,
    control: 0x66_7687,
    strong: 0xED_E8DC,
    text: 0xAE_B7C1,
    weak: 0x87_93A2,
    on_accent: 0x14_120A,
    accent: 0xE8_BE5E,
    accent_dim: 0x7A_6734,
    error: 0xFF_6F69,
    error_bg: 0x34_1B1E,
    warn: 0xF0_934A,
    warn_bg: 0x30_231A,
    ok: 0x5C_C28E,
    info: 0x7F_A6CC,
    syn_string: 0x9F_D3B4,
    syn_number: 0x8F_BBEA,
    svc_ink: 0x0C_1116,
    bar: 0x4B_5B6C,
    heat: [0x16_1D26, 0x27_3038, 0x46_473C, 0x6E_623E, 0x9A_8146, 0xC6_A453, 0xE8_C673, 0xF8_EBC4],
    services: [
        0x4B_BCFF, 0xE8_DC9C, 0xA5_7EEB, 0x95_D6C6, 0x77_972A, 0xF2_8ADC, 0x9F_E7FE, 0xC3_C84F, 0x65_809B, 0xC1_67C0,
        0x20_B6B5, 0xBB_9685,
    ],
};

/// For light screens and paper.
pub static LIGHT: Palette = Palette {
    bg_app: 0xEC_E7DB,
    bg_panel: 0xFB_F9F4,
    bg_raised: 0xF3_EFE5,
    bg_hover: 0xE7_E1D2,
    bg_selected: 0xF6_EACB,
    hair: 0xDD_D6C6,
    strong_line: 0xC3_BAA6,
    control: 0x85_7C6B,
    strong: 0x16_202B,
    text: 0x45_505D,
    weak: 0x58_616B,
    on_accent: 0xFF_FDF7,
    accent: 0x7A_5600,
    accent_dim: 0xC9_A75A,
    error: 0xBF_1D2A,
    error_bg: 0xF8_E1DC,
    warn: 0xA3_4700,
    warn_bg: 0xF8_E8D6,
    ok: 0x14_683F,
    info: 0x2F_5F8C,
    syn_string: 0x14_683F,
    syn_number: 0x2F_5F8C,
    svc_ink: 0xFF_FFFF,
    bar: 0x9A_A3AB,
    heat: [0xF4_EFE2, 0xEA_DDB8, 0xD9_C083, 0xBF_9C4F, 0x9C_7830, 0x75_551A, 0x4D_3710, 0x26_1B0A],
    services: [
        0x1E_5C94, 0x79_794D, 0x4A_2B9A, 0x23_7671, 0x3A_5B0B, 0x7E_3570, 0x00_819E, 0x58_682F, 0x23_3340, 0x6B_1973,
        0x05_4E4C, 0x54_3916,
    ],
};

impl Palette {
    /// The colour of a role.
    pub fn ink(&self, ink: Ink) -> u32 {
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
