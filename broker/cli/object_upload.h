// The upload of one object to an S3-compatible store. Pure but for the clock; any thread.
#pragma once

#include "broker/cli/failure.h"
#include "broker/cli/world.h"
#include "sinks/client/http_client.h"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace penstock::cli {

// Each byte but letters, digits and "-_.~/" as %XX (AWS Signature Version 4, UriEncode).
std::string encoded_path(std::string_view path);

// A PUT of `content` to `url`, its path encoded already, signed with Signature Version 4 when the
// environment holds AWS_ACCESS_KEY_ID. A usage failure: the URL is none, or half of a key is set.
boost::system::result<sinks::client::HttpCall, Failure> object_upload(const World& world,
                                                                      const std::string& url,
                                                                      const std::string& sha256,
                                                                      std::string content);

}  // namespace penstock::cli
