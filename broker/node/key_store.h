// NodeKeys: the store of access keys in set 0 (api/keys.h), reached through the node's mailbox. Its
// calls may come from any thread; what they carry is done on the broker thread, forwarded to
// set 0's leader if another node is, and answered on the caller's executor within its time-out: a
// put that is not answered then has an unknown outcome.
#pragma once

#include "broker/api/keys.h"
#include "broker/node/mailbox.h"

#include <cstdint>
#include <memory>

namespace penstock::node {

class NodeKeys final : public api::KeyStore {
  public:
    NodeKeys(std::shared_ptr<Mailbox> mailbox, std::uint32_t timeout_ms)
        : mailbox_(std::move(mailbox)), timeout_ms_(timeout_ms) {}

    void put(api::KeptKey key,
             const api::asio::any_io_executor& executor,
             api::Answered<api::Nothing> answer) override;
    void list(const api::asio::any_io_executor& executor,
              api::Answered<std::vector<api::KeptKey>> answer) override;

  private:
    std::shared_ptr<Mailbox> mailbox_;
    std::uint32_t timeout_ms_;
};

}  // namespace penstock::node
