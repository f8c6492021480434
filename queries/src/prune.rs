//! What a query says about where its rows can lie.

use sextant_model::query::{Expr, Field, Query, Test};
use sextant_model::{Prune, TimeRange};

/// Bounds that hold for every row that `query` finds within `range`.
pub fn prune(query: &Query, range: TimeRange) -> Prune {
    let mut prune = Prune::within(range);
    narrow(&query.filter, &mut prune);
    prune
}

fn narrow(expr: &Expr, prune: &mut Prune) {
    match expr {
        Expr::And(terms) => terms.iter().for_each(|t| narrow(t, prune)),
        Expr::Field(Field::Service, Test::Equals(service)) => prune.services = Some(vec![service.clone()]),
        Expr::Field(Field::Column(name), Test::Equals(service)) if name == "ServiceName" => {
            prune.services = Some(vec![service.clone()]);
        }
        Expr::Field(Field::Trace, Test::Equals(id) | Test::Contains(id)) if id.len() == 32 => {
            prune.traces = id.parse().ok().map(|id| vec![id]);
        }
        _ => {}
    }
}
