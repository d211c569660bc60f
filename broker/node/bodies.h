// Bodies: reads message bodies for whoever needs them. The broker thread finds where they are; the
// bytes are read from memory on the caller's executor, and by the cold pool when the disk must be
// asked. A body that fails its checksum comes back as an Error{damaged}; nobody serves it.
#pragma once

#include "broker/model/message.h"
#include "broker/node/completions.h"
#include "broker/node/offload.h"
#include "broker/storage/log/log_store.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::node {

using FetchedBody = Result<storage::BodySource::Body>;

class Bodies {
  public:
    using Fetched = std::function<void(std::vector<FetchedBody>)>;  // in the order asked

    Bodies(const storage::LogStore& store, Offload& offload, Completions& completions)
        : store_(store), offload_(offload), completions_(completions) {}

    // Broker thread. `fetched` runs on `executor` (on the broker thread when stepped).
    void fetch(const std::vector<model::MessageId>& messages,
               const boost::asio::any_io_executor& executor,
               Fetched fetched);

    // As fetch, for hand-outs: `fetched` runs on the hand-out thread or, cold, on the pool.
    void fetch_for_hand_out(const std::vector<model::MessageId>& messages, Fetched fetched);

  private:
    struct Reading;

    [[nodiscard]] std::shared_ptr<Reading> find(const std::vector<model::MessageId>& messages,
                                                Fetched fetched) const;

    const storage::LogStore& store_;
    Offload& offload_;
    Completions& completions_;
};

// The decoded message; nothing when the bytes are no message (as bad as a failed checksum).
std::optional<model::NewMessage> message_of(const FetchedBody& body);

}  // namespace penstock::node
