//! Kivi's sidecar: throttling, authentication and stampede-safe caching in front of an HTTP server.
