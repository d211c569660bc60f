// JobSteering: what `dlq redrive` and `sub replay` have in common: pace, preview, progress with
// rate and time left, pause, resume and cancel of the job that runs on the server. Held by the
// command. One run, one thread.
#pragma once

#include "broker/cli/message_flags.h"

#include <string>

namespace penstock::cli {

class JobSteering {
  public:
    explicit JobSteering(Session& session) : session_(session) {}

    void add_to(CLI::App& verb);

    // --progress, --pause, --resume or --cancel: about a job that is there, nothing is started.
    [[nodiscard]] bool steers() const { return progress_ || pause_ || resume_ || cancel_; }

    [[nodiscard]] bool preview() const { return preview_; }

    // Does what was asked about the job at `path`.
    int steer(const std::string& path);

    // Puts rate and preview into the body of a start.
    [[nodiscard]] std::optional<Failure> put(boost::json::object& body) const;

    // Starts the job by a POST to `path`, says so, and with --wait stays until it has ended.
    // `words`: what is said before the count, of a preview and of a start.
    struct Words {
        std::string preview;
        std::string started;
    };

    int start(const std::string& path,
              const boost::json::object& body,
              const Words& words,
              const std::string& again);

  private:
    int wait(const std::string& path);
    void show_progress(const boost::json::object& job);

    Session& session_;
    std::string rate_;
    bool preview_ = false;
    bool wait_ = false;
    bool progress_ = false;
    bool pause_ = false;
    bool resume_ = false;
    bool cancel_ = false;
};

}  // namespace penstock::cli
