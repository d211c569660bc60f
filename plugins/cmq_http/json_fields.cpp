#include "plugins/cmq_http/json_fields.h"

namespace penstock::plugins::cmq {

void JsonFields::separate() {
    if (!out_.empty() && out_.back() != '{' && out_.back() != '[') out_.push_back(',');
}

void JsonFields::quote(std::string_view value) {
    constexpr std::string_view hex = "0123456789abcdef";
    out_.push_back('"');
    std::size_t plain = 0;  // from here on nothing needs an escape
    for (std::size_t at = 0; at < value.size(); ++at) {
        const auto byte = static_cast<unsigned char>(value[at]);
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        out_.append(value.substr(plain, at - plain));
        plain = at + 1;
        if (byte >= 0x20) {
            out_.push_back('\\');
            out_.push_back(value[at]);
        } else if (byte == '\n') {
            out_.append("\\n");
        } else {
            out_.append("\\u00").append({hex[byte >> 4U], hex[byte & 15U]});
        }
    }
    out_.append(value.substr(plain));
    out_.push_back('"');
}

void JsonFields::name(std::string_view name) {
    separate();
    out_.append("\"").append(name).append("\":");
}

void JsonFields::text(std::string_view name, std::string_view value) {
    this->name(name);
    quote(value);
}

void JsonFields::number(std::string_view name, std::int64_t value) {
    this->name(name);
    out_.append(std::to_string(value));
}

void JsonFields::number(std::string_view name, std::uint64_t value) {
    this->name(name);
    out_.append(std::to_string(value));
}

void JsonFields::texts(std::string_view name, const std::vector<std::string>& values) {
    open_list(name);
    for (const std::string& value : values) {
        separate();
        quote(value);
    }
    close_list();
}

void JsonFields::open_list(std::string_view name) {
    this->name(name);
    out_.push_back('[');
}

void JsonFields::open_item() {
    separate();
    out_.push_back('{');
}

void JsonFields::append(const std::string& members) {
    if (members.empty()) return;
    separate();
    out_.append(members);
}

}  // namespace penstock::plugins::cmq
