#include "tests/api/wire_samples.h"

#include "tests/support/struct_walk.h"

#include <utility>
#include <variant>

namespace penstock::api::testing {

namespace {

using penstock::testing::Filler;
using penstock::testing::nothing_shared;
using penstock::testing::same;

template <class T>
T filled() {
    T value{};
    Filler().fill(value);
    return value;
}

template <class R>
struct Of {
    using Reply = typename R::Reply;
    using Typed = Outcome<Reply>;

    static bool same_requests(const Request& left, const Request& right) {
        const R* a = std::get_if<R>(&left);
        const R* b = std::get_if<R>(&right);
        return a != nullptr && b != nullptr && same(*a, *b);
    }

    static bool same_outcomes(const std::any& left, const std::any& right) {
        const Typed* a = std::any_cast<Typed>(&left);
        const Typed* b = std::any_cast<Typed>(&right);
        if (a == nullptr || b == nullptr || a->has_value() != b->has_value()) return false;
        return a->has_value() ? same(a->value(), b->value()) : a->error() == b->error();
    }

    static std::any refuse(model::Refusal why) { return std::any(Typed(std::move(why))); }

    static WireSample sample() {
        const R request = filled<R>();
        const Reply reply = filled<Reply>();
        const bool complete = nothing_shared(request, R{}) && nothing_shared(reply, Reply{});
        return {request, std::any(Typed(reply)), complete, same_requests, same_outcomes, refuse};
    }
};

template <class... Rs>
std::vector<WireSample> samples_of(const std::variant<Rs...>*) {
    return {Of<Rs>::sample()...};
}

template <class... Replies>
std::vector<model::Reply> replies_of(const std::variant<Replies...>*) {
    return {model::Reply(filled<Replies>())...};
}

}  // namespace

std::vector<WireSample> wire_samples() {
    return samples_of(static_cast<const Request*>(nullptr));
}

std::vector<model::Reply> reply_samples() {
    return replies_of(static_cast<const model::Reply*>(nullptr));
}

}  // namespace penstock::api::testing
