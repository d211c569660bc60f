#include "broker/api/wire.h"

#include "broker/base/check.h"
#include "broker/base/wire.h"
#include "broker/model/wire.h"

#include <array>
#include <utility>
#include <variant>

namespace penstock::wire {

// An outcome is coded as a variant would be: the value is 0, the refusal 1.
template <class T>
struct Kind<model::Outcome<T>> {
    using Outcome = model::Outcome<T>;
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const Outcome& outcome) {
        writer.boolean(outcome.has_error());
        if (outcome.has_error()) return wire::put(writer, outcome.error());
        wire::put(writer, outcome.value());
    }

    static void take(Reader& reader, Outcome& outcome, unsigned depth) {
        bool refused = false;
        wire::take(reader, refused, depth + 1);
        if (refused) {
            model::Refusal why;
            wire::take(reader, why, depth + 1);
            outcome = std::move(why);
        } else {
            T value{};
            wire::take(reader, value, depth + 1);
            outcome = std::move(value);
        }
    }

    static void shape(std::string& out, unsigned depth) {
        wire::shape<std::variant<T, model::Refusal>>(out, depth);
    }
};

}  // namespace penstock::wire

namespace penstock::api {

namespace {

// Raised when a field means something else and keeps its kind and place.
constexpr std::uint64_t requests_meaning = 1;

struct OutcomeCoding {
    std::string (*encode)(const std::any& outcome);
    Result<std::any> (*decode)(std::string_view bytes);
    std::uint64_t (*schema)();
};

// std::any would take an Error for a value.
Result<std::any> no_outcome(Error why) {
    return Result<std::any>(boost::system::in_place_error, std::move(why));
}

template <class R>
struct Coded {
    using Typed = Outcome<typename R::Reply>;

    static std::string encode(const std::any& outcome) {
        const auto* typed = std::any_cast<Typed>(&outcome);
        check(typed != nullptr, "an outcome is of another request");
        return wire::encode(*typed);
    }

    static Result<std::any> decode(std::string_view bytes) {
        auto typed = wire::decode<Typed>(bytes, "an outcome");
        if (!typed) return no_outcome(typed.error());
        return std::any(std::move(*typed));
    }
};

template <class... Rs>
constexpr std::array<OutcomeCoding, sizeof...(Rs)> codings_of(const std::variant<Rs...>*) {
    return {OutcomeCoding{
        &Coded<Rs>::encode, &Coded<Rs>::decode, &wire::schema<typename Coded<Rs>::Typed>}...};
}

// By the request's index.
constexpr auto codings = codings_of(static_cast<const Request*>(nullptr));

}  // namespace

std::string encode_request(const Request& request) {
    return wire::encode(request);
}

Result<Request> decode_request(std::string_view bytes) {
    return wire::decode<Request>(bytes, "a request");
}

std::string encode_principal(const Principal& principal) {
    return wire::encode(principal);
}

Result<Principal> decode_principal(std::string_view bytes) {
    return wire::decode<Principal>(bytes, "a principal");
}

std::string encode_outcome(std::size_t request_index, const std::any& outcome) {
    check(request_index < codings.size(), "no such request");
    return codings[request_index].encode(outcome);
}

Result<std::any> decode_outcome(std::size_t request_index, std::string_view bytes) {
    if (request_index < codings.size()) return codings[request_index].decode(bytes);
    return no_outcome(error(Errc::damaged, "an outcome: of no known request"));
}

std::uint64_t schema_of_requests() {
    std::string all;
    Writer writer(all);
    writer.u64(requests_meaning);
    writer.u64(wire::schema<Principal>());
    writer.u64(wire::schema<Request>());
    for (const OutcomeCoding& coding : codings) writer.u64(coding.schema());
    writer.u64(model::schema_of_replies());
    return hash64(all);
}

}  // namespace penstock::api
