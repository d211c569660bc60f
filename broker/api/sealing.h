// Sealing: makes payloads smaller and seals them before they come to the node, so that log, rows,
// snapshots, backups and what goes to replicas and other sets are ciphertext (body_seal.h). What a
// node reads for another one is opened by then: TLS between nodes hides that. SealingBroker is a
// Broker before the node, for what comes in by requests; SealingDispatch does the same for what
// handlers publish. They seal for the queue or topic that is named; what is read is opened by the
// node (node/bodies.h), which alone knows where all of it goes.
//
// What receivers answer and functions write may repeat a body: where bodies are sealed it is left
// out of attempts and dead letters; statuses and what the server itself says of a failure stay.
//
// With keys known it all happens on the calling thread; else the call waits for the number behind
// the name or for the key service, and what cannot be sealed is refused as `unavailable`: nothing
// is ever stored in the clear instead. Any thread.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/data_keys.h"
#include "broker/api/dispatch.h"
#include "broker/api/keys.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::api {

// Whom a message is for, by name.
struct Addressee {
    bool topic = false;
    std::string name;

    friend auto operator<=>(const Addressee&, const Addressee&) = default;
};

struct SealFor {
    model::ObjectNo object;
    DataKeyPtr key;
};

// What stands where a receiver's own words were.
inline constexpr const char* words_not_kept = "(not kept: encryption is on)";

// What both decorators share: names to numbers to keys, and packing.
class Packer {
  public:
    // How long the number behind a name is believed. A name that was deleted and made again
    // meanwhile has its bodies sealed for the object of before: they carry that key along and open
    // all the same.
    static constexpr std::int64_t number_us = 60'000'000;
    static constexpr std::size_t shards = 64;
    static constexpr std::size_t names_per_shard_max = 1'024;
    // Bytes of messages that wait for a key.
    static constexpr std::uint64_t waiting_bytes_max = 128ULL << 20;

    // `inner` answers GetQueue and GetTopic. `keys`: null: nothing is sealed. All outlive it.
    Packer(Broker& inner, const Clock& clock, DataKeys* keys, bool compress)
        : inner_(inner), clock_(clock), keys_(keys), compress_(compress) {}

    [[nodiscard]] bool seals() const { return keys_ != nullptr; }

    // What to seal with; nothing: find it first.
    [[nodiscard]] std::optional<SealFor> known(const Addressee& to);

    // As above, asked for where it must be. Refusals: what GetQueue and GetTopic answer, and
    // unavailable.
    void find(const Addressee& to, const asio::any_io_executor& executor, Answered<SealFor> answer);

    void compress(model::NewMessage& message) const;
    void seal(model::NewMessage& message, const SealFor& with);

    // Room for messages of so many bytes that wait; false: there is none. Given back with release.
    bool reserve(std::uint64_t bytes);

    void release(std::uint64_t bytes) { waiting_bytes_ -= bytes; }

  private:
    struct Number {
        model::ObjectNo object;
        std::int64_t until_us = 0;
    };

    using Numbers = std::map<Addressee, Number>;
    using NumbersPtr = std::shared_ptr<const Numbers>;

    [[nodiscard]] std::optional<model::ObjectNo> number_of(const Addressee& to) const;
    void remember(const Addressee& to, model::ObjectNo object);
    std::atomic<NumbersPtr>& shard_of(const Addressee& to);
    void find_key(const Addressee& to,
                  model::ObjectNo object,
                  const asio::any_io_executor& executor,
                  Answered<SealFor> answer);
    template <class R>
    void ask(R request,
             const Addressee& to,
             const asio::any_io_executor& executor,
             Answered<SealFor> answer);

    Broker& inner_;
    const Clock& clock_;
    DataKeys* keys_;
    bool compress_;
    std::array<std::atomic<NumbersPtr>, shards> numbers_;
    std::atomic<std::uint64_t> waiting_bytes_{0};
};

class SealingBroker final : public Broker {
  public:
    SealingBroker(Broker& inner, Packer& packer) : inner_(inner), packer_(packer) {}

    std::shared_ptr<Cancellation> call(const Principal& principal,
                                       Request request,
                                       asio::any_io_executor executor,
                                       Answer answer) override;

    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view key_id) const override {
        return inner_.key_of(key_id);
    }

    [[nodiscard]] bool ready() const override { return inner_.ready(); }

  private:
    Broker& inner_;
    Packer& packer_;
};

class SealingDispatch final : public Dispatch {
  public:
    // `executor` is where keys that are not known are waited for.
    SealingDispatch(Dispatch& inner, Packer& packer, asio::any_io_executor executor)
        : inner_(inner), packer_(packer), executor_(std::move(executor)) {}

    void attach(DeliveryListener& listener) override { inner_.attach(listener); }

    void grant(model::SubscriptionNo subscription, std::uint32_t more) override {
        inner_.grant(subscription, more);
    }

    void settle(Settlement settlement, std::function<void(Settled)> done) override;

    void read_kv(model::SubscriptionNo subscription,
                 std::string key,
                 std::function<void(KvRow)> answer) override {
        inner_.read_kv(subscription, std::move(key), std::move(answer));
    }

    void disable(model::SubscriptionNo subscription, std::string reason) override {
        inner_.disable(subscription, std::move(reason));
    }

    void report(model::SubscriptionNo subscription, model::PushHealth health) override {
        inner_.report(subscription, std::move(health));
    }

    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation generation,
              std::function<void(model::Failure)> answer) override {
        inner_.feed(subscription, sequence, generation, std::move(answer));
    }

  private:
    struct Sealing;

    void seal_next(const std::shared_ptr<Sealing>& sealing);

    Dispatch& inner_;
    Packer& packer_;
    asio::any_io_executor executor_;
};

}  // namespace penstock::api
