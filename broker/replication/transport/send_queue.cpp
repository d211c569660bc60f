#include "broker/replication/transport/send_queue.h"

#include "broker/base/bytes.h"

#include <utility>

namespace penstock::replication::transport {

namespace {

constexpr std::size_t batch_bytes_min = 256 * 1024;  // enough for one write

// What a queued frame takes beside its body.
constexpr std::size_t frame_cost_bytes = sizeof(Outgoing) + frame_header_bytes;

}  // namespace

bool SendQueue::push(Outgoing frame) {
    const std::size_t cost = frame.body.size() + frame_cost_bytes;
    if (frames_.size() >= frames_max_ || cost > bytes_max_ - bytes_) return false;
    bytes_ += cost;
    frames_.push_back(std::move(frame));
    return true;
}

void SendQueue::fill(std::string& batch,
                     FrameEncoder& encoder,
                     const std::function<bool(const Outgoing&)>& wanted) {
    std::string head;
    while (!frames_.empty() && batch.size() < batch_bytes_min) {
        const Outgoing& frame = frames_.front();
        if (wanted(frame)) {
            head.clear();
            Writer out(head);
            if (frame.correlation != 0) out.u64(frame.correlation);
            encoder.append(batch, frame.kind, head, frame.body);
        }
        bytes_ -= frame.body.size() + frame_cost_bytes;
        frames_.pop_front();
    }
}

}  // namespace penstock::replication::transport
