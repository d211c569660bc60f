#include "broker/cluster/departures.h"

#include "broker/base/log.h"
#include "broker/model/ids.h"

#include <utility>

namespace penstock::cluster {

namespace {

using model::SetId;

constexpr std::size_t files_at_once = 8;  // removed in one step
constexpr std::string_view mark_prefix = "set-";

}  // namespace

Departures::Departures(Disk& disk, std::string data_folder)
    : disk_(disk), data_folder_(std::move(data_folder)) {}

std::string Departures::mark(SetId set) const {
    return data_folder_ + "/leaving/" + std::string(mark_prefix) + std::to_string(set.value);
}

std::string Departures::rows_folder(SetId set) const {
    return data_folder_ + "/rows/set-" + std::to_string(set.value);
}

Result<std::set<SetId>> Departures::load() {
    leaving_.clear();
    if (auto made = disk_.make_folder(data_folder_ + "/leaving"); !made) return made.error();
    const auto marks = disk_.list(data_folder_ + "/leaving");
    if (!marks) return marks.error();
    for (const std::string& name : *marks) {
        if (!name.starts_with(mark_prefix)) continue;
        const auto number = model::parse_decimal(std::string_view(name).substr(mark_prefix.size()));
        if (number && *number != 0 && *number < (1U << model::set_bits)) {
            leaving_.insert(SetId{static_cast<std::uint16_t>(*number)});
        }
    }
    return leaving_;
}

Result<void> Departures::begin(SetId set) {
    auto file = disk_.open(mark(set), Disk::Open::create);
    if (!file) return file.error();
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto synced = disk_.sync_folder(data_folder_ + "/leaving"); !synced) return synced;
    leaving_.insert(set);
    return {};
}

Result<bool> Departures::remove_some_rows(SetId set) {
    const auto files = disk_.list(rows_folder(set));
    if (!files) {
        if (files.error().code == Errc::not_found) return false;
        return files.error();
    }
    std::size_t removed = 0;
    for (const std::string& name : *files) {
        if (removed++ == files_at_once) return true;
        if (auto gone = disk_.remove(rows_folder(set) + "/" + name); !gone) return gone.error();
    }
    // Rows must be gone for certain before the log is: a start would find them without it.
    if (auto synced = disk_.sync_folder(rows_folder(set)); !synced) return synced.error();
    const auto gone = disk_.remove(rows_folder(set));
    if (!gone && gone.error().code != Errc::not_found) return gone.error();
    if (auto synced = disk_.sync_folder(data_folder_ + "/rows"); !synced) return synced.error();
    return false;
}

Result<bool> Departures::step(storage::LogStore& store) {
    if (leaving_.empty()) return false;
    const SetId set = *leaving_.begin();
    auto more = remove_some_rows(set);
    if (!more || *more) return more;
    if (!std::exchange(forgotten_, true)) {
        storage::HardState kept = store.hard_state(set);
        kept.commit = 0;
        store.drop_set(set);
        store.append_hard_state(set, kept);
        return true;
    }
    // The sync in between made that durable.
    forgotten_ = false;
    if (auto gone = disk_.remove(mark(set)); !gone) return gone.error();
    if (auto synced = disk_.sync_folder(data_folder_ + "/leaving"); !synced) return synced.error();
    leaving_.erase(leaving_.begin());
    log_line(LogLevel::info, "cluster", "event=left set=" + std::to_string(set.value));
    return !leaving_.empty();
}

Result<void> Departures::finish(storage::LogStore& store) {
    while (busy()) {
        if (auto stepped = step(store); !stepped) return stepped.error();
        if (auto synced = store.sync(); !synced) return synced;
    }
    return {};
}

}  // namespace penstock::cluster
