#include "plugins/listener/http.h"

namespace penstock::plugins {

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [header_name, value] : headers) {
        if (header_name == name) return value;
    }
    return {};
}

std::string_view why_refused(unsigned status) {
    switch (status) {
        case 408:
            return "The request was not whole in time.";
        case 413:
            return "The body is larger than the server takes.";
        case 414:
            return "The path and query are longer than the server takes.";
        case 415:
            return "A body with a Content-Encoding is not taken: send it as it is.";
        case 417:
            return "Of expectations only 100-continue is met.";
        case 431:
            return "The headers are larger, or more, than the server takes.";
        case 505:
            return "HTTP/1.1 and HTTP/1.0 are spoken here.";
        default:
            return "This is no request that has but one meaning: see RFC 9112.";
    }
}

std::string_view refusal_code(unsigned status) {
    switch (status) {
        case 404:
            return "route_not_found";
        case 413:
            return "body_too_large";
        case 503:
            return "overloaded";
        default:
            return "request_refused";
    }
}

}  // namespace penstock::plugins
