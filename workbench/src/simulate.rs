//! Scenarios, simulated on what is stored.

use crate::bundle::whole;
use crate::errors;
use crate::workbench::Workbench;
use sextant_contract::{Answer, AskError, Code, Period};
use sextant_model::{Prune, TimeRange};
use sextant_queries::duckdb;
use sextant_simulators::{Book, Recorded, Scenario, ScenarioError, simulate};
use sextant_store::{Limits, StoreError};
use std::time::Duration;

/// Reading all traces may take so long.
const LIMITS: Limits = Limits { time: Duration::from_mins(10), n_rows: usize::MAX, is_explained: false };

fn wrong(e: &ScenarioError) -> AskError {
    AskError::new(Code::BadQuery, e.to_string())
}

impl Workbench {
    pub(crate) fn simulate(&self, scenario: &str, prices: Option<&str>, period: Period) -> Result<Answer, AskError> {
        let book = Book::shipped().and_then(|book| book.with(prices.unwrap_or_default())).map_err(|e| wrong(&e))?;
        let scenario = Scenario::priced(scenario, &book).map_err(|e| wrong(&e))?;
        let recorded = match scenario.sampling {
            Some(_) => self.recorded(TimeRange::from(period))?,
            None => Recorded::default(),
        };
        let outcome = simulate(&scenario, &recorded);
        let object = serde_json::to_value(outcome).map_err(|e| AskError::new(Code::Internal, e.to_string()))?;
        Ok(Answer::object(object, 0))
    }

    /// All traces of a period, with what sampling asks of them.
    fn recorded(&self, range: TimeRange) -> Result<Recorded, AskError> {
        let mut recorded = Recorded::default();
        let found = self.store.scan(&duckdb::outlines(range), &Prune::within(range), LIMITS, &mut |spans| {
            recorded.add(&spans).map_err(|e| StoreError::Refused(e.to_string()))
        });
        whole(&crate::search::completeness(&found.map_err(|e| errors::store(&e))?), "nothing was simulated")?;
        Ok(recorded)
    }
}
