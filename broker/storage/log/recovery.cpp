#include "broker/storage/log/recovery.h"

#include "broker/storage/log/entry_view.h"
#include "broker/storage/log/sealed_segments.h"
#include "broker/storage/log/shared_bodies.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::uint64_t piece_bytes = 1ULL << 20;

Error refuse(const std::string& path, const std::string& what) {
    return error(Errc::damaged, path + ": " + what + std::string(recovery_advice));
}

bool listed(const Manifest& manifest, SegmentName name) {
    return std::any_of(manifest.rows.begin(), manifest.rows.end(), [name](const ManifestRow& row) {
        return row.name == name;
    });
}

// A new segment is listed before its second write, one of large bodies before its first: with one,
// it is not what a crash leaves.
Result<bool> was_used(const StoreFiles& files, SegmentName name) {
    auto file = files.open_segment(name);
    if (!file) return file.error();
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    const Segment segment(std::move(*file), name, files.path(name), *size);
    RecordScanner scanner(segment, file_header_bytes, *size);
    std::uint64_t writes = 0;
    while (writes < 2) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        if (!*more) return false;
        if (scanner.header().tag != Tag::write) continue;
        if (scanner.header().index > 1 || name.large) return true;
    }
    return false;
}

// Files the manifest does not list are what a crash leaves, or the manifest is not the last one.
Result<void> check_unlisted(const StoreFiles& files, const Manifest& manifest) {
    const auto names = files.list_segments();
    if (!names) return names.error();
    for (const SegmentName name : *names) {
        if (listed(manifest, name)) continue;
        bool stale = name.number > manifest.next_number;
        if (name.number == manifest.next_number) {
            const Result<bool> used = was_used(files, name);
            if (!used) return used.error();
            stale = *used;
        }
        if (stale) {
            return refuse(files.manifest_path(),
                          "it is older than the segment " + segment_file_name(name));
        }
    }
    return {};
}

// Size and header of a listed file.
Result<std::shared_ptr<Segment>> open_listed(const StoreFiles& files,
                                             const ManifestRow& row,
                                             std::uint64_t& damaged) {
    auto file = files.open_segment(row.name);
    if (!file) return file.error();
    const std::string path = files.path(row.name);
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    if (*size < row.bytes) {
        return refuse(path,
                      "the segment has " + std::to_string(*size) + " of " +
                          std::to_string(row.bytes) + " bytes");
    }
    std::string header(file_header_bytes, '\0');
    if (const auto read = (*file)->read_at(0, header.size(), header.data()); !read) {
        return read.error();
    }
    const auto name = read_file_header(header);
    if (name && *name != row.name) {
        return refuse(path, "the file is the segment " + segment_file_name(*name));
    }
    if (!name) ++damaged;  // the records name their segment too
    // The footer of a segment may lie behind what was preallocated.
    const std::uint64_t limit = row.footer == 0 ? *size : row.bytes;
    return std::make_shared<Segment>(std::move(*file), row.name, path, limit);
}

Result<SegmentInfo> read_sealed(const StoreFiles& files, const ManifestRow& row) {
    SegmentInfo info;
    info.name = row.name;
    info.bytes = row.bytes;
    info.footer = row.footer;
    const auto sealed = open_sealed(files, info);
    if (!sealed) return sealed.error();
    for (const auto& [set, index] : sealed->index.sets()) info.sets[set] = index.summary;
    if (sealed->footer_damaged && info.sets.empty()) {
        return refuse(files.path(row.name), "neither the footer nor any entry can be read");
    }
    info.keep = sealed->footer_damaged;
    return info;
}

// Every entry of the segment above `applied`, byte by byte.
Result<void> verify_sealed(const StoreFiles& files,
                           const Catalog& catalog,
                           const SegmentInfo& info,
                           const Applied& applied) {
    std::map<SetId, LogIndex> next;  // per set with such entries, the next one to be found
    for (const auto& [set, summary] : info.sets) {
        const LogIndex last = catalog.last_in(set, info.name.number);
        const LogIndex known = applied(set);
        if (last > known) next[set] = std::max(summary.first, known + 1);
    }
    if (next.empty()) return {};
    const auto sealed = open_sealed(files, info);
    if (!sealed) return sealed.error();
    RecordScanner scanner(*sealed->segment, file_header_bytes, info.footer);
    SharedBodies shared(*sealed->segment, BodySource::Wait::yes);
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        if (!*more) break;
        const RecordHeader& header = scanner.header();
        const auto wanted = next.find(header.set);
        if (!has_bodies(header.tag) || wanted == next.end()) continue;
        if (header.index != wanted->second) continue;
        if (!sealed->index.live(header.set, header.index, scanner.offset())) continue;
        const Result<std::string_view> payload = scanner.payload();
        if (!payload) return payload.error();
        auto view = entry_view(header, *payload);
        const Result<void> checked = view ? shared.check(*view) : Result<void>{};
        if (!checked) return checked;
        if (!view || !view->whole()) {
            return sealed->segment->damaged(
                scanner.offset(),
                "an entry that the rows still need cannot be read" + std::string(recovery_advice));
        }
        ++wanted->second;
    }
    for (const auto& [set, index] : next) {
        if (index > catalog.last_in(set, info.name.number)) continue;
        return refuse(sealed->segment->path(),
                      "entry " + std::to_string(index) + " of set " + std::to_string(set.value) +
                          ", which the rows still need, cannot be found");
    }
    return {};
}

// Entries between what sealed segments hold and where the active one says it began.
Result<void> check_joints(const StoreFiles& files,
                          const Recovered& recovered,
                          const Applied& applied) {
    for (const auto& [set, facts] : recovered.facts) {
        const LogIndex whole_from = recovered.catalog.first_whole(set, facts.last);
        if (applied(set) == nothing_needed) continue;
        // A log that began behind entry 1 never had one: rows that applied nothing lack nothing.
        const bool imagined = applied(set) == 0 && facts.start.index == 1;
        const LogIndex needed = imagined ? 2 : applied(set) + 1;
        if (needed >= whole_from || needed > facts.last) continue;
        if (!recovered.catalog.next_place(set, needed)) continue;
        return refuse(files.folder(),
                      "entries of set " + std::to_string(set.value) + " from " +
                          std::to_string(needed) + " on, which the rows still need, are missing");
    }
    return {};
}

Result<void> take_active(const StoreFiles& files, const Applied& applied, Recovered& recovered) {
    const ManifestRow& row = *active_row(recovered.manifest.rows);
    auto segment = open_listed(files, row, recovered.damaged);
    if (!segment) return segment.error();
    auto active = recover_active(**segment, applied);
    if (!active) return active.error();
    SegmentInfo info;
    info.name = row.name;
    info.bytes = (*segment)->limit();
    for (const auto& [set, index] : active->content.index.sets()) info.sets[set] = index.summary;
    for (const SetId set : active->voided) recovered.catalog.cut(set, 0);
    recovered.catalog.add(std::move(info));
    recovered.active = std::move(*segment);
    recovered.content = std::move(active->content);
    recovered.facts = std::move(active->facts);
    recovered.footer = active->footer;
    recovered.damaged += active->damaged;
    return {};
}

// A row for what is left of its file.
Result<ManifestRow> as_long_as_the_file(const StoreFiles& files, ManifestRow row) {
    const auto file = files.open_segment(row.name);
    if (!file) return file.error();
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    row.bytes = std::min(row.bytes, *size);
    row.footer = std::min(row.footer, *size);
    return row;
}

Result<void> take_sealed(const StoreFiles& files, const ManifestRow& row, Recovered& recovered) {
    const auto opened = open_listed(files, row, recovered.damaged);
    if (!opened) return opened.error();
    auto info = read_sealed(files, row);
    if (!info) return info.error();
    if (info->keep) ++recovered.damaged;
    for (const ManifestTrim& trim : recovered.manifest.trims) {
        if (trim.number == row.name.number) info->void_after[trim.set] = trim.last;
    }
    recovered.catalog.add(std::move(*info));
    return {};
}

Result<void> take_large(const StoreFiles& files, const ManifestRow& row, Recovered& recovered) {
    auto segment = open_listed(files, row, recovered.damaged);
    if (!segment) return segment.error();
    if (row.footer == 0) {
        auto index = index_records(**segment, (*segment)->limit());
        if (!index) return index.error();
        recovered.open_large.push_back({std::move(*segment), std::move(*index)});
        return {};
    }
    SegmentInfo info;
    info.name = row.name;
    info.bytes = row.bytes;
    info.footer = row.footer;
    const auto sealed = open_sealed(files, info);
    if (!sealed) return sealed.error();
    info.keep = sealed->footer_damaged;
    if (info.keep) ++recovered.damaged;
    take_index(info, sealed->index);
    recovered.large.add(std::move(info));
    return {};
}

// All but the one that is written to. What cannot be opened is left out of a salvage.
Result<void> take_all_sealed(const StoreFiles& files, bool salvage, Recovered& recovered) {
    const SegmentName active = active_row(recovered.manifest.rows)->name;
    for (const ManifestRow& listed : recovered.manifest.rows) {
        if (listed.name == active) continue;
        Result<ManifestRow> row = listed;
        if (salvage) row = as_long_as_the_file(files, listed);
        Result<void> taken;
        if (row) {
            taken = row->name.large ? take_large(files, *row, recovered)
                                    : take_sealed(files, *row, recovered);
        }
        if (!row) taken = row.error();
        if (taken) continue;
        if (!salvage || taken.error().code != Errc::damaged) return taken;
        ++recovered.damaged;
    }
    return {};
}

Result<std::optional<Recovered>> nothing_yet(const StoreFiles& files) {
    const auto names = files.list_segments();
    if (!names) return names.error();
    for (const SegmentName name : *names) {
        bool lost = name != SegmentName{1, 0};
        if (!lost) {
            const Result<bool> used = was_used(files, name);
            if (!used) return used.error();
            lost = *used;
        }
        if (lost) return refuse(files.manifest_path(), "the list of segments is missing");
    }
    return std::optional<Recovered>{};
}

}  // namespace

Result<std::optional<Recovered>> recover(const StoreFiles& files,
                                         const Applied& applied,
                                         bool salvage) {
    auto manifest = files.read_manifest();
    if (!manifest) return manifest.error();
    if (!*manifest) return nothing_yet(files);
    if (const auto checked = check_unlisted(files, **manifest); !checked) return checked.error();
    Recovered recovered;
    recovered.manifest = std::move(**manifest);
    if (active_row(recovered.manifest.rows) == nullptr) {
        return refuse(files.manifest_path(), "it lists no segment");
    }
    if (const auto taken = take_all_sealed(files, salvage, recovered); !taken) {
        return taken.error();
    }
    if (salvage) {
        ManifestRow& row = *active_row(recovered.manifest.rows);
        auto last = as_long_as_the_file(files, row);
        if (!last) return last.error();
        row = std::move(*last);
    }
    if (const auto taken = take_active(files, applied, recovered); !taken) return taken.error();
    for (const auto& [number, info] : recovered.catalog.segments()) {
        if (info.footer == 0) continue;
        const auto verified = verify_sealed(files, recovered.catalog, info, applied);
        if (!verified) return verified.error();
    }
    if (const auto checked = check_joints(files, recovered, applied); !checked) {
        return checked.error();
    }
    return std::optional<Recovered>(std::move(recovered));
}

Result<void> clean_up(const StoreFiles& files, const Recovered& recovered, std::uint64_t tail) {
    const auto names = files.list_segments();
    if (!names) return names.error();
    for (const SegmentName name : *names) {
        if (listed(recovered.manifest, name)) continue;
        if (const auto removed = files.remove_segment(name); !removed) return removed;
    }
    File& file = recovered.active->file();
    const std::uint64_t limit = recovered.active->limit();
    std::string piece;
    bool cleared = false;
    for (std::uint64_t at = tail; at < limit; at += piece.size()) {
        piece.resize(std::min(piece_bytes, limit - at));
        if (const auto read = file.read_at(at, piece.size(), piece.data()); !read) return read;
        const std::size_t last = piece.find_last_not_of('\0');
        if (last == std::string::npos) continue;
        const std::string zeros(last + 1, '\0');
        if (const auto wrote = file.write_at(at, {zeros}); !wrote) return wrote;
        cleared = true;
    }
    return cleared ? file.sync() : Result<void>{};
}

}  // namespace penstock::storage
