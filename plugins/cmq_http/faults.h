// Fault: CMQ's two-level error codes and their texts, all in one table (cmq-api.md 1.6). The texts
// are wire strings, spelling included: clients may compare them. Values, any thread.
#pragma once

#include "broker/model/refusal.h"

#include <string>
#include <string_view>

namespace penstock::plugins::cmq {

struct Fault {
    int code = 0;           // the JSON field
    int module = 0;         // the number that opens the message
    std::string_view text;  // "%s" stands for the subject
};

// A fault with what it is about; code 0 is none.
struct Failure {
    Fault fault;
    std::string subject;

    [[nodiscard]] bool none() const { return fault.code == 0; }
};

// "(10390)lacked of required parameter queueName"
std::string message_of(const Failure& failure);

// What kind of object an action is about: the same refusal has its own code for each.
enum class Family { queue, topic, subscription };

// What the client is told. `failed` answers for the server's own trouble where nothing happened.
Failure failure_of(const model::Refusal& refusal, Family family, const Fault& failed);

namespace faults {

// any request
inline constexpr Fault value_malformed{4000, 10110, "request parameters error"};
inline constexpr Fault key_malformed{4000, 10310, "error: parameter %s key format error"};
inline constexpr Fault repeated{4000, 10330, "parameter %s is NOT a repeatable parameter"};
inline constexpr Fault out_of_range{4000, 10350, "parameter %s value or length is out of range"};
inline constexpr Fault wrong_type{4000, 10360, "parameter %s error type"};
inline constexpr Fault batch_size{4000, 10370, "%s parameter batch size is out of range"};
inline constexpr Fault not_consequent{4000, 10380, "%s parameter is not consequent"};
inline constexpr Fault missing{4000, 10390, "lacked of required parameter %s"};
inline constexpr Fault method{4000, 10410, "unexpected http %s only GET or POST is supported"};
inline constexpr Fault too_large{4000, 10420, "cannot parse %s, or request size is more than 1MB"};
inline constexpr Fault unknown_action{4000, 10430, "action name %s is not existed"};
inline constexpr Fault key_id_form{4000, 10450, "secret id dosen't begin with AKID"};
inline constexpr Fault denied{4000, 10461, "no cam authentication"};
inline constexpr Fault unauthenticated{4100, 10030, "authentication failed"};
inline constexpr Fault stale{
    4100, 10030, "authentication failed, Timestamp is more than %s seconds off the server's time"};
inline constexpr Fault not_authenticated{4100, 10031, "connection is not authenticated"};
inline constexpr Fault already_authenticated{4100, 10032, "connection is already authenticated"};
inline constexpr Fault unknown_key{4100, 10270, "secret id is not existed"};
inline constexpr Fault throttled{4420, 10250, "qps throttling"};
inline constexpr Fault overloaded{
    4480, 10460, "exceed interface frequency limit, please slow down"};
inline constexpr Fault internal{6000, 10050, "server internal error"};
inline constexpr Fault name_too_soon{6040, 10660, "same name created again too soon after delete"};

// queues
inline constexpr Fault queue_not_found{4440, 10100, "queue is not existed, or deleted"};
inline constexpr Fault queue_exists{4000, 4460, "queue is already existed,case insensitive"};
inline constexpr Fault queue_name{4000, 10020, "queue name format error"};
inline constexpr Fault queue_limit{4450, 10220, "number of queues has reached the limit"};
inline constexpr Fault queue_full{4410, 10240, "reach maximum retention number of message"};
inline constexpr Fault too_many_delayed{
    6070, 10690, "too many unacked(inactive) messages or delayed messages"};
inline constexpr Fault rewind_disabled{6050, 10670, "your queue cannot be rewinded"};
inline constexpr Fault rewind_time{
    4000, 10680, "invalid rewind time, you can get the vaild range of that via GetQueueAttributes"};
inline constexpr Fault rewind_exceeds_retention{
    4000, 10700, "rewindSeconds cannot be greater than msgRetentionSeconds"};

// messages
inline constexpr Fault body_empty{4000, 10120, "message body can't be empty"};
inline constexpr Fault body_too_large{4400, 10230, "exceed maximum message size"};
inline constexpr Fault batch_too_large{4470, 10300, "total message size exceed 1MB"};
inline constexpr Fault delay{4000, 10692, "delay seconds is out of range"};
inline constexpr Fault receipt_invalid{4430, 10260, "receipt handle is invalid"};
inline constexpr Fault receipt_malformed{4000, 10470, "receiptHandle error"};
inline constexpr Fault some_not_deleted{6010, 10150, "delete message partially failed"};
inline constexpr Fault none_deleted{6020, 10290, "batch delete message failed"};
inline constexpr Fault no_message{7000, 10200, "no message"};
inline constexpr Fault message_not_found{4490, 10770, "message id is invalid"};
inline constexpr Fault operation_not_allowed{4490, 10780, "message operation is not allowed"};
inline constexpr Fault none_confirmed{6040, 10750, "transaction confirmation failed"};
inline constexpr Fault some_not_confirmed{6040, 10760, "transaction confirmation partially failed"};
inline constexpr Fault no_transactions{4490, 10790, "transaction message is not supported"};

// the server's trouble, nothing happened
inline constexpr Fault send_failed{6000, 10090, "send message failed"};
inline constexpr Fault receive_failed{6000, 10130, "recieve message failed"};
inline constexpr Fault delete_failed{6000, 10140, "delete message failed"};
inline constexpr Fault get_attributes_failed{6000, 10160, "get attrs failed"};
inline constexpr Fault set_attributes_failed{6000, 10170, "set attrs failed"};
inline constexpr Fault delete_queue_failed{6000, 10180, "delete queue failed"};
inline constexpr Fault list_queue_failed{6000, 10190, "list queue failed"};

// dead letters
inline constexpr Fault policy_not_json{4000, 10710, "deadLetterPolicy must be a json string"};
inline constexpr Fault policy_values{4000, 10720, "deadLetterPolicy params error,please check it"};
inline constexpr Fault policy_without_queue{
    4000, 10760, "deadLetterPolicy lacks string deadLetterQueue"};
inline constexpr Fault policy_without_kind{4000, 10770, "deadLetterPolicy lacks policy 0 or 1"};
inline constexpr Fault dead_letter_not_found{4000, 10730, "deadLetter queue not exist"};
inline constexpr Fault dead_letter_nested{4000, 10740, "deadLetter queue is not allowed to nest"};
inline constexpr Fault dead_letter_in_use{
    4000, 10750, "it is not allowed to be deleted when the queue is dead letter queue"};
inline constexpr Fault dead_letter_sources{4000, 10780, "the deadLetter Queue bind too many times"};

// topics and subscriptions
inline constexpr Fault topic_not_found{4440, 10600, "topic is not existed, or deleted"};
inline constexpr Fault topic_exists{4460, 10550, "topic is already existed"};
inline constexpr Fault topic_limit{4450, 10610, "number of topics has reached the limit"};
inline constexpr Fault topic_name{4000, 10590, "topic name format error"};
inline constexpr Fault topic_has_subscriptions{
    4000,
    10540,
    "there exists subscriptions under this topic, please unsubscribe all of them before "
    "DeleteTopic"};
inline constexpr Fault nobody_subscribed{
    6030,
    10650,
    "topic has no subscription, please create a subscription before publishing message"};
inline constexpr Fault nothing_matched{
    6030, 10730, "no bindingKey or filterTag matches the routingKey or msgTag"};
inline constexpr Fault lacks_routing_key{4000, 10700, "parameters lack of routingKey"};
inline constexpr Fault lacks_binding_key{4000, 10710, "parameters lack of bindingKey"};
inline constexpr Fault too_many_tags{4000, 10720, "too many msgTag"};
inline constexpr Fault too_many_filter_tags{4000, 10490, "number of filterTag exceed limit"};
inline constexpr Fault too_many_binding_keys{4000, 10680, "too many bindingKey"};
inline constexpr Fault too_many_dots{4000, 10691, "too many delimeters"};
inline constexpr Fault subscription_name{4000, 10590, "subscription name format error"};
inline constexpr Fault subscription_not_found{
    4440, 10600, "subscription is not existed, or deleted"};
inline constexpr Fault subscription_exists{4490, 10470, "subscribtion is already existed"};
inline constexpr Fault subscription_limit{
    4500, 10480, "number of subscription has reached the limit"};
inline constexpr Fault endpoint_format{4000, 10500, "endpoint format error"};
inline constexpr Fault endpoint_illegal{4000, 10630, "illegal endpoint"};
inline constexpr Fault endpoint_blank{4510, 10570, "url connot contain any blank characters"};
inline constexpr Fault protocol{4000, 10510, "undefined protocol"};
inline constexpr Fault strategy{4000, 10520, "undefined notify retry stragety"};
inline constexpr Fault content_format{4000, 10530, "undefined notify content format"};
inline constexpr Fault queue_format{
    4000, 10640, "notifyContentFormat of protocol queue must be SIMPLIFIED"};

}  // namespace faults

}  // namespace penstock::plugins::cmq
