//! Kivi's custom resources: types, names, labels; no IO.
