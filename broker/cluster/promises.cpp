// FOLDER/promises: a sealed file "PSTKPROM" of (cluster id high, low, promise), each u64.
#include "broker/cluster/promises.h"

#include "broker/base/bytes.h"
#include "broker/cluster/sealed_file.h"

#include <algorithm>
#include <limits>

namespace penstock::cluster {

namespace {

constexpr const char* file_name = "promises";
constexpr Seal seal{"PSTKPROM", 1, "remove this node and add a new one"};

}  // namespace

Result<void> Promises::load() {
    const std::string path = folder_ + "/" + file_name;
    const auto body = load_sealed(disk_, path, seal);
    if (!body) return body.error();
    given_.clear();
    if (!*body) return {};
    Reader reader(**body);
    while (reader.ok() && reader.left() > 0) {
        Promise promise;
        promise.cluster.high = reader.u64();
        promise.cluster.low = reader.u64();
        promise.promise = reader.u64();
        given_.push_back(promise);
    }
    if (!reader.done()) return unreadable(path, "is cut off", seal);
    return {};
}

Result<std::uint64_t> Promises::give(ClusterId cluster, Random& random) {
    std::vector<Promise> all = given_;
    if (all.size() == promises_max) all.erase(all.begin());
    const std::uint64_t drawn =
        1 + random.next() % std::numeric_limits<std::uint64_t>::max();  // 0: none
    all.push_back({cluster, drawn});
    std::string body;
    Writer writer(body);
    for (const Promise& promise : all) {
        writer.u64(promise.cluster.high);
        writer.u64(promise.cluster.low);
        writer.u64(promise.promise);
    }
    if (auto saved = save_sealed(disk_, folder_, file_name, seal, body); !saved) {
        return saved.error();
    }
    given_ = std::move(all);
    return drawn;
}

bool Promises::holds(ClusterId cluster, std::uint64_t promise) const {
    return std::any_of(given_.begin(), given_.end(), [&](const Promise& given) {
        return given.cluster == cluster && given.promise == promise;
    });
}

}  // namespace penstock::cluster
