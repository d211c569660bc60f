// Tenancy: what keeps accounts apart. TenantBroker is a Broker before the node, behind
// authorisation: of a key of account `acme` it turns every name in a request into the stored one
// ("orders" into "acme:orders"), restricts lists to its objects, and shows names in answers and
// refusals as the account knows them. What is not its own answers exactly as what does not exist;
// what is the server's is refused. Keys of the server's own account see other accounts' objects
// only as root or admin, under their stored names. Nothing below knows of it.
// Borrows all three; as safe to call as the broker.
#pragma once

#include "broker/api/accounts.h"
#include "broker/api/broker.h"
#include "broker/api/key_ring.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

class TenantBroker final : public Broker {
  public:
    TenantBroker(Broker& inner, const KeyRing& keys, const AccountBook& accounts)
        : inner_(inner), keys_(keys), accounts_(accounts) {}

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
    const KeyRing& keys_;
    const AccountBook& accounts_;
};

// Whose eyes a request is made with.
struct Sight {
    std::string account;    // empty: the server's own
    bool accounts = false;  // of the server's own: those of the others too
};

// Changes the request into what the node is asked; a refusal instead: it may not be.
std::optional<model::Refusal> enter(const Sight& sight,
                                    const AccountBook& accounts,
                                    Request& request);

// `answer` behind what shows names as `sight` knows them. `request` as it was entered.
Broker::Answer shown_to(Sight sight, const Request& request, Broker::Answer answer);

}  // namespace penstock::api
