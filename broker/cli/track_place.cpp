#include "broker/cli/track_place.h"

#include "broker/cli/output.h"

#include <boost/json/array.hpp>

namespace penstock::cli {

const boost::json::object* place_of(const boost::json::object& track, std::string_view object) {
    const auto* places = track.if_contains("places");
    if (places == nullptr || !places->is_array()) return nullptr;
    for (const auto& place : places->get_array()) {
        if (place.is_object() && at_path(place.get_object(), "object") == object) {
            return &place.get_object();
        }
    }
    return nullptr;
}

}  // namespace penstock::cli
