// AuditedBroker: a Broker that writes a line of the server's log for each administrative act (all
// but sends, receives, settling and reads): who asked, for what, and how it ended. Stands between
// the ways in and the node, so that an act is told once, by the node that was asked. Borrows the
// broker; as safe to call as that one.
#pragma once

#include "broker/api/broker.h"
#include "broker/base/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

class AuditedBroker final : public Broker {
  public:
    AuditedBroker(Broker& inner, const Clock& clock) : inner_(inner), clock_(clock) {}

    std::shared_ptr<Cancellation> call(const Principal& principal,
                                       Request request,
                                       asio::any_io_executor executor,
                                       Answer answer) override;

    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view key_id) const override {
        return inner_.key_of(key_id);
    }

    [[nodiscard]] std::optional<AccessKey> temporary_key(std::string_view key_id,
                                                         std::string_view token) const override {
        return inner_.temporary_key(key_id, token);
    }

    [[nodiscard]] bool ready() const override { return inner_.ready(); }

  private:
    Broker& inner_;
    const Clock& clock_;
};

// What the log says of a request: `action="CreateQueue" object="jobs"`. Nothing for one that is no
// administrative act.
std::optional<std::string> audited_act(const Request& request);

}  // namespace penstock::api
