#include "plugins/cmq_http/cloud/shown.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> times{"createTime", "lastModifyTime", "minMsgTime"};

json::object capitalised(const json::object& members, bool milliseconds) {
    json::object out;
    for (const auto& [key, value] : members) {
        std::string name(key);
        if (name == "rewindmsgNum") continue;  // API 2.0 gives it in two spellings
        const bool time = std::find(times.begin(), times.end(), name) != times.end();
        name[0] = static_cast<char>(name[0] - ('a' - 'A'));
        if (name == "DeadLetterPolicy") {
            out[name] = capitalised(json::parse(value.as_string()).as_object(), milliseconds);
        } else if (time && milliseconds) {
            out[name] = value.to_number<std::int64_t>() * 1000;
        } else {
            out[name] = value;
        }
    }
    return out;
}

}  // namespace

json::object capitalised(const std::string& members, bool milliseconds) {
    return capitalised(json::parse("{" + members + "}").as_object(), milliseconds);
}

void rename(json::object& object, const char* from, const char* to) {
    const auto found = object.find(from);
    if (found == object.end()) return;
    json::value value = std::move(found->value());
    object.erase(found);
    object[to] = std::move(value);
}

}  // namespace penstock::plugins::cmq::cloud
