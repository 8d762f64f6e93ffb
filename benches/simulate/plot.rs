//! Line plots as SVG text: panels below each other that share an axis of time. The same values give
//! the same bytes.

use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const PANEL: f64 = 260.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 50.0;
/// Below each panel, for its axis.
const GAP: f64 = 50.0;

/// Colours that differ in lightness too.
const COLOURS: [&str; 8] =
    ["#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6cab", "#8c564b", "#777777", "#17becf"];

/// A page of panels.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The end of the axis of time, in seconds.
    pub(crate) seconds: f64,
    /// A span that is marked.
    pub(crate) shade: (f64, f64),
    pub(crate) panels: Vec<Panel>,
}

/// One plot. A line that leaves it runs along its upper edge and ends at its right edge.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) label: &'static str,
    pub(crate) max: f64,
    pub(crate) lines: Vec<Line>,
}

/// Values at the seconds 0, 1, 2, ...
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<f64>,
}

impl Page {
    /// The text of the file.
    pub(crate) fn svg(&self) -> String {
        let height = TOP + self.panels.len() as f64 * (PANEL + GAP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, (LEFT, 24.0), "start", &self.title);
        for (index, panel) in self.panels.iter().enumerate() {
            self.draw(&mut svg, panel, TOP + index as f64 * (PANEL + GAP));
        }
        svg += "</svg>\n";
        svg
    }

    fn draw(&self, svg: &mut String, panel: &Panel, top: f64) {
        let (right, bottom) = (WIDTH - RIGHT, top + PANEL);
        let x = |second: f64| LEFT + (right - LEFT) * (second / self.seconds).clamp(0.0, 1.0);
        let y = |value: f64| bottom - PANEL * (value / panel.max).clamp(0.0, 1.0);
        let (from, to) = (x(self.shade.0), x(self.shade.1));
        let width = to - from;
        rectangle(svg, (from, top), (width, PANEL), "#eeeeee");
        for step in 0..=4 {
            let part = f64::from(step) / 4.0;
            let (second, value) = (part * self.seconds, part * panel.max);
            segment(svg, (LEFT, y(value)), (right, y(value)));
            text(svg, (LEFT - 8.0, y(value) + 4.0), "end", &tick(value));
            text(svg, (x(second), bottom + 18.0), "middle", &format!("{} s", tick(second)));
        }
        text(svg, (LEFT, top - 8.0), "start", panel.label);
        for (index, line) in panel.lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let points = line.values.iter().enumerate();
            let points = points.take_while(|(second, _)| *second as f64 <= self.seconds);
            let points = points.map(|(second, value)| (x(second as f64), y(*value)));
            polyline(svg, points, colour);
            let at = top + 14.0 + 18.0 * index as f64;
            rectangle(svg, (right + 14.0, at - 5.0), (18.0, 3.0), colour);
            text(svg, (right + 40.0, at), "start", line.name);
        }
    }
}

fn tick(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    line(
        svg,
        &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{escaped}</text>"),
    );
}

fn rectangle(svg: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
    line(
        svg,
        &format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{fill}\"/>"
        ),
    );
}

fn segment(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    polyline(svg, [from, to].into_iter(), "#cccccc");
}

fn polyline(svg: &mut String, points: impl Iterator<Item = (f64, f64)>, colour: &str) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    line(
        svg,
        &format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        ),
    );
}

fn line(svg: &mut String, element: &str) {
    writeln!(svg, "{element}").expect("writing to a string succeeds");
}

#[cfg(test)]
mod tests {
    use super::{Line, Page, Panel};

    fn page(value: f64) -> String {
        let lines = vec![Line { name: "a < b", values: vec![0.0, value, 3.0] }];
        let panel = Panel { label: "requests/s", max: 10.0, lines };
        let title = "herd".to_owned();
        Page { title, seconds: 1.0, shade: (0.0, 0.5), panels: vec![panel] }.svg()
    }

    #[test]
    fn a_line_goes_from_corner_to_corner_and_no_further() {
        let corners = "points=\"70.0,310.0 730.0,50.0\"";
        assert!(page(10.0).contains(corners), "{}", page(10.0));
        assert!(page(99.0).contains(corners));
        assert!(!page(5.0).contains(corners));
    }

    #[test]
    fn text_is_escaped() {
        assert!(page(1.0).contains(">a &lt; b</text>"));
    }
}
