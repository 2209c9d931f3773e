//! The curves: saves a second, and the 99th percentile of their time, against how many save at the same time.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::record::{Report, Row};

const SIZE: (u32, u32) = (960, 460);
const FONT: &str = "sans-serif";
/// How much higher than the highest point an axis goes, for the names of the curves.
const HEADROOM: f64 = 20.0;

/// One line of a chart: its points by savers.
struct Curve {
    name: String,
    colour: RGBColor,
    is_plain: bool,
    points: Vec<(f64, f64)>,
}

/// Draws what the reports have of curves, as SVG; nothing where they have none.
pub(super) fn draw(reports: &[Report]) -> Result<Option<String>> {
    let rows: Vec<_> = reports.iter().flat_map(|report| &report.rows).filter(|row| row.point.is_some()).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let speed = curves(&rows, |row, is_plain| if is_plain { row.plain } else { row.ours });
    let slowest = curves(&rows, |row, is_plain| {
        let latency = row.latency.as_ref()?;
        if is_plain { latency.plain.map(|three| three[2]) } else { Some(latency.ours[2]) }
    });
    let mut drawing = String::new();
    let drawn = (|| {
        let root = SVGBackend::with_string(&mut drawing, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 / 2);
        chart(&left, "saves per second", &speed)?;
        chart(&right, "99th percentile of a save, ms", &slowest)?;
        root.present()
    })();
    drawn.map_err(|error| anyhow!("cannot draw the curves: {error}"))?;
    Ok(Some(drawing))
}

/// A curve of each store, ours and the plain way.
fn curves(rows: &[&Row], value: impl Fn(&Row, bool) -> Option<f64>) -> Vec<Curve> {
    let mut found = BTreeMap::<(String, bool), Vec<(f64, f64)>>::new();
    for row in rows {
        let Some(point) = &row.point else { continue };
        for is_plain in [false, true] {
            // An axis that is logarithmic never ends where a value is 0 or endless.
            if let Some(value) = value(row, is_plain).filter(|value| *value > 0.0 && value.is_finite()) {
                let curve = found.entry((point.curve.clone(), is_plain)).or_default();
                curve.push((f64::from(point.at), value));
            }
        }
    }
    let curve = |((store, is_plain), mut points): ((String, bool), Vec<(f64, f64)>)| {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (colour, beside) = match store.as_str() {
            "MongoDB" => (RGBColor(0, 120, 60), "plain driver"),
            "sqlite" => (RGBColor(30, 90, 200), "bare SQLite"),
            _ => (RGBColor(190, 80, 20), "nothing"),
        };
        let name = if is_plain { beside.to_owned() } else { format!("EarnORM, {store}") };
        // The library measures text without the font, and a little too small.
        let name = format!("{name}   ");
        Curve { name, colour, is_plain, points }
    };
    found.into_iter().map(curve).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Failed<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

/// A chart with both axes logarithmic; nothing where there are no points, from which no axis can be made.
fn chart<'a>(area: &Area<'a>, title: &str, curves: &[Curve]) -> Result<(), Failed<'a>> {
    if curves.is_empty() {
        return Ok(());
    }
    let values = || curves.iter().flat_map(|curve| &curve.points);
    let low = values().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = values().map(|point| point.1).fold(0.0, f64::max);
    let most = values().map(|point| point.0).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((0.9..most * 1.1).log_scale().base(2.0), (low / 1.5..high * HEADROOM).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("savers at the same time")
        .x_label_formatter(&|savers| format!("{savers:.0}"))
        .y_label_formatter(&|value| shown(*value))
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for curve in curves {
        draw_curve(&mut chart, curve)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 12))
        .draw()
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::combinators::LogCoord<f64>, plotters::coord::combinators::LogCoord<f64>>,
>;

/// The plain way is drawn in the same colour, paler and thinner.
fn draw_curve<'b>(chart: &mut Chart<'_, 'b>, curve: &Curve) -> Result<(), Failed<'b>> {
    let (strength, width) = if curve.is_plain { (0.45, 1) } else { (1.0, 2) };
    let style = curve.colour.mix(strength).stroke_width(width);
    chart
        .draw_series(LineSeries::new(curve.points.iter().copied(), style).point_size(width + 1))?
        .label(curve.name.clone())
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    Ok(())
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { format!("{:.0}k", value / 1_000.0) } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn report(rows: &[Value]) -> Report {
        let report = json!({
            "bench": "scale", "title": "", "setting": "", "load_before": "0", "load_after": "0", "rows": rows,
        });
        serde_json::from_value(report).unwrap()
    }

    fn row(savers: u32, ours: f64, latency: &Value) -> Value {
        json!({
            "case": "", "unit": "/s", "is_cost": false, "ours": ours, "rounds": 1, "promise": "none", "verdict": "",
            "latency": latency, "point": { "curve": "sqlite", "at": savers },
        })
    }

    fn drawn(rows: &[Value]) -> String {
        draw(&[report(rows)]).unwrap().unwrap()
    }

    #[test]
    fn each_store_gets_a_curve_in_both_charts() {
        let latency = json!({ "ours": [1.0, 2.0, 3.0] });
        let drawn = drawn(&[row(1, 100.0, &latency), row(256, 900.0, &latency)]);
        assert_eq!(drawn.matches("EarnORM, sqlite").count(), 2, "{drawn}");
    }

    #[test]
    fn rows_without_times_and_without_saves_draw_no_axis_that_never_ends() {
        let drawn = drawn(&[row(1, 100.0, &Value::Null), row(2, 0.0, &Value::Null)]);
        assert!(drawn.contains("saves per second") && !drawn.contains("99th percentile"), "{drawn}");
    }

    #[test]
    fn where_nothing_belongs_to_a_curve_nothing_is_drawn() {
        assert!(draw(&[report(&[])]).unwrap().is_none());
    }
}
