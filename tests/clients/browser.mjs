// Walks through the page as a person would and says what it saw: home, the trace list, a click on a trace, its
// waterfall, the logs. The screens are painted on a canvas, so what they show is read from the address and the pixels.
import { mkdirSync } from 'node:fs';
import { launch, stands } from './page.mjs';
const [url, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const { browser, page } = await launch();
const seen = { errors: [], asks: [], steps: {} };
page.on('pageerror', (e) => seen.errors.push(String(e)));
page.on('request', (r) => { if (r.url().includes('/door/ask')) seen.asks.push(JSON.parse(r.postData() ?? '{}').ask); });
page.on('request', (r) => { if (!r.url().startsWith(new URL(url).origin)) seen.errors.push('asked elsewhere: ' + r.url()); });

// Waits until the picture stands still.
async function settled() {
  let last = '';
  for (let i = 0; i < 60; i++) {
    await page.waitForTimeout(300);
    const shot = (await page.screenshot()).toString('base64');
    if (shot === last) return shot.length;
    last = shot;
  }
  return last.length;
}
async function step(name) {
  await settled();
  const shot = await page.screenshot({ path: `${out}/${name}.png` });
  seen.steps[name] = { hash: await page.evaluate(() => location.hash), bytes: shot.length };
}

await page.goto(url);
await stands(page);
await step('home');
await page.mouse.click(33, 120);
await step('traces');
await page.evaluate(() => { location.hash = '#/traces?q=name%3A%22POST%20%2Fapi%2Fcheckout%22%20error%3Atrue&last=60'; });
await settled();
await page.mouse.click(500, 374);
await step('trace');
await page.mouse.click(400, 395);
await step('span');
await page.goBack();
await step('back');
await page.mouse.click(33, 167);
await step('logs');
await page.mouse.click(33, 842);
await step('light');
console.log(JSON.stringify(seen));
await browser.close();
