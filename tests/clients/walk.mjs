// Takes the page through the steps of a file by keyboard and prints the address and what is said after each:
// node walk.mjs URL WALK PICTURES
import { mkdirSync, readFileSync } from 'node:fs';
import { launch, looks, stands } from './page.mjs';
const [url, walk, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const { browser, page } = await launch();
const errors = [];
page.on('pageerror', (e) => errors.push(String(e)));
const look = looks(page);
await page.goto(url);
await stands(page);
await page.mouse.click(700, 880);
const steps = {};
for (const { step, keys, at, said, title } of JSON.parse(readFileSync(walk, 'utf8'))) {
  for (const key of keys) {
    if (/^<.*>$/.test(key)) await page.keyboard.press(key.slice(1, -1));
    else await page.keyboard.type(key, { delay: 25 });
    await look();
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
