#include "sinks/http/json_text.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serializer.hpp>

#include <algorithm>

namespace penstock::sinks::http {
namespace {

void append_utf8(std::string& out, std::string_view text) {
    boost::json::serializer serializer;
    serializer.reset(boost::json::string_view(text.data(), text.size()));
    char chunk[2048];
    while (!serializer.done()) {
        const auto part = serializer.read(chunk, sizeof(chunk));
        out.append(part.data(), part.size());
    }
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
    if (api::valid_utf8(text)) return append_utf8(out, text);
    std::string ascii(text);
    std::replace_if(
        ascii.begin(),
        ascii.end(),
        [](char letter) { return static_cast<unsigned char>(letter) >= 0x80; },
        '?');
    append_utf8(out, ascii);
}

void append_json_body(std::string& out, std::string_view body) {
    if (api::valid_utf8(body)) {
        append_utf8(out, body);
    } else {
        append_utf8(out, encode_base64(body));
    }
}

bool is_json(std::string_view text) {
    boost::json::monotonic_resource memory;
    boost::system::error_code failed;
    (void)boost::json::parse(boost::json::string_view(text.data(), text.size()), failed, &memory);
    return !failed;
}

void append_header_text(std::string& out, std::string_view text) {
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        out.push_back(byte < 0x20 || byte == 0x7F ? '?' : letter);
    }
}

}  // namespace penstock::sinks::http
