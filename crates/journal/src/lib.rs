//! One record per call: who, what was asked, the verdict, the outcome.
