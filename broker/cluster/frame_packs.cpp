#include "broker/cluster/frame_packs.h"

#include "broker/base/bytes.h"

#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::size_t pack_bytes_enough = 256U << 10;  // for one write: it goes
constexpr std::size_t pack_bytes_max = 1U << 20;       // of more than one frame

}  // namespace

void FramePacks::add(NodeId to, std::uint64_t mark, std::string_view frame) {
    std::string& pack = packs_[to];
    if (!pack.empty() && pack.size() + frame.size() > pack_bytes_max)
        send_(to, std::exchange(pack, {}));
    Writer writer(pack);
    if (pack.empty()) writer.u64(mark);
    writer.bytes(frame);
    if (pack.size() >= pack_bytes_enough) send_(to, std::exchange(pack, {}));
}

void FramePacks::flush() {
    for (auto& [to, pack] : packs_) {
        if (!pack.empty()) send_(to, std::exchange(pack, {}));
    }
}

bool FramePacks::open(std::string_view pack,
                      std::uint64_t mark,
                      const std::function<void(std::string_view)>& take) {
    Reader reader(pack);
    if (reader.u64() != mark || !reader.ok()) return false;
    while (reader.left() > 0) {
        const std::string_view frame = reader.bytes();
        if (!reader.ok()) return false;
        take(frame);
    }
    return true;
}

}  // namespace penstock::cluster
