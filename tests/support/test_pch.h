// Precompiled by the programs of tests: what nearly each of them reads. Never included.
#pragma once

#include "broker/base/asio_pch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
