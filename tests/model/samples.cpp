#include "tests/model/samples.h"

namespace penstock::model::testing {

namespace {

// Fields are set by name, so that a sample shows what it means.
template <class T, class Set>
T made(const Set& set) {
    T value;
    set(value);
    return value;
}

Script sample_script() {
    return made<Script>([](Script& s) {
        s.version = 2;
        s.code = "c";
        s.note = "n";
        s.deployed_ms = 7;
    });
}

Command sample_settle() {
    return made<Settle>([](Settle& c) {
        c.subscription = SubscriptionNo{5};
        SettleItem failed;
        failed.sequence = 300;
        failed.generation = 2;
        failed.verdict = Verdict::retry;
        failed.failure = Failure::status;
        failed.status = 503;
        failed.retry_after_ms = 1000;
        failed.excerpt = "busy";
        failed.log = "no";
        c.items = {failed};
        c.attempts_ordinal = 1;
        c.attempts_failed = 1;
        HandlerCommit commit;
        commit.item = 0;
        commit.outputs = {{ObjectNo{9}, true, 2, 3000}};
        commit.writes = {{KvWrite::Kind::add, "k", "v", -1, 300}};
        commit.reads = {{"r", 8}};
        c.commits = {commit};
    });
}

std::vector<CommandSample> name_samples() {
    return {{"PutKey",
             made<PutKey>([](PutKey& c) { c.key_id = "key", c.secret = "secret", c.root = true; }),
             "010101036b65790673656372657401"},
            {"ReserveNames",
             made<ReserveNames>([](ReserveNames& c) {
                 c.names = {{ObjectKind::topic, "t"}, {ObjectKind::dead_letter_queue, "t.s.dlq"}};
                 c.set = SetId{1};
                 c.queues_max = 1000;
                 c.topics_max = 2;
                 c.subscriptions_max = 3;
                 c.name_reuse_ms = 30'000;
             }),
             "010102020201740407742e732e646c7101e8070203b0ea01"},
            {"MarkReady",
             made<MarkReady>([](MarkReady& c) {
                 c.numbers = {ObjectNo{1}, ObjectNo{300}};
             }),
             "0101030201ac02"},
            {"HideNames",
             made<HideNames>([](HideNames& c) { c.numbers = {ObjectNo{2}}; }),
             "0101040102"},
            {"ReleaseNames",
             made<ReleaseNames>([](ReleaseNames& c) {
                 c.numbers = {ObjectNo{3}};
                 c.was_visible = false;
             }),
             "010105010300"}};
}

std::vector<CommandSample> queue_samples() {
    return {
        {"InitSet",
         made<InitSet>([](InitSet& c) {
             c.receipt_key = {1, 2};
             c.track_retention_s = 60;
             c.track_bytes_max = 300;
         }),
         "010106010000000000000002000000000000003cac02"},
        {"CreateQueue",
         made<CreateQueue>([](CreateQueue& c) {
             c.queue = QueueNo{4};
             c.name = "q";
             c.kind = QueueKind::automatic_dead_letter;
             c.attributes = sample_queue_attributes();
         }),
         "0101070401710101c0843d1e3c8008901c880e0101090000000103ac02"},
        {"SetQueue",
         made<SetQueue>([](SetQueue& c) {
             c.queue = QueueNo{4};
             c.attributes = sample_queue_attributes();
         }),
         "0101080401c0843d1e3c8008901c880e0101090000000103ac02"},
        {"DeleteQueue",
         made<DeleteQueue>([](DeleteQueue& c) { c.queue = QueueNo{4}; }),
         "01010904"},
        {"ClearQueue", made<ClearQueue>([](ClearQueue& c) { c.queue = QueueNo{4}; }), "01010a04"}};
}

std::vector<CommandSample> queue_message_samples() {
    return {{"RewindQueue",
             made<RewindQueue>([](RewindQueue& c) {
                 c.queue = QueueNo{4};
                 c.to_ms = 1'700'000'000'000;
             }),
             "01010b040068e5cf8b010000"},
            {"Send",
             made<Send>([](Send& c) {
                 c.queue = QueueNo{4};
                 c.first_ordinal = 2;
                 c.count = 16;
                 c.delay_ms = 1000;
                 c.dedup_key = "once";
             }),
             "01010c040210e807046f6e6365"},
            {"Lease",
             made<Lease>([](Lease& c) {
                 c.queue = QueueNo{4};
                 c.messages_max = 16;
                 c.visibility_ms = 30'000;
             }),
             "01010d0410b0ea01"},
            {"DeleteMessages",
             made<DeleteMessages>([](DeleteMessages& c) {
                 c.queue = QueueNo{4};
                 c.receipts = {Receipt{0x0102030405060708}, Receipt{2}};
             }),
             "01010e040208070605040302010200000000000000"},
            {"ChangeVisibility",
             made<ChangeVisibility>([](ChangeVisibility& c) {
                 c.queue = QueueNo{4};
                 c.receipt = Receipt{9};
                 c.visibility_ms = 1;
             }),
             "01010f04090000000000000001"}};
}

// Of format level 2.
std::vector<CommandSample> give_back_samples() {
    const GiveBack given{QueueNo{4}, {Receipt{0x0102030405060708}, Receipt{2}}, 1'000};
    return {{"GiveBack", given, "010131040208070605040302010200000000000000e807"}};
}

std::vector<CommandSample> topic_samples() {
    return {{"CreateTopic",
             made<CreateTopic>([](CreateTopic& c) {
                 c.topic = TopicNo{6};
                 c.name = "t";
                 c.attributes = sample_topic_attributes();
             }),
             "01011006017401801002a038"},
            {"SetTopic",
             made<SetTopic>([](SetTopic& c) {
                 c.topic = TopicNo{6};
                 c.attributes = sample_topic_attributes();
             }),
             "0101110601801002a038"},
            {"DeleteTopic",
             made<DeleteTopic>([](DeleteTopic& c) { c.topic = TopicNo{6}; }),
             "01011206"},
            {"Publish",
             made<Publish>([](Publish& c) {
                 c.topic = TopicNo{6};
                 c.first_ordinal = 3;
                 c.count = 2;
                 c.delay_ms = 5;
                 c.dedup_key = "d";
                 c.want_receiver = true;
             }),
             "01011306030205016401"}};
}

std::vector<CommandSample> subscription_samples() {
    return {{"Subscribe",
             made<Subscribe>([](Subscribe& c) {
                 c.subscription = SubscriptionNo{5};
                 c.topic = TopicNo{6};
                 c.name = "s";
                 c.spec = sample_subscription_spec();
                 c.scripts = {sample_script()};
             }),
             "0101140506017303020a687474703a2f2f612f620700000002010101904ea09c0103020372656404"
             "626c75650105612e2a2e230800000004f403010377687902062f62696e2f610162022f6602030100"
             "0104f403ac0207e0d403c80105010168000900000000"
             "010102ac021401019401882701010101020163016e07"},
            {"SetSubscription",
             made<SetSubscription>([](SetSubscription& c) {
                 c.subscription = SubscriptionNo{5};
                 c.spec = sample_subscription_spec();
             }),
             "0101150503020a687474703a2f2f612f620700000002010101904ea09c0103020372656404626c75"
             "650105612e2a2e230800000004f403010377687902062f62696e2f610162022f66020301000104f4"
             "03ac0207e0d403c80105010168000900000000"
             "010102ac02140101940188270101"},
            {"Unsubscribe",
             made<Unsubscribe>([](Unsubscribe& c) { c.subscription = SubscriptionNo{5}; }),
             "01011605"}};
}

std::vector<CommandSample> delivery_samples() {
    return {{"Settle",
             sample_settle(),
             "0101170501ac02020201f703e8070462757379026e6f0101"
             "010001090102b8170103016b0176ffffffffffffffffac0201017208"},
            {"FeedQueue",
             made<FeedQueue>([](FeedQueue& c) {
                 c.subscription = SubscriptionNo{5};
                 c.sequence = 1;
                 c.generation = 2;
             }),
             "010118050102"},
            {"Redrive",
             made<Redrive>([](Redrive& c) {
                 c.queue = QueueNo{9};
                 c.sequences = {1, 300};
                 c.rate_per_s = 50;
             }),
             "010119090201ac020000000000000000000000000000000000000000000032"},
            {"Quarantine",
             made<Quarantine>([](Quarantine& c) {
                 c.object = ObjectNo{5};
                 c.sequence = 7;
                 c.message = MessageId{SetId{1}, 2, 3};
             }),
             "01011a05078388808080808004"},
            {"Tick", Tick{}, "01011b"},
            {"DisableSubscription",
             made<DisableSubscription>([](DisableSubscription& c) {
                 c.subscription = SubscriptionNo{5};
                 c.reason = "why";
             }),
             "01011c0503776879"},
            {"DeployScript",
             made<DeployScript>([](DeployScript& c) {
                 c.subscription = SubscriptionNo{5};
                 c.script = sample_script();
             }),
             "01011d0501020163016e07"},
            {"ActivateScript",
             made<ActivateScript>([](ActivateScript& c) {
                 c.subscription = SubscriptionNo{5};
                 c.role = ScriptRole::transform;
                 c.version = 300;
             }),
             "01011e0503ac02"}};
}

std::vector<CommandSample> cluster_samples() {
    return {{"PutNode",
             made<PutNode>([](PutNode& c) {
                 c.info = {NodeId{300}, "h:7072", "h:7070", "a", true};
             }),
             "01011fac0206683a3730373206683a37303730016101"},
            {"DropNode", made<DropNode>([](DropNode& c) { c.node = NodeId{2}; }), "01012002"},
            {"PutSet",
             made<PutSet>([](PutSet& c) {
                 c.info = {SetId{3}, {NodeId{1}}, {NodeId{1}, NodeId{2}}};
             }),
             "010121030101020102"}};
}

DeadInfo sample_dead_info() {
    return made<DeadInfo>([](DeadInfo& d) {
        d.source = {SetId{1}, ObjectNo{5}};
        d.source_name = "t/s";
        d.failure = Failure::status;
        d.status = 503;
        d.attempts = 4;
        d.excerpt = "busy";
        d.log = "no";
        d.died_ms = 1'700'000'000'000;
        d.first_logged_ms = 7;
        d.redrives = 300;
    });
}

std::vector<CommandSample> arrangement_samples() {
    return {{"SetBalancing", made<SetBalancing>([](SetBalancing& c) { c.on = true; }), "01012501"},
            {"MarkLeaving",
             made<MarkLeaving>([](MarkLeaving& c) { c.node = NodeId{300}; }),
             "010126ac0201"},
            {"PreferLeader",
             made<PreferLeader>([](PreferLeader& c) {
                 c.set = SetId{3};
                 c.node = NodeId{300};
             }),
             "01012703ac02"}};
}

std::vector<CommandSample> job_samples() {
    return {{"ChangeDelayed",
             made<ChangeDelayed>([](ChangeDelayed& c) {
                 c.object = ObjectNo{5};
                 c.message = MessageId{SetId{1}, 2, 3};
                 c.cancel = true;
                 c.due_ms = 8;
             }),
             "010128058388808080808004010800000000000000"},
            {"Replay",
             made<Replay>([](Replay& c) {
                 c.subscription = SubscriptionNo{5};
                 c.filter.failures = {Failure::status, Failure::timeout};
                 c.filter.status_min = 500;
                 c.filter.status_max = 599;
                 c.filter.from_ms = 7;
                 c.filter.before_ms = 8;
                 c.filter.tags = {"a"};
                 c.filter.key = "k";
                 c.filter.text = "t";
                 c.rate_per_s = 50;
             }),
             "01012905020102f403d70407000000000000000800000000000000010161016b017432"},
            {"ChangeJob",
             made<ChangeJob>([](ChangeJob& c) {
                 c.object = ObjectNo{9};
                 c.action = JobAction::pause;
             }),
             "01012a0901"},
            {"StepJob",
             made<StepJob>([](StepJob& c) {
                 c.object = ObjectNo{9};
                 c.job = 300;
                 c.from = 1;
                 c.through = 3;
                 c.chosen = {2};
             }),
             "01012b09ac0201030102"},
            {"EditLetter",
             made<EditLetter>([](EditLetter& c) {
                 c.queue = QueueNo{9};
                 c.sequence = 300;
                 c.ordinal = 1;
             }),
             "01012c09ac0201"}};
}

std::vector<CommandSample> release_samples() {
    return {{"ReleaseDelivery",
             made<ReleaseDelivery>([](ReleaseDelivery& c) {
                 c.subscription = SubscriptionNo{5};
                 c.sequence = 300;
                 c.drop = true;
             }),
             "01012d05ac0201"}};
}

std::vector<CommandSample> transfer_samples() {
    return {{"BindDeadLetter",
             made<BindDeadLetter>([](BindDeadLetter& c) {
                 c.queue = QueueNo{9};
                 c.source = {SetId{2}, QueueNo{300}};
                 c.from_queue = true;
                 c.bound = false;
             }),
             "01012209ac828080200100"},
            {"Transfer",
             made<Transfer>([](Transfer& c) {
                 c.source = SetId{2};
                 c.number = 300;
                 c.answered_to = 299;
                 c.kind = TransferKind::dead_letter;
                 c.object = ObjectNo{9};
                 c.message = MessageId{SetId{2}, 3, 4};
                 c.ordinal = 1;
                 c.not_before_ms = 8;
                 c.in_order = SubscriptionNo{5};
                 c.refused_to = 298;
                 c.dead = sample_dead_info();
             }),
             "01012302ac02ab020409848c80808080800801080000000000000005aa02858080801003742f73"
             "01f703040462757379026e6f0068e5cf8b0100000700000000000000ac02"},
            {"TransfersAnswered",
             made<TransfersAnswered>([](TransfersAnswered& c) {
                 c.target = SetId{3};
                 c.first = 300;
                 c.answers = {{}, {TransferOutcome::refused, Reason::queue_full, "full"}};
             }),
             "01012403ac0202010000020f0466756c6c"}};
}

}  // namespace

QueueAttributes sample_queue_attributes() {
    return made<QueueAttributes>([](QueueAttributes& a) {
        a.messages_max = 1'000'000;
        a.polling_wait_s = 30;
        a.visibility_s = 60;
        a.message_bytes_max = 1024;
        a.retention_s = 3600;
        a.rewind_s = 1800;
        a.paused = true;
        DeadLetterPolicy policy;
        policy.queue = QueueNo{9};
        policy.kind = DeadLetterPolicy::Kind::time_to_live;
        policy.max_receives = 3;
        policy.time_to_live_s = 300;
        a.dead_letter = policy;
    });
}

TopicAttributes sample_topic_attributes() {
    return made<TopicAttributes>([](TopicAttributes& a) {
        a.message_bytes_max = 2048;
        a.filter = FilterKind::routing_key;
        a.retention_s = 7200;
    });
}

SubscriptionSpec sample_subscription_spec() {
    return made<SubscriptionSpec>([](SubscriptionSpec& s) {
        s.sink = SinkKind::queue;
        s.endpoint = "http://a/b";
        s.queue = QueueNo{7};
        s.format = ContentFormat::simplified;
        s.retry = backoff_retry();
        s.filter_tags = {"red", "blue"};
        s.binding_keys = {"a.*.#"};
        s.dead_letter = QueueNo{8};
        s.concurrency = 4;
        s.timeout_ms = 500;
        s.state = SubscriptionState::paused;
        s.state_reason = "why";
        s.function.command = {"/bin/a", "b"};
        s.function.folder = "/f";
        s.function.processes = 2;
        s.function.window = 3;
        s.function.content_length = true;
        s.function.envelope = true;
        s.function.batch = 4;
        s.function.startup_ms = 500;
        s.function.memory_mib = 300;
        s.function.recycle_after = 7;
        s.function.recycle_age_ms = 60'000;
        s.function.recycle_memory_mib = 200;
        s.function.crashes_max = 5;
        s.function.http_allow = {"h"};
        s.scripts = {0, 9, 0};
        s.pace.breaker = true;
        s.pace.heeds_answers = true;
        s.pace.concurrency = ConcurrencyMode::gradient;
        s.pace.rate_per_s = 300;
        s.pace.retry_share_percent = 20;
        s.pace.client_errors_die = true;
        s.pace.retried_statuses = {404};
        s.pace.deferral_ms_max = 5'000;
        s.pace.on_exhausted = OnExhausted::park;
        s.pace.order_by_key = true;
    });
}

std::vector<Attempt> sample_attempts() {
    return {made<Attempt>([](Attempt& a) {
                a.sequence = 1;
                a.message = MessageId{SetId{1}, 2, 3};
                a.number = 2;
                a.at_ms = 1'700'000'000'000;
                a.latency_us = 1500;
                a.verdict = Verdict::retry;
                a.failure = Failure::timeout;
                a.status = 500;
                a.target = "127.0.0.1:80";
                a.excerpt = "oops";
                a.log = "no";
                a.version = 300;
            }),
            made<Attempt>([](Attempt& a) {
                a.sequence = 2;
                a.status = 200;
            })};
}

std::vector<CommandSample> command_samples() {
    std::vector<CommandSample> all;
    for (const auto& group : {name_samples(),
                              queue_samples(),
                              queue_message_samples(),
                              topic_samples(),
                              subscription_samples(),
                              delivery_samples(),
                              cluster_samples(),
                              transfer_samples(),
                              arrangement_samples(),
                              job_samples(),
                              release_samples(),
                              transaction_samples(),
                              give_back_samples()}) {
        all.insert(all.end(), group.begin(), group.end());
    }
    return all;
}

}  // namespace penstock::model::testing
