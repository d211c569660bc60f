#include "broker/core/progress.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/base/planted.h"
#include "broker/core/keys.h"

namespace penstock::core {

namespace {

struct SetState {
    TimeMs time_ms = 0;
    std::uint64_t hash = 0;
};

SetState state_of(const Rows& rows) {
    const auto bytes = rows.get(keys::state);
    if (!bytes) return {};
    Reader reader(*bytes);
    SetState found;
    found.time_ms = reader.i64();
    found.hash = reader.u64();
    return found;
}

std::uint64_t chain(std::uint64_t hash, const model::Effects& effects) {
    for (const model::RowWrite& write : effects.batch) {
        hash = hash64(write.key, hash + static_cast<std::uint64_t>(write.kind));
        hash = hash64(write.value, hash);
    }
    for (const model::Reply& reply : effects.replies)
        hash = hash64(model::encode_reply(reply), hash);
    return hash;
}

}  // namespace

SetProgress progress(const Rows& rows) {
    SetProgress found;
    if (const auto bytes = rows.get(keys::applied)) found.applied = Reader(*bytes).u64();
    const SetState state = state_of(rows);
    found.time_ms = state.time_ms;
    found.state_hash = state.hash;
    return found;
}

void seal_batch(const model::Entry& entry, const model::Rows& rows, model::Effects& effects) {
    std::string applied;
    Writer(applied).u64(planted(K7) ? entry.index - 1 : entry.index);
    std::string state;
    Writer writer(state);
    writer.i64(entry.time_ms);
    writer.u64(chain(state_of(rows).hash, effects));
    using Kind = model::RowWrite::Kind;
    effects.batch.push_back({Kind::put, std::string(keys::applied), std::move(applied)});
    effects.batch.push_back({Kind::put, std::string(keys::state), std::move(state)});
}

std::uint64_t sealed_hash(const model::Effects& effects) {
    check(!effects.batch.empty() && effects.batch.back().key == keys::state, "a sealed batch");
    Reader reader(effects.batch.back().value);
    reader.i64();
    return reader.u64();
}

}  // namespace penstock::core
