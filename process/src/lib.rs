//! What each Kivi process does at its start and its end.
