// Commands, replies, bodies and requests as bytes: whatever decodes says the same when it is
// written and read again.
#include "broker/api/wire.h"
#include "broker/base/base64.h"
#include "broker/model/attempt.h"
#include "broker/model/command.h"
#include "broker/model/message.h"
#include "broker/model/wire.h"
#include "tests/fuzz/target.h"
#include "tests/model/samples.h"

namespace penstock::fuzz {
namespace {

void take_commands(std::string_view bytes) {
    const auto commands = model::decode_commands(bytes);
    if (!commands) return;
    const auto again = model::decode_commands(model::encode_commands(*commands));
    check(again && *again == *commands, "commands come back");
}

void take_body(std::string_view bytes) {
    const auto body = model::decode_body(bytes);
    if (!body) return;
    const model::NewMessage message{body->meta, std::string(body->payload), body->packing};
    const std::string encoded = model::encode_body(message);
    const auto again = model::decode_body(encoded);
    check(again && again->meta == body->meta && again->payload == body->payload &&
              again->packing == body->packing,
          "a body comes back");
}

void take_reply(std::string_view bytes) {
    const auto reply = model::reply_from_wire(bytes);
    if (!reply) return;
    const auto again = model::reply_from_wire(model::reply_to_wire(*reply));
    check(again && *again == *reply, "a reply comes back");
}

void take_request(std::string_view bytes) {
    const auto request = api::decode_request(bytes);
    if (!request) return;
    const std::string encoded = api::encode_request(*request);
    const auto again = api::decode_request(encoded);
    check(again && api::encode_request(*again) == encoded, "a request comes back");
}

void take_outcome(std::string_view bytes) {
    const std::size_t index = take_choice(bytes, std::variant_size_v<api::Request>);
    const auto outcome = api::decode_outcome(index, bytes);
    if (!outcome) return;
    const std::string encoded = api::encode_outcome(index, *outcome);
    check(static_cast<bool>(api::decode_outcome(index, encoded)), "an outcome comes back");
}

void take_numbers(std::string_view bytes) {
    const auto number = model::parse_decimal(bytes);
    check(!number || model::parse_decimal(std::to_string(*number)) == number,
          "a number comes back");
    const auto raw = decode_base64(bytes);
    check(!raw || encode_base64(*raw) == bytes, "one way to write bytes");
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 8)) {
        case 0:
            return take_commands(bytes);
        case 1: {
            const auto attempts = model::decode_attempts(bytes);
            check(
                !attempts || model::decode_attempts(model::encode_attempts(*attempts)) == attempts,
                "attempts come back");
            return;
        }
        case 2:
            return take_body(bytes);
        case 3:
            return take_reply(bytes);
        case 4:
            return take_request(bytes);
        case 5:
            return take_outcome(bytes);
        case 6:
            (void)api::decode_principal(bytes);
            return;
        default:
            return take_numbers(bytes);
    }
}

std::vector<std::string> seeds() {
    std::vector<std::string> all;
    for (const auto& sample : model::testing::command_samples()) {
        all.push_back(chosen(0, model::encode_commands({sample.command})));
    }
    all.push_back(chosen(1, model::encode_attempts(model::testing::sample_attempts())));
    model::NewMessage message;
    message.meta.tags = {"a", "b"};
    message.meta.attributes = {{"name", "value"}};
    message.payload = "payload";
    all.push_back(chosen(2, model::encode_body(message)));
    model::Sent sent;
    sent.ids.resize(2);
    all.push_back(chosen(3, model::reply_to_wire(sent)));
    all.push_back(chosen(3, model::reply_to_wire(model::Leased{})));
    all.push_back(chosen(4, api::encode_request(api::Request{})));
    for (unsigned kind = 0; kind < std::variant_size_v<api::Request>; ++kind) {
        all.push_back(chosen(4, std::string(1, static_cast<char>(kind)) + std::string(40, '\0')));
        all.push_back(chosen(5, chosen(kind, std::string(40, '\0'))));
    }
    all.push_back(chosen(6, api::encode_principal({})));
    all.push_back(chosen(7, "18446744073709551615"));
    all.push_back(chosen(7, "cGF5bG9hZA=="));
    return all;
}

}  // namespace penstock::fuzz
