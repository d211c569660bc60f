#include "broker/model/function.h"

namespace penstock::model {

std::string_view to_text(ScriptRole role) {
    switch (role) {
        case ScriptRole::handler:
            return "handler";
        case ScriptRole::filter:
            return "filter";
        case ScriptRole::transform:
            return "transform";
    }
    return "unknown";
}

}  // namespace penstock::model
