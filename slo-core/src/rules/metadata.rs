//! Constant series: the objective, and the labels that describe the SLO.

use super::{Rule, Series, context::Context, series::identity};
use crate::{
    model::{LabelName, Ratio},
    promql::Expr,
};

impl Context<'_> {
    pub(super) fn metadata(&self) -> [Rule; 2] {
        let objective = self.slo.objective();
        let mut labels = self.service.labels().clone();
        labels.extend(self.slo.labels().clone());
        labels.insert(LabelName::from_static("objective"), objective.to_string());
        labels.insert(LabelName::from_static("period"), self.slo.period().to_string());
        labels.extend(identity(self.service, self.slo));
        [
            self.record(Series::Objective, Expr::vector(objective.ratio())),
            Rule::Record { series: Series::Info, labels, expr: Expr::vector(Ratio::ONE) },
        ]
    }
}
