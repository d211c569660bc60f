#include "broker/core/access_keys.h"

#include "broker/core/name_rows.h"
#include "broker/core/refusals.h"

#include <algorithm>

namespace penstock::core {

namespace {

using model::Reason;

bool another_root(const std::vector<KeyInfo>& keys, std::string_view but) {
    return std::any_of(keys.begin(), keys.end(), [but](const KeyInfo& key) {
        return key.root && key.key_id != but;
    });
}

}  // namespace

model::Reply put_key(Turn& turn, const model::PutKey& command) {
    const std::string row = name_keys::key(command.key_id);
    const auto before = find_key(turn, command.key_id);
    const std::vector<KeyInfo> keys = list_keys(turn);
    if (before && before->root && !command.root && !another_root(keys, command.key_id)) {
        return refuse(Reason::denied,
                      command.key_id,
                      "it is the last root key that does not end: make another one first");
    }
    if (command.secret.empty()) {
        if (!before) {
            return refuse(Reason::invalid_parameter, "key_id", "there is no key " + command.key_id);
        }
        turn.erase(row);
        return model::Done{};
    }
    if (!before && keys.size() >= keys_max) {
        return refuse(Reason::denied, {}, "there are 1,000 keys, as many as may be");
    }
    turn.put(row, encode(KeyInfo{command.key_id, command.secret, command.root}));
    return model::Done{};
}

}  // namespace penstock::core
