// Debian's Chromium under playwright-core, and what every page of the console is held to.
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const screenshots = process.env.PENSTOCK_SCREENSHOTS ?? "screenshots";

export async function openBrowser() {
  const executablePath = programs.find((program) => existsSync(program));
  if (executablePath === undefined) throw new Error("there is no browser: install the package chromium");
  mkdirSync(screenshots, { recursive: true });
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

// A page that remembers what a console must never do: fail, break its policy, ask elsewhere.
export async function openPage(browser, base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 850 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error}`));
  page.on("console", (line) => {
    // Of a job that was never started there is nothing to be had.
    const noJob = line.text().includes("404") && /\/(redrive|replay)$/.test(line.location().url);
    const expected = noJob || line.text().includes("401") || line.text().includes("403");
    if (line.type() === "error" && !expected) faults.push(`console: ${line.text()} ${line.location().url}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) faults.push(`asked elsewhere: ${request.url()}`);
  });
  page.setDefaultTimeout(15_000);
  return { context, page, faults };
}

export async function signIn(page, base, key) {
  await page.goto(base);
  await page.getByLabel("Key id").fill(key.id);
  await page.getByLabel("Secret").fill(key.secret);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

// What is wrong with a page: more or less than one main heading, anything wider than the window,
// anything that axe finds serious.
export async function faultsOf(page, name) {
  const faults = [];
  const headings = await page.locator("h1").count();
  if (headings !== 1) faults.push(`${name} has ${headings} main headings`);
  const [inside, outside] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  if (inside > outside) faults.push(`${name} is ${inside} px wide in ${outside}`);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const told = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return told.violations
      .filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).slice(0, 3).join("; ")}`);
  });
  return [...faults, ...found.map((one) => `${name}: ${one}`)];
}

export function picture(page, name) {
  return page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true, animations: "disabled" });
}
