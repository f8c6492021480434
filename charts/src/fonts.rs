//! The typefaces: of screens, and of paper. Inter and `JetBrains` Mono, both under the SIL Open Font License 1.1.

/// Inter, regular.
pub static INTER: &[u8] = include_bytes!("../fonts/Inter-Regular.otf");
/// Inter, medium.
pub static INTER_MEDIUM: &[u8] = include_bytes!("../fonts/Inter-Medium.otf");
/// Inter, semibold.
pub static INTER_SEMIBOLD: &[u8] = include_bytes!("../fonts/Inter-SemiBold.otf");
/// `JetBrains` Mono, regular.
pub static MONO: &[u8] = include_bytes!("../fonts/JetBrainsMono-Regular.ttf");
/// `JetBrains` Mono, semibold.
pub static MONO_SEMIBOLD: &[u8] = include_bytes!("../fonts/JetBrainsMono-SemiBold.ttf");
