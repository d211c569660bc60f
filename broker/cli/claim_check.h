// The claim check: a file too large for a message is stored elsewhere first, and the message says
// where (Hohpe and Woolf, Enterprise Integration Patterns, "Claim Check"). One run, one thread.
#pragma once

#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <string>

namespace penstock::cli {

// What a URL takes; a folder takes any size.
inline constexpr std::size_t upload_bytes_max = std::size_t{256} * 1024 * 1024;

struct Attachment {
    std::string file;   // empty: there is none
    std::string store;  // a folder, or the http or https URL of a bucket, with a prefix perhaps

    // --attach and --store.
    void add_to(CLI::App& verb);
};

// Stores the file and gives the message that refers to it:
//   {"claim_check":{"url":"...","name":"...","bytes":N,"sha256":"..."}}
// The same file stored twice is stored once. In a folder it is on disk before this returns. A URL
// is sent a PUT, signed as S3 wants it (AWS Signature Version 4, "Authenticating Requests") with
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION (us-east-1) where a
// key is set.
boost::system::result<std::string, Failure> check_in(Session& session,
                                                     const Attachment& attachment);

}  // namespace penstock::cli
