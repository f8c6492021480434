//! A trace as it comes from the workbench: depth-first columns, read where they lie.

use crate::fold::Alike;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, ListArray, RecordBatch, StringArray,
    UInt32Array, UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int32Type, Int64Type, UInt32Type, UInt64Type};
use sextant_contract::Answer;
use std::sync::OnceLock;

/// Texts by number.
#[derive(Debug, Clone)]
struct Words {
    codes: DictionaryArray<Int32Type>,
    words: StringArray,
}

impl Words {
    fn code(&self, i: usize) -> usize {
        self.codes.keys().value(i) as usize
    }

    fn word(&self, i: usize) -> &str {
        self.words.value(self.code(i))
    }
}

/// All spans of a trace, depth first.
#[derive(Debug, Clone)]
pub struct Skeleton {
    depth: UInt32Array,
    descendants: UInt32Array,
    start: Int64Array,
    duration: Int64Array,
    self_time: Int64Array,
    span: UInt64Array,
    parent: UInt64Array,
    service: Words,
    name: Words,
    kind: Words,
    message: Words,
    error: BooleanArray,
    odd: UInt32Array,
    shift: Int64Array,
    critical: ListArray,
    events: ListArray,
    logs: ListArray,
    links: UInt32Array,
    looks: Vec<(u8, String)>,
    /// When the trace starts, nanoseconds since 1970.
    pub origin: i64,
    /// How long it takes, nanoseconds.
    pub extent: i64,
    n_logs: usize,
    /// Generation of the answer.
    pub generation: u64,
    /// What the time of the critical path went into: hue of the service, operation, nanoseconds; the largest first.
    pub critical_shares: Vec<(u8, String, i64)>,
    /// The response status of the root, if it has one.
    pub status: String,
    /// Whose trace it is.
    pub project: String,
    alike: OnceLock<Alike>,
}

/// What is odd about a span's place in its trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddity {
    /// It names a parent that is not in the trace.
    pub is_orphan: bool,
    /// Its ancestors form a circle, which was cut here.
    pub is_cut_cycle: bool,
    /// Another span has its id.
    pub is_duplicate: bool,
}

impl Oddity {
    /// Whether anything is.
    pub fn is_any(self) -> bool {
        self != Self::default()
    }
}

/// One span of a [`Skeleton`].
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    all: &'a Skeleton,
    place: usize,
}

impl Skeleton {
    /// Reads an answer, with hue and letters of each service; `None` if it is no trace.
    pub fn read(answer: &Answer, look: impl Fn(&str) -> (u8, String)) -> Option<Self> {
        let batch: RecordBatch = concat_batches(&answer.schema, &answer.batches).ok()?;
        let column = |name: &str| batch.column_by_name(name).cloned();
        let short = |name: &str| column(name)?.as_primitive_opt::<UInt32Type>().cloned();
        let long = |name: &str| column(name)?.as_primitive_opt::<Int64Type>().cloned();
        let id = |name: &str| column(name)?.as_primitive_opt::<UInt64Type>().cloned();
        let flag = |name: &str| column(name)?.as_boolean_opt().cloned();
        let words = |name: &str| -> Option<Words> {
            let codes = column(name)?.as_dictionary_opt::<Int32Type>()?.clone();
            let words = codes.values().as_string_opt::<i32>()?.clone();
            let is_whole = codes.null_count() == 0 && codes.keys().values().iter().all(|k| (*k as usize) < words.len());
            is_whole.then_some(Words { codes, words })
        };
        let times = |name: &str| -> Option<ListArray> {
            let list: ArrayRef = column(name)?;
            let list = list.as_list_opt::<i32>()?.clone();
            (list.value_type() == DataType::Int64).then_some(list)
        };
        let (start, duration) = (long("start")?, long("duration")?);
        let ends = start.values().iter().zip(duration.values()).map(|(s, d)| s.saturating_add(*d));
        let extent = ends.max().unwrap_or(1).max(1);
        let service = words("service")?;
        let looks = service.words.iter().map(|w| look(w.unwrap_or_default())).collect();
        let head = answer.object.as_ref()?;
        let share = |s: &serde_json::Value| -> Option<(u8, String, i64)> {
            Some((look(s[0].as_str()?).0, s[1].as_str()?.to_owned(), s[2].as_i64()?))
        };
        Some(Self {
            depth: short("depth")?,
            descendants: short("descendants")?,
            start,
            duration,
            self_time: long("self")?,
            span: id("span")?,
            parent: id("parent")?,
            service,
            name: words("name")?,
            kind: words("kind")?,
            message: words("message")?,
            error: flag("error")?,
            odd: short("odd")?,
            shift: long("shift")?,
            critical: times("critical")?,
            events: times("events")?,
            logs: times("logs")?,
            links: short("links")?,
            looks,
            n_logs: head["logs"].as_u64().unwrap_or(0) as usize,
            origin: head["origin"].as_i64()?,
            extent,
            generation: answer.generation,
            critical_shares: head["critical"].as_array()?.iter().filter_map(share).collect(),
            status: head["status"].as_str().unwrap_or_default().to_owned(),
            project: head["project"].as_str().unwrap_or_default().to_owned(),
            alike: OnceLock::new(),
        })
    }

    /// The first span from this place on that is odd, around the end.
    pub fn next_odd(&self, place: usize) -> Option<usize> {
        let n = self.len();
        (1..=n).map(|i| (place + i) % n).find(|p| self.odd.value(*p) > 0)
    }

    /// How many spans are moved when clocks are held against each other.
    pub fn n_shifted(&self) -> usize {
        self.shift.values().iter().filter(|s| **s != 0).count()
    }

    /// Which spans have many children that do the same.
    pub fn alike(&self) -> &Alike {
        self.alike.get_or_init(|| Alike::of(self))
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.depth.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The span at a place.
    pub fn span(&self, place: usize) -> Span<'_> {
        Span { all: self, place }
    }

    /// All spans.
    pub fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        (0..self.len()).map(|place| self.span(place))
    }

    /// The place of the span with this id, in hex.
    pub fn place_of(&self, id: &str) -> Option<usize> {
        let id = u64::from_str_radix(id, 16).ok()?;
        self.span.values().iter().position(|s| *s == id)
    }

    /// The name of the service with this number.
    pub fn service_name(&self, number: usize) -> Option<&str> {
        (number < self.service.words.len()).then(|| self.service.words.value(number))
    }

    /// The number of the service with this name.
    pub fn service_number(&self, name: &str) -> Option<usize> {
        self.service.words.iter().position(|word| word == Some(name))
    }

    /// How many services take part.
    pub fn n_services(&self) -> usize {
        let mut seen = vec![false; self.service.words.len()];
        (0..self.len()).for_each(|i| seen[self.service.code(i)] = true);
        seen.iter().filter(|s| **s).count()
    }

    /// How many spans failed.
    pub fn n_errors(&self) -> usize {
        self.error.true_count()
    }

    /// How many spans have a missing parent, are in a circle, or share their id.
    pub fn n_odd(&self) -> usize {
        self.odd.values().iter().filter(|o| **o > 0).count()
    }

    /// How many log records the trace has.
    pub fn n_logs(&self) -> usize {
        self.n_logs
    }
}

impl<'a> Span<'a> {
    /// Its place.
    pub fn place(self) -> usize {
        self.place
    }

    /// How many ancestors it has.
    pub fn depth(self) -> usize {
        self.all.depth.value(self.place) as usize
    }

    /// How many descendants; they follow it.
    pub fn n_descendants(self) -> usize {
        self.all.descendants.value(self.place) as usize
    }

    /// Nanoseconds from the start of the trace.
    pub fn start(self) -> i64 {
        self.all.start.value(self.place)
    }

    /// Nanoseconds.
    pub fn duration(self) -> i64 {
        self.all.duration.value(self.place)
    }

    /// Where it ends, from the start of the trace.
    pub fn end(self) -> i64 {
        self.start().saturating_add(self.duration())
    }

    /// Nanoseconds in which no child ran.
    pub fn self_time(self) -> i64 {
        self.all.self_time.value(self.place)
    }

    /// Its service.
    pub fn service(self) -> &'a str {
        self.all.service.word(self.place)
    }

    /// The hue of its service.
    pub fn hue(self) -> u8 {
        self.all.looks[self.all.service.code(self.place)].0
    }

    /// The letters of its service.
    pub fn letters(self) -> &'a str {
        &self.all.looks[self.all.service.code(self.place)].1
    }

    /// Its operation.
    pub fn name(self) -> &'a str {
        self.all.name.word(self.place)
    }

    /// Numbers of service and operation, the same for spans that do the same.
    pub fn what(self) -> (usize, usize) {
        (self.all.service.code(self.place), self.all.name.code(self.place))
    }

    /// Its kind.
    pub fn kind(self) -> &'a str {
        self.all.kind.word(self.place)
    }

    /// What its status says.
    pub fn message(self) -> &'a str {
        self.all.message.word(self.place)
    }

    /// Its id as a number.
    pub fn number(self) -> u64 {
        self.all.span.value(self.place)
    }

    /// Its id in hex.
    pub fn id(self) -> String {
        format!("{:016x}", self.all.span.value(self.place))
    }

    /// The id of its parent in hex; empty for a root.
    pub fn parent_id(self) -> String {
        match self.all.parent.value(self.place) {
            0 => String::new(),
            id => format!("{id:016x}"),
        }
    }

    /// Whether it failed.
    pub fn is_error(self) -> bool {
        self.all.error.value(self.place)
    }

    /// What is odd about it.
    pub fn oddity(self) -> Oddity {
        let bits = self.all.odd.value(self.place);
        Oddity { is_orphan: bits & 1 > 0, is_cut_cycle: bits & 2 > 0, is_duplicate: bits & 4 > 0 }
    }

    /// How far it is moved when clocks are held against each other, nanoseconds.
    pub fn shift(self) -> i64 {
        self.all.shift.value(self.place)
    }

    /// How many links it has.
    pub fn n_links(self) -> u32 {
        self.all.links.value(self.place)
    }

    fn times(self, list: &'a ListArray) -> &'a [i64] {
        let offsets = list.value_offsets();
        let (from, to) = (offsets[self.place] as usize, offsets[self.place + 1] as usize);
        list.values().as_primitive_opt::<Int64Type>().map_or(&[], |v| &v.values()[from..to])
    }

    /// When its events were, from the start of the trace.
    pub fn events(self) -> &'a [i64] {
        self.times(&self.all.events)
    }

    /// When its logs were, from the start of the trace.
    pub fn logs(self) -> &'a [i64] {
        self.times(&self.all.logs)
    }

    /// The parts of it that are on the critical path: starts and ends by turns, from the start of the trace.
    pub fn critical(self) -> &'a [i64] {
        self.times(&self.all.critical)
    }

    /// Nanoseconds of it on the critical path.
    pub fn critical_time(self) -> i64 {
        self.critical().chunks_exact(2).map(|p| p[1] - p[0]).sum()
    }

    /// Places of its children.
    pub fn children(self) -> impl Iterator<Item = usize> + 'a {
        let all = self.all;
        let end = self.place + 1 + self.n_descendants();
        let mut next = self.place + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += 1 + all.span(child).n_descendants();
            Some(child)
        })
    }
}
