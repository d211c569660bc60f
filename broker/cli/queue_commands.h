// `penstock queue …`: queues and their messages. Holds the values of the flags of the verb that
// runs; lives as long as the command line's parser. One run, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/claim_check.h"
#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

class QueueCommands {
  public:
    explicit QueueCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    void add_attributes(CLI::App& verb);
    void add_management(CLI::App& noun);
    void add_messages(CLI::App& noun);
    CLI::App* add_verb(CLI::App& noun,
                       const std::string& verb,
                       const std::string& help,
                       int (QueueCommands::*run)());
    [[nodiscard]] boost::system::result<boost::json::object, Failure> attributes() const;
    [[nodiscard]] std::string path(std::string_view rest = {}) const;

    int create();
    int list();
    int info();
    int set();
    int remove();
    int clear();
    int rewind();
    int send();
    int receive();
    int acknowledge();
    int acknowledge_all(const std::vector<std::string>& receipts);

    Session& session_;
    std::string name_;
    std::optional<std::uint64_t> visibility_s_;
    std::optional<std::uint64_t> retention_s_;
    std::optional<std::uint64_t> rewind_s_;
    std::optional<std::uint64_t> poll_s_;
    std::optional<std::uint64_t> max_size_;
    std::optional<std::uint64_t> max_messages_;
    std::optional<std::uint64_t> rate_;
    std::string dead_letter_;
    std::optional<std::uint64_t> max_receives_;
    std::optional<std::uint64_t> time_to_live_s_;
    bool ordered_ = false;
    bool transactional_ = false;
    std::string ordering_key_;
    std::optional<std::uint64_t> first_query_s_;
    std::optional<std::uint64_t> queries_;
    bool transaction_ = false;
    std::string paused_;
    bool all_ = false;
    std::string search_;
    std::string body_;
    std::string split_;
    Attachment attachment_;
    std::optional<std::uint64_t> delay_s_;
    std::string dedup_key_;
    std::optional<std::uint64_t> max_;
    std::optional<std::uint64_t> wait_s_;
    bool ack_ = false;
    bool fail_empty_ = false;
    std::vector<std::string> receipts_;
    std::string to_;
};

}  // namespace penstock::cli
