// Takes the page through the steps of a file by keyboard and prints the address and what is said after each:
// node walk.mjs URL WALK PICTURES
import { mkdirSync, readFileSync } from 'node:fs';
const { chromium } = await import(`${process.env.NODE_CLIENT_ROOT}/node_modules/playwright-core/index.mjs`);
const [url, walk, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const errors = [];
page.on('pageerror', (e) => errors.push(String(e)));
await page.goto(url);
await page.waitForFunction(() => document.querySelector('canvas').width > 300);
await page.mouse.click(700, 880);
const steps = {};
for (const { step, keys, at, said, title } of JSON.parse(readFileSync(walk, 'utf8'))) {
  for (const key of keys) {
    if (/^<.*>$/.test(key)) await page.keyboard.press(key.slice(1, -1));
    else await page.keyboard.type(key, { delay: 25 });
    await page.waitForTimeout(500);
  }
  const is = ([at, said, title]) => location.hash.includes(at)
    && document.getElementById('said').textContent.includes(said) && document.title.includes(title);
  await page.waitForFunction(is, [at, said, title], { timeout: 20000 }).catch(() => {});
  steps[step] = await page.evaluate(() => ({
    at: location.hash, said: document.getElementById('said').textContent, title: document.title }));
  await page.screenshot({ path: `${out}/browser-${step.replace(' ', '-')}.png` });
}
console.log(JSON.stringify({ errors, steps }));
await browser.close();
