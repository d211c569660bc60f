#include "plugins/cmq_http/cloud/actions.h"

#include "plugins/cmq_http/cloud/describing.h"
#include "plugins/cmq_http/cloud/performing.h"
#include "plugins/cmq_http/cloud/tracing.h"

#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

using Kind = Field::Kind;

const Field queue_name{"QueueName"};
const Field topic_name{"TopicName"};
const Field subscription_name{"SubscriptionName"};

std::vector<Field> queue_fields() {
    return {queue_name,
            {"MaxMsgHeapNum", Kind::integer},
            {"PollingWaitSeconds", Kind::integer},
            {"VisibilityTimeout", Kind::integer},
            {"MaxMsgSize", Kind::integer},
            {"MsgRetentionSeconds", Kind::integer},
            {"RewindSeconds", Kind::integer},
            {"DeadLetterQueueName", Kind::policy, "deadLetterQueue"},
            {"Policy", Kind::policy},
            {"MaxReceiveCount", Kind::policy},
            {"MaxTimeToLive", Kind::policy},
            {"Trace", Kind::same},
            {"Transaction", Kind::integer},
            {"FirstQueryInterval", Kind::positive},
            {"MaxQueryCount", Kind::positive},
            {"Qps", Kind::integer},
            {"RetentionSizeInMB", Kind::absent},
            {"Tags", Kind::absent}};
}

std::vector<Field> topic_fields() {
    return {topic_name,
            {"MaxMsgSize", Kind::integer},
            {"MsgRetentionSeconds", Kind::integer},
            {"FilterType", Kind::integer},
            {"Qps", Kind::integer},
            {"Trace", Kind::same},
            {"Tags", Kind::absent}};
}

std::vector<Field> subscription_fields() {
    return {topic_name,
            subscription_name,
            {"Protocol"},
            {"Endpoint"},
            {"NotifyStrategy"},
            {"NotifyContentFormat"},
            {"FilterTag", Kind::texts},
            {"FilterTags", Kind::texts, "filterTag"},
            {"BindingKey", Kind::texts}};
}

// `filter` is what Filters can name; `more` begins with what picks one, or is part of names.
std::vector<Field> page_fields(std::string_view filter, std::vector<Field> more) {
    more.push_back({"Offset", Kind::integer});
    more.push_back({"Limit", Kind::positive});
    more.push_back({"Filters", Kind::filter, filter});
    more.push_back({"TagKey", Kind::absent});
    more.push_back({"IsTagFilter", Kind::absent});
    more.push_back({"QueueNameList", Kind::absent});
    more.push_back({"TopicNameList", Kind::absent});
    return more;
}

std::vector<CloudAction> queue_actions() {
    const Field source{"SourceQueueName", Kind::text, "queueName"};
    const Field holder{"DeadLetterQueueName"};
    const Field search{"SourceQueueName", Kind::text, "searchWord"};
    const Field part{"QueueName", Kind::text, "searchWord"};
    return {
        {"CreateQueue", "CreateCmqQueue", change_queue, "CreateQueue", queue_fields()},
        {"ModifyQueueAttribute",
         "ModifyCmqQueueAttribute",
         change_queue,
         "SetQueueAttributes",
         queue_fields()},
        {"DeleteQueue", "DeleteCmqQueue", perform, "DeleteQueue", {queue_name}},
        {"RewindQueue",
         "RewindCmqQueue",
         perform,
         "RewindQueue",
         {queue_name, {"StartConsumeTime", Kind::integer}}},
        {"ClearQueue", "ClearCmqQueue", perform, "ClearQueue", {queue_name}},
        {"UnbindDeadLetter",
         "UnbindCmqDeadLetter",
         perform,
         "UnbindDeadLetterQueue",
         {queue_name, source}},
        {"DescribeQueueDetail", "", describe_queues, "", page_fields("QueueName", {queue_name})},
        {"", "DescribeCmqQueues", describe_queues, "", page_fields("QueueName", {part})},
        {"", "DescribeCmqQueueDetail", describe_queue, "", {queue_name}},
        {"DescribeDeadLetterSourceQueues",
         "DescribeCmqDeadLetterSourceQueues",
         describe_sources,
         "",
         page_fields("SourceQueueName", {holder, search})},
        {"",
         "SendCmqMsg",
         send,
         "SendMessage",
         {queue_name,
          {"MsgContent", Kind::text, "msgBody"},
          {"DelaySeconds", Kind::integer},
          {"OrderingKey"}}},
        {"",
         "DescribeMqMsgTrace",
         trace,
         "",
         {{"Protocol"},
          {"MsgId"},
          queue_name,
          topic_name,
          {"ProduceTime"},
          {"ClusterId", Kind::absent},
          {"EnvironmentId", Kind::absent},
          {"GroupName", Kind::absent},
          {"QueryDlqMsg", Kind::absent}}},
    };
}

std::vector<CloudAction> topic_actions() {
    const Field part{"TopicName", Kind::text, "searchWord"};
    return {
        {"CreateTopic", "CreateCmqTopic", perform, "CreateTopic", topic_fields()},
        {"ModifyTopicAttribute",
         "ModifyCmqTopicAttribute",
         perform,
         "SetTopicAttributes",
         topic_fields()},
        {"DeleteTopic", "DeleteCmqTopic", perform, "DeleteTopic", {topic_name}},
        {"DescribeTopicDetail", "", describe_topics, "", page_fields("TopicName", {topic_name})},
        {"", "DescribeCmqTopics", describe_topics, "", page_fields("TopicName", {part})},
        {"", "DescribeCmqTopicDetail", describe_topic, "", {topic_name}},
        {"",
         "PublishCmqMsg",
         send,
         "PublishMessage",
         {topic_name,
          {"MsgContent", Kind::text, "msgBody"},
          {"MsgTag", Kind::texts},
          {"OrderingKey"}}},
    };
}

std::vector<CloudAction> subscription_actions() {
    const std::vector<Field> names{topic_name, subscription_name};
    return {
        {"CreateSubscribe", "CreateCmqSubscribe", perform, "Subscribe", subscription_fields()},
        {"ModifySubscriptionAttribute",
         "ModifyCmqSubscriptionAttribute",
         perform,
         "SetSubscriptionAttributes",
         subscription_fields()},
        {"DeleteSubscribe", "DeleteCmqSubscribe", perform, "Unsubscribe", names},
        {"ClearSubscriptionFilterTags",
         "ClearCmqSubscriptionFilterTags",
         perform,
         "ClearSubscriptionFilterTags",
         names},
        {"DescribeSubscriptionDetail",
         "DescribeCmqSubscriptionDetail",
         describe_subscriptions,
         "",
         page_fields("SubscriptionName",
                     {topic_name,
                      subscription_name,
                      {"QueueName", Kind::absent},
                      {"QueryType", Kind::absent}})},
    };
}

}  // namespace

std::vector<CloudAction> cloud_actions() {
    std::vector<CloudAction> all = queue_actions();
    for (auto&& part : {topic_actions(), subscription_actions()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

}  // namespace penstock::plugins::cmq::cloud
