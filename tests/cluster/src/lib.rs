//! A real single-node Kubernetes on this machine, for tests and the demo.
