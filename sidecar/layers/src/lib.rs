//! Kivi's tower layers, one folder a layer.
