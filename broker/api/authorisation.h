// Authorisation: who may ask what. AuthorisedBroker is the one place where it is decided: a Broker
// before the node that lets through what the asking key's role and statements allow, refuses the
// rest as `denied`, and takes messages' content out of answers to those who may only look. What
// each request does, and by which right, is for acts.h; what a key is for key_ring.h. Borrows
// both; as safe to call as the broker.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/key_ring.h"

#include <memory>
#include <optional>
#include <string_view>

namespace penstock::api {

class AuthorisedBroker final : public Broker {
  public:
    AuthorisedBroker(Broker& inner, const KeyRing& keys) : inner_(inner), keys_(keys) {}

    std::shared_ptr<Cancellation> call(const Principal& principal,
                                       Request request,
                                       asio::any_io_executor executor,
                                       Answer answer) override;

    // With its secret opened. A key that has ended, or that cannot be opened here, is unknown.
    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view key_id) const override;

    [[nodiscard]] std::optional<AccessKey> temporary_key(std::string_view key_id,
                                                         std::string_view token) const override;

    [[nodiscard]] bool ready() const override { return inner_.ready(); }

  private:
    [[nodiscard]] std::optional<model::Refusal> judge(const Principal& principal,
                                                      const Request& request,
                                                      bool& content) const;

    Broker& inner_;
    const KeyRing& keys_;
};

}  // namespace penstock::api
