//! Tables and their columns.

use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::Kit;
use eframe::egui::{Rect, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use sextant_model::{Table, schema};

/// Columns that a person wants, with their types.
pub(super) fn columns(table: Table) -> Vec<(String, String)> {
    let is_companion = |name: &str| name.ends_with("Types") || name.ends_with("Exact");
    let stored = schema::stored(table);
    let all = stored.fields().iter().filter(|f| !is_companion(f.name()));
    all.map(|f| (f.name().clone(), type_name(f.data_type()))).collect()
}

fn type_name(t: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType;
    match t {
        DataType::Utf8 => "text".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Map(..) => "map".into(),
        DataType::Struct(_) => "struct of lists".into(),
        DataType::List(_) => "list".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Float64 => "double".into(),
        DataType::Binary => "blob".into(),
        t if t.is_integer() => "integer".into(),
        other => other.to_string().to_lowercase(),
    }
}

/// Shows them; says which name was chosen.
pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect) -> Option<String> {
    {
        let kit = Kit::new(ui, state.theme);
        kit.vline(r.right() - 1.0, r.top(), r.height(), kit.t.hair);
        kit.text(r.left() + 12.0, r.top() + 22.0, Font::Semibold(12.0), kit.t.strong, "Tables");
        kit.text_right(r.right() - 12.0, r.top() + 21.0, Font::Regular(10.5), kit.t.weak, "a click writes the name");
        kit.hline(r.left(), r.top() + 35.0, r.width() - 1.0, kit.t.hair);
    }
    let body = Rect::from_min_max(r.left_top() + vec2(0.0, 36.0), r.right_bottom() - vec2(1.0, 0.0));
    let mut lines: Vec<(&'static str, Option<(String, String)>)> = Vec::new();
    for table in Table::ALL {
        lines.push((table.name(), None));
        if state.sql.open_tables.contains(table.name()) {
            lines.extend(columns(table).into_iter().map(|c| (table.name(), Some(c))));
        }
    }
    let mut chosen = None;
    let mut child = ui.new_child(UiBuilder::new().id_salt("sql-tree").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("sql-tree").show_rows(
        &mut child,
        22.0,
        lines.len(),
        |ui, range| {
            for i in range {
                let (line, response) = ui.allocate_exact_size(vec2(body.width(), 22.0), Sense::CLICK);
                let kit = Kit::new(ui, state.theme);
                let t = kit.t;
                if response.hovered() {
                    kit.fill(line, t.bg_hover);
                }
                let bl = line.top() + 15.0;
                let (table, column) = &lines[i];
                if let Some((name, kind)) = column {
                    let right = kit.text_right(line.right() - 12.0, bl, Font::Regular(10.5), t.weak, kind);
                    kit.text_in(line.left() + 30.0, bl, right - line.left() - 38.0, Font::Mono(11.0), t.text, name);
                    if response.clicked() {
                        chosen = Some(name.clone());
                    }
                    Kit::describe(&response, || format!("column {name}, {kind}"));
                    continue;
                }
                let x = line.left() + 12.0;
                let is_open = state.sql.open_tables.contains(table);
                let y = line.top() + 11.0;
                let caret = if is_open {
                    vec![pos2(x, y - 2.5), pos2(x + 8.0, y - 2.5), pos2(x + 4.0, y + 2.5)]
                } else {
                    vec![pos2(x + 1.0, y - 4.0), pos2(x + 6.0, y), pos2(x + 1.0, y + 4.0)]
                };
                kit.paint.add(Shape::convex_polygon(caret, t.strong, Stroke::NONE));
                kit.text(x + 16.0, bl, Font::Mono(11.0), t.strong, table);
                Kit::describe(&response, || format!("table {table}"));
                let is_on_caret = response.interact_pointer_pos().is_some_and(|p| p.x < x + 14.0);
                if response.clicked() {
                    if is_open {
                        state.sql.open_tables.remove(table);
                    } else {
                        state.sql.open_tables.insert(table);
                    }
                    if !is_on_caret && is_open {
                        chosen = Some((*table).to_owned());
                    }
                }
            }
        },
    );
    chosen
}
