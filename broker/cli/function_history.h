// `penstock fn test FILE --sub TOPIC/NAME --from TIME`: a script over messages the topic retains,
// beside what became of them. Nothing is changed: effects are only shown, calls are answered from
// fixtures. Holds the values of its flags. One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class FunctionHistory {
  public:
    explicit FunctionHistory(Session& session) : session_(session) {}

    void add_to(CLI::App& verb);

    // --sub was given.
    [[nodiscard]] bool wanted() const { return !name_.empty(); }

    // What penstock-lua gets beside script and event.
    [[nodiscard]] std::vector<std::string> fixtures() const;

    int run(const std::string& file);

  private:
    // Messages by a hash of their ids: those that come first are a sample.
    using Sample = std::map<std::uint64_t, boost::json::object>;

    std::optional<Failure> draw(const std::string& topic, Sample& sample);
    boost::system::result<boost::json::object, Failure> try_one(const std::string& file,
                                                                const boost::json::object& message);
    [[nodiscard]] std::string event_of(const boost::json::object& message,
                                       const boost::json::object& place) const;
    int show(const boost::json::array& tried);

    Session& session_;
    std::string name_;
    std::string subscription_;  // in full
    std::string from_;
    std::string kv_;
    std::string http_;
    std::optional<std::uint64_t> sample_;
    bool diff_ = false;
    std::uint64_t not_meant_ = 0;  // messages the subscription was not given
};

}  // namespace penstock::cli
