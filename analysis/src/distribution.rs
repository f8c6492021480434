//! Histograms, explicit and exponential: added up, taken apart, and asked for quantiles with what those are sure of.

/// A quantile, and the bucket that it lies in: the true value of the quantile is between both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// Interpolated within the bucket.
    pub value: f64,
    /// Lower bound of the bucket.
    pub low: f64,
    /// Upper bound of the bucket.
    pub high: f64,
}

/// A bucket: from above the first bound up to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Minus infinity for the first of an explicit histogram.
    pub low: f64,
    /// Infinity for the last.
    pub high: f64,
    /// How many values.
    pub n: f64,
}

/// Buckets with given bounds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explicit {
    /// Upper bounds, ascending; the last bucket has none.
    pub bounds: Vec<f64>,
    /// One more than bounds.
    pub counts: Vec<f64>,
}

/// One half of an exponential histogram: bucket `i` of scale `s` goes from `base^i` to `base^(i+1)`, base `2^(2^-s)`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Half {
    /// Index of the first count.
    pub offset: i32,
    /// Counts, one index after the other.
    pub counts: Vec<f64>,
}

/// Buckets whose bounds are powers of a base.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exponential {
    /// The base is `2^(2^-scale)`.
    pub scale: i32,
    /// Values near zero.
    pub zero_count: f64,
    /// How near.
    pub zero_threshold: f64,
    /// Values above zero.
    pub positive: Half,
    /// Values below zero, by their absolute value.
    pub negative: Half,
}

/// A histogram of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// With given bounds.
    Explicit(Explicit),
    /// With powers of a base.
    Exponential(Exponential),
}

/// More buckets than this are merged two by two.
const MAX_BUCKETS: usize = 2_000;
/// Beyond these scales bounds are no different numbers any more.
const SCALES: (i32, i32) = (-10, 20);

impl Half {
    /// As if it had been counted with a scale that is lower by `by`.
    fn lowered(&self, by: i32) -> Self {
        if by <= 0 || self.counts.is_empty() {
            return self.clone();
        }
        let by = by.min(31) as u32;
        let first = self.offset >> by;
        let last = (self.offset.saturating_add(self.counts.len() as i32 - 1)) >> by;
        let mut counts = vec![0.0; (last - first) as usize + 1];
        for (i, n) in self.counts.iter().enumerate() {
            let place = (self.offset.saturating_add(i as i32) >> by) - first;
            counts[place as usize] += n;
        }
        Self { offset: first, counts }
    }

    fn combined(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        if other.counts.is_empty() {
            return self.clone();
        }
        if self.counts.is_empty() {
            let counts = other.counts.iter().map(|n| f(0.0, *n)).collect();
            return Self { offset: other.offset, counts };
        }
        let end = |h: &Self| h.offset.saturating_add(h.counts.len() as i32);
        let (first, last) = (self.offset.min(other.offset), end(self).max(end(other)));
        let at = |h: &Self, i: i32| {
            usize::try_from(i.saturating_sub(h.offset)).ok().and_then(|p| h.counts.get(p)).copied().unwrap_or(0.0)
        };
        Self { offset: first, counts: (first..last).map(|i| f(at(self, i), at(other, i))).collect() }
    }

    /// By how much the scale has to be lowered so that both together are not too long.
    fn excess(&self, other: &Self) -> i32 {
        if self.counts.is_empty() || other.counts.is_empty() {
            return 0;
        }
        let end = |h: &Self| i64::from(h.offset) + h.counts.len() as i64;
        let (mut first, mut last) = (i64::from(self.offset.min(other.offset)), end(self).max(end(other)));
        let mut by = 0;
        while last - first > MAX_BUCKETS as i64 {
            first >>= 1;
            last = (last >> 1) + 1;
            by += 1;
        }
        by
    }
}

impl Exponential {
    fn lowered(&self, by: i32) -> Self {
        Self {
            scale: self.scale - by,
            positive: self.positive.lowered(by),
            negative: self.negative.lowered(by),
            ..self.clone()
        }
    }

    /// Both with the scale that both can have.
    fn aligned(&self, other: &Self) -> (Self, Self) {
        let scale = self.scale.min(other.scale);
        let (mut a, mut b) = (self.lowered(self.scale - scale), other.lowered(other.scale - scale));
        let by = a.positive.excess(&b.positive).max(a.negative.excess(&b.negative));
        if by > 0 {
            (a, b) = (a.lowered(by), b.lowered(by));
        }
        (a, b)
    }

    fn combined(&self, other: &Self, f: impl Fn(f64, f64) -> f64 + Copy) -> Self {
        let (a, b) = self.aligned(other);
        Self {
            scale: a.scale,
            zero_count: f(a.zero_count, b.zero_count),
            zero_threshold: a.zero_threshold.max(b.zero_threshold),
            positive: a.positive.combined(&b.positive, f),
            negative: a.negative.combined(&b.negative, f),
        }
    }

    fn bound(&self, index: i32) -> f64 {
        let scale = self.scale.clamp(SCALES.0, SCALES.1);
        (f64::from(index) * 2f64.powi(-scale)).exp2()
    }

    fn buckets(&self) -> Vec<Bucket> {
        let index = |h: &Half, i: usize| h.offset.saturating_add(i as i32);
        let negative = self.negative.counts.iter().enumerate().rev().map(|(i, n)| {
            let at = index(&self.negative, i);
            Bucket { low: -self.bound(at.saturating_add(1)), high: -self.bound(at), n: *n }
        });
        let zero = Bucket { low: -self.zero_threshold, high: self.zero_threshold, n: self.zero_count };
        let positive = self.positive.counts.iter().enumerate().map(|(i, n)| {
            let at = index(&self.positive, i);
            Bucket { low: self.bound(at), high: self.bound(at.saturating_add(1)), n: *n }
        });
        negative.chain((self.zero_count > 0.0).then_some(zero)).chain(positive).collect()
    }
}

impl Distribution {
    /// How many values.
    pub fn count(&self) -> f64 {
        match self {
            Self::Explicit(e) => e.counts.iter().sum(),
            Self::Exponential(e) => {
                e.zero_count + e.positive.counts.iter().sum::<f64>() + e.negative.counts.iter().sum::<f64>()
            }
        }
    }

    /// All buckets, ascending.
    pub fn buckets(&self) -> Vec<Bucket> {
        match self {
            Self::Explicit(e) => {
                let low = |i: usize| if i == 0 { f64::NEG_INFINITY } else { e.bounds[i - 1] };
                let high = |i: usize| e.bounds.get(i).copied().unwrap_or(f64::INFINITY);
                let n = e.counts.len().min(e.bounds.len() + 1);
                (0..n).map(|i| Bucket { low: low(i), high: high(i), n: e.counts[i] }).collect()
            }
            Self::Exponential(e) => e.buckets(),
        }
    }

    fn combined(&self, other: &Self, f: impl Fn(f64, f64) -> f64 + Copy) -> Option<Self> {
        Some(match (self, other) {
            (Self::Explicit(a), Self::Explicit(b)) if a.bounds == b.bounds && a.counts.len() == b.counts.len() => {
                let counts = a.counts.iter().zip(&b.counts).map(|(a, b)| f(*a, *b)).collect();
                Self::Explicit(Explicit { bounds: a.bounds.clone(), counts })
            }
            (Self::Exponential(a), Self::Exponential(b)) => Self::Exponential(a.combined(b, f)),
            // With other bounds it could only be guessed.
            _ => return None,
        })
    }

    /// Both together; nothing where bounds differ.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        self.combined(other, |a, b| a + b)
    }

    /// What came since `earlier`; nothing where bounds differ, or a count went down: then it was counted anew.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let found = self.combined(earlier, |a, b| a - b)?;
        let is_sound = found.buckets().iter().all(|b| b.n >= -1e-9);
        is_sound.then_some(found)
    }

    /// With no more than about so many buckets of one sign; given bounds stay.
    #[must_use]
    pub fn coarsened(&self, n: usize) -> Self {
        match self {
            Self::Explicit(_) => self.clone(),
            Self::Exponential(e) => {
                let mut e = e.clone();
                while e.positive.counts.len().max(e.negative.counts.len()) > n.max(1) {
                    e = e.lowered(1);
                }
                Self::Exponential(e)
            }
        }
    }

    /// As if it had been counted with this scale, if that is a lower one.
    #[must_use]
    pub fn at_scale(&self, scale: i32) -> Self {
        match self {
            Self::Exponential(e) if e.scale > scale => Self::Exponential(e.lowered(e.scale - scale)),
            other => other.clone(),
        }
    }

    /// The value that a share of all values does not exceed.
    pub fn quantile(&self, share: f64) -> Option<Quantile> {
        let total = self.count();
        if total <= 0.0 || !(0.0..=1.0).contains(&share) {
            return None;
        }
        let is_exponential = matches!(self, Self::Exponential(_));
        let wanted = share * total;
        let mut before = 0.0;
        let mut last = None;
        for bucket in self.buckets().into_iter().filter(|b| b.n > 0.0) {
            let part = ((wanted - before) / bucket.n).clamp(0.0, 1.0);
            if !is_exponential && bucket.low.is_infinite() && bucket.high.is_infinite() {
                // There is one bucket for everything: how many there were is known, and nothing else.
                return None;
            }
            if before + bucket.n >= wanted {
                return Some(within(bucket, part, is_exponential));
            }
            before += bucket.n;
            last = Some(within(bucket, 1.0, is_exponential));
        }
        last
    }
}

/// The place in a bucket: even on the logarithm of powers, even on numbers elsewhere; an open bucket is its one bound.
fn within(bucket: Bucket, part: f64, is_exponential: bool) -> Quantile {
    let Bucket { low, high, .. } = bucket;
    let value = match (low.is_finite(), high.is_finite()) {
        (true, true) if is_exponential && low > 0.0 => low * (high / low).powf(part),
        (true, true) if is_exponential && high < 0.0 => low * (high / low).powf(part),
        (true, true) => low + (high - low) * part,
        // Sizes begin at zero.
        (false, true) if high > 0.0 => high * part,
        (false, true) => high,
        (true, false) => low,
        (false, false) => 0.0,
    };
    let low = if low == f64::NEG_INFINITY && high > 0.0 { 0.0 } else { low };
    Quantile { value, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential(scale: i32, values: &[f64]) -> Distribution {
        let mut e = Exponential { scale, ..Exponential::default() };
        let index = |v: f64| ((v.ln() / std::f64::consts::LN_2) * 2f64.powi(scale)).ceil() as i32 - 1;
        let half = |values: Vec<f64>| {
            let all: Vec<i32> = values.iter().map(|v| index(*v)).collect();
            let Some(first) = all.iter().min().copied() else { return Half::default() };
            let mut counts = vec![0.0; (all.iter().max().copied().unwrap_or(first) - first) as usize + 1];
            for i in &all {
                counts[(i - first) as usize] += 1.0;
            }
            Half { offset: first, counts }
        };
        e.positive = half(values.iter().copied().filter(|v| *v > 0.0).collect());
        e.negative = half(values.iter().map(|v| -v).filter(|v| *v > 0.0).collect());
        e.zero_count = values.iter().filter(|v| **v == 0.0).count() as f64;
        Distribution::Exponential(e)
    }

    fn random(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3);
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// Whatever the scales, both together are what all values counted with the lower scale are.
    #[test]
    fn sums_are_what_all_values_come_to() {
        for seed in 0..200 {
            let mut next = random(seed);
            let mut values =
                |n: usize| -> Vec<f64> { (0..n).map(|_| (next() - 0.3) * 10f64.powf(next() * 6.0 - 3.0)).collect() };
            let (a, b) = (values(40), values(60));
            let (sa, sb) = (2 + (seed % 4) as i32, 1 + (seed % 6) as i32);
            let (da, db) = (exponential(sa, &a), exponential(sb, &b));
            let all = exponential(sa.min(sb), &[a, b].concat());
            let sum = da.plus(&db).expect("can be added");
            assert_eq!(sum.count() as u64, 100);
            let trimmed = |d: &Distribution| d.buckets().into_iter().filter(|b| b.n > 0.0).collect::<Vec<_>>();
            assert_eq!(trimmed(&sum), trimmed(&all), "seed {seed}");
            let rest = sum.since(&db).expect("can be taken apart");
            assert_eq!(rest.count() as u64, 40);
        }
    }

    /// The true quantile lies in the bucket that is named, and the bucket is as narrow as the scale says.
    #[test]
    fn quantiles_keep_their_bound() {
        for seed in 0..200 {
            let mut next = random(seed + 1_000);
            let mut values: Vec<f64> = (0..500).map(|_| 10f64.powf(next() * 5.0 - 2.0)).collect();
            let scale = 1 + (seed % 5) as i32;
            let found = exponential(scale, &values);
            values.sort_by(f64::total_cmp);
            for share in [0.01, 0.5, 0.9, 0.99, 1.0] {
                let exact = values[((share * 500.0_f64).ceil() as usize).max(1) - 1];
                let q = found.quantile(share).expect("there are values");
                assert!(q.low <= exact * (1.0 + 1e-9) && exact <= q.high * (1.0 + 1e-9), "{exact} {q:?}");
                let base = 2f64.powf(2f64.powi(-scale));
                assert!((q.value - exact).abs() / exact <= base - 1.0 + 1e-9, "{exact} {q:?} scale {scale}");
            }
        }
    }

    #[test]
    fn explicit_ones_add_up_only_with_the_same_bounds() {
        let of = |bounds: &[f64], counts: &[f64]| {
            Distribution::Explicit(Explicit { bounds: bounds.to_vec(), counts: counts.to_vec() })
        };
        let a = of(&[1.0, 10.0], &[5.0, 5.0, 0.0]);
        assert_eq!(a.plus(&of(&[1.0, 10.0], &[1.0, 0.0, 1.0])), Some(of(&[1.0, 10.0], &[6.0, 5.0, 1.0])));
        assert_eq!(a.plus(&of(&[2.0, 10.0], &[1.0, 0.0, 1.0])), None);
        assert_eq!(of(&[1.0], &[1.0, 1.0]).since(&of(&[1.0], &[2.0, 0.0])), None, "counted anew");
        let q = a.quantile(0.75).expect("there are values");
        assert_eq!((q.value, q.low, q.high), (5.5, 1.0, 10.0));
        assert_eq!(a.quantile(0.25).map(|q| q.value), Some(0.5));
        assert_eq!(of(&[1.0], &[0.0, 3.0]).quantile(0.5), Some(Quantile { value: 1.0, low: 1.0, high: f64::INFINITY }));
        assert_eq!(of(&[1.0], &[0.0, 0.0]).quantile(0.5), None);
        assert_eq!(of(&[], &[3.0]).quantile(0.5), None, "nothing is known but how many there were");
    }

    #[test]
    fn absurd_offsets_and_scales_cost_nothing() {
        let far = |offset: i32, scale: i32| {
            Distribution::Exponential(Exponential {
                scale,
                positive: Half { offset, counts: vec![1.0, 2.0] },
                ..Exponential::default()
            })
        };
        let sum = far(i32::MAX - 1, 20).plus(&far(i32::MIN, 20)).expect("can be added");
        assert_eq!(sum.count() as u64, 6);
        assert!(sum.buckets().len() <= MAX_BUCKETS + 1);
        assert!(far(0, i32::MIN).quantile(0.5).is_some() && far(0, i32::MAX).quantile(0.5).is_some());
        assert!(far(5, 20).plus(&far(5, -10)).is_some());
    }
}
