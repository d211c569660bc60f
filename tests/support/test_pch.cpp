// Carries the precompiled headers of tests (test_pch.h).
