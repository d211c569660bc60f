// DataKeys: the data keys of queues and topics, in memory. Each object has its own; what is sealed
// with it carries it along, wrapped by the key service, so that a key lives exactly as long as a
// body that needs it, wherever that is: in other sets, on other nodes, in a backup. A node makes
// its own key for an object when it first seals for it, and another one when that has served its
// time; who reads has it unwrapped, and remembers it.
//
//   wrapped_key = fingerprint:8 bytes  what the key service gave
//
// The fingerprint is the beginning of the key's SHA-256: a key service that gives another key is
// told from a damaged body.
//
// current() and known() never wait and may be called from any thread; make() and obtain() too, and
// answer later on the thread of `work`, which is the key service's alone. While the service fails,
// keys that are known go on, and what needs it is refused at once for pause_us.
#pragma once

#include "broker/api/body_seal.h"
#include "broker/api/key_service.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/random.h"

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace penstock::api {

class DataKeys {
  public:
    // After a failure of the service nobody asks it for so long; nor for a key that it did not
    // give.
    static constexpr std::int64_t pause_us = 1'000'000;
    // A key that could not be renewed is tried again after so long, and used meanwhile.
    static constexpr std::int64_t renewal_pause_us = 60'000'000;
    // What is remembered: keys of a shard, of each kind; beyond that it begins anew.
    static constexpr std::size_t shards = 64;
    static constexpr std::size_t keys_per_shard_max = 1'024;
    // Calls that wait for the service.
    static constexpr std::uint32_t waiting_max = 20'000;

    struct Options {
        std::int64_t rotate_us = 86'400'000'000;  // how long a key seals
    };

    using Done = std::function<void(Result<DataKeyPtr>)>;

    // `work` runs one job at a time, in order. All outlive it; stop() before `work` ends.
    DataKeys(KeyService& service,
             const Clock& clock,
             Random& random,
             boost::asio::any_io_executor work,
             Options options)
        : service_(service),
          clock_(clock),
          random_(random),
          work_(std::move(work)),
          options_(options) {}

    // What bodies of the object are sealed with now; null: make() it first. One that has served its
    // time is returned until there is another, which this begins to make.
    [[nodiscard]] DataKeyPtr current(model::ObjectNo object);

    // `account`: whose object it is. Error{unavailable}: the key service does not answer or
    // refuses; nothing can be sealed.
    void make(model::ObjectNo object, Done done, std::string account = {});

    // The key of a seal where it was unwrapped before; null: obtain() it.
    [[nodiscard]] DataKeyPtr known(const model::Seal& seal) const;

    // Error{unavailable}: as above, or the service gives another key than the body was sealed with.
    // Error{damaged}: what the body says of its key was changed, or is of no form known here.
    void obtain(const model::Seal& seal, Done done);

    // Asks the service to renew, and makes new keys for all that is sealed from then on; old ones
    // open what they have sealed. `done` gets the service's answer.
    void rotate(std::function<void(Result<void>)> done);

    // What still waits ends with Error{unavailable}, soon.
    void stop();

    [[nodiscard]] Random& random() { return random_; }

    struct Figures {
        std::uint64_t made = 0;
        std::uint64_t unwrapped = 0;
        std::uint64_t failures = 0;  // of the service
    };

    [[nodiscard]] Figures figures() const { return {made_, unwrapped_, failures_}; }

  private:
    struct Current {
        DataKeyPtr key;
        // When another one is to be made; whoever moves it on makes it.
        std::shared_ptr<std::atomic<std::int64_t>> until_us;
    };

    struct Shard {
        std::map<model::ObjectNo, Current> current;
        std::map<std::string, DataKeyPtr, std::less<>> known;  // by wrapped_key
    };

    using ShardPtr = std::shared_ptr<const Shard>;
    using Shards = std::array<std::atomic<ShardPtr>, shards>;

    [[nodiscard]] static std::size_t shard_of(model::ObjectNo object) {
        return object.value % shards;
    }

    [[nodiscard]] bool is_due(const Current& current) const;
    Result<DataKeyPtr> make_now(model::ObjectNo object, const std::string& account);
    Result<DataKeyPtr> obtain_now(const model::Seal& seal);
    // Whom a failure is put down to: while the service pauses nobody asks it.
    enum class Blame : std::uint8_t { service, key };

    // The service's answer, or why it is not asked now.
    Result<std::string> ask(const std::function<Result<std::string>()>& question, Blame blame);
    void remember(model::ObjectNo object, DataKeyPtr key, bool is_current);
    void do_work(std::function<Result<DataKeyPtr>()> job, Done done);

    KeyService& service_;
    const Clock& clock_;
    Random& random_;
    boost::asio::any_io_executor work_;
    Options options_;
    Shards shards_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint32_t> waiting_{0};
    std::atomic<std::uint64_t> made_{0};
    std::atomic<std::uint64_t> unwrapped_{0};
    std::atomic<std::uint64_t> failures_{0};
    // On the thread of `work`.
    std::int64_t failed_until_us_ = 0;
    std::string failure_;

    struct Refused {
        std::int64_t until_us = 0;
        std::string why;
    };

    std::map<std::string, Refused, std::less<>> refused_;  // by wrapped_key
};

}  // namespace penstock::api
