//! Tests of measures and distinct values.
