"""The service: the linker over HTTP."""
