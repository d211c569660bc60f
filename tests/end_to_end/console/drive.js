// The console from sign-in to a repaired delivery, in a browser, against the server at BASE; then a
// look at each page, on a desktop and on a phone.
import { faultsOf, openBrowser, openPage, picture, signIn } from "./browser.js";
import { api, expect, key, until, webhook } from "./server_side.js";

const base = process.argv[2];
const ask = api(base);

const lua = `-- Orders above the limit are looked at by a person.
local LIMIT = 1000

function handle(event, ctx)
  local order = event:json()
  if order.total > LIMIT then
    ctx.log.warn("order %s needs a look", order.id)
  end
end
`;

async function prepare(hook) {
  await ask("POST", "/v1/topics", { name: "orders" });
  await ask("POST", "/v1/topics", { name: "payments", match: "key" });
  await ask("POST", "/v1/queues", { name: "archive" });
  await ask("POST", "/v1/queues", { name: "invoices", poll: 10 });
  const steps = { name: "custom", steps: [{ min_ms: 600, times: 2 }] };
  const subscribe = (body) => ask("POST", "/v1/topics/orders/subscriptions", body);
  // Left alone while it fails, its messages would wait rather than become dead letters.
  const push = { breaker: false };
  await subscribe({ name: "billing", http: { url: hook.url }, format: "simplified", retry: steps, push });
  await subscribe({ name: "store", queue: { name: "archive" } });
  await subscribe({ name: "review", lua: { code: lua } });
  await subscribe({ name: "mail", http: { url: hook.url }, paused: true });
  await ask("POST", "/v1/accounts", { name: "acme", queues_max: 1 });
  await ask("POST", "/v1/queues", { name: "acme:only", qps: 50 });
  for (let at = 0; at < 9; at += 1) {
    await ask("POST", "/v1/queues/invoices/messages/batch", { messages: [{ body: `invoice ${at}` }] });
  }
}

function publish(id, total) {
  const body = JSON.stringify({ id, total, currency: "CNY", lines: [{ sku: "GATE-4", count: 2 }] });
  return ask("POST", "/v1/topics/orders/messages/batch", { messages: [{ body }] });
}

// The same path speaks CMQ to who speaks CMQ.
async function sharesItsPath() {
  const answer = await (await fetch(`${base}/?Action=ListQueue`)).json();
  expect(`an envelope of CMQ's: ${JSON.stringify(answer)}`, answer.code !== 0 && answer.requestId !== undefined);
}

// Nothing but the page's own files, and quickly.
async function paintsFast(browser) {
  const { context, page, faults } = await openPage(browser, base);
  const session = await context.newCDPSession(page);
  let wire = 0;
  await session.send("Network.enable");
  session.on("Network.loadingFinished", (one) => (wire += one.encodedDataLength));
  await page.goto(base);
  await page.getByRole("heading", { name: "Penstock" }).waitFor();
  const paint = await until("the first paint", () =>
    page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime),
  );
  console.log(`first paint ${Math.round(paint)} ms, ${(wire / 1024).toFixed(1)} KiB over the wire`);
  expect(`painted within 1 s, not ${paint} ms`, paint < 1000);
  expect(`under 300 KiB, not ${wire} bytes`, wire > 0 && wire < 300 * 1024);
  faults.push(...(await faultsOf(page, "sign-in")));
  await picture(page, "sign-in");
  await page.getByLabel("Key id").fill(key.id);
  await page.getByLabel("Secret").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "secret" }).waitFor();
  await context.close();
  return faults;
}

// Sees the failing subscription, opens its dead letter, sends it again, sees it delivered.
async function repairs(page, hook) {
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Needs attention" }).getByText("orders/billing").first().waitFor();
  await page.getByRole("link", { name: "Subscriptions" }).first().click();
  await page.getByRole("link", { name: "orders/billing" }).click();
  await page.getByRole("heading", { level: 1, name: "orders/billing" }).waitFor();
  await page.getByRole("cell", { name: "503" }).first().waitFor();
  await picture(page, "failing-subscription");
  await page.getByRole("link", { name: "Dead letters", exact: true }).last().click();
  await page.getByRole("button", { name: /^status 503/ }).waitFor();
  const letter = page.getByRole("row").nth(1).getByRole("button");
  const id = (await letter.textContent()).trim();
  await letter.click();
  await page.getByText("the turbine is down").first().waitFor();
  await page.getByText('"sku": "GATE-4"').waitFor();
  await picture(page, "dead-letter");
  await page.getByRole("button", { name: "Copy as curl" }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(`the letter as curl: ${copied}`, copied.startsWith(`curl -i -X POST '${hook.url}'`) && copied.includes("GATE-4"));
  hook.status = 200;
  const before = hook.bodies.length;
  await page.getByRole("region", { name: `Letter ${id}` }).getByRole("button", { name: "Redrive" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
  await until("the redriven delivery", () => hook.bodies.length > before);
  await page.getByRole("region", { name: `Letter ${id}` }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Redrive all…" }).click();
  await page.getByRole("dialog", { name: "Redrive 1 letter?" }).getByRole("button", { name: "Redrive" }).click();
  await until("the other one", () => hook.bodies.length > before + 1);
  await page.getByText("No dead letters").waitFor();
  await page.goto(`${base}/#/messages/${id}`);
  const attempts = page.getByRole("region", { name: "Attempts of orders/billing" });
  await attempts.getByText("Attempt 1, sent again").waitFor();
  const results = await attempts.getByRole("columnheader").locator(".badge").allTextContents();
  expect(`three attempts failed and one did not: ${results}`, `${results}` === "failed,failed,failed,delivered");
  return id;
}

// Mends the message itself: the letter goes back changed, under an id that is new.
async function edits(page, hook) {
  hook.status = 200;
  await page.goto(`${base}/#/dead-letters/orders.billing.dlq`);
  await page.getByRole("row").nth(1).getByRole("button").click();
  const letter = page.getByRole("region", { name: /^Letter / });
  await letter.getByRole("region", { name: "Attempts side by side" }).getByText("Attempt 3").waitFor();
  await letter.getByRole("button", { name: "Edit…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Body").fill('{"id":"mended"}');
  await picture(page, "edit");
  const before = hook.bodies.length;
  await dialog.getByRole("button", { name: "Redrive as edited" }).click();
  await until("the mended delivery", () => hook.bodies.slice(before).includes('{"id":"mended"}'));
  await letter.waitFor({ state: "detached" });
  hook.status = 503;
}

// What was published goes to one subscription once more.
async function replays(page, hook) {
  await page.goto(`${base}/#/subscriptions/orders/billing`);
  await page.getByRole("region", { name: "Replay" }).getByLabel("With this text").fill("A-1001");
  await page.getByRole("button", { name: "Count them…" }).click();
  hook.status = 200;
  const before = hook.bodies.length;
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await until("the replayed delivery", () => hook.bodies.slice(before).some((body) => body.includes("A-1001")));
  await page.getByText("done", { exact: true }).waitFor();
  await picture(page, "replay");
  hook.status = 503;
}

// Looks into a queue without taking anything, and takes a delayed message back.
async function peeks(page) {
  await ask("POST", "/v1/queues/invoices/messages/batch", { messages: [{ body: "invoice of tomorrow" }], delay: 3600 });
  await page.goto(`${base}/#/queues/invoices`);
  const messages = page.getByRole("region", { name: "Messages" });
  await messages.getByText("invoice 3").waitFor();
  await messages.getByRole("button", { name: "delayed" }).click();
  await messages.getByText("invoice of tomorrow").waitFor();
  await picture(page, "delayed");
  await messages.getByRole("button", { name: "Take back" }).click();
  await messages.getByText("None is delayed").waitFor();
}

// A key that may only look is told so.
async function isToldWhatItMayNot(page) {
  const refusal = { title: "Forbidden", status: 403, code: "denied", detail: "The key may not do that." };
  const answer = { status: 403, contentType: "application/problem+json", body: JSON.stringify(refusal) };
  await page.route("**/v1/subscriptions/orders/store/pause", (route) => route.fulfill(answer));
  await page.goto(`${base}/#/subscriptions/orders/store`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("This key may look but not change that.").waitFor();
  await page.unroute("**/v1/subscriptions/orders/store/pause");
}

// A key that may look, and change one subscription: what it may not do is off and says why, forms are
// not there.
async function offersOnlyWhatTheKeyMay(browser) {
  const statements = [
    { effect: "allow", actions: ["SetSubscription"], resources: ["subscription/orders/store"] },
  ];
  const made = await ask("POST", "/v1/keys", { role: "viewer", statements });
  const { context, page, faults } = await openPage(browser, base);
  await signIn(page, base, { id: made.key_id, secret: made.key_secret });
  const isOff = async (path, name, act) => {
    await page.goto(`${base}/#/${path}`);
    const button = page.getByRole("button", { name }).first();
    const reason = `This key may not do ${act}.`;
    await until(`${name} says: ${reason}`, async () => (await button.getAttribute("title")) === reason);
    expect(`${name} of ${path} is off`, await button.isDisabled());
  };
  await isOff("queues/archive", "Pause", "SetQueue on queue/archive");
  await isOff("queues/archive", "Clear…", "ClearQueue on queue/archive");
  await page.getByText("This key may not do SendMessages on queue/archive.").waitFor();
  expect("there is nothing to send with", (await page.getByRole("button", { name: "Send" }).count()) === 0);
  faults.push(...(await faultsOf(page, "a queue for who looks")));
  await picture(page, "viewer");
  await isOff("subscriptions/orders/billing", "Pause", "SetSubscription on subscription/orders/billing");
  await page.getByText("This key may not do ReplayMessages on subscription/orders/billing.").waitFor();
  const letters = `dead-letters/${encodeURIComponent("orders.billing.dlq")}`;
  await isOff(letters, "Redrive all…", "RedriveDeadLetters on queue/orders.billing.dlq");
  // What a statement grants is there.
  await page.goto(`${base}/#/subscriptions/orders/store`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("orders/store is paused.").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("orders/store delivers again.").waitFor();
  await context.close();
  return faults;
}

// To a page and through a question without a mouse.
async function worksWithoutAMouse(page) {
  await page.goto(`${base}/#/`);
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  await page.keyboard.press("Tab");
  expect("the first stop leads to the content", (await focused()) === "To the content");
  await until("the queues in the order of focus", async () => {
    await page.keyboard.press("Tab");
    return (await focused()) === "Queues";
  });
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Queues" }).waitFor();
  expect("the heading has the focus", (await focused()) === "Queues");
  await page.keyboard.press("/");
  await page.keyboard.type("invo");
  await page.getByRole("link", { name: "invoices" }).waitFor();
  await until("only what was looked for", async () => (await page.getByRole("row").count()) === 2);
}

async function looks({ page, faults }, suffix, message) {
  const letters = `dead-letters/${encodeURIComponent("orders.billing.dlq")}`;
  const pages = [
    ["", "overview"],
    ["queues", "queues"],
    ["queues/invoices", "queue"],
    ["topics", "topics"],
    ["topics/orders", "topic"],
    ["subscriptions", "subscriptions"],
    ["subscriptions/orders/billing", "subscription"],
    ["deliveries", "deliveries"],
    [`messages/${message}`, "message"],
    ["dead-letters", "dead-letters"],
    [letters, "dead-letter-queue"],
    ["functions", "functions"],
    ["functions/orders/review", "function"],
    ["workers", "workers"],
    ["cluster", "cluster"],
  ];
  for (const [path, name] of pages) {
    await page.goto(`${base}/#/${path}`);
    await page.locator("main :is(.panel, .table, .empty, .tiles)").first().waitFor();
    await until(`${name} is loaded`, async () => (await page.locator(".loading").count()) === 0);
    faults.push(...(await faultsOf(page, `${name} ${suffix}`)));
    await picture(page, `${name}-${suffix}`);
  }
}

// What an account has beside what it may, and the rate of a queue.
async function showsLimits({ page }) {
  await page.goto(`${base}/#/cluster`);
  await page.getByRole("region", { name: "Accounts" }).getByText("1 of 1", { exact: true }).waitFor();
  await page.goto(`${base}/#/queues/${encodeURIComponent("acme:only")}`);
  await page.getByText("at most 50").waitFor();
}

async function main() {
  const hook = await webhook();
  const browser = await openBrowser();
  try {
    await prepare(hook);
    await Promise.all([publish("A-1001", 420), publish("A-1002", 2800)]);
    await sharesItsPath();
    const faults = await paintsFast(browser);
    const desktop = await openPage(browser, base, { colorScheme: "light" });
    await signIn(desktop.page, base, key);
    const message = await repairs(desktop.page, hook);
    await isToldWhatItMayNot(desktop.page);
    await showsLimits(desktop);
    await worksWithoutAMouse(desktop.page);
    hook.status = 503;
    for (let at = 3; at < 8; at += 1) await publish(`A-100${at}`, 300 * at);
    await until("more dead letters", async () => (await ask("GET", "/v1/dead-letters/orders.billing.dlq")).items.length > 4);
    await edits(desktop.page, hook);
    await replays(desktop.page, hook);
    await peeks(desktop.page);
    faults.push(...(await offersOnlyWhatTheKeyMay(browser)));
    await looks(desktop, "desktop", message);
    const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, colorScheme: "dark" };
    const hand = await openPage(browser, base, phone);
    await signIn(hand.page, base, key);
    await hand.page.getByRole("button", { name: "Pages" }).click();
    await picture(hand.page, "menu-phone");
    await hand.page.getByRole("link", { name: "Topics" }).click();
    await looks(hand, "phone", message);
    const all = [...faults, ...desktop.faults, ...hand.faults];
    expect(`nothing is wrong in the browser: ${all.join("\n")}`, all.length === 0);
  } finally {
    await browser.close();
    hook.close();
  }
}

await main();
console.log("the console does it");
