// run_until(): drives an io_context on the test's thread until something holds, or gives up.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace penstock::testing {

// True when `holds()` became true within `limit`.
template <class Predicate>
bool run_until(boost::asio::io_context& context,
               Predicate holds,
               std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        context.restart();
        context.run_one_for(std::chrono::milliseconds(50));
    }
    return true;
}

}  // namespace penstock::testing
