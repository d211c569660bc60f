#include "broker/replication/snapshot/incoming.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::string_view manifest_name = "manifest";
constexpr std::string_view mark_name = "installing";
constexpr std::string_view set_prefix = "set-";
constexpr std::size_t removed_at_once = 64;

std::string set_name(SetId set) {
    return std::string(set_prefix) + std::to_string(set.value);
}

Result<std::vector<std::string>> names_in(const Disk& disk, const std::string& folder) {
    auto names = disk.list(folder);
    if (names || names.error().code != Errc::not_found) return names;
    return std::vector<std::string>{};
}

}  // namespace

Incoming::Incoming(Disk& disk, const std::string& data_folder, SetId set)
    : disk_(disk),
      data_(data_folder),
      parent_(data_folder + "/incoming"),
      folder_(parent_ + "/" + set_name(set)),
      own_rows_(data_folder + "/rows/" + set_name(set)) {}

std::string Incoming::part_path(const SnapshotManifest& manifest, std::uint32_t part) const {
    if (part < manifest.files.size()) return rows_folder() + "/" + manifest.files[part].name;
    return folder_ + "/bodies-" + std::to_string(part - manifest.files.size());
}

Result<void> Incoming::make() const {
    if (const auto made = disk_.make_folder(rows_folder()); !made) return made;
    if (const auto synced = disk_.sync_folder(folder_); !synced) return synced;
    if (const auto synced = disk_.sync_folder(parent_); !synced) return synced;
    return disk_.sync_folder(data_);
}

Result<std::vector<std::string>> Incoming::names(const std::string& folder) const {
    return names_in(disk_, folder);
}

Result<std::optional<SnapshotManifest>> Incoming::manifest() const {
    auto file = disk_.open(folder_ + "/" + std::string(manifest_name), Disk::Open::existing);
    if (!file && file.error().code == Errc::not_found) return std::optional<SnapshotManifest>{};
    if (!file) return file.error();
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    if (*size > manifest_bytes_max) return std::optional<SnapshotManifest>{};
    std::string bytes(static_cast<std::size_t>(*size), '\0');
    if (const auto read = (*file)->read_at(0, bytes.size(), bytes.data()); !read) {
        return read.error();
    }
    return decode_manifest(bytes);
}

Result<void> Incoming::put(const std::string& name, std::string_view bytes) const {
    const std::string path = folder_ + "/" + name;
    const std::string fresh = path + ".new";
    {
        auto file = disk_.open(fresh, Disk::Open::create);
        if (!file) return file.error();
        if (const auto cut = (*file)->truncate(0); !cut) return cut;
        if (const auto wrote = (*file)->write_at(0, {bytes}); !wrote) return wrote;
        if (const auto synced = (*file)->sync(); !synced) return synced;
    }
    if (const auto renamed = disk_.rename(fresh, path); !renamed) return renamed;
    return disk_.sync_folder(folder_);
}

Result<void> Incoming::put_manifest(const SnapshotManifest& manifest) const {
    return put(std::string(manifest_name), encode_manifest(manifest));
}

Result<bool> Incoming::is_marked() const {
    const auto found = names(folder_);
    if (!found) return found.error();
    return std::find(found->begin(), found->end(), mark_name) != found->end();
}

Result<void> Incoming::mark() const {
    return put(std::string(mark_name), "1");
}

Result<void> Incoming::unmark() const {
    if (const auto removed = disk_.remove(folder_ + "/" + std::string(mark_name)); !removed) {
        return removed;
    }
    return disk_.sync_folder(folder_);
}

Result<bool> Incoming::clear_some() const {
    std::size_t removed = 0;
    // The manifest goes last: what is left behind is then known for what it is.
    for (const std::string& folder : {old_rows_folder(), rows_folder(), folder_}) {
        const auto found = names(folder);
        if (!found) return found.error();
        for (const std::string& name : *found) {
            const bool is_folder = folder == folder_ && (name == "rows" || name == "old-rows");
            if (is_folder || name == manifest_name) continue;
            if (removed++ == removed_at_once) return true;
            if (const auto gone = disk_.remove(folder + "/" + name); !gone) return gone.error();
        }
    }
    // Whatever a power cut brings back must not meet another manifest: it would pass for its part.
    for (const std::string& folder : {old_rows_folder(), rows_folder()}) {
        const auto synced = disk_.sync_folder(folder);
        if (!synced && synced.error().code != Errc::not_found) return synced.error();
    }
    const auto gone = disk_.remove(folder_ + "/" + std::string(manifest_name));
    if (!gone && gone.error().code != Errc::not_found) return gone.error();
    const auto synced = disk_.sync_folder(folder_);
    if (!synced && synced.error().code != Errc::not_found) return synced.error();
    return false;
}

Result<bool> clear_stale(Disk& disk, const std::string& data_folder, SetId set, LogIndex applied) {
    const Incoming incoming(disk, data_folder, set);
    const auto marked = incoming.is_marked();
    if (!marked || *marked) return marked ? Result<bool>(false) : marked;
    const auto manifest = incoming.manifest();
    if (!manifest) return manifest.error();
    const bool wanted = *manifest && (*manifest)->index > applied;
    return wanted ? Result<bool>(false) : incoming.clear_some();
}

Result<std::vector<SetId>> marked_sets(Disk& disk, const std::string& data_folder) {
    const auto found = names_in(disk, data_folder + "/incoming");
    if (!found) return found.error();
    std::vector<SetId> sets;
    for (const std::string& name : *found) {
        if (!name.starts_with(set_prefix)) continue;
        std::uint16_t number = 0;
        const char* end = name.data() + name.size();
        const auto [stopped, failed] =
            std::from_chars(name.data() + set_prefix.size(), end, number);
        if (failed != std::errc{} || stopped != end) continue;
        const auto marked = Incoming(disk, data_folder, SetId{number}).is_marked();
        if (!marked) return marked.error();
        if (*marked) sets.push_back(SetId{number});
    }
    std::sort(sets.begin(), sets.end());
    return sets;
}

}  // namespace penstock::replication
