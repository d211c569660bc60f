#include "plugins/listener/http.h"

namespace penstock::plugins {

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [header_name, value] : headers) {
        if (header_name == name) return value;
    }
    return {};
}

}  // namespace penstock::plugins
