// CMQ's forms and the text that is signed, held against second readings written as plainly as the
// documents say it.
#include "broker/api/names.h"
#include "plugins/cmq_http/authentication.h"
#include "plugins/cmq_http/multipart.h"
#include "plugins/cmq_http/parameters.h"
#include "tests/fuzz/target.h"

#include <map>
#include <optional>
#include <set>

namespace penstock::fuzz {
namespace {

using plugins::cmq::Parameters;
using plugins::cmq::SignedText;
using Form = std::map<std::string, std::string>;

std::optional<std::string> decoded(const std::string& text) {
    const std::string digits = "0123456789abcdef";
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+') out += ' ';
        if (text[at] == '+') continue;
        if (text[at] != '%') out += text[at];
        if (text[at] != '%') continue;
        if (at + 2 >= text.size()) return std::nullopt;
        const auto high = digits.find(static_cast<char>(std::tolower(text[at + 1])));
        const auto low = digits.find(static_cast<char>(std::tolower(text[at + 2])));
        if (high == std::string::npos || low == std::string::npos) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

std::string without_spaces_behind(std::string name) {
    while (!name.empty() && name.back() == ' ') name.pop_back();
    return name;
}

// The form as a map; nothing when it is none.
std::optional<Form> plain(std::string text) {
    Form form;
    std::set<std::string> read;
    text += '&';
    while (!text.empty()) {
        const std::string pair = text.substr(0, text.find('&'));
        text.erase(0, pair.size() + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        const auto name = decoded(pair.substr(0, equals));
        const auto value = decoded(equals == std::string::npos ? "" : pair.substr(equals + 1));
        if (!name || !value || name->size() > 64) return std::nullopt;
        const std::string own = without_spaces_behind(*name);
        if (own.empty() || !read.insert(own).second) return std::nullopt;
        for (const char c : own) {
            const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
            if (!word) return std::nullopt;
        }
        if (!api::valid_utf8(*value)) return std::nullopt;
        form.emplace(*name, *value);
    }
    return form.size() <= 256 ? std::optional(form) : std::nullopt;
}

// "POSThost/path?A=1&b.2=3": names in byte order with '.' for '_', all but the signature.
std::string plain_text(const Form& form, bool without_at_values) {
    std::string text;
    for (const auto& [name, value] : form) {
        if (name == "Signature" || (without_at_values && value.rfind('@', 0) == 0)) continue;
        std::string shown;
        for (const char c : name) shown += c == '_' ? '.' : c;
        text += (text.empty() ? "?" : "&") + shown + "=" + value;
    }
    return "POSThost/path" + text;
}

// What is no form of parts is refused; what is, is whole in its bytes.
void as_parts(std::string_view bytes) {
    const std::string_view boundary = plugins::cmq::boundary_of(bytes);
    check(bytes.find(boundary) != std::string_view::npos, "a boundary as it was sent");
    Parameters parameters;
    if (!parameters.parse_parts(bytes, "b").none()) return;
    for (const auto& [name, value] : parameters.all()) {
        check(bytes.find("\r\n\r\n" + value + "\r\n--b") != std::string_view::npos, "a value");
        check(api::valid_utf8(value) && !name.empty(), "a parameter");
    }
}

// A form written in parts is the same form.
void in_parts(const Parameters& form) {
    const std::string mark = "\r\n--b";
    std::string body;
    for (const auto& [name, value] : form.all()) {
        if (value.find(mark) != std::string::npos) return;
        body += mark + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value;
    }
    Parameters again;
    check(again.parse_parts(body + mark + "--", "b").none(), "parts are taken");
    check(again.all() == form.all(), "the same form in parts");
}

}  // namespace

void one_input(std::string_view bytes) {
    as_parts(bytes);
    Parameters parameters;
    const bool good = parameters.parse(bytes).none();
    const auto form = plain(std::string(bytes));
    check(good == form.has_value(), "both take it, or neither");
    if (!good) return;
    check(Form(parameters.all().begin(), parameters.all().end()) == *form, "the same parameters");
    for (const bool without : {false, true}) {
        const SignedText text{"POST", "host", "/path", without};
        check(signed_text(text, parameters) == plain_text(*form, without), "the same text");
    }
    in_parts(parameters);
    unsigned last = 0;
    for (const auto& item : parameters.items("msgBody")) {
        check(item.index >= last && item.parameter != nullptr, "items ascend");
        last = item.index;
    }
}

std::vector<std::string> seeds() {
    return {"Action=SendMessage&queueName=q&msgBody=hello+world&Signature=x%3D",
            "msgBody.0=a&msgBody.1=b&msgBody.10=c&a_b=1",
            "a=@file&b=%E4%BD%A0",
            "a=1&a=2",
            "a=%",
            "a=%4",
            "a=%zz",
            "%61=b",
            "=x",
            "a&b&&c=",
            "a=%FF",
            "a=%00",
            "offset+=1&limit=2",
            "limit=1&limit++=2",
            "Signature=1&Signature.x=2&a.b=1&a_b=2&a-b=3",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\nx\r\n--b--",
            "\r\n--b\r\nX: y\r\n--b\r\n\r\n\r\n--b \r\n--b--",
            "multipart/form-data; charset=utf-8; boundary=\"a b\""};
}

}  // namespace penstock::fuzz
