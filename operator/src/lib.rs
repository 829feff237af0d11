//! The operator of Kivi's key-value stores.
