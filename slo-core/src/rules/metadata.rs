//! Constants: the objective, and what the SLO is about.

use super::{Rule, names, recording::Recording};
use crate::{
    model::{LabelName, Ratio},
    promql::Expr,
};

impl Recording<'_> {
    pub(super) fn metadata(&self) -> [Rule; 2] {
        let objective = self.slo.objective();
        let mut labels = self.service.labels().clone();
        labels.extend(self.slo.labels().clone());
        labels.insert(LabelName::from_static("objective"), objective.to_string());
        labels.insert(LabelName::from_static("period"), self.slo.period().to_string());
        labels.extend(names::identity(self.service, self.slo));
        [
            self.record(names::OBJECTIVE.to_owned(), Expr::vector(objective.ratio())),
            Rule::Record { record: names::INFO.to_owned(), labels, expr: Expr::vector(Ratio::ONE) },
        ]
    }
}
