//! The families of score models, their global parameters, and what these were fitted to be.

use super::FootballError;
use super::weibull::KAPPA_MAX;

/// A family of score distributions with its global parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreFamily {
    /// Independent Poisson goals: with the shift, Dixon-Coles.
    Poisson,
    /// Conway-Maxwell-Poisson goals: P(k) in proportion to `rate^k / (k!)^nu`, where
    /// `nu = dispersion + draw_link * shift`, and `gap_link * ln(rate / other rate)` on top of it.
    ///
    /// Above 1 goals are less dispersed than Poisson. With the draw link, the goals of a match whose draw is likelier
    /// than its rates explain spread less, so that its large margins are rarer too. With the gap link the goals of a
    /// favourite spread less than those of its opponent. Source: G. Shmueli et al., "A useful distribution for
    /// fitting discrete data", Applied Statistics 54 (2005); the links are our own.
    ConwayMaxwell {
        /// `nu` without a shift, 0.4 to 3; 1 is Poisson.
        dispersion: f64,
        /// Change of `nu` for a unit of shift, -50 to 50.
        draw_link: f64,
        /// Change of `nu` for a unit of the logarithm of the rates' ratio, -0.5 to 0.5.
        gap_link: f64,
    },
    /// Home goals `W1 + W3`, away goals `W2 + W3` with independent Poisson `W`; the rates are the means of `W1` and
    /// `W2`, and `W3` has the mean `common + draw_link * shift`, or 0 if that is below 0. A share `inflation` of the
    /// matches is a draw with a Poisson number of goals a side.
    ///
    /// The goals of `W3` widen totals and leave margins alone, so that a match of the same total has narrower margins.
    /// Source: D. Karlis, I. Ntzoufras, "Analysis of Sports Data by Using Bivariate Poisson Models", The Statistician
    /// 52 (2003); the link is our own.
    BivariatePoisson {
        /// Mean of `W3` without a shift, 0 to 2.
        common: f64,
        /// Change of that mean for a unit of shift, 0 to 50; below 0 many prices would have two matches or none.
        draw_link: f64,
        /// Share of the inflated draws, 0 to 0.5.
        inflation: f64,
        /// Mean goals of a side in an inflated draw, 0 to 5.
        inflation_mean: f64,
    },
    /// Weibull counts tied by a Frank copula; see [`super::weibull`].
    WeibullFrank {
        /// Shape of the gaps between goals, 0.5 to 2; 1 is Poisson.
        shape: f64,
        /// The copula's parameter, -30 to 30; 0 is independence.
        kappa: f64,
    },
}

impl ScoreFamily {
    /// Conway-Maxwell-Poisson as fitted: the best on handicaps, but its totals are too narrow.
    pub const CONWAY_MAXWELL: Self =
        Self::ConwayMaxwell { dispersion: 1.0, draw_link: 20.0, gap_link: 0.088 };
    /// Bivariate Poisson as fitted: nearly as good on handicaps, and the best on totals.
    pub const BIVARIATE_POISSON: Self =
        Self::BivariatePoisson { common: 0.11, draw_link: 11.0, inflation: 0.0, inflation_mean: 0.0 };
    /// Weibull counts as fitted.
    pub const WEIBULL_FRANK: Self = Self::WeibullFrank { shape: 1.016, kappa: 0.33 };

    /// Every family by name, as fitted.
    pub const ALL: [(&'static str, Self); 4] = [
        ("poisson", Self::Poisson),
        ("conway_maxwell", Self::CONWAY_MAXWELL),
        ("bivariate_poisson", Self::BIVARIATE_POISSON),
        ("weibull_frank", Self::WEIBULL_FRANK),
    ];

    /// Its name in [`ScoreFamily::ALL`].
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::ConwayMaxwell { .. } => "conway_maxwell",
            Self::BivariatePoisson { .. } => "bivariate_poisson",
            Self::WeibullFrank { .. } => "weibull_frank",
        }
    }

    /// Its global parameters by name, to read and to change; [`super::score_model::ScoreModel::new`] checks them.
    pub fn parameters(&mut self) -> Vec<(&'static str, &mut f64)> {
        match self {
            Self::Poisson => vec![],
            Self::ConwayMaxwell { dispersion, draw_link, gap_link } => {
                vec![("dispersion", dispersion), ("draw_link", draw_link), ("gap_link", gap_link)]
            }
            Self::BivariatePoisson { common, draw_link, inflation, inflation_mean } => {
                vec![
                    ("common", common),
                    ("draw_link", draw_link),
                    ("inflation", inflation),
                    ("inflation_mean", inflation_mean),
                ]
            }
            Self::WeibullFrank { shape, kappa } => vec![("shape", shape), ("kappa", kappa)],
        }
    }

    pub(super) fn check(&self) -> Result<(), FootballError> {
        let check = FootballError::check;
        match *self {
            Self::Poisson => {}
            Self::ConwayMaxwell { dispersion, draw_link, gap_link } => {
                check("dispersion", dispersion, DISPERSION_RANGE.0, DISPERSION_RANGE.1)?;
                check("draw link", draw_link, -DRAW_LINK_MAX, DRAW_LINK_MAX)?;
                check("gap link", gap_link, -GAP_LINK_MAX, GAP_LINK_MAX)?;
            }
            Self::BivariatePoisson { common, draw_link, inflation, inflation_mean } => {
                check("common mean", common, 0.0, COMMON_MEAN_MAX)?;
                check("draw link", draw_link, 0.0, DRAW_LINK_MAX)?;
                check("inflation", inflation, 0.0, 0.5)?;
                check("inflation mean", inflation_mean, 0.0, 5.0)?;
            }
            Self::WeibullFrank { kappa, .. } => {
                check("kappa", kappa, -KAPPA_MAX, KAPPA_MAX)?;
            }
        }
        Ok(())
    }
}

/// Smallest and largest dispersion of the Conway-Maxwell-Poisson family, the link included.
pub const DISPERSION_RANGE: (f64, f64) = (0.4, 3.0);

/// Largest absolute value of the draw link.
pub const DRAW_LINK_MAX: f64 = 50.0;

/// Largest absolute value of the gap link.
pub const GAP_LINK_MAX: f64 = 0.5;

/// Largest common mean of the bivariate Poisson family.
pub const COMMON_MEAN_MAX: f64 = 2.0;

/// The mean of the common goals of a bivariate Poisson model.
pub(super) fn common_mean(common: f64, draw_link: f64, shift: f64) -> f64 {
    (common + draw_link * shift).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_their_names() {
        for (name, mut family) in ScoreFamily::ALL {
            assert_eq!(family.name(), name);
            for (_, value) in family.parameters() {
                *value = f64::NAN;
            }
            // The shape is checked with the table that is made from it.
            assert!(family.check().is_err() || name == "poisson");
        }
    }
}
