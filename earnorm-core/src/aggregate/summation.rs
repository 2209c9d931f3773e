//! Compensated summation: a sum of doubles with about 106 bits, as MongoDB keeps it.

/// A sum kept as its nearest double and what that lacks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summation {
    sum: f64,
    lacking: f64,
    /// The plain sum: right when infinities or NaN are among the summands.
    plain: f64,
}

impl Summation {
    pub(super) fn add(&mut self, number: f64) {
        self.plain += number;
        let (number, lacking) = fast_two_sum(number, self.lacking);
        let (sum, error) = two_sum(self.sum, number);
        self.sum = sum;
        self.lacking = lacking + error;
    }

    /// Adds an integer exactly.
    #[expect(clippy::cast_precision_loss, reason = "each half fits the 53 bits of a double")]
    pub(super) fn add_integer(&mut self, number: i64) {
        let low = number % (1 << 32);
        self.add(low as f64);
        self.add((number - low) as f64);
    }

    /// The nearest double.
    pub(super) fn total(&self) -> f64 {
        if self.sum.is_nan() { self.plain } else { self.sum }
    }

    /// The nearest double, and what has to be added for the rest of the digits.
    pub(super) fn parts(&self) -> (f64, f64) {
        // An infinity lacks nothing, but its error terms are NaN.
        if self.lacking.is_nan() { (self.plain, 0.0) } else { (self.sum, self.lacking) }
    }
}

/// The rounded sum and its error, where `a` is not below `b` in magnitude.
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// The rounded sum and its error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let shadow = sum - b;
    (sum, (a - shadow) + (b - (sum - shadow)))
}
