// Error and Result: how operating errors travel.
//
// Operating errors (a file that cannot be read, a peer that is gone) are `Result`; refusals of a
// client's request are values (model/refusal.h); bugs are `check()` (check.h). Exceptions come only
// from libraries. Values, no owner, any thread.
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace penstock {

enum class Errc {
    io,           // the operating system refused a read, write or sync
    damaged,      // bytes do not match their checksum or grammar
    not_found,    // no such file, record or key
    disk_full,    // no space, or below the reserve
    invalid,      // a configuration or argument that can never work
    timeout,      // a deadline passed
    unavailable,  // the other side is not there
    closed,       // the component is stopping
};

struct Error {
    Errc code;
    std::string detail;  // what happened and to which file, name or address; no secrets
};

[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
    throw std::runtime_error(error.detail);
}

template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
  public:
    using boost::system::result<T, Error>::result;
};

inline Error error(Errc code, std::string detail) {
    return Error{code, std::move(detail)};
}

}  // namespace penstock
