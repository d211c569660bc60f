// Encryption at rest, as the configuration asks for it: the key service, the thread that asks it,
// the data keys. Made by the composition root before the node, stopped after what asks for keys.
// With it the process leaves no core dumps, and nobody but root looks into its memory.
#pragma once

#include "broker/api/data_keys.h"
#include "broker/api/key_service.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/config/server_config.h"
#include "broker/model/metric.h"

#include <boost/asio/thread_pool.hpp>

#include <memory>
#include <optional>

namespace penstock {

class Encryption {
  public:
    // Nothing is asked of the service yet: a server starts while it is down. Error: the key file
    // cannot be read or holds no key; the process cannot be kept from dumping core.
    static Result<std::unique_ptr<Encryption>> open(const config::ServerConfig& config,
                                                    const Clock& clock,
                                                    Random& random);

    Encryption(std::unique_ptr<api::KeyService> service,
               bool seals,
               std::int64_t rotate_us,
               const Clock& clock,
               Random& random);
    ~Encryption();
    Encryption(const Encryption&) = delete;
    Encryption& operator=(const Encryption&) = delete;

    // Null: no key is configured, and what is sealed cannot be opened.
    [[nodiscard]] api::DataKeys* keys() { return keys_ ? &*keys_ : nullptr; }

    // New bodies are sealed.
    [[nodiscard]] bool seals() const { return seals_; }

    // The next data keys, and the key file read again. Says in the log how it went.
    void rotate();

    // Nothing where no key is configured. Any thread.
    void measure(model::Metrics& metrics) const;

    // Ends the thread; what waits for a key is told so. Harmless when repeated.
    void stop();

  private:
    std::unique_ptr<api::KeyService> service_;
    bool seals_;
    boost::asio::thread_pool work_{1};
    std::optional<api::DataKeys> keys_;
};

}  // namespace penstock
