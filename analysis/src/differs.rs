//! What is different about some of many: which values occur with a larger share among the chosen than among the rest.

/// A value, and how many of the chosen and of the rest have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted<T> {
    /// What it is.
    pub what: T,
    /// So many of the chosen, of those that could have it.
    pub a: (u64, u64),
    /// The same of the rest.
    pub b: (u64, u64),
}

/// A value that is more, or less, frequent among the chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<T> {
    /// What it is.
    pub what: T,
    /// So many of the chosen, of those that could have it.
    pub a: (u64, u64),
    /// The same of the rest.
    pub b: (u64, u64),
    /// Share among the chosen minus share among the rest.
    pub difference: f64,
    /// Between these the difference lies with a probability of 95 %.
    pub interval: (f64, f64),
    /// How probable a difference as large would be if there were none, with regard to how many values were looked at.
    pub q: f64,
}

/// 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The Wilson interval of a share.
fn wilson(n: u64, of: u64) -> (f64, f64) {
    let (n, of) = (n as f64, of.max(1) as f64);
    let p = n / of;
    let z2 = Z * Z / of;
    let middle = (p + z2 / 2.0) / (1.0 + z2);
    let half = Z / (1.0 + z2) * (p * (1.0 - p) / of + z2 / (4.0 * of)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Newcombe's interval of the difference of two shares.
fn interval((a, n_a): (u64, u64), (b, n_b): (u64, u64)) -> (f64, f64) {
    let (pa, pb) = (a as f64 / n_a.max(1) as f64, b as f64 / n_b.max(1) as f64);
    let ((la, ua), (lb, ub)) = (wilson(a, n_a), wilson(b, n_b));
    let d = pa - pb;
    (d - ((pa - la).powi(2) + (ub - pb).powi(2)).sqrt(), d + ((ua - pa).powi(2) + (pb - lb).powi(2)).sqrt())
}

/// Fisher's exact test.
struct Fisher {
    /// Logarithms of factorials.
    ln: Vec<f64>,
}

impl Fisher {
    /// For sets that together are no larger.
    fn new(n: u64) -> Self {
        let mut sum = 0.0;
        let ln = std::iter::once(0.0).chain((1..=n).map(|i| {
            sum += (i as f64).ln();
            sum
        }));
        Self { ln: ln.collect() }
    }

    fn choose(&self, n: u64, k: u64) -> f64 {
        self.ln[n as usize] - self.ln[k as usize] - self.ln[(n - k) as usize]
    }

    /// How probable counts as unequal are where both sets have one share.
    fn p(&self, (a, n_a): (u64, u64), (b, n_b): (u64, u64)) -> f64 {
        let with = a + b;
        let whole = self.choose(n_a + n_b, with);
        let of = |a: u64| (self.choose(n_a, a) + self.choose(n_b, with - a) - whole).exp();
        let seen = of(a) * (1.0 + 1e-9);
        let (from, to) = (with.saturating_sub(n_b), with.min(n_a));
        (from..=to).map(of).filter(|p| *p <= seen).sum::<f64>().min(1.0)
    }
}

/// All values by how surely they differ: what the chosen have more often, then what they have less often, the surest
/// first. What nobody of one side could have is no difference.
pub fn differences<T>(counted: Vec<Counted<T>>) -> Vec<Difference<T>> {
    let fisher = Fisher::new(counted.iter().map(|c| c.a.1 + c.b.1).max().unwrap_or(0));
    let mut all: Vec<Difference<T>> = counted
        .into_iter()
        .filter(|c| c.a.0 <= c.a.1 && c.b.0 <= c.b.1 && c.a.1 > 0 && c.b.1 > 0)
        .map(|c| Difference {
            difference: c.a.0 as f64 / c.a.1 as f64 - c.b.0 as f64 / c.b.1 as f64,
            interval: interval(c.a, c.b),
            q: fisher.p(c.a, c.b),
            what: c.what,
            a: c.a,
            b: c.b,
        })
        .collect();
    // Benjamini and Hochberg: among many values some differ by chance.
    all.sort_by(|x, y| x.q.total_cmp(&y.q));
    let n = all.len() as f64;
    let mut least = 1.0f64;
    for (i, one) in all.iter_mut().enumerate().rev() {
        least = least.min(one.q * n / (i + 1) as f64);
        one.q = least;
    }
    // What the difference is at least.
    let sure = |d: &Difference<T>| if d.difference > 0.0 { d.interval.0 } else { -d.interval.1 };
    all.sort_by(|x, y| (x.difference < 0.0).cmp(&(y.difference < 0.0)).then(sure(y).total_cmp(&sure(x))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(what: &str, a: (u64, u64), b: (u64, u64)) -> Counted<String> {
        Counted { what: what.to_owned(), a, b }
    }

    #[test]
    fn intervals_are_those_of_the_textbook() {
        // Newcombe 1998, method 10, example (a): 56/70 and 48/80.
        let (low, high) = interval((56, 70), (48, 80));
        assert!((low - 0.0524).abs() < 5e-4 && (high - 0.3339).abs() < 5e-4, "{low} {high}");
        // Example (c): 10/10 and 0/20 … none of the ends leaves the possible.
        let (low, high) = interval((10, 10), (0, 20));
        assert!(low > 0.6 && high <= 1.0, "{low} {high}");
        // The lady who tasted tea: 3 of 4 and 1 of 4.
        assert!((Fisher::new(8).p((3, 4), (1, 4)) - 0.485_714).abs() < 1e-6);
        assert!((Fisher::new(51).p((1, 1), (0, 50)) - 1.0 / 51.0).abs() < 1e-9);
    }

    #[test]
    fn few_prove_nothing() {
        let found = differences(vec![counted("x", (1, 1), (0, 50)), counted("y", (1, 1), (2, 50))]);
        assert!(found.iter().all(|d| d.q > 0.01), "{found:?}");
        assert!(differences(vec![counted("x", (0, 0), (0, 9))]).is_empty());
    }

    /// A tag that most of the chosen have is among the first three, whatever else occurs by chance.
    #[test]
    fn an_injected_tag_is_found() {
        let mut seed = 3u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut hits = 0;
        for _ in 0..200 {
            let (n_a, n_b) = (30, 400);
            let mut all = Vec::new();
            for i in 0..300 {
                let share = random() * 0.9;
                let mut draw = |n: u64| (0..n).filter(|_| random() < share).count() as u64;
                let (a, b) = (draw(n_a), draw(n_b));
                all.push(counted(&format!("noise{i}"), (a, n_a), (b, n_b)));
            }
            let mut draw = |n: u64, share: f64| (0..n).filter(|_| random() < share).count() as u64;
            let (a, b) = (draw(n_a, 0.75), draw(n_b, 0.10));
            all.push(counted("injected", (a, n_a), (b, n_b)));
            let found = differences(all);
            hits += usize::from(found.iter().take(3).any(|d| d.what == "injected" && d.q < 0.01));
            let n_false = found.iter().filter(|d| d.what != "injected" && d.q < 0.05).count();
            assert!(n_false <= 8, "{n_false}");
        }
        assert!(hits >= 190, "{hits} of 200");
    }
}
