//! Kivi's contract, chart and cluster tests, and the demo.
