// Carries the precompiled Asio headers (asio_pch.h) that other targets reuse.
