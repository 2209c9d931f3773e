//! Tables for people: no borders, one row a line when a program reads them.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets,
};

use super::text;

/// What the last column of a table of one-line rows needs to be of use.
const LAST_MIN: u16 = 16;

/// What a cell's colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Beside the point.
    Dim,
}

/// Rows under headings.
#[derive(Debug)]
pub(super) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Option<Tone>)>>,
    header: bool,
    one_line: bool,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    right: bool,
    /// How wide it is at least: what was printed above it.
    width: u16,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) colour: bool,
    /// The terminal's columns; `None` where lines may be of any length.
    pub(super) width: Option<u16>,
}

impl Grid {
    /// A table with these headings; one that begins with `>` is of numbers.
    pub(super) fn new(headings: &[&'static str]) -> Self {
        let column = |name: &&'static str| match name.strip_prefix('>') {
            Some(name) => Column { name, right: true, width: 0 },
            None => Column { name, right: false, width: 0 },
        };
        Self { columns: headings.iter().map(column).collect(), rows: Vec::new(), header: true, one_line: false }
    }

    /// Gives each row one line: a terminal that is too narrow cuts the last column.
    pub(super) fn one_line(mut self) -> Self {
        self.one_line = true;
        self
    }

    pub(super) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| (cell.into(), None)).collect());
    }

    /// Sets the colour of a cell of the last row.
    pub(super) fn tone(&mut self, column: usize, tone: Tone) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            cell.1 = Some(tone);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets the rows; the next ones go on below them with the same columns.
    pub(super) fn go_on(&mut self) {
        let widths: Vec<_> = (0..self.columns.len()).map(|index| self.width(index)).collect();
        for (column, width) in self.columns.iter_mut().zip(widths) {
            column.width = width;
        }
        self.rows.clear();
        self.header = false;
    }

    /// How many terminal columns a column's content takes, roughly.
    fn width(&self, index: usize) -> u16 {
        let header = |column: &Column| if self.header { column.name.len() } else { 0 };
        let cells =
            self.rows.iter().filter_map(|row| row.get(index)).map(|(cell, _)| text::clean(cell).chars().count());
        let widest = cells.chain(self.columns.get(index).map(header)).max().unwrap_or(0);
        let before = self.columns.get(index).map_or(0, |column| column.width);
        u16::try_from(widest).unwrap_or(u16::MAX).max(before)
    }

    /// Whether a terminal has no room for the last column.
    fn cuts_last(&self, style: Style) -> bool {
        let others = 0..self.columns.len().saturating_sub(1);
        let taken = others.map(|index| self.width(index).saturating_add(2)).fold(0, u16::saturating_add);
        self.one_line && style.width.is_some_and(|width| width < taken.saturating_add(LAST_MIN))
    }

    pub(super) fn draw(&self, style: Style) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        if style.colour {
            table.enforce_styling();
        }
        if let Some(width) = style.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.header {
            let heading = |column: &Column| Cell::new(column.name.to_uppercase()).add_attribute(Attribute::Bold);
            table.set_header(self.columns.iter().map(heading));
        }
        for row in &self.rows {
            let mut row = Row::from(row.iter().map(|(text, tone)| cell(text, *tone)));
            if self.one_line {
                row.max_height(1);
            }
            table.add_row(row);
        }
        table.set_truncation_indicator("…");
        for (index, column) in self.columns.iter().enumerate() {
            let last = index + 1 == self.columns.len();
            if let Some(drawn) = table.column_mut(index) {
                drawn.set_padding((0, if last { 0 } else { 2 }));
                if column.right {
                    drawn.set_cell_alignment(CellAlignment::Right);
                }
                if last && self.cuts_last(style) {
                    drawn.set_constraint(ColumnConstraint::Hidden);
                } else if column.width > 0 && !last {
                    drawn.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(column.width + 2)));
                } else if self.one_line && !last {
                    drawn.set_constraint(ColumnConstraint::ContentWidth);
                }
            }
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn cell(text: &str, tone: Option<Tone>) -> Cell {
    let cell = Cell::new(text::clean(text));
    match tone {
        None => cell,
        Some(Tone::Good) => cell.fg(Color::Green),
        Some(Tone::Warn) => cell.fg(Color::Yellow),
        Some(Tone::Bad) => cell.fg(Color::Red),
        Some(Tone::Dim) => cell.add_attribute(Attribute::Dim),
    }
}

/// The terminal's columns, where standard output is one.
pub(super) fn terminal_width() -> Option<u16> {
    Table::new().width().filter(|width| *width >= 40)
}
