// Bodies: reads message bodies for whoever needs them. The broker thread finds where they are; the
// bytes are read from memory on the caller's executor, and by the cold pool when the disk must be
// asked. A body that fails its checksum is had again from another node, where there is one that can
// be asked; else it comes back as an Error{damaged}, and nobody serves it. Payloads that are packed
// (model/message.h) are opened where they are wanted; one whose key cannot be had now, or whose
// file cannot be opened now, comes back as an Error{unavailable}: it is whole, and stays where it
// is.
#pragma once

#include "broker/api/data_keys.h"
#include "broker/model/message.h"
#include "broker/node/completions.h"
#include "broker/node/mailbox.h"
#include "broker/node/offload.h"
#include "broker/storage/log/log_store.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::node {

using FetchedBody = Result<storage::BodySource::Body>;

// As it is kept, for those who only pass it on, or with its payload as it was sent.
enum class BodyForm : std::uint8_t { stored, opened };

// Told of a whole copy of an entry that is damaged here, or of null: there is none.
using Mended = std::function<void(const storage::EntryRecord* copy)>;

// Gets such a copy. Broker thread, as is what it calls.
using Mend = std::function<void(model::SetId set, model::LogIndex index, Mended done)>;

class Bodies {
  public:
    using Fetched = std::function<void(std::vector<FetchedBody>)>;  // in the order asked

    // Without `mend` what is damaged stays so; without `keys` what is sealed cannot be opened.
    // Bodies have `body_bytes_max` bytes, as a rule.
    Bodies(const storage::LogStore& store,
           Offload& offload,
           Completions& completions,
           std::shared_ptr<Mailbox> mailbox,
           std::uint32_t body_bytes_max,
           Mend mend,
           api::DataKeys* keys = nullptr)
        : store_(store),
          offload_(offload),
          completions_(completions),
          mailbox_(std::move(mailbox)),
          body_bytes_max_(body_bytes_max),
          mend_(std::move(mend)),
          keys_(keys) {}

    // Runs before the key service is asked, which may take as long as it has keys to give.
    using Waiting = std::function<void()>;

    // Broker thread. `fetched` and before it perhaps `waiting`, once each, run on `executor` (on
    // the broker thread when stepped).
    void fetch(const std::vector<model::MessageId>& messages,
               const boost::asio::any_io_executor& executor,
               Fetched fetched,
               BodyForm form = BodyForm::opened,
               Waiting waiting = {});

    // Takes one body after the other, `at` in the order asked; false: it wants no more.
    using Take = std::function<bool(std::size_t at, FetchedBody body)>;

    // Opened. For pages of what may be large: only a few bodies are in memory at a time. Broker
    // thread; `take` and then `done`, once, run on `executor` (on the broker thread when stepped).
    void go_through(const std::vector<model::MessageId>& messages,
                    const boost::asio::any_io_executor& executor,
                    Take take,
                    std::function<void()> done);

    // As fetch, for hand-outs: `fetched` runs on the hand-out thread or, cold, on the pool.
    void fetch_for_hand_out(const std::vector<model::MessageId>& messages,
                            Fetched fetched,
                            BodyForm form = BodyForm::opened);

  private:
    struct Reading;
    using ReadingPtr = std::shared_ptr<Reading>;
    struct Passage;
    using PassagePtr = std::shared_ptr<Passage>;

    // Runs a job where the reading was wanted. Broker thread.
    using Back = std::function<void(Completions::Job)>;

    [[nodiscard]] ReadingPtr find(const std::vector<model::MessageId>& messages,
                                  Fetched fetched,
                                  BodyForm form) const;
    // Where the reading was wanted.
    void read(const ReadingPtr& reading,
              const boost::asio::any_io_executor& executor,
              const Back& back);
    void next_piece(const PassagePtr& passage);
    void mend_or_finish(const ReadingPtr& reading, Back back);
    void mend(const ReadingPtr& reading, const Back& back);
    void open_and_finish(const ReadingPtr& reading, const Back& back);

    const storage::LogStore& store_;
    Offload& offload_;
    Completions& completions_;
    std::shared_ptr<Mailbox> mailbox_;
    std::uint32_t body_bytes_max_;
    Mend mend_;
    api::DataKeys* keys_;
};

// The decoded message; nothing when the bytes are no message (as bad as a failed checksum), or it
// is not opened.
std::optional<model::NewMessage> message_of(const FetchedBody& body);

// Whole, but its key cannot be had now, or its file not be opened; nobody may take it for damaged.
bool is_closed(const FetchedBody& body);

}  // namespace penstock::node
