#include "tests/support/memory_disk.h"

#include "broker/base/check.h"
#include "broker/base/random.h"
#include "tests/support/memory_content.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace penstock::testing {

namespace {

constexpr std::uint64_t default_disk_bytes = 1ULL << 40;
constexpr std::uint64_t never = ~std::uint64_t{0};

struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct Inode {
    Content durable;
    Content current;
    std::vector<Extent> unsynced;  // in the order of the writes

    void make_durable() {
        if (durable.size() != current.size()) durable.resize(current.size());
        for (const Extent& extent : unsynced) durable.take(current, extent.offset, extent.length);
        unsynced.clear();
    }
};

using Names = std::map<std::string, std::shared_ptr<Inode>>;

// An unsynced change of a folder: the name holds this file afterwards, or none.
struct Change {
    std::string folder;
    std::vector<std::pair<std::string, std::shared_ptr<Inode>>> names;
    std::string other;  // folder, of a move between two
};

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

void enact(const Change& change, Names& names) {
    for (const auto& [name, inode] : change.names) {
        if (inode) names[name] = inode;
        if (!inode) names.erase(name);
    }
}

// A content of which only some unsynced sectors arrived, in any order.
void keep_sectors(const Inode& inode, Content& left, SeededRandom& random) {
    for (const Extent& extent : inode.unsynced) {
        const std::uint64_t end = extent.offset + extent.length;
        std::uint64_t at = extent.offset;
        while (at < end) {
            const std::uint64_t next = std::min(end, (at / sector_bytes + 1) * sector_bytes);
            if (random.below(2) == 0) left.take(inode.current, at, next - at);
            at = next;
        }
    }
}

// A content of which the unsynced bytes arrived in order, up to any one of them.
void keep_prefix(const Inode& inode, Content& left, SeededRandom& random) {
    std::uint64_t total = 0;
    for (const Extent& extent : inode.unsynced) total += extent.length;
    std::uint64_t kept = random.below(total + 1);
    for (const Extent& extent : inode.unsynced) {
        const std::uint64_t length = std::min(kept, extent.length);
        left.take(inode.current, extent.offset, length);
        kept -= length;
    }
}

Content survivors(const Inode& inode, SeededRandom& random) {
    const std::uint64_t how = random.below(4);
    const bool size_arrived = random.below(2) == 0;
    if (how == 0) return inode.durable;
    if (how == 1) return inode.current;
    Content left = inode.durable;
    if (size_arrived) left.resize(inode.current.size());
    if (how == 2) keep_sectors(inode, left, random);
    if (how == 3) keep_prefix(inode, left, random);
    return left;
}

}  // namespace

struct MemoryDisk::State {
    Names durable;
    Names current;
    std::vector<Change> changes;  // of folders, unsynced, in order
    std::set<std::string> folders;
    std::uint64_t epoch = 0;  // raised by a crash: older files are gone

    std::uint64_t disk_bytes = default_disk_bytes;
    std::uint64_t syncs = 0;
    std::function<void()> during_syncs;
    std::uint64_t operations = 0;
    std::uint64_t writes_left = never;
    std::uint64_t syncs_left = never;
    std::uint64_t syncs_until_one_fails = never;
    std::uint64_t operations_left = never;
    Errc write_error = Errc::io;
    Errc sync_error = Errc::io;
    bool lying = false;
    bool cached = true;
    bool opens_refused = false;
    std::map<std::string, std::uint64_t> lost;  // by path: the byte that cannot be read

    Result<void> begin(const std::string& path) {
        if (operations_left == 0) return error(Errc::io, path + ": the disk has stopped");
        if (operations_left != never) --operations_left;
        ++operations;
        return {};
    }

    [[nodiscard]] std::uint64_t used() const {
        std::uint64_t bytes = 0;
        for (const auto& [name, inode] : current) bytes += inode->current.size();
        return bytes;
    }

    Result<void> grow(const std::string& path, Inode& inode, std::uint64_t bytes) {
        if (bytes <= inode.current.size()) return {};
        if (used() + bytes - inode.current.size() > disk_bytes) {
            return error(Errc::disk_full, path + ": no space left");
        }
        inode.current.resize(bytes);
        return {};
    }

    void change(Change change) {
        enact(change, current);
        changes.push_back(std::move(change));
    }

    // Moves all files at once; durable with either parent. A folder is never gone: without
    // files it is as good as not there.
    Result<void> rename_folder(const std::string& from, const std::string& to) {
        if (!folders.contains(from)) return error(Errc::not_found, "rename " + from);
        Change moved{folder_of(to), {}, folder_of(from)};
        for (const auto& [name, inode] : current) {
            if (folder_of(name) == to) return error(Errc::io, "rename: not empty: " + to);
            if (folder_of(name) != from) continue;
            moved.names.emplace_back(name, nullptr);
            moved.names.emplace_back(to + name.substr(from.size()), inode);
        }
        folders.insert(to);
        change(std::move(moved));
        return {};
    }

    // The state after a crash, and its files: nothing is shared that a write could change.
    [[nodiscard]] Names after_crash(SeededRandom& random) const {
        Names names = durable;
        const std::uint64_t kept = random.below(changes.size() + 1);
        for (std::uint64_t at = 0; at < kept; ++at) enact(changes[at], names);
        for (auto& [name, inode] : names) {
            auto left = std::make_shared<Inode>();
            left->durable = survivors(*inode, random);
            left->current = left->durable;
            inode = std::move(left);
        }
        return names;
    }
};

namespace {

class MemoryFile final : public File {
  public:
    MemoryFile(std::shared_ptr<MemoryDisk::State> state,
               std::shared_ptr<Inode> inode,
               std::string path)
        : state_(std::move(state)),
          inode_(std::move(inode)),
          path_(std::move(path)),
          epoch_(state_->epoch) {}

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        if (gone()) return dead();
        if (offset + length > inode_->current.size()) {
            return error(Errc::damaged,
                         path_ + " ends at byte " + std::to_string(inode_->current.size()));
        }
        if (has_lost(offset, length)) return error(Errc::io, path_ + ": input/output error");
        inode_->current.read(offset, length, out);
        return {};
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        if (!state_->cached || offset + length > inode_->current.size()) return false;
        if (has_lost(offset, length)) return false;
        if (const auto read = read_at(offset, length, out); !read) return read.error();
        return true;
    }

    Result<void> write_at(std::uint64_t offset,
                          const std::vector<std::string_view>& parts) override {
        if (const auto begun = begin(); !begun) return begun;
        if (state_->writes_left != never && state_->writes_left-- <= 1) {
            state_->writes_left = 1;
            return error(state_->write_error, path_ + ": the write failed");
        }
        std::uint64_t length = 0;
        for (const std::string_view part : parts) length += part.size();
        const auto grown = state_->grow(path_, *inode_, offset + length);
        if (!grown) return grown;
        inode_->unsynced.push_back({offset, length});
        for (const std::string_view part : parts) {
            inode_->current.write(offset, part);
            offset += part.size();
        }
        return {};
    }

    Result<void> sync() override {
        if (state_->during_syncs) state_->during_syncs();
        if (const auto begun = begin(); !begun) return begun;
        ++state_->syncs;
        if (state_->syncs_left != never && state_->syncs_left-- <= 1) {
            state_->syncs_left = 1;
            return error(state_->sync_error, path_ + ": the sync failed");
        }
        if (state_->syncs_until_one_fails != never && --state_->syncs_until_one_fails == 0) {
            state_->syncs_until_one_fails = never;
            inode_->unsynced.clear();
            return error(Errc::io, path_ + ": the sync failed");
        }
        if (!state_->lying) inode_->make_durable();
        return {};
    }

    Result<void> allocate(std::uint64_t bytes) override {
        if (const auto begun = begin(); !begun) return begun;
        return state_->grow(path_, *inode_, bytes);
    }

    Result<void> truncate(std::uint64_t bytes) override {
        if (const auto begun = begin(); !begun) return begun;
        if (const auto grown = state_->grow(path_, *inode_, bytes); !grown) return grown;
        inode_->current.resize(bytes);
        return {};
    }

    [[nodiscard]] Result<std::uint64_t> size() const override {
        if (gone()) return dead();
        return inode_->current.size();
    }

  private:
    [[nodiscard]] bool gone() const { return epoch_ != state_->epoch; }

    // A disk loses a block at a time.
    [[nodiscard]] bool has_lost(std::uint64_t offset, std::size_t length) const {
        constexpr std::uint64_t block = 4096;
        const auto lost = state_->lost.find(path_);
        if (lost == state_->lost.end()) return false;
        const std::uint64_t from = lost->second / block * block;
        return from < offset + length && offset < from + block;
    }

    [[nodiscard]] Error dead() const {
        return error(Errc::io, path_ + ": opened before the crash");
    }

    Result<void> begin() {
        if (gone()) return dead();
        return state_->begin(path_);
    }

    std::shared_ptr<MemoryDisk::State> state_;
    std::shared_ptr<Inode> inode_;
    std::string path_;
    std::uint64_t epoch_;
};

}  // namespace

MemoryDisk::MemoryDisk() : state_(std::make_shared<State>()) {}

MemoryDisk::~MemoryDisk() = default;

Result<std::unique_ptr<File>> MemoryDisk::open(const std::string& path, Open mode) {
    if (state_->opens_refused) {
        return error(Errc::unavailable, "open " + path + ": too many open files");
    }
    const auto found = state_->current.find(path);
    if (found != state_->current.end()) {
        return std::unique_ptr<File>(std::make_unique<MemoryFile>(state_, found->second, path));
    }
    const bool folder_exists = state_->folders.contains(folder_of(path));
    if (mode == Open::existing || !folder_exists) {
        return error(Errc::not_found, "open " + path + ": no such file");
    }
    if (const auto begun = state_->begin(path); !begun) return begun.error();
    auto inode = std::make_shared<Inode>();
    state_->change({folder_of(path), {{path, inode}}, {}});
    return std::unique_ptr<File>(std::make_unique<MemoryFile>(state_, std::move(inode), path));
}

Result<std::vector<std::string>> MemoryDisk::list(const std::string& folder) const {
    if (!state_->folders.contains(folder)) {
        return error(Errc::not_found, "list " + folder + ": no such folder");
    }
    std::vector<std::string> names;
    for (const auto& [path, inode] : state_->current) {
        if (folder_of(path) == folder) names.push_back(path.substr(folder.size() + 1));
    }
    for (const std::string& path : state_->folders) {
        if (folder_of(path) == folder) names.push_back(path.substr(folder.size() + 1));
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> MemoryDisk::make_folder(const std::string& path) {
    std::string folder = path;
    while (!folder.empty()) {
        state_->folders.insert(folder);
        folder = folder_of(folder);
    }
    return {};
}

Result<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
    if (const auto begun = state_->begin(from); !begun) return begun;
    const auto found = state_->current.find(from);
    if (found == state_->current.end()) return state_->rename_folder(from, to);
    check(folder_of(from) == folder_of(to), "a MemoryDisk renames files within a folder");
    const std::shared_ptr<Inode> inode = found->second;
    state_->change({folder_of(from), {{from, nullptr}, {to, inode}}, {}});
    return {};
}

Result<void> MemoryDisk::remove(const std::string& path) {
    if (const auto begun = state_->begin(path); !begun) return begun;
    if (!state_->current.contains(path)) {
        const auto inside = list(path);
        if (!inside) return error(Errc::not_found, "remove " + path);
        if (!inside->empty()) return error(Errc::io, "remove " + path + ": it is not empty");
        state_->folders.erase(path);
        return {};
    }
    state_->change({folder_of(path), {{path, nullptr}}, {}});
    return {};
}

Result<void> MemoryDisk::sync_folder(const std::string& folder) {
    if (const auto begun = state_->begin(folder); !begun) return begun;
    ++state_->syncs;
    if (state_->lying) return {};
    std::vector<Change> others;
    for (Change& change : state_->changes) {
        if (change.folder == folder || change.other == folder) {
            enact(change, state_->durable);
        } else {
            others.push_back(std::move(change));
        }
    }
    state_->changes = std::move(others);
    return {};
}

Result<Disk::Space> MemoryDisk::space(const std::string&) const {
    const std::uint64_t used = state_->used();
    return Space{state_->disk_bytes, state_->disk_bytes - std::min(used, state_->disk_bytes)};
}

void MemoryDisk::crash(std::uint64_t seed) {
    SeededRandom random(seed);
    state_->current = state_->after_crash(random);
    state_->durable = state_->current;
    state_->changes.clear();
    ++state_->epoch;
}

std::unique_ptr<MemoryDisk> MemoryDisk::crash_image(std::uint64_t seed) const {
    SeededRandom random(seed);
    auto image = std::make_unique<MemoryDisk>();
    image->state_->current = state_->after_crash(random);
    image->state_->durable = image->state_->current;
    image->state_->folders = state_->folders;
    image->state_->disk_bytes = state_->disk_bytes;
    return image;
}

void MemoryDisk::fail_writes_from(std::uint64_t nth, Errc code) {
    state_->writes_left = nth;
    state_->write_error = code;
}

void MemoryDisk::fail_syncs_from(std::uint64_t nth, Errc code) {
    state_->syncs_left = nth;
    state_->sync_error = code;
}

void MemoryDisk::fail_one_sync(std::uint64_t nth) {
    state_->syncs_until_one_fails = nth;
}

void MemoryDisk::stop_after(std::uint64_t operations) {
    state_->operations_left = operations;
}

void MemoryDisk::heal() {
    state_->writes_left = never;
    state_->syncs_left = never;
    state_->syncs_until_one_fails = never;
    state_->operations_left = never;
    state_->lying = false;
    state_->opens_refused = false;
}

void MemoryDisk::lose_byte(const std::string& path, std::uint64_t offset) {
    state_->lost[path] = offset;
}

void MemoryDisk::refuse_opens(bool yes) {
    state_->opens_refused = yes;
}

void MemoryDisk::limit(std::uint64_t bytes) {
    state_->disk_bytes = bytes;
}

void MemoryDisk::during_syncs(std::function<void()> hook) {
    state_->during_syncs = std::move(hook);
}

void MemoryDisk::plant_lying_syncs(bool lying) {
    state_->lying = lying;
}

void MemoryDisk::cached(bool yes) {
    state_->cached = yes;
}

std::uint64_t MemoryDisk::syncs() const {
    return state_->syncs;
}

std::uint64_t MemoryDisk::operations() const {
    return state_->operations;
}

bool MemoryDisk::has_unsynced(std::string_view prefix) const {
    return std::any_of(state_->current.begin(), state_->current.end(), [prefix](const auto& file) {
        return file.first.starts_with(prefix) && !file.second->unsynced.empty();
    });
}

std::vector<std::string> MemoryDisk::files() const {
    std::vector<std::string> paths;
    for (const auto& [path, inode] : state_->current) paths.push_back(path);
    return paths;
}

std::string MemoryDisk::bytes_of(const std::string& path) const {
    const Content& content = state_->current.at(path)->current;
    std::string bytes(content.size(), '\0');
    content.read(0, bytes.size(), bytes.data());
    return bytes;
}

void MemoryDisk::put_bytes(const std::string& path, std::string_view bytes) {
    auto& inode = state_->current[path];
    if (!inode) inode = std::make_shared<Inode>();
    inode->current.resize(bytes.size());
    inode->current.write(0, bytes);
    inode->durable = inode->current;
    inode->unsynced.clear();
    state_->durable[path] = inode;
}

}  // namespace penstock::testing
