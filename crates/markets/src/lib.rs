//! Outcome spaces, views, market templates and their grade functions.
