#include "broker/node/entry_bodies.h"

#include "broker/model/format.h"

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::size_t small_command_bytes = 64;  // the fixed part of any command, generously
constexpr std::size_t object_command_bytes = 4'096;

std::size_t settle_bytes(const model::Settle& settle) {
    std::size_t total = small_command_bytes;
    for (const model::SettleItem& item : settle.items) {
        total += 32 + item.excerpt.size() + item.log.size();
    }
    for (const model::HandlerCommit& commit : settle.commits) {
        total += small_command_bytes + 16 * commit.outputs.size();
        for (const model::KvWrite& write : commit.writes) {
            total += 32 + write.key.size() + write.value.size();
        }
        for (const model::KvRead& read : commit.reads) total += 16 + read.key.size();
    }
    return total;
}

std::size_t filter_bytes(const model::MessageFilter& filter) {
    std::size_t total = filter.failures.size() + filter.key.size() + filter.text.size();
    for (const std::string& tag : filter.tags) total += tag.size();
    return total;
}

// The ordinal at which attempts were stored by one of the commands.
bool holds_attempts(const std::vector<model::Command>& commands, std::uint32_t ordinal) {
    for (const model::Command& command : commands) {
        const auto* settle = std::get_if<model::Settle>(&command);
        if (settle != nullptr && settle->attempts_ordinal == ordinal) return true;
    }
    return false;
}

model::BodyInfo opaque(std::string_view body) {
    return model::BodyInfo{{}, static_cast<std::uint32_t>(body.size())};
}

}  // namespace

std::size_t command_bytes(const model::Command& command) {
    return std::visit(
        [](const auto& typed) -> std::size_t {
            using Type = std::decay_t<decltype(typed)>;
            if constexpr (std::is_same_v<Type, model::Settle>) {
                return settle_bytes(typed);
            } else if constexpr (std::is_same_v<Type, model::DeleteMessages> ||
                                 std::is_same_v<Type, model::GiveBack>) {
                return small_command_bytes + typed.receipts.size() * 9;
            } else if constexpr (std::is_same_v<Type, model::ConfirmTransactions>) {
                return small_command_bytes + typed.items.size() * 10;
            } else if constexpr (std::is_same_v<Type, model::Redrive>) {
                return small_command_bytes + typed.sequences.size() * 6 +
                       filter_bytes(typed.filter);
            } else if constexpr (std::is_same_v<Type, model::Replay>) {
                return small_command_bytes + filter_bytes(typed.filter);
            } else if constexpr (std::is_same_v<Type, model::StepJob>) {
                return small_command_bytes + typed.chosen.size() * 6;
            } else if constexpr (std::is_same_v<Type, model::Transfer>) {
                return small_command_bytes * 2 + typed.dead.source_name.size() +
                       typed.dead.excerpt.size() + typed.dead.log.size();
            } else if constexpr (std::is_same_v<Type, model::TransfersAnswered>) {
                std::size_t total = small_command_bytes;
                for (const model::TransferAnswer& one : typed.answers)
                    total += 8 + one.detail.size();
                return total;
            } else if constexpr (std::is_same_v<Type, model::Subscribe>) {
                std::size_t total = object_command_bytes;
                for (const model::Script& script : typed.scripts) total += script.code.size();
                return total;
            } else if constexpr (std::is_same_v<Type, model::DeployScript>) {
                return object_command_bytes + typed.script.code.size();
            } else if constexpr (std::is_same_v<Type, model::SetSubscription>) {
                return object_command_bytes;
            } else {
                return small_command_bytes;
            }
        },
        command);
}

void set_first_ordinal(model::Command& command, std::uint32_t ordinal) {
    if (auto* send = std::get_if<model::Send>(&command)) send->first_ordinal = ordinal;
    if (auto* prepare = std::get_if<model::Prepare>(&command)) prepare->first_ordinal = ordinal;
    if (auto* publish = std::get_if<model::Publish>(&command)) publish->first_ordinal = ordinal;
    if (auto* transfer = std::get_if<model::Transfer>(&command)) transfer->ordinal += ordinal;
    if (auto* edit = std::get_if<model::EditLetter>(&command)) edit->ordinal = ordinal;
    if (auto* settle = std::get_if<model::Settle>(&command)) {
        if (settle->attempts_ordinal != model::no_ordinal) settle->attempts_ordinal += ordinal;
        for (model::HandlerCommit& commit : settle->commits) {
            for (model::Output& output : commit.outputs) output.ordinal += ordinal;
        }
    }
}

model::BodyInfo info_of(std::string_view body) {
    auto stored = model::decode_body(body);
    if (!stored) return opaque(body);
    const auto bytes = stored->packing ? stored->packing->plain_bytes
                                       : static_cast<std::uint32_t>(stored->payload.size());
    return model::BodyInfo{std::move(stored->meta), bytes};
}

Result<model::Entry> to_entry(model::SetId set, const replication::ReplayedEntry& replayed) {
    const std::uint16_t level = model::format_of(replayed.commands);
    if (level > model::known_formats().most) {
        return error(Errc::invalid,
                     model::too_new("entry " + std::to_string(replayed.index) + " of set " +
                                        std::to_string(set.value),
                                    level));
    }
    // The engine's own entry is one without commands.
    auto commands = replayed.commands.empty() ? std::vector<model::Command>()
                                              : model::decode_commands(replayed.commands);
    if (!commands) {
        return error(Errc::damaged,
                     "entry " + std::to_string(replayed.index) + " of set " +
                         std::to_string(set.value) +
                         " holds commands this version cannot read; was a newer one used here?");
    }
    model::Entry entry{set, replayed.term, replayed.index, replayed.time_ms, {}, {}, level};
    entry.commands = std::move(*commands);
    for (std::uint32_t ordinal = 0; ordinal < replayed.bodies.size(); ++ordinal) {
        const std::string_view body = replayed.bodies[ordinal];
        entry.bodies.push_back(holds_attempts(entry.commands, ordinal) ? opaque(body)
                                                                       : info_of(body));
    }
    return entry;
}

}  // namespace penstock::node
