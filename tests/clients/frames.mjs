// Our own time for each frame of the page: CPU of the page's thread in its frame callback (logic, ui, tessellation and
// handing the triangles over). node frames.mjs URL ADDRESS prints percentiles of home and of the trace at ADDRESS.
import { launch, stands } from './page.mjs';
const [url, address] = process.argv.slice(2);
const { browser, page } = await launch();
await page.goto(url);
await stands(page);
const session = await page.context().newCDPSession(page);
// The browser's own record of its frame callbacks, in CPU time of the thread.
async function report(name, act) {
  const took = [];
  const collect = ({ value }) => {
    for (const e of value) if (e.name === 'FireAnimationFrame' && e.tdur !== undefined) took.push(e.tdur / 1000);
  };
  session.on('Tracing.dataCollected', collect);
  await session.send('Tracing.start', { categories: 'devtools.timeline', transferMode: 'ReportEvents' });
  await act();
  await page.waitForTimeout(500);
  const ended = new Promise((done) => session.once('Tracing.tracingComplete', done));
  await session.send('Tracing.end');
  await ended;
  session.off('Tracing.dataCollected', collect);
  took.sort((a, b) => a - b);
  const at = (share) => (took[Math.min(Math.floor(took.length * share), took.length - 1)] ?? 0).toFixed(2).padStart(6);
  console.log(`${name.padEnd(34)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   max ${at(1)} ms   ${took.length} frames`);
}
const wander = async (n) => {
  for (let i = 0; i < n; i++) await page.mouse.move(400 + (i % 200) * 3, 300 + (i % 50));
};
const wheel = async (n) => {
  await page.mouse.move(700, 500);
  for (let i = 0; i < n; i++) {
    await page.mouse.wheel(0, i < n * 0.8 ? 900 : -1500);
    await page.waitForTimeout(20);
  }
};
const press = async (keys, n) => {
  for (let i = 0; i < n; i++) {
    await page.keyboard.press(keys[i % keys.length]);
    await page.waitForTimeout(60);
  }
};
await page.waitForTimeout(2000);
await report('home in the page', () => wander(300));
const began = Date.now();
await page.evaluate((a) => { location.hash = a; }, address);
await page.waitForFunction(() => /[0-9,]{5,} spans/.test(document.getElementById('said').textContent), null, { timeout: 120000 });
console.log(`${'open in the page'.padEnd(34)} ${Date.now() - began} ms until it is said`);
await page.waitForTimeout(3000);
await report('still, the pointer moves', () => wander(300));
await report('scroll', () => wheel(300));
await report('zoom and pan', () => press(['Shift+W', 'Shift+D', 'Shift+D'], 90));
await press(['0'], 1);
await report('next error', () => press(['e'], 100));
await report('next row', () => press(['ArrowDown'], 100));
await report('fold and unfold all', () => press([']', '['], 10));
await browser.close();
