//! Curves as SVG: a logarithmic axis below, a linear one at the side, readable on light and dark pages.

use std::{fmt::Write, fs, path::Path};

use crate::error::BenchError;

/// One line of a figure, from left to right.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A figure with its axes.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) title: &'static str,
    /// What the axes are, with their units.
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    /// Whether the upright axis is logarithmic too.
    pub(crate) up_is_log: bool,
    pub(crate) curves: Vec<Curve>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;
/// Told apart by people who do not see all colours (Okabe and Ito), on white and on black.
const COLOURS: [&str; 5] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"];
const STYLE: &str = "<style>text{font:13px sans-serif;fill:#444}.title{font-weight:bold;font-size:15px}\
    .grid{stroke:#8886;stroke-width:1}path{fill:none;stroke-width:2.5}\
    @media(prefers-color-scheme:dark){text{fill:#ccc}}</style>";

/// One axis: from values to places on the page.
struct Axis {
    ticks: Vec<f64>,
    is_log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// Ticks at every power of ten around the values.
    fn logarithmic(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil().max(low + 1.0);
        let mut ticks = vec![10f64.powf(low)];
        while ticks[ticks.len() - 1] < 10f64.powf(high) * 0.99 {
            ticks.push(ticks[ticks.len() - 1] * 10.0);
        }
        Self { ticks, is_log: true, from, to }
    }

    /// From 0 in four to ten steps of 1, 2 or 5 times a power of ten.
    fn linear(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let highest = values.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let power = 10f64.powf(highest.log10().floor() - 1.0);
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| highest / step <= 10.0).unwrap_or(highest);
        let mut ticks = vec![0.0];
        while ticks[ticks.len() - 1] < highest {
            ticks.push(ticks[ticks.len() - 1] + step);
        }
        Self { ticks, is_log: false, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_log { value.log10() } else { value };
        let (low, high) = (scale(self.ticks[0]), scale(self.ticks[self.ticks.len() - 1]));
        self.from + (scale(value) - low) / (high - low) * (self.to - self.from)
    }
}

impl Figure {
    /// Writes it to a file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(BenchError::io("create", folder))?;
        fs::write(path, self.svg()).map_err(BenchError::io("write", path))
    }

    fn svg(&self) -> String {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let across = Axis::logarithmic(points().map(|point| point.0), LEFT, right);
        let ups = points().map(|point| point.1);
        let up =
            if self.up_is_log { Axis::logarithmic(ups, bottom, TOP) } else { Axis::linear(ups, bottom, TOP) };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\">{STYLE}\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"24\">{0}</text>\n",
            self.title
        );
        let mut push = |element: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _ = writeln!(svg, "{element}");
        };
        for tick in &across.ticks {
            let (x, low) = (across.place(*tick), bottom + 18.0);
            push(format_args!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
            push(format_args!(
                "<text x=\"{x:.1}\" y=\"{low}\" text-anchor=\"middle\">{}</text>",
                label(*tick)
            ));
        }
        for tick in &up.ticks {
            let (y, left) = (up.place(*tick), LEFT - 8.0);
            push(format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
            push(format_args!(
                "<text x=\"{left}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 4.0,
                label(*tick)
            ));
        }
        let middle = f64::midpoint(TOP, bottom);
        push(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 14.0,
            self.across
        ));
        push(format_args!(
            "<text x=\"18\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\">{}</text>",
            self.up
        ));
        for (index, (curve, colour)) in self.curves.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
            let mut line = String::new();
            for (x, y) in &curve.points {
                let letter = if line.is_empty() { 'M' } else { 'L' };
                let (x, y) = (across.place(*x), up.place(*y));
                let _ = write!(line, "{letter}{x:.1} {y:.1}");
                push(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"));
            }
            push(format_args!("<path stroke=\"{colour}\" d=\"{line}\"/>"));
            let y = TOP + 10.0 + 22.0 * f64::from(u8::try_from(index).unwrap_or(u8::MAX));
            let (begin, end) = (right + 12.0, right + 34.0);
            push(format_args!("<path stroke=\"{colour}\" d=\"M{begin} {y}H{end}\"/>"));
            push(format_args!("<text x=\"{}\" y=\"{}\">{}</text>", end + 6.0, y + 4.0, curve.name));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// A tick's number, with k and M for thousands and millions.
fn label(tick: f64) -> String {
    let (value, unit) = match tick {
        tick if tick >= 999_999.0 => (tick / 1e6, " M"),
        tick if tick >= 999.9 => (tick / 1e3, " k"),
        tick => (tick, ""),
    };
    let text = format!("{value:.3}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::linear([13.0, 148.0].into_iter(), 0.0, 1.0);
        assert_eq!((axis.ticks[1], axis.ticks[axis.ticks.len() - 1]), (20.0, 160.0));
        let axis = Axis::logarithmic([1.0, 1024.0].into_iter(), 0.0, 1.0);
        assert_eq!(
            axis.ticks.iter().map(|tick| label(*tick)).collect::<Vec<_>>(),
            ["1", "10", "100", "1 k", "10 k"]
        );
    }

    #[test]
    fn places_grow_with_the_logarithm_of_values() {
        let axis = Axis::logarithmic([1.0, 100.0].into_iter(), 0.0, 200.0);
        assert!((axis.place(10.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn every_curve_is_drawn_and_named() {
        let points = vec![(1.0, 2.0), (10.0, 3.0)];
        let curves = ["a-curve", "another"].map(|name| Curve { name, points: points.clone() }).into();
        let svg = Figure { title: "t", across: "x", up: "y", up_is_log: false, curves }.svg();
        assert!(svg.contains(">a-curve</text>") && svg.contains(">another</text>"));
        assert_eq!(svg.matches("<circle").count(), 4);
    }
}
