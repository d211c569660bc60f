#include "broker/cluster/condemned.h"

#include <array>

namespace penstock::cluster {

namespace {

struct Sentence {
    Verdict verdict;
    const char* file;
    const char* meaning;
};

constexpr std::array sentences{
    Sentence{Verdict::state_differs,
             "state-differs",
             "a set in this folder differs from what the other replicas hold, and must not be "
             "served. Remove this node from the cluster and add an empty one; keep the folder if "
             "you want to find out why"},
    Sentence{Verdict::disk_older,
             "disk-older",
             "this folder lacks entries that the node had confirmed: an older copy of it was put "
             "back, or the disk lost what it had synced. What it voted for may be forgotten too: "
             "replace this node by one with an empty folder and a new id (`penstock cluster "
             "replace`)"},
};

std::string path_of(const std::string& data_folder, const Sentence& sentence) {
    return data_folder + "/" + sentence.file;
}

}  // namespace

Result<void> condemn(Disk& disk,
                     const std::string& data_folder,
                     Verdict verdict,
                     const std::string& why) {
    for (const Sentence& sentence : sentences) {
        if (sentence.verdict != verdict) continue;
        auto file = disk.open(path_of(data_folder, sentence), Disk::Open::create);
        if (!file) return file.error();
        if (auto written = (*file)->write_at(0, {why + "\n"}); !written) return written;
        if (auto synced = (*file)->sync(); !synced) return synced;
    }
    return disk.sync_folder(data_folder);
}

Result<void> refuse_condemned(Disk& disk, const std::string& data_folder) {
    for (const Sentence& sentence : sentences) {
        const std::string path = path_of(data_folder, sentence);
        const auto mark = disk.open(path, Disk::Open::existing);
        if (mark) return error(Errc::damaged, path + " is there: " + sentence.meaning);
        if (mark.error().code != Errc::not_found) return mark.error();
    }
    return {};
}

Result<bool> pardon(Disk& disk, const std::string& data_folder) {
    bool pardoned = false;
    for (const Sentence& sentence : sentences) {
        const auto removed = disk.remove(path_of(data_folder, sentence));
        if (!removed && removed.error().code != Errc::not_found) return removed.error();
        pardoned = pardoned || removed.has_value();
    }
    if (!pardoned) return false;
    if (auto synced = disk.sync_folder(data_folder); !synced) return synced.error();
    return true;
}

}  // namespace penstock::cluster
