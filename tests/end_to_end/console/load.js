// load.js BASE SUBSCRIPTIONS RATE: the overview while RATE messages a second pass a server with that
// many subscriptions. Fluent: frames keep coming, and no task holds the page up.
import { openBrowser, openPage, picture, signIn } from "./browser.js";
import { api, expect, key, until } from "./server_side.js";

const [base, subscriptions, rate] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const ask = api(base);
const perTopic = 100;
const perBatch = 16;
const watched_ms = 10_000;
const task_ms_max = 200; // one that is felt
const frame_ms_max = 50; // of 95 in 100

async function prepare() {
  await ask("POST", "/v1/queues", { name: "sink", max_size: 1024 });
  await ask("POST", "/v1/queues", { name: "stream", max_size: 1024 });
  for (let topic = 0; topic * perTopic < subscriptions; topic += 1) {
    await ask("POST", "/v1/topics", { name: `topic-${topic}` });
    const adds = [];
    for (let at = 0; at < Math.min(perTopic, subscriptions - topic * perTopic); at += 1) {
      const body = { name: `sub-${at}`, queue: { name: "sink" }, tags: [`t${at}`] };
      adds.push(ask("POST", `/v1/topics/topic-${topic}/subscriptions`, body));
    }
    await Promise.all(adds);
  }
}

// Sends at the rate until told to stop; what came through is the server's to tell.
function send() {
  const state = { stop: false, failed: 0 };
  const messages = Array.from({ length: perBatch }, (_, at) => ({ body: `event ${at}` }));
  const began = Date.now();
  let sent = 0;
  const one = async () => {
    while (!state.stop) {
      const due = ((Date.now() - began) / 1000) * rate;
      if (sent >= due) {
        await new Promise((done) => setTimeout(done, 2));
        continue;
      }
      sent += perBatch;
      // A tenth goes through topics, where the subscriptions are.
      const topic = Math.floor(Math.random() * (subscriptions / perTopic));
      const tag = `t${Math.floor(Math.random() * perTopic)}`;
      const tagged = messages.map((message) => ({ ...message, tags: [tag] }));
      const publish = Math.random() < 0.1;
      const path = publish ? `/v1/topics/topic-${topic}/messages/batch` : "/v1/queues/stream/messages/batch";
      await ask("POST", path, { messages: publish ? tagged : messages }).catch(() => (state.failed += 1));
    }
  };
  state.done = Promise.all(Array.from({ length: 24 }, one));
  return state;
}

// Frames and long tasks of the page over a while.
function watch(page) {
  return page.evaluate(async (duration) => {
    const tasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) tasks.push(entry.duration);
    }).observe({ type: "longtask" });
    const frames = [];
    let last = performance.now();
    const end = last + duration;
    await new Promise((done) => {
      const frame = (now) => {
        frames.push(now - last);
        last = now;
        if (now > end) done();
        else requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    frames.sort((one, other) => one - other);
    return {
      frames: frames.length,
      median: frames[Math.floor(frames.length / 2)],
      slow: frames[Math.floor(frames.length * 0.95)],
      task: Math.max(0, ...tasks),
    };
  }, watched_ms);
}

async function sentSoFar() {
  const text = await (await fetch(`${base}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    if (/^penstock_messages_(sent|published)_total\{/.test(line)) sum += Number(line.split(" ").pop());
  }
  return sum;
}

await prepare();
const browser = await openBrowser();
const load = send();
try {
  const { page, faults } = await openPage(browser, base);
  await signIn(page, base, key);
  await page.getByText("live", { exact: true }).waitFor();
  await until("a rate is shown", () => page.evaluate(() => !document.querySelector(".tile-value").textContent.startsWith("–")));
  const before = await sentSoFar();
  const began = Date.now();
  const seen = await watch(page);
  const reached = ((await sentSoFar()) - before) / ((Date.now() - began) / 1000);
  await picture(page, "overview-loaded");
  console.log(`${Math.round(reached)} messages/s, frames ${JSON.stringify(seen)}`);
  expect(`nothing went wrong in the browser: ${faults.join("; ")}`, faults.length === 0);
  expect(`${rate} messages/s, not ${reached}`, reached > 0.9 * rate);
  expect(`no task holds the page up for ${seen.task} ms`, seen.task < task_ms_max);
  expect(`95 in 100 frames within ${frame_ms_max} ms, not ${seen.slow}`, seen.slow < frame_ms_max);
} finally {
  load.stop = true;
  await load.done;
  await browser.close();
}
