#include "plugins/cmq_tcp/client/envelope.h"

#include "broker/api/body_seal.h"
#include "broker/base/base64.h"

#include <algorithm>
#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

constexpr std::string_view mark = "penstock-envelope-1.";

bool is_key_id(std::string_view text) {
    const auto may_stand = [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
    };
    return !text.empty() && text.size() <= Envelope::key_id_bytes_max &&
           std::all_of(text.begin(), text.end(), may_stand);
}

// What is authenticated: the head of the text, which ends with a dot and has no zero byte.
std::string bound(std::string_view head, std::string_view context) {
    std::string text(head);
    text += '\0';
    text += context;
    return text;
}

}  // namespace

Result<Envelope> Envelope::make(std::string key_id, std::string key) {
    if (!is_key_id(key_id)) {
        return error(Errc::invalid, "a key's id has 1 to 64 letters, digits, '-' and '_'");
    }
    if (key.size() != key_bytes) return error(Errc::invalid, "a key has 32 bytes");
    return Envelope(std::move(key_id), std::move(key));
}

std::string Envelope::seal(std::string_view body, std::string_view context, Random& random) const {
    const std::string head = std::string(mark) + key_id_ + ".";
    return head + encode_base64(api::seal_text(key_, bound(head, context), body, random));
}

std::optional<std::string> Envelope::key_id_of(std::string_view sealed) {
    if (!sealed.starts_with(mark)) return std::nullopt;
    const std::string_view rest = sealed.substr(mark.size());
    const std::string_view key_id = rest.substr(0, rest.find('.'));
    if (key_id.size() == rest.size() || !is_key_id(key_id)) return std::nullopt;
    return std::string(key_id);
}

Result<std::string> Envelope::open(std::string_view sealed, std::string_view context) const {
    const auto key_id = key_id_of(sealed);
    if (!key_id) return error(Errc::invalid, "it is no envelope");
    if (*key_id != key_id_) return error(Errc::invalid, "it is sealed with the key " + *key_id);
    const std::string_view head = sealed.substr(0, mark.size() + key_id->size() + 1);
    const auto bytes = decode_base64(sealed.substr(head.size()));
    auto body = bytes ? api::open_text(key_, bound(head, context), *bytes) : std::nullopt;
    if (body) return std::move(*body);
    return error(Errc::damaged, "it was changed, or is not of this key and context");
}

}  // namespace penstock::plugins::cmq_tcp
