// Answers a question by keyboard, as a person would: which checkout is slow, why, and what is different about the slow
// ones. Then looks at every other screen. A picture is kept of each step; what was reached is read from the address.
import { mkdirSync } from 'node:fs';
import { launch, stands } from './page.mjs';
const [url, out, theme = 'dark'] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const { browser, page } = await launch();
const seen = { errors: [], asks: [], steps: {}, files: [], mirror: [] };
page.on('pageerror', (e) => seen.errors.push(String(e)));
page.on('request', (r) => { if (r.url().includes('/door/ask')) seen.asks.push(JSON.parse(r.postData() ?? '{}').ask); });
page.on('request', (r) => { if (!r.url().startsWith(new URL(url).origin)) seen.errors.push('asked elsewhere: ' + r.url()); });
page.on('download', async (d) => { await d.saveAs(`${out}/file`); seen.files.push(d.suggestedFilename()); });

// Waits until the picture stands still.
async function settled() {
  let last = '';
  for (let i = 0; i < 60; i++) {
    await page.waitForTimeout(250);
    const shot = (await page.screenshot()).toString('base64');
    if (shot === last) return;
    last = shot;
  }
}
let n = 0;
async function step(name) {
  await settled();
  n += 1;
  const path = `${out}/${String(n).padStart(2, '0')}-${name}.png`;
  const shot = await page.screenshot({ path });
  const said = await page.evaluate(() => document.getElementById('said')?.textContent ?? '');
  const rows = await page.evaluate(() => [...document.querySelectorAll('#mirror > *')].map((e) => e.textContent));
  seen.steps[name] = { rows, hash: await page.evaluate(() => location.hash), bytes: shot.length, said };
}
const type = async (text) => { await page.keyboard.type(text, { delay: 25 }); };
const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };

await page.goto(url);
await page.goto(`${new URL(url).origin}/?theme=${theme}#/`);
await stands(page);
await page.mouse.click(700, 880);
await step('home');
// Search.
await type('gt');
await settled();
await type('/');
await type('name:"POST /api/checkout"');
await press('Enter');
await step('search');
// What those hear who don't see the canvas.
seen.mirror = await page.evaluate(() => [...document.querySelectorAll('#mirror > *')].map((e) => e.textContent));
// Brush the slow ones: the upper part of the plot.
await page.mouse.move(380, 98);
await page.mouse.down();
await page.mouse.move(900, 120, { steps: 6 });
await page.mouse.move(1410, 150, { steps: 6 });
await page.mouse.up();
await step('brush');
// What is different about them.
await type('cb');
await step('differs');
await press('Alt+ArrowLeft');
await settled();
// The slowest one, and its critical path.
await type('s');
await settled();
await type('gg');
await press('Enter');
await step('trace');
await type('e');
await step('critical-path');
await type('2');
await step('flame');
await type('1');
// Held against what is usual.
await type('d');
await step('diff');
await type('n');
await step('difference');
// Everything else.
await type('gv');
await step('services');
await type('gl');
await step('logs');
await press('Enter');
await step('record');
await type('p');
await step('patterns');
await type('b');
await step('stream');
await type('gm');
await step('metrics');
await type('gq');
await settled();
await page.mouse.click(800, 120);
await press('Control+a');
await type('SELECT ServiceName, count(*) AS n, max(Duration) / 1e6 AS ms FROM traces GROUP BY ALL ORDER BY n DESC');
await press('Control+Enter');
await step('sql');
await page.mouse.click(700, 880);
await press('Escape');
await type('gt');
await settled();
await type('>');
await press('ArrowDown', 'Enter');
await step('export');
await press('Escape');
await page.waitForFunction(() => [...document.querySelectorAll('#mirror button')].some((b) => b.textContent === 'Group by'));
await page.evaluate(() => [...document.querySelectorAll('#mirror button')].find((b) => b.textContent === 'Group by').click());
await step('group');
await press('Escape');
await type('?');
await step('keys');
await press('Escape');
await type('gs');
await step('status');
console.log(JSON.stringify(seen));
await browser.close();
