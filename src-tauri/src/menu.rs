//! The menu, made of the commands that the page has.

use sextant_contract::MenuItem;
use tauri::menu::{MenuBuilder, MenuItemBuilder, SubmenuBuilder};
use tauri::{AppHandle, Runtime};

/// The one command that is the program's own.
pub const QUIT: &str = "quit";

/// Shows `items`, in the order of their groups.
pub fn show<R: Runtime>(app: &AppHandle<R>, items: &[MenuItem]) -> tauri::Result<()> {
    let mut groups: Vec<&str> = Vec::new();
    for item in items {
        if !groups.contains(&item.group.as_str()) {
            groups.push(&item.group);
        }
    }
    let mut menu = MenuBuilder::new(app);
    for (place, group) in groups.into_iter().enumerate() {
        let mut submenu = SubmenuBuilder::new(app, group);
        for item in items.iter().filter(|i| i.group == group) {
            let mut entry = MenuItemBuilder::with_id(&item.id, &item.text);
            if let Some(keys) = &item.accelerator {
                entry = entry.accelerator(keys);
            }
            submenu = submenu.item(&entry.build(app)?);
        }
        if place == 0 {
            let quit = MenuItemBuilder::with_id(QUIT, "Quit").accelerator("CmdOrCtrl+Q").build(app)?;
            submenu = submenu.separator().item(&quit);
        }
        menu = menu.item(&submenu.build()?);
    }
    app.set_menu(menu.build()?)?;
    Ok(())
}
