// What clients of /v1 send: JSON bodies, queries, cursors. Whatever is taken is JSON by the letter,
// holds only known names, and no bytes but text come out.
#include "broker/api/names.h"
#include "broker/base/instant.h"
#include "plugins/native/documents.h"
#include "tests/fuzz/target.h"

#include <boost/json.hpp>

namespace penstock::fuzz {
namespace {

using plugins::native::Fields;

const std::vector<std::string_view> known = {"text", "whole", "flag", "list", "object", "when"};

void read_all(Fields& fields) {
    const auto text = fields.text("text", {1, 64});
    if (text) {
        check(api::valid_utf8(*text) && !text->empty() && text->size() <= 64, "text in its range");
        for (const char c : *text) check(static_cast<unsigned char>(c) >= 0x20, "no control bytes");
    }
    const auto whole = fields.whole("whole", {3, 1'000});
    if (whole) check(*whole >= 3 && *whole <= 1'000, "a number in its range");
    (void)fields.flag("flag");
    const auto list = fields.payloads("list", {1, 4}, {0, 16});
    if (list) check(!list->empty() && list->size() <= 4, "a list in its range");
    (void)fields.instant("when");
    if (auto nested = fields.object("object", known)) (void)nested->need_text("text", {1, 8});
}

void read_json(std::string_view bytes) {
    Fields fields = plugins::native::json_fields(bytes, known);
    if (fields.ok() && bytes.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        boost::system::error_code ec;
        const auto value = boost::json::parse({bytes.data(), bytes.size()}, ec);
        check(!ec && value.is_object(), "JSON by the letter");
        check(api::valid_utf8(bytes), "and text");
    }
    read_all(fields);
}

void read_cursor(std::string_view bytes) {
    const auto position = plugins::native::decode_cursor('q', bytes);
    if (!position) return;
    check(plugins::native::encode_cursor('q', *position) == bytes, "one cursor a position");
    check(!plugins::native::decode_cursor('t', bytes), "of its own list");
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 5)) {
        case 0:
            return read_json(bytes);
        case 1: {
            Fields fields = plugins::native::query_fields(bytes, known, {"list"});
            return read_all(fields);
        }
        case 2:
            return read_cursor(bytes);
        case 3: {
            const auto decoded = plugins::native::decode_percent(bytes, true);
            check(!decoded || api::valid_utf8(*decoded), "text");
            return;
        }
        default:
            (void)parse_instant(bytes);
    }
}

std::vector<std::string> seeds() {
    std::vector<std::string> all;
    for (const char* text :
         {R"({"text":"a","whole":7,"flag":true,"list":["a","b"],"object":{"text":"x"}})",
          R"({"when":"2026-11-20T10:00:00.123Z"})",
          R"({})",
          R"({"text":"\u0000"})",
          R"({"text":"a","text":"b"})",
          R"({"whole":1e99})",
          R"({"whole":-1})",
          R"({"list":[]})",
          R"([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]])",
          R"({"object":{"object":{}}})",
          R"({"text":"\ud800"})",
          R"({"nobody":1})",
          "{\"text\":\"\xFF\"}",
          R"({"flag":null})"}) {
        all.push_back(chosen(0, text));
    }
    all.push_back(chosen(1, "text=a+b&whole=7&list=x&list=y&flag=true"));
    all.push_back(chosen(1, "text=%C3%28&whole=1&whole=2"));
    all.push_back(chosen(2, plugins::native::encode_cursor('q', 77)));
    all.push_back(chosen(3, "a%20b+%E4%BD%A0%zz"));
    all.push_back(chosen(4, "2026-02-29T24:00:60Z"));
    all.push_back(chosen(4, "2026-11-20T10:00:00.123Z"));
    return all;
}

}  // namespace penstock::fuzz
