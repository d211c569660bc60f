// Networks: a list of networks, written "127.0.0.0/8, ::1, 10.1.2.3", and whether an address is in
// one of them. Values, any thread.
#pragma once

#include "broker/base/error.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace penstock {

// In network order; of IPv4 as ::ffff:a.b.c.d.
using AddressBytes = std::array<std::uint8_t, 16>;

class Networks {
  public:
    // Addresses, or networks ADDRESS/BITS, separated by commas; blanks around them do not matter,
    // and there may be none. Error{invalid}: names the part that is neither.
    static Result<Networks> parse(std::string_view text);

    [[nodiscard]] bool contains(const AddressBytes& address) const;

  private:
    struct Network {
        AddressBytes first{};
        unsigned bits = 0;  // of 128
    };

    static Result<Network> parse_one(std::string_view text);

    std::vector<Network> all_;
};

}  // namespace penstock
