//! Positions on views, limits, maximum stakes and liability skew.
