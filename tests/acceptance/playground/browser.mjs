// A headless Chromium that reads one JSON request a line on standard input and answers each with one line.
// Only loopback is reachable: every other address is refused, and answered for in `refused`.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.argv[2]}/`)('playwright-core');
const LIMIT = 20_000; // milliseconds of one request

const browser = await chromium.launch({
  executablePath: process.argv[3],
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
});
const refused = [];
let page;

const steps = {
  async open({ url, width, height }) {
    const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: 1 });
    await context.route('**/*', (route) => {
      const host = new URL(route.request().url()).hostname;
      if (host === '127.0.0.1' || host === 'localhost') return route.continue();
      refused.push(host);
      return route.abort();
    });
    page = await context.newPage();
    page.setDefaultTimeout(LIMIT);
    await page.goto(url, { waitUntil: 'domcontentloaded' });
  },
  click: ({ at }) => page.locator(at).last().click(),
  fill: ({ at, text }) => page.locator(at).last().fill(text),
  type: ({ at, text }) => page.locator(at).last().pressSequentially(text),
  insert: ({ text }) => page.keyboard.insertText(text),
  press: ({ key }) => page.keyboard.press(key),
  choose: ({ at, value }) => page.locator(at).last().selectOption(value),
  wait: ({ at, state }) => page.locator(at).last().waitFor({ state: state ?? 'visible' }),
  texts: ({ at }) => page.locator(at).allInnerTexts(),
  count: ({ at }) => page.locator(at).count(),
  run: ({ script }) => page.evaluate(script),
  refused: () => refused,
  async shot({ path, at }) {
    if (at) await page.locator(at).last().screenshot({ path });
    else await page.screenshot({ path });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await steps[step](given)) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
