//! Kivi's store: a deterministic state machine over one transaction log.
