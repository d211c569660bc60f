#include "sinks/process/runtime_event.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "sinks/http/scf_record.h"
#include "sinks/worker/protocol.h"

#include <openssl/evp.h>

#include <array>
#include <string_view>
#include <utility>

namespace penstock::sinks::process {
namespace {

using worker::append_text;

constexpr std::string_view region = "local";

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += '"';
    out += name;
    out += R"(":)";
    append_text(out, text);
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        if (!all.empty()) all += ',';
        all += text;
    }
    return all;
}

std::string body_text(const api::Delivery& delivery) {
    return api::valid_utf8(delivery.payload) ? delivery.payload : encode_base64(delivery.payload);
}

std::string md5_text(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, ::EVP_md5(), nullptr);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned at = 0; at < length; ++at) {
        text += digits[digest[at] >> 4];
        text += digits[digest[at] & 15];
    }
    return text;
}

void append_attribute(std::string& out, std::string_view name, std::string_view value) {
    if (out.back() != '{') out += ',';
    append_text(out, name);
    out += R"(:{"stringValue":)";
    append_text(out, value);
    out += R"(,"stringListValues":[],"binaryListValues":[],"dataType":"String"})";
}

void append_message_attributes(std::string& out, const api::Delivery& delivery, bool text) {
    const model::MessageMeta& meta = delivery.meta;
    out += R"("messageAttributes":{)";
    for (const auto& [name, value] : meta.attributes) append_attribute(out, name, value);
    if (!meta.tags.empty()) append_attribute(out, "penstock.tags", joined(meta.tags));
    if (!meta.routing_key.empty()) append_attribute(out, "penstock.routing_key", meta.routing_key);
    if (!meta.content_type.empty()) {
        append_attribute(out, "penstock.content_type", meta.content_type);
    }
    if (!text) append_attribute(out, "penstock.body_encoding", "base64");
    out += '}';
}

std::uint64_t owner_of(const api::Target& target, const RuntimeOptions& options) {
    return model::owner_number(target.account, options.topic_owner);
}

std::string account_text(const api::Target& target, const RuntimeOptions& options) {
    const std::string digits = std::to_string(owner_of(target, options));
    return digits.size() >= 12 ? digits : std::string(12 - digits.size(), '0') + digits;
}

void append_lambda_record(std::string& out,
                          const RuntimeBatch& batch,
                          const api::Delivery& delivery,
                          const RuntimeOptions& options) {
    const std::string id = model::to_text(delivery.message);
    const std::string body = body_text(delivery);
    out += '{';
    append_member(out, "messageId", id);
    out += ',';
    append_member(out, "receiptHandle", id + '-' + std::to_string(delivery.attempt));
    out += ',';
    append_member(out, "body", body);
    out += R"(,"attributes":{"ApproximateReceiveCount":")";
    out += std::to_string(delivery.attempt);
    out += R"(","SentTimestamp":")";
    out += std::to_string(delivery.published_ms);
    out += R"(","SenderId":")";
    out += account_text(*batch.target, options);
    out += '"';
    if (!delivery.meta.ordering_key.empty()) {
        out += ',';
        append_member(out, "MessageGroupId", delivery.meta.ordering_key);
    }
    out += "},";
    append_message_attributes(out, delivery, api::valid_utf8(delivery.payload));
    out += ',';
    append_member(out, "md5OfBody", md5_text(body));
    out += R"(,"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:)";
    out += region;
    out += ':';
    out += account_text(*batch.target, options) + ':' + batch.target->topic + R"(","awsRegion":")";
    out += region;
    out += R"("})";
}

}  // namespace

std::string runtime_event(RuntimeFamily family,
                          const RuntimeBatch& batch,
                          const RuntimeOptions& options) {
    const http::ScfSource scf{batch.target->topic,
                              batch.target->name,
                              batch.request_id,
                              owner_of(*batch.target, options),
                              options.scf_tag_list};
    std::string event = R"({"Records":[)";
    for (const api::Delivery* delivery : batch.deliveries) {
        if (event.back() != '[') event += ',';
        if (family == RuntimeFamily::scf) {
            http::append_scf_record(event, scf, *delivery);
        } else {
            append_lambda_record(event, batch, *delivery, options);
        }
    }
    event += "]}";
    return event;
}

std::string function_arn(const api::Target& target, const RuntimeOptions& options) {
    std::string arn = "arn:aws:lambda:";
    arn += region;
    arn += ':' + account_text(target, options) + ":function:" + target.topic + '-' + target.name;
    return arn;
}

std::vector<std::string> runtime_environment(const api::Target& target,
                                             std::uint16_t port,
                                             const RuntimeOptions& options) {
    const model::FunctionSpec& function = target.spec.function;
    const std::string name = target.topic + '-' + target.name;
    const std::string memory = std::to_string(function.memory_mib);
    const std::string port_text = std::to_string(port);
    const std::string& folder = function.command.front();
    std::vector<std::string> all = {
        "AWS_LAMBDA_RUNTIME_API=127.0.0.1:" + port_text,
        "AWS_LAMBDA_FUNCTION_NAME=" + name,
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + memory,
        "AWS_LAMBDA_LOG_GROUP_NAME=/penstock/" + target.topic,
        "AWS_LAMBDA_LOG_STREAM_NAME=" + target.name,
        "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
        "AWS_REGION=" + std::string(region),
        "AWS_DEFAULT_REGION=" + std::string(region),
        "LAMBDA_TASK_ROOT=" + folder,
        "LAMBDA_RUNTIME_DIR=" + folder,
        "_HANDLER=index.handler",
        "SCF_RUNTIME_API=127.0.0.1",
        "SCF_RUNTIME_API_PORT=" + port_text,
        "SCF_FUNCTIONNAME=" + name,
        "SCF_FUNCTIONVERSION=$LATEST",
        "TENCENTCLOUD_RUNENV=SCF",
        "TENCENTCLOUD_APPID=" + std::to_string(owner_of(target, options)),
        "TENCENTCLOUD_REGION=" + std::string(region),
        "USER_CODE_ROOT=" + folder,
    };
    if (function.window > 1) {
        all.push_back("AWS_LAMBDA_MAX_CONCURRENCY=" + std::to_string(function.window));
    }
    return all;
}

}  // namespace penstock::sinks::process
