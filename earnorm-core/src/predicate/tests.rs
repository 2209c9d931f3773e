//! Tests of the evaluation of filters and of the order of values.
