//! Having policies applied, and asking what that would be.

use crate::manifest::Policy;
use crate::upkeep::{Applied, Chore, How};
use crate::{Store, StoreError};

impl Store {
    /// Applies all policies as of `at`; a dry run only says what would be done.
    pub fn apply_retention(&self, at: i64, is_dry: bool) -> Result<Vec<Applied>, StoreError> {
        self.retain(at, How { is_dry, proposed: None })
    }

    /// What would be done if these were all policies.
    pub fn would_retain(&self, at: i64, policies: Vec<Policy>) -> Result<Vec<Applied>, StoreError> {
        self.retain(at, How { is_dry: true, proposed: Some(policies) })
    }

    fn retain(&self, at: i64, how: How) -> Result<Vec<Applied>, StoreError> {
        let is_dry = how.is_dry;
        let stuck = match self.flush() {
            // On a full disk this is what makes room.
            Err(StoreError::Stuck(why)) if !is_dry => Some(why),
            flushed => flushed.map(|()| None)?,
        };
        let applied = self.have_done(|tell| Chore::Retain(at, how, tell))?;
        match stuck {
            Some(why) => Err(StoreError::Stuck(format!("policies were applied to everything else; {why}"))),
            None => Ok(applied),
        }
    }
}
